"""What leaves the store and what comes into it.

A dataset or a checkpoint as a folder with a card; push and pull of results, and whether what was pulled is sound.
"""
