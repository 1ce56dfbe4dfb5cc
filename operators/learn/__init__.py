"""What a model may be taught by: one objective a file, and what they share."""
