"""The rows that an edit moves: how many, of what kind, and examples with the value that decides."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from operators.bounds import Between
from operators.declare import SetDecision
from runtime.predict.counts import Counts
from runtime.predict.expected import Expected
from runtime.review.fates import Fate, Rows, apart, ids_of
from runtime.review.shifts import Shift, shifts
from runtime.review.sides import Side

EXAMPLES = 3


@dataclass(frozen=True)
class Example:
    """One row that enters or leaves."""

    row_id: str
    source: str
    license: str
    text: str | None
    """Its prompt; None where it is not here."""
    fate: Fate | None
    """What drops it: after the edit where it leaves, before it where it enters."""


@dataclass(frozen=True)
class Moved:
    """The rows of one output, before and after."""

    output: str
    before: Counts | None
    after: Counts | None
    exact: bool
    enter: Between
    leave: Between
    entering: tuple[Example, ...] = ()
    leaving: tuple[Example, ...] = ()
    steps: tuple[tuple[str, int | None, int | None], ...] = ()
    """(decision, rows it drops before, after)."""
    columns: tuple[str, ...] = ()
    """What is different in the columns, where both are built."""
    shifts: tuple[Shift, ...] = ()
    short: Mapping[str, tuple[int, Between]] = field(default_factory=dict)
    """Group -> (wanted, had), where the build stops or might stop."""

    @property
    def still(self) -> bool:
        """Whether it certainly holds the same rows as before, with the same labels."""
        return self.exact and not self.enter.high and not self.leave.high and self.before == self.after


def output_rows(name: str, before: Side | None, after: Side) -> Moved:
    """The rows of one output on both sides."""
    old, new = None if before is None else before.output(name), after.output(name)
    if old is None or new is None:
        one = new or old
        assert one is not None
        rows = one.counts.rows
        nothing = Between(0, 0)
        if new is None:
            return Moved(name, one.counts, None, one.exact, nothing, rows)
        return Moved(name, None, new.counts, one.exact, rows, nothing, short=one.short)
    short = {group: each for at in after.upstream(name) for group, each in after.predictor.expect(at).short.items()}
    exact = old.exact and new.exact
    if exact and rows_are_the_same(name, before, after):
        return Moved(name, old.counts, new.counts, True, Between(0, 0), Between(0, 0), columns=columns_of(old, new), short=short)
    enter, leave, entering, leaving = moved_rows(before, after, old, new)
    return Moved(
        name,
        old.counts,
        new.counts,
        exact,
        enter,
        leave,
        entering,
        leaving,
        tuple(dropped_by_step(name, before, after)),
        columns_of(old, new),
        tuple(shifts(name, before.predictor, after.predictor)) if exact and before is not None else (),
        short,
    )


def rows_are_the_same(name: str, before: Side | None, after: Side) -> bool:
    """Whether two outputs have one digest."""
    if before is None:
        return False
    addresses = [side.predictor.addresses.address(side.graph.outputs[name]) for side in (before, after)]
    return addresses[0] is not None and addresses[0] == addresses[1]


def moved_rows(
    before: Side | None, after: Side, old: Expected, new: Expected
) -> tuple[Between, Between, tuple[Example, ...], tuple[Example, ...]]:
    """(how many rows enter, how many leave, examples of both)."""
    assert before is not None
    mine, theirs = ids_of(old), ids_of(new)
    left, came = apart(mine, theirs)
    if old.exact and new.exact:
        sides = Rows(before.predictor), Rows(after.predictor)
        entering = tuple(example(sides[1], sides[0], theirs[at]) for at in came[:EXAMPLES].tolist())
        leaving = tuple(example(sides[0], sides[1], mine[at]) for at in left[:EXAMPLES].tolist())
        return Between(len(came), len(came)), Between(len(left), len(left)), entering, leaving
    enter = Between(certain(new, came, old), new.counts.rows.high - least_shared(old, new))
    leave = Between(certain(old, left, new), old.counts.rows.high - least_shared(old, new))
    return enter, leave, (), ()


def certain(one: Expected, places: Any, other: Expected) -> int:
    """The rows at `places` that are certainly in one table; the other certainly lacks them where it has seen all rows."""
    if any(other.unseen.values()):
        return 0
    return len(places) if one.sure is None else int(one.sure[places].sum())


def least_shared(old: Expected, new: Expected) -> int:
    """The rows that both tables hold for certain."""
    sure = [ids_of(each) if each.sure is None else ids_of(each)[each.sure] for each in (old, new)]
    return len(sure[0]) - len(apart(sure[0], sure[1])[0])


def example(here: Rows, there: Rows, row: Any) -> Example:
    """A row that is on one side only, with what drops it on the other."""
    read = here.source(row)
    source, license, text = read if read is not None else ("a further copy", "unknown", None)
    known = there.source(row)
    fate = there.fate(row) if known is not None else Fate(source, "source", "is not read", "")
    return Example(row.tobytes().hex(), source, license, text, fate)


def dropped_by_step(name: str, before: Side | None, after: Side) -> Iterator[tuple[str, int | None, int | None]]:
    """(decision, rows that it drops before, after) in the order of evaluation, where they are known."""
    assert before is not None
    told = [dict(drops(side, name)) for side in (before, after)]
    for step in {**told[0], **told[1]}:
        if told[0].get(step) != told[1].get(step):
            yield step, told[0].get(step), told[1].get(step)


def drops(side: Side, name: str) -> Iterator[tuple[str, int | None]]:
    """The rows that each decision below an output drops."""
    for index in side.upstream(name):
        node, expected = side.graph.nodes[index], side.predictor.expect(index)
        if not isinstance(node.operator, SetDecision):
            continue
        if expected.record is not None and "ledger" in expected.record.body:
            counts: list[int | None] = list(expected.record.body["counts"]["dropped"])
        elif expected.decided is not None and expected.stage is not None:
            reasons = len(expected.stage.run) + 2
            counts = [int(rows) for rows in np.bincount(expected.decided.dropped, minlength=reasons)[1:reasons]]
        else:
            continue
        labels = [side.graph.nodes[at].label for at in side.graph.run(node.inputs[0])] + [node.label]
        for label, rows in zip(labels, counts, strict=True):
            if node.operator.name != "keep" or label != labels[-1]:
                yield f"{node.table}/{label}", rows


def columns_of(old: Expected, new: Expected) -> tuple[str, ...]:
    """Columns that came, went, or hold other cells, where both tables are built."""
    if old.record is None or new.record is None:
        return ()
    before, after = old.record.body["columns"], new.record.body["columns"]
    found = []
    for name in sorted({**before, **after}):
        if name not in after:
            found.append(f"{name} is gone")
        elif name not in before:
            found.append(f"{name} is new ({after[name]['type']})")
        elif before[name] != after[name]:
            found.append(f"{name} holds other cells")
    return tuple(found)
