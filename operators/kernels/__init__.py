"""Vectorised work on text, over Arrow buffers."""
