"""The operator graph and what is known of it.

Nodes, typed stages, keys, facts of leaves, the lock, the SQL of decisions, the plan. Imports `compiler.text` and
`compiler.recipe`.
"""
