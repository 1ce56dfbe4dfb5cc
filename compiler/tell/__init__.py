"""What is told of a recipe and of an edit: its meaning, its effects, what a stage does, what people owe."""
