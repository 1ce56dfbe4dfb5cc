"""Stored tables: their ids, their text, the columns beside them, and the memos of dear values. Imports `store`."""
