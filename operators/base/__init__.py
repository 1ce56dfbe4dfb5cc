"""What an operator is.

The families (measure, map, set decision, cut), their fields and roles, scopes and complaints, licences, bounds. Imports
`operators.text`; kernels for annotations alone.
"""
