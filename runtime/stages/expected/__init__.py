"""What is known of a table before it is made: its rows, how many of each kind, values; all of it from records."""
