"""Completions: asked for once, kept for ever, and given to the rows they belong to."""
