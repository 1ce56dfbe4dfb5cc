"""A corpus of YI-SANG's shape, made of real sentences in another order, and the recipe that it goes through."""
