"""Steps that ask a model about each row, and the rows that come back."""
