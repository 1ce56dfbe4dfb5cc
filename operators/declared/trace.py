"""A completion as a list of spans: where the thinking, the solution and what lies inside them begin and end."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from operators.declared.cot import INNER, Cot, Inner, Tags
from operators.kernels.harmony import messages_of, solution_of


class Shape(NamedTuple):
    """How completions of one type are marked."""

    tags: Tags
    thinks: bool
    """Whether a completion without tags is thinking that the prompt opened."""
    inner: Mapping[str, Inner]
    """The spans inside thinking and solution."""

    def plain(self) -> dict[str, Any]:
        """The same as plain data, of which a key can be made."""
        inner = {name: [span.open, span.close, span.loss] for name, span in self.inner.items()}
        return {"tags": self.tags.model_dump(exclude={"ends"}), "thinks": self.thinks, "inner": inner}


def shape_of(cot: Cot | None) -> Shape:
    """The shape of a declared type; without one, tags around thinking where a completion has them."""
    if cot is None:
        return Shape(Tags(opened=False), False, INNER)
    return Shape(cot.tags, cot.tags.opened and cot.blocks() > 0, cot.inner())


def shape_from(plain: Mapping[str, Any]) -> Shape:
    """The shape that plain data tells."""
    inner = {name: Inner(open=open_, close=close, loss=loss) for name, (open_, close, loss) in plain["inner"].items()}
    return Shape(Tags(**plain["tags"]), plain["thinks"], inner)


class Part(NamedTuple):
    """A stretch of a completion, in characters: `start` is in it, `end` is not."""

    name: str
    """`think`, `solution`, `tag` for the marks between them, or `think/code` for a span inside."""
    start: int
    end: int
    loss: bool
    """Whether it is trained on."""


def parts_of(shape: Shape, completion: str) -> list[Part]:
    """The spans of a completion, side by side, from its first to its last character (paper appendix B.2: the loss mask).

    Tags are trained on, for the model has to write them; what a tool said is not. The outermost inner span counts.
    """
    found: list[Part] = []
    for name, start, end in outer(shape, completion):
        if name == "tag":
            found.append(Part(name, start, end, True))
            continue
        place = start
        for inner, low, high in inner_spans(shape.inner, completion, start, end):
            if low > place:
                found.append(Part(name, place, low, True))
            found.append(Part(f"{name}/{inner}", low, high, shape.inner[inner].loss))
            place = high
        if end > place:
            found.append(Part(name, place, end, True))
    return found


def outer(shape: Shape, text: str) -> Iterator[tuple[str, int, int]]:
    """Thinking, solution and the marks around them."""
    if shape.tags.form == "harmony":
        yield from outer_harmony(shape, text)
        return
    opening, closing = re.escape(shape.tags.open), re.escape(shape.tags.close)
    opens = re.compile(r"\s*" + opening).match(text)
    closes = list(re.compile(closing, re.DOTALL).finditer(text))
    start = 0
    if opens is not None:
        yield "tag", 0, opens.end()
        start = opens.end()
    thinks = bool(closes) or opens is not None or shape.thinks
    if not thinks:
        yield "solution", start, len(text)
        return
    last = closes[-1] if closes else None
    yield "think", start, last.start() if last is not None else len(text)
    if last is not None:
        yield "tag", last.start(), last.end()
        yield "solution", last.end(), len(text)


def outer_harmony(shape: Shape, text: str) -> Iterator[tuple[str, int, int]]:
    """The same in harmony channels: a message's text is the solution or thinking, and what stands between them is a mark."""
    messages = messages_of(text)
    final = solution_of(messages)
    bare = final is None and not shape.thinks and all(not each.channel for each in messages)
    place = 0
    for each in messages:
        if each.start > place:
            yield "tag", place, each.start
        if each.end > each.start:
            yield "solution" if each is final or bare else "think", each.start, each.end
        place = each.end
    if len(text) > place:
        yield "tag", place, len(text)


def inner_spans(spans: Mapping[str, Inner], text: str, start: int, end: int) -> Iterator[tuple[str, int, int]]:
    """The spans inside a stretch, none inside another; one that is not closed goes to the stretch's end."""
    marks = re.compile("|".join(f"(?P<m{at}>{re.escape(span.open)})" for at, span in enumerate(spans.values())))
    names, place = list(spans), start
    while (found := marks.search(text, place, end)) is not None:
        at = next(at for at in range(len(names)) if found[f"m{at}"] is not None)
        close = text.find(spans[names[at]].close, found.end(), end)
        place = end if close < 0 else close + len(spans[names[at]].close)
        yield names[at], found.start(), place
