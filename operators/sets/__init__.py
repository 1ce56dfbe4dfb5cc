"""What looks at more rows than one: combinations, decisions on sets, and outputs.

`combine`, `keep`, `preview` and `output` are named by no recipe: lowering puts them into the graph.
"""
