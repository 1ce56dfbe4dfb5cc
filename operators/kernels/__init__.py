"""Vectorised work on text, over Arrow buffers; loaded when a column is computed. Imports `text`."""
