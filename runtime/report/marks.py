"""Marks of HTML: all that is no mark already is text, in which nothing can be hidden, reordered or run."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Sequence

from compiler.text.diagnostics import visible

LABEL = 120
"""Characters of a name, a message or a cell; what comes behind is not told."""
ROWS = 40
"""Rows of a table, at most."""


class Marks(str):
    """HTML that was made here."""

    __slots__ = ()


Part = str | int | float | None


def escaped(value: Part) -> Marks:
    """A value as text; marks stay what they are."""
    if isinstance(value, Marks):
        return value
    return Marks(html.escape(visible("" if value is None else str(value))))


def short(value: str, most: int = LABEL) -> str:
    return value if len(value) <= most else value[:most] + "…"


def joined(parts: Iterable[Part]) -> Marks:
    return Marks("".join(map(escaped, parts)))


def element(name: str, *parts: Part, **attributes: Part) -> Marks:
    """An element; `_` at the end of an attribute's name is left out, and one whose value is None is not written."""
    written = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escaped(value)}"' for key, value in attributes.items() if value is not None
    )
    return Marks(f"<{name}{written}>{joined(parts)}</{name}>")


def name(value: str) -> Marks:
    """A name that people gave, in whatever script: it reorders nothing beside it."""
    return element("bdi", short(value))


def code(value: str) -> Marks:
    return element("code", element("bdi", short(value, 400)))


def number(value: float | None) -> str:
    """A number for a person; None is not known."""
    if value is None:
        return "not known"
    return f"{value:,}" if isinstance(value, int) else f"{value:,.3f}".rstrip("0").rstrip(".")


def numeric(value: Part) -> bool:
    return isinstance(value, int | float) or bool(re.fullmatch(r"[+−-]?[\d,.]+( %)?", value or ""))


def cell(value: Part, head: bool = False) -> Marks:
    """A cell of a table: numbers stand at its end."""
    kind = "n" if numeric(value) else None
    shown = number(value) if isinstance(value, int | float) else value if isinstance(value, Marks) else name(value or "")
    return element("th", shown, scope="row", class_=kind) if head else element("td", shown, class_=kind)


def table(caption: str, heads: Sequence[str], rows: Sequence[Sequence[Part]], most: int = ROWS) -> Marks:
    """A table with its caption; of many rows the first are told, and how many more there are."""
    caption = short(caption)
    lines = [element("tr", *(cell(value, head=not at) for at, value in enumerate(row))) for row in rows[:most]]
    more = len(rows) - len(lines)
    kinds = ["n" if rows and numeric(rows[0][at]) else None for at in range(len(heads))]
    named = (element("th", each, scope="col", class_=kind) for each, kind in zip(heads, kinds, strict=True))
    head = element("thead", element("tr", *named))
    made = element("table", element("caption", caption), head, element("tbody", *lines))
    rest = element("p", f"and {more:,} more, which --format json has") if more else ""
    # What is wider than the page is moved by the keyboard, too.
    return joined([element("div", made, class_="wide", tabindex="0", role="group", aria_label=caption), rest])


def folded(summary: str, *parts: Part) -> Marks:
    """Parts that are shown when they are asked for; no script is needed for it."""
    return element("details", element("summary", summary), *parts)


def paragraph(*parts: Part) -> Marks:
    return element("p", *parts)
