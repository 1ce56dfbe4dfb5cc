"""An operator for data-recipe that lives in a package of its own."""
