"""What an edit of a recipe does, told before it is built."""
