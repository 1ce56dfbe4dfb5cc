"""Executes plans over the store, and talks to people."""
