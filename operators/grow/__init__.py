"""Steps by which rows have children beside them."""
