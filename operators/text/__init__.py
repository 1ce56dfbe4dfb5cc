"""What is done with names and text before anything is declared.

Folding, phrases that are searched in linear time, ranks, near names, and the only two ways a name or a value gets into SQL.
Imports nothing of ours.
"""
