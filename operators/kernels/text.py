"""A column of text as NFC code points, with the counts that measures are made of."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable, Sized
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

Ints = np.ndarray[Any, np.dtype[np.int64]]

#: Code points that no normal form NFC changes, alone or beside each other. Everything else is asked of
#: `unicodedata` row by row: it is rare in the languages written so, and correct in all others.
PLAIN = (
    (0x0000, 0x02FF),
    (0x0370, 0x0373),
    (0x2010, 0x2027),
    (0x2030, 0x205F),
    (0x2070, 0x20CF),
    (0x2190, 0x21FF),
    (0x2460, 0x25FF),
    (0x3000, 0x3029),
    (0x3030, 0x3098),
    (0x309B, 0x30FF),
    (0x3131, 0x318E),
    (0x3400, 0x4DBF),
    (0x4E00, 0x9FFF),
    (0xAC00, 0xD7A3),
    (0xFF00, 0xFFEF),
    (0x1F300, 0x1FAFF),
)

IGNORED = {
    "code_fences": r"(?s)```.*?(?:```|\z)",
    "inline_code": r"`[^`\n]+`",
    "latex": r"(?s)\$\$.+?\$\$|\$[^$\n]+\$|\\\[.+?\\\]|\\\(.+?\\\)|\\begin\{[a-z*]+\}.*?\\end\{[a-z*]+\}",
    "urls": r"(?:https?://|www\.)[^\s<>\"]+",
    "boxes": r"\\boxed\s*\{(?:[^{}]|\{(?:[^{}]|\{(?:[^{}]|\{[^{}]*\})*\})*\})*\}",
    "formulas": r"\\[A-Za-z]+(?:\s*\{[^{}]*\})*",
    "tags": r"</?[A-Za-z][^<>\n]*>",
    "markdown": r"(?m)^[ \t]*(?:#{1,6}|[-*+>]|\d+\.)[ \t]+|\*\*|__|~~|!?\[|\]\([^)\s]*\)|\|",
}

#: Runs of white space for RE2, whose own class lacks the vertical tab, the separators of ASCII and all spaces beyond it.
SPACES = r"[\s\v\p{Z}\x{1C}-\x{1F}\x{85}]+"


@lru_cache(maxsize=1)
def unplain_table() -> np.ndarray[Any, Any]:
    """For each code point: whether NFC may change it."""
    return ~script_table(PLAIN)


@lru_cache(maxsize=4)
def category_table(categories: str) -> np.ndarray[Any, Any]:
    """For each code point: whether it is of one of these Unicode categories, each said by its first letter."""
    table = np.zeros(0x110000, dtype=bool)
    table[[point for point in range(0x32000) if unicodedata.category(chr(point))[0] in categories]] = True
    return table


@lru_cache(maxsize=1)
def space_table() -> np.ndarray[Any, Any]:
    """For each code point of the first plane: whether it is white space; beyond it none is."""
    table = np.zeros(0x110000, dtype=bool)
    table[[point for point in range(0x3001) if chr(point).isspace()]] = True
    return table


@lru_cache(maxsize=4)
def table_of(sought: frozenset[int]) -> np.ndarray[Any, Any]:
    """For each code point: whether it is one of some."""
    table = np.zeros(0x110000, dtype=bool)
    table[list(sought)] = True
    return table


@lru_cache(maxsize=16)
def script_table(ranges: tuple[tuple[int, int], ...]) -> np.ndarray[Any, Any]:
    """For each code point: whether it is in one of the ranges."""
    table = np.zeros(0x110000, dtype=bool)
    for low, high in ranges:
        table[low : high + 1] = True
    return table


def ranges_of(scripts: dict[str, Iterable[str]]) -> tuple[tuple[int, int], ...]:
    """The code-point ranges of a profile's `scripts` entry."""
    pairs = [text.split("-") for texts in scripts.values() for text in texts]
    return tuple(sorted((int(low, 16), int(high, 16)) for low, high in pairs))


def plain_array(column: pa.Array) -> pa.Array:
    """The same text with 64-bit offsets that start at 0 and no bytes under null slots."""
    column = column.cast(pa.large_string())
    if column.offset or column.null_count:
        column = pc.fill_null(pa.concat_arrays([column]), "")
    return column


