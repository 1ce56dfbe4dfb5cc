"""Lineage: of whom a child was born, who gave it text, and why another row has no child, as an expand stage recorded it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from runtime.store.digest import Bytes, id_bytes
from runtime.store.record import ChildrenRecord
from runtime.store.store import Store
from runtime.tables.objects import read_table, whole


def born_of(store: Store, record: ChildrenRecord, wanted: Bytes) -> tuple[str, list[str]] | None:
    """(the parent of a child, its donors); None of a row that no stage of this record made."""
    lineage = read_table(store, record.lineage)
    at = np.flatnonzero((id_bytes(whole(lineage.column("row_id"))) == wanted).all(axis=1))
    if not at.size:
        return None
    parent = id_bytes(whole(lineage.column("parent")))[at[0]].tobytes().hex()
    return parent, [each.hex() for each in whole(lineage.column("donors"))[int(at[0])].as_py()]


def kin_of(store: Store, record: ChildrenRecord, wanted: Bytes) -> dict[str, Any]:
    """What an expand stage did with a row that stays: its children, those it gave text to, and why it has none."""
    lineage = read_table(store, record.lineage)
    ids, donors = id_bytes(whole(lineage.column("row_id"))), whole(lineage.column("donors"))
    mine = np.flatnonzero((id_bytes(whole(lineage.column("parent"))) == wanted).all(axis=1))
    given = np.flatnonzero((id_bytes(donors.flatten()) == wanted).all(axis=1))
    bounds = np.concatenate([[0], np.cumsum(pa.compute.list_value_length(donors).to_numpy(zero_copy_only=False))])
    receivers = np.searchsorted(bounds, given, side="right") - 1
    refused = read_table(store, record.refused)
    at = np.flatnonzero((id_bytes(whole(refused.column("row_id"))) == wanted).all(axis=1))
    return {
        "children": [ids[place].tobytes().hex() for place in mine.tolist()],
        "gave_to": [ids[place].tobytes().hex() for place in receivers.tolist()],
        "reason": whole(refused.column("reason"))[int(at[0])].as_py() if at.size else None,
    }
