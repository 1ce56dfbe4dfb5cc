"""What runs the tasks of a stage: threads of this process, or workers that share the store.

`executor.py` is the interface, `local.py` and `ray.py` the two that there are, `choose.py` picks one; `machines.py` is what those
of a cluster have, `payload.py` what a worker is given and gives back, `worker.py` what it does with it. No result depends on any
of it. Imports the rooms above.
"""