def decode(column: pa.Array) -> tuple[np.ndarray[Any, Any], Ints]:
    """(code points of all rows, number in each row) of a plain array."""
    first, last = np.frombuffer(column.buffers()[1], dtype=np.int64)[[0, len(column)]] if len(column) else (0, 0)
    data = column.buffers()[2]
    text = memoryview(data)[first:last].tobytes().decode("utf-8") if data is not None else ""
    return points_of(text), pc.utf8_length(column).to_numpy(zero_copy_only=False).astype(np.int64)


def common(points: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Printable ASCII and Hangul syllables: no space, plain in NFC, and most of the text this reads."""
    plain: np.ndarray[Any, Any] = ((points - 0x21) <= 0x7E - 0x21) | ((points - 0xAC00) <= 0xD7A3 - 0xAC00)
    return plain


def in_ranges(points: np.ndarray[Any, Any], ranges: tuple[tuple[int, int], ...]) -> np.ndarray[Any, Any]:
    """Whether each point is in one of the ranges: comparisons are quicker than a table for a few."""
    flags = np.zeros(len(points), dtype=bool)
    if len(ranges) > 6:
        return np.asarray(script_table(ranges)[points])
    for low, high in ranges:
        flags |= (points - np.uint32(low)) <= np.uint32(high - low)
    return flags


def rows_that(at: Ints, first: Ints, counts: Ints) -> np.ndarray[Any, Any]:
    """For each row: whether one of its code points stands at one of these places."""
    hit = np.zeros(len(counts), dtype=bool)
    if at.size:
        hit[np.searchsorted(first, at, side="right") - 1] = True
    return hit & (counts > 0)


class Texts:
    """One batch of a text column: `rows` texts as NFC code points, null where the cell is null."""

    def __init__(self, column: pa.Array) -> None:
        self.rows, self.cells = len(column), column
        self.null = np.asarray(column.is_null().to_numpy(zero_copy_only=False))
        self.column = plain_array(column)
        self.changed = nfc_changes(self.column, self.points, self.rare)
        """Row -> its NFC form, for the rows that had another."""
        if self.changed:
            mask = np.zeros(self.rows, dtype=bool)
            mask[list(self.changed)] = True
            texts = pa.array(list(self.changed.values()), pa.large_string())
            self.column = pc.replace_with_mask(self.column, pa.array(mask), texts)
            self.points = splice(self.points, self.changed)
            del self.rare

    @cached_property
    def points(self) -> tuple[np.ndarray[Any, Any], Ints, Ints]:
        """(code points of all rows, first of each row, number in each row)."""
        points, counts = decode(self.column)
        return points, np.cumsum(counts) - counts, counts

    @cached_property
    def rare(self) -> Ints:
        """The places of the code points that are not `common`."""
        return np.flatnonzero(~common(self.points[0]))

    def having(self, sought: frozenset[int]) -> np.ndarray[Any, Any]:
        """For each row: whether it has one of some code points, none of which is common."""
        points, first, counts = self.points
        return rows_that(self.rare[table_of(sought)[points[self.rare]]], first, counts)

    def shown(self) -> np.ndarray[Any, Any]:
        """For each code point: whether it is no white space."""
        points, _, _ = self.points
        flags = np.ones(len(points), dtype=bool)
        flags[self.rare] = ~space_table()[points[self.rare]]
        return flags

    def part(self, start: int, stop: int) -> Texts:
        """The rows from one to before another; nothing is decoded again."""
        made = object.__new__(Texts)
        points, first, counts = self.points
        made.rows, made.null, made.cells = stop - start, self.null[start:stop], self.cells.slice(start, stop - start)
        made.column = self.column.slice(start, stop - start)
        made.changed = {row - start: text for row, text in self.changed.items() if start <= row < stop}
        begin, end = (first[start], first[stop - 1] + counts[stop - 1]) if stop > start else (0, 0)
        made.points = points[begin:end], first[start:stop] - begin, counts[start:stop]
        return made

    def lengths(self) -> Ints:
        """Code points of each row; -1 for null."""
        return np.where(self.null, -1, self.points[2])

    def share(
        self, ranges: tuple[tuple[int, int], ...], count: str, out: np.ndarray[Any, Any] | None = None
    ) -> tuple[Ints, Ints]:
        """(code points in the ranges, code points that count) of each row; -1 where nothing counts; those of `out` do not."""
        points, first, counts = self.points
        if out is not None:
            points = np.where(out, np.uint32(0x20), points)
        part_flags = in_ranges(points, ranges)
        if count == "all":
            whole = counts.copy()
        else:
            if count == "letters":
                counted = category_table("L")[points]
                part_flags &= counted
            else:
                counted = self.shown()
                if out is not None:
                    counted &= ~out
                part_flags &= counted
            whole = total(counted, first, counts)
        part = total(part_flags, first, counts)
        unknown = self.null | (whole == 0)
        return np.where(unknown, -1, part), np.where(unknown, -1, whole)

    def without(self, ignored: Iterable[str]) -> Texts:
        """The same texts with parts left out: code, formulas, addresses, markup."""
        column = self.column
        for name in IGNORED:
            if name in ignored:
                column = pc.replace_substring_regex(column, IGNORED[name], " ")
        return self if column is self.column else Texts(restore(column, self.null))

    def counted(self, count: Callable[[list[str]], Iterable[Sized]]) -> Ints:
        """How many parts a library finds in each text, which it is given one by one; -1 where there is none."""
        known = [text for text in self.strings() if text is not None]
        counts = np.full(self.rows, -1, dtype=np.int64)
        counts[~self.null] = [len(parts) for parts in count(known)]
        return counts

    def string(self, row: int) -> str:
        """The text of one row; an empty one for null."""
        points, first, counts = self.points
        return string_of(points[first[row] : first[row] + counts[row]])

    def strings(self) -> list[str | None]:
        """The texts, one by one, for a library that takes no buffers."""
        texts: list[str | None] = restore(self.column, self.null).to_pylist()
        return texts


def string_of(points: np.ndarray[Any, Any]) -> str:
    """Code points as a string."""
    return points.astype("<u4").tobytes().decode("utf-32-le")


def points_of(text: str) -> np.ndarray[Any, Any]:
    """A string as code points, which are read and not written."""
    return np.frombuffer(text.encode("utf-32-le"), dtype=np.uint32)


def splice(points: tuple[np.ndarray[Any, Any], Ints, Ints], changed: dict[int, str]) -> tuple[np.ndarray[Any, Any], Ints, Ints]:
    """The code points with some rows' texts exchanged: decoding the whole batch again would cost the double."""
    flat, first, counts = points[0], points[1], points[2].copy()
    pieces, done = [], 0
    for row, text in changed.items():
        pieces += [flat[done : first[row]], points_of(text)]
        done = first[row] + counts[row]
        counts[row] = len(text)
    return np.concatenate([*pieces, flat[done:]]), np.cumsum(counts) - counts, counts


def total(flags: np.ndarray[Any, Any], first: Ints, counts: Ints) -> Ints:
    """The number of set flags in each row; reduceat cannot do empty rows, so they are left out."""
    found = np.zeros(len(counts), dtype=np.int64)
    filled = np.flatnonzero(counts)
    if filled.size:
        found[filled] = np.add.reduceat(flags, first[filled], dtype=np.int32)
    return found


def restore(column: pa.Array, null: np.ndarray[Any, Any]) -> pa.Array:
    """The nulls of a plain array put back."""
    return pc.if_else(pa.array(null), pa.scalar(None, column.type), column) if null.any() else column


def nfc_changes(column: pa.Array, points: tuple[np.ndarray[Any, Any], Ints, Ints], rare: Ints) -> dict[int, str]:
    """Row -> NFC form, in row order, of the rows whose text is not in NFC; `rare` are the places of what is not common."""
    suspects = rows_that(rare[unplain_table()[points[0][rare]]], points[1], points[2])
    at = np.flatnonzero(suspects).tolist()
    texts = zip(at, column.take(pa.array(at, pa.int64())).to_pylist(), strict=True)
    return {row: unicodedata.normalize("NFC", text) for row, text in texts if not unicodedata.is_normalized("NFC", text)}


def normal(column: pa.Array, form: str) -> pa.Array:
    """The column in a Unicode normal form, null where it was null."""
    if form == "NFC":
        texts = Texts(column)
        return restore(texts.column, texts.null).cast(column.type)
    changed = [None if text is None else unicodedata.normalize(form, text) for text in column.to_pylist()]  # type: ignore[arg-type]
    return pa.array(changed, column.type)
