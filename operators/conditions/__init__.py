"""Expressions in recipes: parsed, allowed by name, bounded. Imports `text` and `base`."""
