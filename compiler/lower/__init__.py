"""From a typed recipe to the graph.

Sections become tables, tables become nodes; passes share and drop. The one place that puts operators into a graph. Imports
`compiler.prove` and below.
"""
