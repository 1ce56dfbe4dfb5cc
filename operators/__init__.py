"""What a recipe may say: one class for each operator, and nothing of ours underneath."""
