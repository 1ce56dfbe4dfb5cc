"""Functions of a row's cells to whole numbers, each of which may decide on the row. Imports all of the above."""
