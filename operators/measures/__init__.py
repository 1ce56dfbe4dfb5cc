"""Functions of a row's cells to whole numbers, each of which may decide on the row.

One operator a file; `families.py` has those that no kernel over one text computes.
"""
