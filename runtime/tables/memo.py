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
from runtime.tables.ids import halves

CHECK = 8


class Memo:
    """One measure's values: (cell digest) -> whole numbers. Every build appends to a journal of its own."""

    def __init__(self, store: Store, key: str, values: int) -> None:
        self.store, self.values = store, values
        self.folder = store.memos / "memo" / key[:2] / key
        self.width = 16 + 8 * values + CHECK
        self.high, self.low, self.known = self._load()

    def _load(self) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any], np.ndarray[Any, Any]]:
        self.store.bring_memo(self.folder, lambda path: not broken_entries(path))
        rows: list[bytes] = []
        for path in sorted(self.folder.glob("*.journal")):
            with suppress(FileNotFoundError):  # another build was first to set it aside
                rows += self._entries(path)
        raw = np.frombuffer(b"".join(rows), dtype=np.uint8).reshape(-1, self.width - CHECK)
        high, low = halves(raw[:, :16].copy()) if len(raw) else (np.zeros(0, np.uint64), np.zeros(0, np.uint64))
        order = np.lexsort((low, high))
        values = np.ascontiguousarray(raw[:, 16:]).view("<i8").reshape(-1, self.values)
        return high[order], low[order], values[order]

    def _entries(self, path: Path) -> list[bytes]:
        """The whole entries of a journal; one with others is set aside, once its whole ones are written anew."""
        entries = list(whole_entries(path, self.width))
        if broken_entries(path):
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
        self.store.send_memo(self.folder / name)

    def look_up(self, cells: Bytes) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
        """(whether each cell is known, its values, (n, values), where it is)."""
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
        high, low = halves(cells)
        order = np.lexsort((np.concatenate([self.low, low]), np.concatenate([self.high, high])))
        self.known = np.concatenate([self.known, values])[order]
        self.high, self.low = np.concatenate([self.high, high])[order], np.concatenate([self.low, low])[order]


def whole_entries(path: Path, width: int) -> Iterator[bytes]:
    """The entries of a journal; one that was cut short or changed is not believed, its value is measured again."""
    data = path.read_bytes()
    for start in range(0, len(data) - width + 1, width):
        entry = data[start : start + width]
        if blake3(entry[:-CHECK]).digest(CHECK) == entry[-CHECK:]:
            yield entry[:-CHECK]


def broken_entries(path: Path) -> int:
    """How many entries of a journal are not whole; its name says how many values an entry has."""
    width = 16 + 8 * int(path.stem.rpartition("-")[2]) + CHECK
    size = path.stat().st_size
    return -(-size // width) - sum(1 for _ in whole_entries(path, width))
