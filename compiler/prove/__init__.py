"""What is proven of a graph before anything runs: licences, amounts, release licences. Imports `recipe` and `graph`."""
