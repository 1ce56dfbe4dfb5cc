"""The rows that an edit moves: how many, of what kind, and examples with the value that decides."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from compiler.graph.keys import structures
from compiler.graph.nodes import stage_name
from operators.base.bounds import MANY, Between, exactly
from operators.base.licence import join
from runtime.review.fates import Fate, SideRows, ids_in_one, ids_of, rows_in_one
from runtime.review.shifts import MOST, Shift, shifts
from runtime.review.sides import Side
from runtime.stages.expected.counts import Counts
from runtime.stages.expected.expected import Expected
from runtime.stages.expected.frames import Frame, Places, Selected, Unknown, small_name, windows
from runtime.stages.table import kind_at
from runtime.store.digest import Bytes, cells_of, id_bytes

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
class OutputRows:
    """The rows of one output, before and after."""

    name: str
    before: Counts | None
    after: Counts | None
    exact: bool
    enter: Between
    leave: Between
    entering: tuple[Example, ...] = ()
    leaving: tuple[Example, ...] = ()
    steps: tuple[tuple[str, str, str], ...] = ()
    """(decision, rows it drops before, after); `?` is not known."""
    columns: tuple[str, ...] = ()
    """What is different in the columns, as far as it is known."""
    shifts: tuple[Shift, ...] = ()
    short: Mapping[str, tuple[int, Between]] = field(default_factory=dict)
    """Group -> (wanted, had), where the build stops or might stop."""
    wiped: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    """Source -> (rows that go, rows that came), where a set decision would drop more of it than it declares."""
    twice: tuple[str, ...] = ()
    """The tables whose build stops or might stop, because two of the tables they are made from hold the same rows."""
    unreadable: tuple[str, ...] = ()
    """The sources with a file that cannot be read, where the build stops."""
    same: bool = False
    """Whether it is the very table of before, to the last cell."""

    @property
    def unchanged(self) -> bool:
        """Whether it certainly holds the same rows as before, with the same labels."""
        groups = [nonempty_groups(counts) for counts in (self.before, self.after)]
        return self.exact and not self.enter.high and not self.leave.high and groups[0] == groups[1]


def nonempty_groups(counts: Counts | None) -> Mapping[str, Mapping[str, Between]]:
    """The groups that hold rows, or may."""
    kinds = {} if counts is None else counts.by
    return {kind: {name: rows for name, rows in groups.items() if rows.high} for kind, groups in kinds.items()}


def output_rows(name: str, before: Side | None, after: Side) -> OutputRows:
    """The rows of one output on both sides."""
    old, new = None if before is None else before.output(name), after.output(name)
    if new is None:
        assert old is not None
        return OutputRows(name, old.counts, None, old.exact, exactly(0), old.counts.rows)
    cuts = {at: after.predictor.expect(at) for at in after.upstream(name)}
    made = OutputRows(
        name,
        None,
        new.counts,
        new.exact,
        enter=new.counts.rows,
        leave=exactly(0),
        short={group: each for expected in cuts.values() for group, each in expected.short.items()},
        wiped={source: each for expected in cuts.values() for source, each in expected.wiped.items()},
        twice=tuple(stage_name(after.graph, at) for at, expected in cuts.items() if expected.twice),
        unreadable=tuple(sorted(after.predictor.unreadable & {after.graph.nodes[at].label for at in cuts})),
    )
    if before is None or old is None:
        return made
    if rows_are_the_same(name, before, after):
        return replace(made, before=old.counts, exact=True, enter=exactly(0), unreadable=(), same=True)
    exact = old.exact and new.exact
    moved = rows_in_one(old.frame, new.frame)
    enter, leave, entering, leaving = find_moves(before, after, old, new, moved)
    return replace(
        made,
        before=old.counts,
        exact=exact,
        enter=enter,
        leave=leave,
        entering=entering,
        leaving=leaving,
        steps=tuple(dropped_by_step(name, before, after)),
        columns=columns_of(old, new, moved),
        shifts=tuple(shifts(name, before.predictor, after.predictor)) if exact else (),
    )


def rows_are_the_same(name: str, before: Side, after: Side) -> bool:
    """Whether two outputs are made of the same, or have one digest."""
    indexes = [side.graph.outputs[name] for side in (before, after)]
    structure = [structures(side.graph, side.session.facts)[index] for side, index in zip((before, after), indexes, strict=True)]
    addresses = [side.predictor.addresses.address(index) for side, index in zip((before, after), indexes, strict=True)]
    return any(pair[0] is not None and pair[0] == pair[1] for pair in (structure, addresses))


def find_moves(
    before: Side, after: Side, old: Expected, new: Expected, moved: tuple[Places, Places]
) -> tuple[Between, Between, tuple[Example, ...], tuple[Example, ...]]:
    """(how many rows enter, how many leave, examples of both); `moved` are the places of those in the one table alone."""
    left, came = moved
    enter, leave = count_moves(old, new, left, came)
    if not (old.exact and new.exact):
        return enter, leave, (), ()
    sides = SideRows(before.predictor), SideRows(after.predictor)
    entering = tuple(example(sides[1], sides[0], id_at(new.frame, at)) for at in came[:EXAMPLES].tolist())
    leaving = tuple(example(sides[0], sides[1], id_at(old.frame, at)) for at in left[:EXAMPLES].tolist())
    return enter, leave, entering, leaving


def id_at(frame: Frame, place: int) -> Bytes:
    """The id of one row."""
    row: Bytes = id_bytes(frame.window("row_id", place, place + 1))[0]
    return row


def count_moves(old: Expected, new: Expected, left: Places, came: Places) -> tuple[Between, Between]:
    """(how many rows enter, how many leave); `left` and `came` are the rows that may be in the one table alone."""
    if old.exact and new.exact:
        return Between(len(came), len(came)), Between(len(left), len(left))
    sure = [ids_of(each) if each.sure is None else ids_of(each)[each.sure] for each in (old, new)]
    stays = len(sure[0]) - len(ids_in_one(*sure)[0])
    unseen = [min(sum(each.unseen.values()), MANY) for each in (old, new)]
    # Whoever may be in the one table, and is not certainly in the other, may move.
    most = [len(ids_in_one(ids_of(new), sure[0])[0]) + unseen[1], len(ids_in_one(ids_of(old), sure[1])[0]) + unseen[0]]
    most = [min(most[0], new.counts.rows.high - stays), min(most[1], old.counts.rows.high - stays)]
    least = [0 if unseen[0] else count_sure(new, came), 0 if unseen[1] else count_sure(old, left)]
    return Between(least[0], most[0]), Between(least[1], most[1])


def count_sure(table: Expected, places: Places) -> int:
    """How many of some rows a table certainly holds."""
    return len(places) if table.sure is None else int(table.sure[places].sum())


def example(here: SideRows, there: SideRows, row: Any) -> Example:
    """A row that is on one side only, with what drops it on the other."""
    source, license, text = here.source(row) or ("a further copy", "unknown", None)
    read_there = there.source(row)
    if read_there is not None:
        fate = there.fate(row)
    elif (parent := here.born(row)) is not None:
        fate = Fate(source, "source", f"not born by {parent[0]}", "")
    elif there.license(source) is not None:
        fate = Fate(source, "source", "not in its files", "")
    else:
        fate = Fate(source, "source", "not read", "")
    # An edit may say of its own text that it is free; it is shown only where the recipe on both sides says so.
    return Example(row.tobytes().hex(), source, join([license, there.license(source) or license]), text, fate)


def dropped_by_step(name: str, before: Side, after: Side) -> Iterator[tuple[str, str, str]]:
    """(decision, rows that it drops before, after) as evaluated: `.` where there is no such decision, `?` where nobody knows."""
    dropped = [dict(drops(side, name)) for side in (before, after)]
    for step in {**dropped[0], **dropped[1]}:
        if dropped[0].get(step, -1) != dropped[1].get(step, -1):
            old, new = ("." if step not in each else "?" if each[step] is None else f"{each[step]:,}" for each in dropped)
            yield step, old, new


def drops(side: Side, name: str) -> Iterator[tuple[str, int | None]]:
    """The rows that each decision below an output drops."""
    for index in side.upstream(name):
        table = side.graph.nodes[index].table
        for label, rows in kind_at(side.graph, index).drops(side.predictor.expect(index)):
            yield f"{table}/{label}", rows


def columns_of(old: Expected, new: Expected, moved: tuple[Places, Places]) -> tuple[str, ...]:
    """Columns that came, went, are of another type, or hold other cells in the rows that both tables hold."""
    built = old.record is not None and new.record is not None
    # A diff is read while one waits: the cells of large tables are compared where both are built.
    cells_known = old.exact and new.exact and (built or max(old.frame.rows, new.frame.rows) <= MOST)
    both = [others(each.frame.rows, gone) for each, gone in zip((old, new), moved, strict=True)] if cells_known else []
    remarks = []
    for name in sorted({**old.columns, **new.columns}):
        if name not in new.columns:
            remarks.append(f"{name} is gone")
        elif name not in old.columns:
            remarks.append(f"{name} is new ({new.columns[name]})")
        elif old.columns[name] != new.columns[name]:
            remarks.append(f"{name} is {new.columns[name]}, and was {old.columns[name]}")
        elif cells_known:
            try:
                differ = count_other_cells(name, old, new, both)
            except Unknown:
                remarks.append(f"{name}: its cells are not known before they are made")
                continue
            if differ:
                remarks.append(f"{name} holds other cells in {differ:,} rows")
    return tuple(remarks)


def count_other_cells(name: str, old: Expected, new: Expected, both: list[Places]) -> int:
    """In how many rows that both tables hold a column differs; raises Unknown."""
    views = [(Selected(each.frame, at), small_name(name, each.columns)) for each, at in zip((old, new), both, strict=True)]
    differ = sum(len(view.window(small, 0, 0)) for view, small in views)  # 0, where they are known
    for first, last in windows(len(both[0])):
        cells = [cells_of(view.window(small, first, last), old.columns[name]) for view, small in views]
        differ += last - first if cells[0].shape != cells[1].shape else int((cells[0] != cells[1]).any(axis=1).sum())
    return differ


def others(rows: int, places: Places) -> Places:
    """The places of all rows but some."""
    mask = np.ones(rows, dtype=bool)
    mask[places] = False
    return np.flatnonzero(mask)
