"""The measure memo: values of dear measures by the content of the cell, journalled so that none is lost."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from blake3 import blake3

from runtime.store.digest import Bytes
from runtime.store.store import Store
from runtime.tables.order import halves

CHECK = 8


class Memo:
    """One measure's values: (cell digest) -> whole numbers. Every build appends to a journal of its own."""

    def __init__(self, store: Store, key: str, values: int) -> None:
        self.store, self.key, self.values = store, key, values
        self.folder = store.memos / "memo" / key[:2] / key
        self.width = 16 + 8 * values + CHECK
        self.read: set[str] | None = None
        """The journals that are known here; None before the first look."""
        self.high = self.low = np.zeros(0, np.uint64)
        self.known = np.zeros((0, values), dtype=np.int64)

    def __reduce__(self) -> tuple[Any, ...]:
        return Memo, (self.store, self.key, self.values)

    def refresh(self) -> bool:
        """Read the journals that have come since, of this build or another; says whether there are any."""
        self.store.bring_memo(self.folder, lambda path: path.suffix == ".journal" and not broken_entries(path))
        rows: list[bytes] = []
        self.read = self.read or set()
        for path in sorted(self.folder.glob("*.journal")):
            if path.name not in self.read:
                with suppress(FileNotFoundError):  # another build was first to set it aside
                    rows += self._entries(path)
                self.read.add(path.name)
        if not rows:
            return False
        raw = np.frombuffer(b"".join(rows), dtype=np.uint8).reshape(-1, self.width - CHECK)
        self._add(raw[:, :16].copy(), np.ascontiguousarray(raw[:, 16:]).view("<i8").reshape(-1, self.values))
        return True

    def _add(self, cells: Bytes, values: np.ndarray[Any, Any]) -> None:
        high, low = halves(cells)
        order = np.lexsort((np.concatenate([self.low, low]), np.concatenate([self.high, high])))
        high, low = np.concatenate([self.high, high])[order], np.concatenate([self.low, low])[order]
        new = np.append(True, (high[1:] != high[:-1]) | (low[1:] != low[:-1]))[: len(order)]  # joined journals say things twice
        self.known = np.concatenate([self.known, values])[order[new]]
        self.high, self.low = high[new], low[new]

    def _entries(self, path: Path) -> list[bytes]:
        """The whole entries of a journal; one with others is set aside, once its whole ones are written anew."""
        data = path.read_bytes()
        entries = list(entries_in(data, self.width))
        if len(entries) * self.width != len(data):
            if entries:
                self._write([entry + blake3(entry).digest(CHECK) for entry in entries])
            self.store.set_aside(path)
        return entries

    def _write(self, entries: list[bytes]) -> None:
        """A journal, put in place whole, so that a build that dies leaves no broken one behind."""
        name = f"{uuid.uuid4().hex}-{self.values}.journal"
        made = self.store.root / "tmp" / name
        self.store.files.write_bytes(made, b"".join(entries))
        self.store.files.rename(made, self.folder / name)
        self.read = {name, *(self.read or ())}
        self.store.send_memo(self.folder / name)

    def look_up(self, cells: Bytes) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
        """(whether each cell is known, its values, (n, values), where it is)."""
        if self.read is None:
            self.refresh()
        high, low = halves(cells)
        known = np.zeros(len(cells), dtype=bool)
        values = np.full((len(cells), self.values), -1, dtype=np.int64)
        if not len(self.high):
            return known, values
        place = np.searchsorted(self.high, high)
        for _ in range(8):  # cells that share the first half of their digest stand side by side
            inside = (place < len(self.high)) & ~known
            at = np.where(inside, place, 0)
            hit = inside & (self.high[at] == high) & (self.low[at] == low)
            known |= hit
            values[hit] = self.known[at[hit]]
            place = place + 1
        return known, values

    def append(self, cells: Bytes, values: np.ndarray[Any, Any]) -> None:
        """Write values to disk, synced, before anything relies on them."""
        self.store.files.make_folder(self.folder)
        entries = []
        for cell, value in zip(cells, values.astype("<i8"), strict=True):
            body = cell.tobytes() + value.tobytes()
            entries.append(body + blake3(body).digest(CHECK))
        self._write(entries)
        self._add(cells, values)


def entries_in(data: bytes, width: int) -> Iterator[bytes]:
    """The entries of a journal; one that was cut short or changed is not believed, its value is measured again."""
    for start in range(0, len(data) - width + 1, width):
        entry = data[start : start + width]
        if blake3(entry[:-CHECK]).digest(CHECK) == entry[-CHECK:]:
            yield entry[:-CHECK]


def width_of(name: str) -> int:
    """The bytes of an entry of a journal: its name says how many values it has."""
    return 16 + 8 * int(name.removesuffix(".journal").rpartition("-")[2]) + CHECK


def broken_entries(path: Path) -> int:
    """How many entries of a journal are not whole."""
    width, data = width_of(path.name), path.read_bytes()
    return -(-len(data) // width) - sum(1 for _ in entries_in(data, width))
