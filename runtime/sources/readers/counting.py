"""Whether the positions of right options count as a source says: from 0, or from 1."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

from operators.declared.source import Source

OUTSIDE = re.compile(r"`[^`]*` is `([0-9]{1,9})`, but there are ([0-9]+) options")
#: Where so few files of their size would have no right option in the first place by chance, it is no chance.
CHANCE = 0.001


def counted_otherwise(source: Source, tables: Sequence[Any], reasons: Iterable[str]) -> tuple[str, str, bool] | None:
    """(what shows that the golds of a source count otherwise, what to say instead, whether it is sure), or None.

    Sure: read by `index` none is 0 and some are the number of options, or read by `number` some are 0 and none is the last; or
    so many golds by `index` without a 0 are no chance. `tables` are the rows that could be read, `reasons` of the others.
    """
    import numpy as np
    import pyarrow.compute as pc

    gold = source.columns.gold
    if gold is None or gold.trust or (form := gold.form())[0] not in ("index", "number"):
        return None
    places, counts = np.zeros(0, np.int64), np.zeros(0, np.int64)
    for table in tables:
        known = table.filter(pc.is_valid(table["gold"])).select(["gold", "options"])
        places = np.concatenate([places, known["gold"].to_numpy()])
        counts = np.concatenate([counts, pc.list_value_length(known["options"]).to_numpy().astype(np.int64)])
    outside = [(int(found[1]), int(found[2])) for each in reasons if (found := OUTSIDE.search(each))]
    rows = len(places) + len(outside)
    if form[0] == "number":
        if outside and not any(value for value, _ in outside) and not (places == counts - 1).any():
            return f"{len(outside):,} of {rows:,} `{form[1]}` are 0, and none is the last option", f"index: {form[1]}", True
        return None
    if (places == 0).any() or rows < 2 or any(value != count for value, count in outside):
        return None
    if outside:
        return f"none of {rows:,} `{form[1]}` is 0, and {len(outside):,} are the number of options", f"number: {form[1]}", True
    sure = float(np.log1p(-1.0 / counts).sum()) < np.log(CHANCE)
    return f"none of {rows:,} `{form[1]}` is 0, and all of them fit if they count from 1", f"number: {form[1]}", bool(sure)
