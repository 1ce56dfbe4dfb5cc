"""What each kind of stage means, in one file a kind.

`table.py` lists the kinds; `kind.py` has what a kind may say: how it runs, its lines, what is foreseen, the life of a row. A
kind's file loads what is heavy when it runs; that lies in files of its own: columns, relation, ledger, children, scores, shards.
`expected` is what is known of a table before it is made. Imports the rooms above.
"""
