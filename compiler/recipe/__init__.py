"""From a tree to a typed recipe, every mistake at its place. Imports `text`."""
