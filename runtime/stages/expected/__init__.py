"""What is known of a table before it is made: rows, how many of each kind, values; told from what is recorded."""
