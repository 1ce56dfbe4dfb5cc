"""Stored tables.

Their ids, their text, the columns beside them, lineage, and the memos of dear values. Imports `runtime.store`.
"""
