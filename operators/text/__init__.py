"""What is done with names and text before anything is declared: folding, phrases, ranks, SQL text. Imports nothing."""
