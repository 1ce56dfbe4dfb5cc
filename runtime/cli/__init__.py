"""The command line: it parses and prints, and nothing imports it.

One file for each family of commands; nothing heavy is imported before it is needed.
"""
