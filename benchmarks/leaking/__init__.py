"""The parts of the leak benchmark, `benchmarks/leaks.py`."""
