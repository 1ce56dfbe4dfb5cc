"""Functions of a row's cells to whole numbers, each of which may decide on the row.

One operator a file; `families.py` has what is more than a kernel over one text.
"""
