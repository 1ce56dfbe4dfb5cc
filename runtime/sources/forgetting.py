"""Rows that a source is to forget: they are told by their ids as soon as they have some, and go no further."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from runtime.store.digest import Bytes
from runtime.store.record import OfSource
from runtime.tables.ids import cell_digest

ID = "S16"
"""Ids as NumPy compares them: all have 16 bytes, so that zeros at an end are as good as any."""


class Spared:
    """The rows of a source without its forgotten ones, which are counted.

    An id is that of a row before equal ones are told apart, so that all copies go. One that could not be read has the
    digest of its text for an id.
    """

    def __init__(self, forgotten: Sequence[str]) -> None:
        self.listed = frozenset(forgotten)
        self.ids = np.frombuffer(bytes.fromhex("".join(forgotten)), dtype=ID)
        self.met: set[str] = set()
        self.rows = 0

    def rest(self, content: pa.Table, ids: dict[str, Bytes]) -> tuple[pa.Table, dict[str, Bytes]]:
        """Some rows with their ids, each (n, 16), and cell digests, without those that are forgotten."""
        if not self.listed:
            return content, ids
        rows = np.ascontiguousarray(ids["row_id"]).view(ID).reshape(-1)
        gone = np.isin(rows, self.ids)
        if not gone.any():
            return content, ids
        self.rows += int(gone.sum())
        self.met |= {each.tobytes().hex() for each in ids["row_id"][gone]}
        return content.filter(pa.array(~gone)), {name: each[~gone] for name, each in ids.items()}

    def readable(self, bad: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Rows that could not be read, without those that are forgotten."""
        if not self.listed:
            return bad
        digests = [cell_digest(each["raw"]) for each in bad]
        self.met |= self.listed & {*digests}
        return [each for each, digest in zip(bad, digests, strict=True) if digest not in self.listed]

    def counts(self) -> OfSource:
        """How many rows that can be read are forgotten, and how many of the ids no row has; nothing where none is."""
        if not self.listed:
            return {}
        return {"forgotten": self.rows, "astray": len(self.listed - self.met)}
