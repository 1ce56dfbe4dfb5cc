"""Training models on what recipes build: rows become tokens with a loss mask."""
