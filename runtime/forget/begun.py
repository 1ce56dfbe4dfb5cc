"""What was begun to be forgotten and is not done: by ids and digests, never by text, since a listed row is found no more."""

from __future__ import annotations

import json
from pathlib import Path

from runtime.forget.wanted import Wanted
from runtime.store.files import replacing
from runtime.store.store import Store, StoreError


def begun_at(store: Store) -> Path:
    """Where it is put down: in the store, whichever recipe forgets, since the store is what is cleaned."""
    return store.root / "forgetting.json"


def write_begun(store: Store, wanted: Wanted) -> None:
    """Put down what is to be taken out, before the list makes other keys of the records that tell it."""
    digests = {"cells": wanted.cells, "addresses": wanted.addresses}
    value = {"rows": sorted(wanted.rows), **{name: sorted(each.hex() for each in some) for name, some in digests.items()}}
    with replacing(begun_at(store)) as partial:
        partial.write_text(json.dumps(value), "utf-8")


def add_begun(store: Store, wanted: Wanted) -> None:
    """Add what an earlier command did not come to the end of. Raises StoreError where it cannot be read."""
    path = begun_at(store)
    if not path.exists():
        return
    try:
        value = json.loads(path.read_text("utf-8"))
        wanted.rows |= {bytes.fromhex(each).hex() for each in value["rows"]}
        wanted.cells |= {bytes.fromhex(each) for each in value["cells"]}
        wanted.addresses |= {bytes.fromhex(each) for each in value["addresses"]}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise StoreError(f"`{path}` cannot be read: {error}", "take it away; what was to be forgotten may be there") from None
