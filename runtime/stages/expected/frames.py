"""Rows of tables that nobody has made yet, as views of tables that are made: ids, small columns and cell digests."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import accumulate, pairwise
from typing import Any, Protocol

import numpy as np
import pyarrow as pa

from operators.base.scope import Columns
from runtime.store.digest import Bytes, id_array, id_bytes
from runtime.tables.order import sorted_order
from runtime.tables.table import DIGEST, TEXT, empty_column

Places = np.ndarray[Any, np.dtype[np.int64]]
Mask = np.ndarray[Any, np.dtype[np.bool_]]
Window = Callable[[int, int], pa.Array]
"""Gives the cells of a column from one row up to another."""
ROWS = 1 << 18
"""Rows that are looked at at a time, where they can be."""
RANGES = 64
"""Ranges of ids in which more rows are looked at."""


class Unknown(LookupError):
    """A column whose cells are not known before something is measured or changed."""


class Frame(Protocol):
    """Rows in row_id order, column by column; a stored table is one too."""

    @property
    def rows(self) -> int: ...

    def frame(self, name: str) -> pa.Array:
        """A small column, or the cell digests of a text column; raises Unknown where nothing knows them."""

    def window(self, name: str, first: int, last: int) -> pa.Array:
        """The same of the rows from one up to another."""


class Base(Protocol):
    """A table as far as it is known: its rows, its columns, and its digest where all of it is known."""

    @property
    def frame(self) -> Frame: ...
    @property
    def columns(self) -> Columns: ...
    @property
    def digest(self) -> str | None: ...
    @property
    def exact(self) -> bool:
        """Whether these are its very rows."""


class Selected:
    """Rows of a frame in row_id order: those at some places, or all. A column is kept once it was asked for.

    `ids` are new ids of rows that stand in a table again, or are children.
    """

    def __init__(self, parent: Frame, places: Places | None = None, ids: Bytes | None = None) -> None:
        self.parent, self.places = parent, places
        self.rows = parent.rows if places is None else len(places)
        self.columns: dict[str, pa.Array] = {} if ids is None else {"row_id": id_array(ids)}

    def frame(self, name: str) -> pa.Array:
        if name not in self.columns:
            column = self.parent.frame(name)
            self.columns[name] = column if self.places is None else column.take(pa.array(self.places))
        return self.columns[name]

    def window(self, name: str, first: int, last: int) -> pa.Array:
        if name in self.columns:
            return self.columns[name].slice(first, last - first)
        if self.places is None:
            return self.parent.window(name, first, last)
        places = self.places[first:last]
        low, high = (int(places.min()), int(places.max()) + 1) if len(places) else (0, 0)
        return self.parent.window(name, low, high).take(pa.array(places - low))


class Reread(Selected):
    """Rows of a frame whose columns are others than there: they are not read but whole."""

    def window(self, name: str, first: int, last: int) -> pa.Array:
        return self.frame(name).slice(first, last - first)


class Joined:
    """All rows of several frames; a column that one of them lacks is null there."""

    def __init__(self, parts: Sequence[tuple[Frame, Columns]], columns: Columns) -> None:
        self.parts, self.columns = parts, columns
        self.rows = sum(part.rows for part, _ in parts)
        self.starts = [0, *accumulate(part.rows for part, _ in parts)]
        self.order = interleaved([part for part, _ in parts], RANGES if self.rows > ROWS else 1)
        """The place of each row in the frames, one after another."""

    def frame(self, name: str) -> pa.Array:
        return self.window(name, 0, self.rows)

    def window(self, name: str, first: int, last: int) -> pa.Array:
        column, wanted = name.removesuffix(DIGEST), self.order[first:last]
        is_id = name in ("row_id", "item_id")
        arrays = [empty_column(0, "text" if is_id else self.columns[column])]
        at = [np.zeros(0, np.int64)]
        for (part, columns), (start, end) in zip(self.parts, pairwise(self.starts), strict=True):
            own = np.flatnonzero((wanted >= start) & (wanted < end))
            places = wanted[own] - start
            low, high = (int(places.min()), int(places.max()) + 1) if len(places) else (0, 0)
            if is_id or column in columns:
                arrays.append(part.window(name, low, high).take(pa.array(places - low)))
            else:
                arrays.append(empty_column(len(places), self.columns[column]))
            at.append(own)
        back = np.empty(len(wanted), dtype=np.int64)
        back[np.concatenate(at)] = np.arange(len(wanted))
        if self.columns.get(name) == "label":
            arrays = [array.cast(pa.string()) for array in arrays]
            return pa.concat_arrays(arrays).dictionary_encode().take(pa.array(back))
        return pa.concat_arrays(arrays).take(pa.array(back))


class Renamed:
    """A frame with other columns: `origin` leads from a name to a column of the parent, or gives the column itself."""

    def __init__(self, parent: Frame, origin: Mapping[str, str | Window | None], columns: Columns) -> None:
        self.parent, self.origin, self.columns, self.rows = parent, origin, columns, parent.rows

    def frame(self, name: str) -> pa.Array:
        origin = self.traced(name)
        return self.parent.frame(origin) if isinstance(origin, str) else origin(0, self.rows)

    def window(self, name: str, first: int, last: int) -> pa.Array:
        origin = self.traced(name)
        return self.parent.window(origin, first, last) if isinstance(origin, str) else origin(first, last)

    def traced(self, name: str) -> str | Window:
        """The name of a column in the parent, or what gives it; raises Unknown."""
        column = name.removesuffix(DIGEST)
        origin = name if name in ("row_id", "item_id") else self.origin[column]
        if origin is None:
            raise Unknown(column)
        return origin + name[len(column) :] if isinstance(origin, str) and origin is not name else origin


def windows(rows: int) -> Iterator[tuple[int, int]]:
    """(first, last + 1) of some rows at a time."""
    return ((first, min(first + ROWS, rows)) for first in range(0, rows, ROWS))


def interleaved(frames: Sequence[Frame], ranges: int) -> Places:
    """The places of all rows of several frames, which stand one after another, in row_id order."""
    offsets = accumulate((each.rows for each in frames), initial=0)
    made = [np.zeros(0, np.int64)]
    read = [by_prefix(each, ranges) for each in frames]
    begins = list(offsets)[:-1]
    for ids in zip(*read, strict=True):
        places = [begin + start + np.arange(len(own)) for begin, (start, own) in zip(begins, ids, strict=True)]
        made.append(np.concatenate(places)[sorted_order(np.concatenate([own for _, own in ids]))])
    return np.concatenate(made)


def has_twins(frame: Frame) -> bool:
    """Whether two of its rows have one id."""
    ranges = by_prefix(frame, RANGES if frame.rows > ROWS else 1)
    return any(bool((ids[1:] == ids[:-1]).all(axis=1).any()) for _, ids in ranges)


def by_prefix(frame: Frame, parts: int) -> Iterator[tuple[int, Bytes]]:
    """(the place of the first row, the ids) of the rows in each of several ranges of row_id prefixes."""
    coming = windows(frame.rows)
    held, start = np.zeros((0, 16), np.uint8), 0
    for part in range(1, parts + 1):
        below = part * 256 // parts
        while (not len(held) or held[-1, 0] < below) and (window := next(coming, None)) is not None:
            held = np.concatenate([held, id_bytes(frame.window("row_id", *window))])
        last = int(np.searchsorted(held[:, 0], below)) if below < 256 else len(held)
        yield start, held[:last]
        held, start = held[last:], start + last


def small_name(column: str, columns: Columns) -> str:
    """The name of what stands for a column in a frame."""
    return column + DIGEST if columns[column] in TEXT else column
