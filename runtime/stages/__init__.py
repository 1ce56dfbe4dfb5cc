"""What a stage computes: columns, decisions, children, scores. Imports `tables` and `store`."""
