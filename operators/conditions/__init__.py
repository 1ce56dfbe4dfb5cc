"""Expressions in recipes: parsed by DuckDB, allowed by name, bounded.

Imports `operators.text` and `operators.base`.
"""
