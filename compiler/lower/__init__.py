"""From a typed recipe to the graph. Imports `prove` and all below it."""
