"""One recipe opened on this machine, built, and compared with its lock.

`session.py` opens it, `run.py` is a whole build with its outcome, `builder.py` runs what the store lacks. Imports
`runtime.stages` and below.
"""
