"""Texts that people write as trees that remember where everything stands, and what is wrong there. Knows no recipe."""
