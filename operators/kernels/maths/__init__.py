"""Answers in mathematics: read, bounded, and compared by a library in a process of its own."""
