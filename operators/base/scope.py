"""What is known where an operator stands, and the complaints about one that is wrong there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from operators.text.nearest import nearest

#: The types a column of a table may have, in the words that people see.
ColumnType = Literal["text", "list of text", "integer", "number", "boolean", "label", "messages", "tools"]
Columns = Mapping[str, ColumnType]
Kind = Literal["column", "source", "category", "model"]


@dataclass(frozen=True)
class Complaint:
    """Something wrong with an operator in its place; `path` leads to the field that says it."""

    path: tuple[str | int, ...]
    message: str
    hint: str | None = None
    key: bool = False
    """True where the key itself is wrong, not its value."""
    silent: bool = False
    """True where it may follow from another mistake, which is reported: the operator cannot be used, and this is not shown."""


@dataclass(frozen=True)
class DecidesNothing(Complaint):
    """Wrong with a measure that stands as a step alone: as a column it has nothing to decide."""


@dataclass(frozen=True)
class Scope:
    """What is known where an operator stands: the columns it may read and the names that exist."""

    columns: Columns
    sources: frozenset[str]
    categories: frozenset[str]
    models: frozenset[str] = frozenset()
    broken: frozenset[str] = frozenset()
    """Names of sources, categories and models whose declarations are wrong, which is reported already."""
    turns: tuple[str, ...] = ()
    """What a step may say of a conversation in the place of a column, where there is one."""
    open: frozenset[Kind] = frozenset()
    """The kinds of which there may be further names, because what declares them is wrong, which is reported already."""
    untold: frozenset[Kind] = frozenset()
    """The kinds of which files alone say the names."""

    def complain_column(self, name: str, path: tuple[str | int, ...], *types: ColumnType) -> Iterator[Complaint]:
        """A complaint where `name` is no column here, or has none of the types."""
        if name not in self.columns:
            message = f"there is no column `{name}` here"
            turns = nearest(name, self.turns)
            hint = near_columns(name, self.columns) if turns is None else f"did you mean the turns `{turns}`?"
            if name == "prompt" and self.turns:
                hint = "a conversation has none: say the turns that are meant in its place, such as `user` or `assistant.last`"
            if name in self.turns:
                message = f"`{name}` are turns of a conversation, and a column is needed"
                hint = f"make one of them before: `turns: {{take: {name}, as: ...}}`"
            yield Complaint(path, message, hint, silent="column" in self.open)
        elif types and self.columns[name] not in types:
            hint = f"take the turns that are meant before: `turns: {{of: {name}, take: ..., as: ...}}`"
            talk = hint if self.columns[name] == "messages" and "text" in types else None
            yield Complaint(path, f"`{name}` is {self.columns[name]}, and {' or '.join(types)} is needed", talk)

    def complain_name(
        self, kind: Kind, name: str, path: tuple[str | int, ...], message: str, key: bool = False
    ) -> Iterator[Complaint]:
        """A complaint where the recipe has no source, category or model of this name."""
        known = {"source": self.sources, "category": self.categories, "model": self.models}[kind]
        if name not in known and kind not in self.untold:
            silent = name in self.broken or kind in self.open
            yield Complaint(path, message, did_you_mean(name, known), key, silent)


def near_columns(word: str, known: Iterable[str]) -> str:
    """The hint after an unknown column: the nearest, and the columns that there are."""
    suggestion, there = did_you_mean(word, frozenset(known)), did_you_mean("", frozenset(known))
    return suggestion if suggestion == there else f"{suggestion} {there}"


def did_you_mean(word: str, known: Columns | frozenset[str]) -> str:
    """The hint after an unknown name: the nearest known one, or all of them."""
    if known_name := nearest(word, known):
        return f"did you mean `{known_name}`?"
    # A file without a header has text of a row where names should be: no more than its beginning is shown.
    shown = [f"`{name}`" if len(name) <= 30 else f"`{name[:27]}...`" for name in sorted(known)[:12]]
    more = f", and {len(known) - 12} more" if len(known) > 12 else ""
    return "there is: " + ", ".join(shown) + more if shown else "there is none"


def other_form(column: str, known: Iterable[str]) -> str | None:
    """That files have a column's name in another Unicode form, as files made on a Mac do; None where they do not."""
    import unicodedata

    same = unicodedata.normalize("NFC", column)
    twin = next((name for name in known if unicodedata.normalize("NFC", name) == same), None)
    if twin is None:
        return None
    forms: tuple[Literal["NFC", "NFD", "NFKC", "NFKD"], ...] = ("NFC", "NFD", "NFKC", "NFKD")
    form = next((form for form in forms if unicodedata.is_normalized(form, twin)), "no")
    return f"the files have it in another Unicode form ({form} form): write the name as they do"
