"""Files of people as tables: found, looked at, read.

`readers` has one file a format. Imports `runtime.tables`, and `runtime.completions` for where weights lie.
"""
