"""Steps that ask a model about each row, and the rows that come back.

`asks.py` is what they share: sampling, failures, budgets, the way from rows to requests and back.
"""
