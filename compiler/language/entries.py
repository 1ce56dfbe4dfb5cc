"""The entries of a language profile: what each is for, and which steps read it."""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

from compiler.recipe.schema import field_docs
from operators.catalog import PUBLIC
from operators.declared.profile import LanguageProfile


class Entry(NamedTuple):
    """One entry."""

    name: str
    about: str
    """What it is, in a sentence or two."""
    needed: tuple[str, ...]
    """The steps that cannot do without it where they read it."""
    used: tuple[str, ...]
    """The steps that do without it."""

    @property
    def readers(self) -> str:
        """Who reads it, in words; empty for what names the profile alone."""
        parts = [f"{verb} {', '.join(names)}" for verb, names in (("needed by", self.needed), ("used by", self.used)) if names]
        return "; ".join(parts)


@cache
def entries() -> tuple[Entry, ...]:
    """All entries, in the order of the declaration."""
    docs = field_docs(LanguageProfile)
    return tuple(
        Entry(
            name,
            " ".join(docs[name].split()),
            tuple(each.name for each in PUBLIC if name in each.may_read and name not in each.may_lack),
            tuple(each.name for each in PUBLIC if name in each.may_read and name in each.may_lack),
        )
        for name in LanguageProfile.model_fields
    )
