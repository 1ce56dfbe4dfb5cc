"""Conversations with tools: their forms, the canonical one, what is wrong with one, and the text of the turns looked at."""
