"""Pages of the web as rows: which elements are rows, and which elements in them are fields, by selectors."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Literal

from pydantic import Field, model_validator

from operators.base.declare import Declared
from operators.base.scope import Complaint

#: What every page tells besides its fields: its address, and when it was fetched.
ALWAYS = ("url", "date")
#: What a page is read with; their versions decide what text comes out.
READERS = ("resiliparse", "selectolax")
#: They look at all pairs of elements of a page, which others wrote.
UNBOUNDED = re.compile(r":has\s*\(|:nth-(?:last-)?child\s*\([^)]*\bof\b", re.IGNORECASE)

Selector = Annotated[str, Field(min_length=1, max_length=200)]
Named = Annotated[str, Field(min_length=1, max_length=100)]


class Picked(Declared):
    """One field of a row: the text of an element in it, as a browser lays it out, or one of its attributes."""

    select: Selector | None = None
    """Which element, by a CSS selector: the first that it finds; the row's own element unless said."""
    attribute: Named | None = None
    """The attribute that is read in place of the text."""
    all: bool = False
    """All the elements that the selector finds, with an empty line between two."""
    missing: Literal["no row"] | None = "no row"
    """`null`: a row may lack it. Else an element without it is no row."""


class Pages(Declared):
    """How rows are found in the pages of a crawl."""

    rows: Selector | None = None
    """Which elements of a page are rows, by a CSS selector; the page itself unless said."""
    fields: Annotated[dict[Named, Selector | Picked], Field(min_length=1, max_length=100)]
    """What a row holds: name -> selector, or what more there is to say. `url` and `date` are the page's own."""
    url: Annotated[str, Field(min_length=1, max_length=500)] | None = None
    """The addresses of the pages that are looked at, by a glob as in `https://example.org/questions/*`."""
    drop: Annotated[tuple[Selector, ...], Field(min_length=1, max_length=20)] | None = None
    """Elements that are taken out of pages before anything is read, such as signatures."""

    @model_validator(mode="after")
    def own_names(self) -> Pages:
        if taken := [name for name in ALWAYS if name in self.fields]:
            raise ValueError(f"`{taken[0]}` is a field of every page; choose another name")
        return self

    def picked(self) -> dict[str, Picked]:
        """Each field with all that is said of it."""
        return {name: Picked(select=each) if isinstance(each, str) else each for name, each in self.fields.items()}

    def names(self) -> tuple[str, ...]:
        """The columns of a page's rows."""
        return (*self.fields, *ALWAYS)

    def selectors(self) -> Mapping[tuple[str | int, ...], str]:
        """Each selector by the path of the field that says it."""
        found: dict[tuple[str | int, ...], str] = {} if self.rows is None else {("rows",): self.rows}
        for name, each in self.fields.items():
            if isinstance(each, str):
                found["fields", name] = each
            elif each.select is not None:
                found["fields", name, "select"] = each.select
        return found | {("drop", place): each for place, each in enumerate(self.drop or ())}

    def complain(self) -> Iterator[Complaint]:
        """Selectors that are none, and those that no bound is known of; without the reader's package only the latter."""
        for path, selector in self.selectors().items():
            if UNBOUNDED.search(selector):
                hint = "say what the element itself is; `fields` without `missing: null` leave out rows that lack something"
                yield Complaint(("pages", *path), f"`{selector}` looks at all elements for each, which no page may cost", hint)
            elif not is_selector(selector):
                hint = 'it is written like `div.post > p` or `a[href^="/q/"]`'
                yield Complaint(("pages", *path), f"`{selector}` is no CSS selector", hint)


def is_selector(selector: str) -> bool:
    """Whether a text is a selector; also where nobody here can tell."""
    try:
        from selectolax.lexbor import LexborHTMLParser, SelectolaxError
    except ModuleNotFoundError:
        return True
    try:
        LexborHTMLParser("<p>").css(selector)
    except SelectolaxError:
        return False
    return True
