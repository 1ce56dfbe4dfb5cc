"""What is told of a recipe and of an edit.

Its meaning, its effects on stages, kernels in lines, what people owe. Imports all of the compiler.
"""
