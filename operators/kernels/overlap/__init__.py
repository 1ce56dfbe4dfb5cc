"""Text of benchmarks in other texts: n-grams, their search, and items found by their parts."""
