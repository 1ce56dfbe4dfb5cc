"""What is proven of a graph before anything runs.

Licences, amounts of a mixture, what a checkpoint may be released under. Imports `compiler.graph` and below.
"""
