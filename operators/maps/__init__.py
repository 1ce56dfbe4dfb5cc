"""Steps that make columns of columns."""
