"""Exports: a dataset or a checkpoint as a folder that others can open, with a card that says where it comes from."""
