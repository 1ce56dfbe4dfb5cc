"""The list of forgotten rows beside a recipe: which rows its sources no longer read, by id and never by text."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from compiler.text.diagnostics import Diagnostic, RecipeError
from compiler.text.document import load_text
from compiler.text.spans import span_at

Forgotten = Mapping[str, tuple[str, ...]]
"""Source -> the ids of its forgotten rows, sorted: each is 32 hexadecimal digits."""
HEAD = "# Rows that their sources no longer read, by id: written by `recipe forget`, committed beside the recipe.\n"
PREFIX = re.compile("[0-9a-f]{1,32}")
LINE = re.compile(r"([0-9a-f]{32}) (\S.*)")
MOST = 1 << 26
"""Bytes of a list; one of a million rows has 40 MB."""


def read_forgotten(path: Path, shown: str, sources: Iterable[str]) -> Forgotten:
    """The rows that a list names; none where there is no list. Raises RecipeError for lines that are none of ours."""
    if not path.is_file():
        return {}
    text, known, wrong, start = load_text(path, shown, MOST), {*sources}, list[Diagnostic](), 0
    found: dict[str, set[str]] = {}
    for line in text.content.splitlines(keepends=True):
        written, place = line.strip(), span_at(text, start, start + len(line.rstrip()))
        start += len(line)
        if not written or written.startswith("#"):
            continue
        match = LINE.fullmatch(written)
        if match is None:
            hint = "a line is the id of a row, 32 hexadecimal digits, and its source: `recipe forget` writes them"
            wrong.append(Diagnostic("this names no forgotten row", place, hint))
        elif match[2] not in known:
            hint = "rows of a source of another name have other ids: forget them there, then take this line out"
            wrong.append(Diagnostic(f"the recipe has no source `{match[2][:80]}`", place, hint))
        else:
            found.setdefault(match[2], set()).add(match[1])
    if wrong:
        raise RecipeError(tuple(wrong))
    return {source: tuple(sorted(ids)) for source, ids in found.items()}


def forgotten_text(rows: Forgotten) -> str:
    """A list as it is written: sorted, a row a line, so that two of them merge."""
    return HEAD + "".join(sorted(f"{row} {source}\n" for source, ids in rows.items() for row in ids))


def prefix_of(row: str) -> str | None:
    """The beginning of a row id, as it was typed; None for what is none."""
    prefix = row.lower().replace("-", "")
    return prefix if PREFIX.fullmatch(prefix) else None
