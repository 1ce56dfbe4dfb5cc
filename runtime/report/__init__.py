"""The report on a built recipe: what is gathered of it, how it is drawn, and its forms: one HTML file, JSON, Croissant.

Nothing is built and no text is measured anew but the scripts of a sample. What a report says follows from recipe, lock and
store alone, so that it comes out the same to the byte.
"""
