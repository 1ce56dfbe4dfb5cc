"""A row beside the one that it is near to: how much they share, and where their texts differ."""

from __future__ import annotations

import re
from collections.abc import Iterator
from difflib import SequenceMatcher
from typing import Any

from compiler.graph.stages import DecideStage, of_kind
from operators.base.licence import RESTRICTED
from operators.base.pairs import NEAR, Pairwise
from runtime.life.near import seen_text
from runtime.life.why import Ledgers
from runtime.stages.life import Life

WORDS = 1000
"""Words of each text that are compared: what comes behind is not told."""
PIECES = 5
WORD = re.compile(r"\s+|\w+|.", re.DOTALL)


def add_likeness(ledgers: Ledgers, life: Life, open_text: bool) -> None:
    """Tell of each event in which a row went for a near one: (n-grams in both, in either) as `shared`, and `pieces`.

    `pieces` are (text of this row, text of that row) where they differ; None where the text of one must not be shown.
    """
    stages = {stage.name: stage for stage in of_kind(DecideStage, ledgers.graph)}
    for event in life.events:
        stage = stages.get(event["stage"])
        if stage is None or not event.get(NEAR) or not isinstance(stage.operator, Pairwise):
            continue
        sides = [ledgers.life(row, stage.index) for row in (life.row_id, event[NEAR])]
        compared = ledgers.graph.nodes[stage.forms[0][0]].carried["of"]
        one, other = (seen_text(ledgers.graph, side.cells, compared) for side in sides)
        if one is None or other is None:
            continue
        event["shared"] = list(stage.operator.likeness(one, other, stage.node.entries))
        hidden = not open_text and any(side.license in RESTRICTED for side in sides)
        event["pieces"] = None if hidden else [list(each) for each in pieces(one, other)]


def pieces(one: str, other: str) -> Iterator[tuple[str, str]]:
    """(what the one has, what the other has in its place) of each stretch in which two texts differ, word by word."""
    words, others = (WORD.findall(text)[:WORDS] for text in (one, other))
    for kind, start, end, first, last in SequenceMatcher(None, words, others, autojunk=False).get_opcodes():
        if kind != "equal":
            yield "".join(words[start:end]), "".join(others[first:last])


def likeness_lines(event: dict[str, Any]) -> Iterator[str]:
    """The same for a person."""
    shared, whole = event["shared"]
    yield f"{shared:,} of the {whole:,} n-grams of both are in each: {shared / whole:.3f}"
    for own, others in (event["pieces"] or [])[:PIECES]:
        yield f"{told(own)} here, {told(others)} there"
    if event["pieces"] is None:
        yield "where they differ is withheld: the licence of one of them is restricted"
    elif more := len(event["pieces"]) - PIECES if len(event["pieces"]) > PIECES else 0:
        yield f"and in {more:,} more places"


def told(text: str, width: int = 60) -> str:
    """A piece of text on one line, in quotation marks."""
    line = " ".join(text.split())
    return f"`{line if len(line) <= width else line[:width] + '...'}`" if line else "white space" if text else "nothing"
