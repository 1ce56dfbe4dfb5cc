"""The operator graph, the keys of its nodes, what is known of its leaves, the lock, and the plan. Imports `text`."""
