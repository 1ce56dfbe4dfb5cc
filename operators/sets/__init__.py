"""What looks at more rows than one: combinations, decisions on sets, and outputs."""
