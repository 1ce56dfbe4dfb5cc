"""What an edit of a recipe does, before it is built.

Two sides, compared: meaning, stages, rows; one file for each form it is printed in. Imports `runtime.forecast`, `runtime.life`.
"""
