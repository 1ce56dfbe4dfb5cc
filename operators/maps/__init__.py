"""Steps that make columns of columns.

One operator a file. Imports the rooms above it in `tests/test_shape.py`, as all rooms of operators do.
"""
