"""What is known where an operator stands, and what is said of one that is wrong there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from operators.nearest import nearest

#: The types a column of a table may have, in the words that people see.
ColumnType = Literal["text", "list of text", "integer", "number", "boolean", "label"]
Columns = Mapping[str, ColumnType]


@dataclass(frozen=True)
class Complaint:
    """Something wrong with an operator in its place; `path` leads to the field that says it."""

    path: tuple[str | int, ...]
    message: str
    hint: str | None = None
    key: bool = False
    """True where the key itself is wrong, not its value."""


@dataclass(frozen=True)
class Scope:
    """What is known where an operator stands: the columns it may read and the names that exist."""

    columns: Columns
    sources: frozenset[str]
    categories: frozenset[str]
    models: frozenset[str] = frozenset()
    proven: bool = True
    """False where the columns of a source are not known yet."""

    def complain_column(self, name: str, path: tuple[str | int, ...], *types: ColumnType) -> Iterator[Complaint]:
        """A complaint where `name` is no column here, or has none of the types."""
        if name not in self.columns:
            yield Complaint(path, f"there is no column `{name}` here", did_you_mean(name, self.columns))
        elif types and self.columns[name] not in types:
            yield Complaint(path, f"`{name}` is {self.columns[name]}, and {' or '.join(types)} is needed")


def did_you_mean(word: str, known: Columns | frozenset[str]) -> str:
    """The hint after an unknown name: the nearest known one, or all of them."""
    if near := nearest(word, known):
        return f"did you mean `{near}`?"
    # A file without a header has text of a row where names should be: no more than its beginning is shown.
    shown = [f"`{name}`" if len(name) <= 30 else f"`{name[:27]}...`" for name in sorted(known)[:12]]
    more = f", and {len(known) - 12} more" if len(known) > 12 else ""
    return "there is: " + ", ".join(shown) + more if shown else "there is none"
