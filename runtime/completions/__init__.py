"""Completions: asked for once, kept for ever, and given to the rows they belong to.

Requests, the memo, refusals, budgets; `engines` are what answers. Imports `runtime.tables` and `runtime.store`.
"""
