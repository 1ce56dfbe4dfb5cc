"""From a tree to a typed recipe, every mistake at its place.

A file for each section, the schema, profiles and benchmarks, and what is left when what is wrong is left out. Imports
`compiler.text`.
"""
