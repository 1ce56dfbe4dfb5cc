"""Rows that are to be forgotten: what a store holds of them is found, taken out, and looked for again in all of it."""
