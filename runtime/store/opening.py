"""The store at a place, be it a folder or shared."""

from __future__ import annotations

from runtime.store.location import Location
from runtime.store.store import Store


def open_at(location: Location) -> Store:
    """Raises StoreError for a store that this version cannot read; nobody asks a server for anything yet."""
    if location.url is None:
        return Store(location.folder)
    from runtime.store.shared import SharedStore

    return SharedStore(location)
