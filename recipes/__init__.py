"""Recipes, language profiles and sample data that ship with the project."""
