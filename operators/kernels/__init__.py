"""Vectorised work on text, over Arrow buffers.

Loaded when a column is computed, never by a check. `maths` reads and compares answers, `overlap` looks for benchmarks in
other texts. Imports `operators.text`.
"""
