"""What a build would make, ask, train and not prove, told before it runs.

`predictor.py` walks a graph by its kinds. Imports `runtime.build` and below.
"""
