"""Whether the positions of right options count as a source says: from 0, or from 1."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable
from typing import Any

from operators.declared.source import Source

OUTSIDE = re.compile(r"`[^`]*` is `([0-9]{1,9})`, but there are ([0-9]+) options")
#: Where so few files of their size would have no right option in the first place by chance, it is no chance.
CHANCE = 0.001


class Golds:
    """The golds of a source, counted as its rows come."""

    def __init__(self, source: Source) -> None:
        gold = source.columns.gold
        self.form = None if gold is None or gold.trust or gold.form()[0] not in ("index", "number") else gold.form()
        self.rows = 0
        self.first = self.last = False
        """Whether any is the first option, or the last."""
        self.options: Counter[int] = Counter()
        """Number of options -> rows."""

    def add(self, table: Any) -> None:
        """The golds of some rows."""
        import numpy as np
        import pyarrow.compute as pc

        if self.form is None:
            return
        known = table.filter(pc.is_valid(table["gold"])).select(["gold", "options"])
        places = known["gold"].to_numpy()
        counts = pc.list_value_length(known["options"]).to_numpy().astype(np.int64)
        self.rows += len(places)
        self.first |= bool((places == 0).any())
        self.last |= bool((places == counts - 1).any())
        self.options.update(dict(zip(*(each.tolist() for each in np.unique(counts, return_counts=True)), strict=True)))

    def otherwise(self, reasons: Iterable[str]) -> tuple[str, str, bool] | None:
        """(what shows that they count otherwise than the source says, what to say instead, whether it is sure), or None.

        Sure: read by `index` none is 0 and some are the number of options, or read by `number` some are 0 and none is the last;
        or so many golds by `index` without a 0 are no chance. `reasons` are those of the rows that could not be read.
        """
        if self.form is None:
            return None
        name = self.form[1]
        outside = [(int(found[1]), int(found[2])) for each in reasons if (found := OUTSIDE.search(each))]
        rows = self.rows + len(outside)
        if self.form[0] == "number":
            if outside and not any(value for value, _ in outside) and not self.last:
                return f"{len(outside):,} of {rows:,} `{name}` are 0, and none is the last option", f"index: {name}", True
            return None
        if self.first or rows < 2 or any(value != count for value, count in outside):
            return None
        if outside:
            return f"none of {rows:,} `{name}` is 0, and {len(outside):,} are the number of options", f"number: {name}", True
        # With a single option every gold is the first, so that no count here is one.
        chance = sum(many * math.log1p(-1.0 / count) for count, many in sorted(self.options.items()))
        return (
            f"none of {rows:,} `{name}` is 0, and all of them fit if they count from 1",
            f"number: {name}",
            chance < math.log(CHANCE),
        )
