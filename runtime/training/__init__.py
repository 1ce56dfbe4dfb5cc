"""Training models on what recipes build.

The stage that starts a worker, and the worker with its trainer, states and shards, which loads torch in a process of its own.
Imports `runtime.completions` for weights and processes.
"""
