"""What each kind of stage means, in one file a kind.

`table.py` lists the kinds; `kind.py` is what a kind says: to run, to tell, to foresee, the life of a row. A kind's file loads
what is heavy when it runs; that lies beside it: columns, relation, ledger, children, scores, shards. `expected` is what is known
of a table before it is made. Imports the rooms above.
"""
