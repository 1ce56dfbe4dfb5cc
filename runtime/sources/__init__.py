"""Files of people as tables: found, looked at, read.

`readers` has one file a format, `remote` gets files from other machines. Imports
`runtime.tables`, and `runtime.completions` for where weights lie.
"""
