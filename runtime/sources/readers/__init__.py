"""Readers turn the files of a source into tables of its mapped columns, a batch at a time."""
