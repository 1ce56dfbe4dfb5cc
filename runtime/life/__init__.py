"""What became of rows, read back from ledgers.

Why, near, seek, and one row as `cot` or a training sees it. Imports `runtime.build` and below.
"""
