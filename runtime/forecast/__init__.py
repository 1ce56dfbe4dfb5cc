"""What a build would make, ask for, train and leave unproven, before it runs.

`predictor.py` walks a graph by its kinds. Imports `runtime.build` and below.
"""
