"""Texts that people write as trees that remember where everything stands.

YAML and JSON read, merged, mended and written; diagnostics with their places; where a project's files may lie. It knows no
recipe. Imports operators for names and canonical values.
"""
