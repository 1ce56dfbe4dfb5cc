"""The labels that rows say themselves: from the text of a column to licence classes and categories."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from blake3 import blake3

from operators.base.licence import CLASSES
from operators.declared.by_row import LicenceByRow
from operators.declared.source import Source
from runtime.store.digest import Bytes
from runtime.store.store import StoreError

#: Values that a message lists.
SHOWN = 20
#: Values that are counted each by itself, and categories of one source: with more of them a column says something else.
MOST_VALUES = 10_000
#: Characters of a value that stands for nothing.
KEPT = 200
WORDS = {"license": "licence class", "category": "category"}


class Tally:
    """Values with their rows: the first ones each by itself, all others together."""

    def __init__(self) -> None:
        self.rows: Counter[str] = Counter()
        self.others = 0
        """Rows with values that came when there were many."""

    def add(self, value: str, rows: int) -> None:
        value = value if len(value) <= KEPT else value[:KEPT]
        if value in self.rows or len(self.rows) < MOST_VALUES:
            self.rows[value] += rows
        else:
            self.others += rows

    def total(self) -> int:
        return self.rows.total() + self.others

    def listed(self) -> str:
        """Values with their rows, the most frequent first."""
        ranked = sorted(self.rows.items(), key=lambda pair: (-pair[1], pair[0]))
        shown = [f"{cut(value)} ({rows:,})" for value, rows in ranked[:SHOWN]]
        more = f", and {len(ranked) - SHOWN:,} more" if len(ranked) > SHOWN else ""
        return ", ".join(shown) + more + (f", and others in {self.others:,} rows" if self.others else "")


class Labelling:
    """The labels of a source's rows as they come, and how many rows say what."""

    def __init__(self, source: Source) -> None:
        self.by = source.labels()
        self.strange: dict[str, Tally] = {name: Tally() for name in self.by}
        """Label -> values that stand for nothing, with their rows."""
        self.forbidden = Tally()
        """Values that stand for a class that must not be used, and is not dropped."""
        self.categories: set[str] = set()

    def label(self, table: pa.Table) -> pa.Table:
        """Some rows with their labels in the place of the text that says them; `?` where it says none.

        Raises StoreError for more categories than a source has.
        """
        for name, each in self.by.items():
            said = pc.utf8_trim_whitespace(pc.fill_null(table.column(name), "")).combine_chunks().dictionary_encode()
            values = said.dictionary.to_pylist()
            rows = np.bincount(said.indices.to_numpy(zero_copy_only=False), minlength=len(values)).tolist()
            stood = [each.stands_for(value) for value in values]
            for value, label, count in zip(values, stood, rows, strict=True):
                if label is None:
                    self.strange[name].add(value, count)
                elif label == "C" and isinstance(each, LicenceByRow) and "C" not in (each.drop or ()):
                    self.forbidden.add(value, count)
                elif name == "category":
                    self.categories.add(label)
            if len(self.categories) > MOST_VALUES:
                message = f"`{self.by['category'].column}` has more than {MOST_VALUES:,} values, which are no categories"
                raise StoreError(message, "name another column, or say in a `map` of `category` what its values stand for")
            labels = pa.array([label or "?" for label in stood], pa.string()).take(said.indices)
            table = table.set_column(table.schema.get_field_index(name), name, labels)
        return table

    def ties(self, table: pa.Table) -> dict[str, Bytes]:
        """What orders rows that are equal but for their labels, (n, 16): the most open class first, whatever file it is in."""
        if not self.by:
            return {}
        pairs = pc.binary_join_element_wise(*(table.column(name) for name in sorted(self.by)), "\0").combine_chunks()
        encoded = pairs.dictionary_encode()
        place = sorted(self.by).index("license") if "license" in self.by else None
        known = np.zeros((len(encoded.dictionary), 16), np.uint8)
        for at, pair in enumerate(encoded.dictionary.to_pylist()):
            label = None if place is None else pair.split("\0")[place]
            known[at, 0] = CLASSES.index(label) if label in CLASSES else 255
            known[at, 1:] = np.frombuffer(blake3(pair.encode()).digest(15), np.uint8)
        return {"tie": known[encoded.indices.to_numpy(zero_copy_only=False)]}

    def complain(self, source: str) -> None:
        """Raises StoreError for values that stand for nothing, and for rows that must not be used."""
        for name, values in self.strange.items():
            if values.rows:
                each = self.by[name]
                hint = f"add {'them' if len(values.rows) > 1 else 'it'} to the `map` of `{name}`"
                if each.map is None and name == "license":
                    hint = "say what they stand for in a `map` of `license`"
                message = f"values of `{each.column}` in `{source}` stand for no {WORDS[name]}: {values.listed()}"
                raise StoreError(message, hint)
        if self.forbidden.rows:
            rows = self.forbidden.total()
            message = f"{rows:,} row{'s' * (rows != 1)} of `{source}` must not be used (class C): {self.forbidden.listed()}"
            raise StoreError(message, "say `drop: [C]` under `license` to leave them out")


def cut(value: Any) -> str:
    """A value as it is shown."""
    return f"`{value if len(value) <= 40 else value[:39] + '…'}`" if value else "no value"


def count_labels(source: Source, paths: Iterable[Path]) -> Counter[tuple[str, str]]:
    """(category, licence class) -> rows of some files, by reading them; raises Unreadable."""
    from runtime.sources.readers.read import read_batches

    labelling, counts = Labelling(source), Counter[tuple[str, str]]()
    labels = {"category": source.category, "license": source.license}
    for path in paths:
        for batch in read_batches(source, path):
            table = labelling.label(batch.table)
            rows = table.num_rows
            said = [table.column(name).to_pylist() if name in labelling.by else [each] * rows for name, each in labels.items()]
            counts.update(zip(*said, strict=True))
    return counts
