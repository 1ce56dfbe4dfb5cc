"""What lies where in a shared store: the layout of a store's folder, with a marker, leases, and a clock of its own."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from pathlib import Path

from runtime.store.at_once import AT_ONCE, SMALL, UPLOADS, at_once
from runtime.store.bucket import Bucket, Item, Writable
from runtime.store.layout import FORMAT, MEMOS, NEWER
from runtime.store.names import LAST, LOOKS, PUSHED
from runtime.store.parts import sealed
from runtime.store.record import Keyed
from runtime.store.store import StoreError

MARKER = "store.json"
GRACE = timedelta(hours=24)
"""How old what nothing needs has to be before it is removed."""
YOUNG = GRACE / 2
"""An object that is younger is relied on without being written again: while builds run, gc removes nothing so young."""
OLDER = "name another prefix, or remove what is there"


def ticks() -> float:
    """Seconds since some moment; they go on while a machine sleeps, where the system counts them."""
    return time.clock_gettime(time.CLOCK_BOOTTIME) if hasattr(time, "CLOCK_BOOTTIME") else time.monotonic()


@dataclass(frozen=True)
class Marker:
    """What a shared store says of itself."""

    id: str
    """Made once: a cache knows by it that it is before the same store as ever."""
    format: str
    memos: str


class Remote:
    """A shared store, by what its parts are called."""

    def __init__(self, url: str) -> None:
        self.bucket = Bucket(url)
        self.url = url
        self.sizes: dict[str, int] = {}
        """Bytes of the objects that were asked for."""

    # -- the marker

    @cached_property
    def marker(self) -> Marker | None:
        """What the store says of itself; None where there is none yet. Raises StoreError for a format that is not read here."""
        data = self.bucket.get(MARKER)
        return None if data is None else self.read_marker(data)

    def read_marker(self, data: bytes) -> Marker:
        try:
            body = json.loads(data)
            marker = Marker(str(body["id"]), str(body["format"]), str(body["memos"]))
        except (ValueError, KeyError, TypeError):
            raise StoreError(f"`{MARKER}` of the store `{self.url}` is damaged", OLDER) from None
        if (marker.format, marker.memos) != (FORMAT, MEMOS):
            newer = [each.rpartition("v")[2] for each in (marker.format, marker.memos)] > [FORMAT[1:], MEMOS.rpartition("v")[2]]
            message = f"the store `{self.url}` is in the format {marker.format} with {marker.memos}"
            raise StoreError(f"{message}; this version reads {FORMAT} with {MEMOS}", NEWER if newer else OLDER)
        return marker

    def prepare(self) -> Marker:
        """Make the marker of an empty store, once it is seen that its server keeps to conditions. Raises StoreError."""
        if self.marker is None:
            if self.bucket.folder is not None and (self.bucket.folder / FORMAT).is_dir():
                hint = f"name it without file://, or share what it holds: recipe store push URL --store {self.bucket.folder}"
                raise StoreError(f"`{self.bucket.folder}` is a store in a folder", hint)
            self.complain_unconditional()
            made = {"id": uuid.uuid4().hex, "format": FORMAT, "memos": MEMOS}
            self.bucket.create(MARKER, json.dumps(made).encode())
            del self.marker
        if self.marker is None:
            raise StoreError(f"the store `{self.url}` does not give back what was written to it", "choose another with --store")
        return self.marker

    def complain_unconditional(self) -> None:
        """Raises StoreError for a server that writes over what was to be created: who came first could not be told there."""
        path = f"probe/{uuid.uuid4().hex}"
        first, second = self.bucket.create(path, b"1"), self.bucket.create(path, b"2")
        kept = self.bucket.get(path)
        self.bucket.delete(path)
        if not first or second or kept != b"1":
            message = f"the server of `{self.url}` writes over an object that is there when it is told to create one"
            raise StoreError(message, "it would lose results of two builds at once: use one with conditional writes")

    # -- the clock

    def now(self) -> datetime:
        """The time by the server's clock; that of this machine is never compared with it."""
        at, started = self.first_look
        return at + timedelta(seconds=ticks() - started)

    @cached_property
    def first_look(self) -> tuple[datetime, float]:
        """(when an object was written by the server's clock, the same by ours)."""
        path = f"clock/{uuid.uuid4().hex}"
        self.bucket.put(path, b"")
        started, item = ticks(), self.bucket.head(path)
        self.bucket.delete(path)
        if item is None:
            raise StoreError(f"the store `{self.url}` does not give back what was written to it", "choose another with --store")
        return item.modified, started

    # -- records, objects and names

    @staticmethod
    def object_path(digest: str) -> str:
        return f"{FORMAT}/objects/{digest[:2]}/{digest}"

    @staticmethod
    def record_path(folder: str, key: str) -> str:
        return f"{FORMAT}/{folder}/{key[:2]}/{key}.json"

    @staticmethod
    def name_path(recipe: str) -> str:
        return f"{FORMAT}/names/{recipe}/{LAST}"

    def record(self, folder: str, key: str) -> bytes | None:
        return self.bucket.get(self.record_path(folder, key))

    def size_of(self, digest: str) -> int:
        """The bytes of an object, which never change; none of one that is not there."""
        if digest not in self.sizes and (item := self.bucket.head(self.object_path(digest))) is not None:
            self.sizes[digest] = item.size
        return self.sizes.get(digest, 0)

    def fetch_object(self, digest: str, file: Writable) -> bool:
        return self.bucket.read_into(self.object_path(digest), file)

    def send_object(self, digest: str, path: Path) -> bool:
        """Write an object unless it is there and young enough that none takes it away; says whether it did."""
        item = self.bucket.head(self.object_path(digest))
        if item is not None and item.size == path.stat().st_size and self.now() - item.modified < YOUNG:
            return False
        self.bucket.put(self.object_path(digest), path)
        return True

    def send_objects(self, paths: Mapping[str, Path]) -> None:
        """Write objects that lie at some paths, many small ones at a time."""
        small = {digest for digest, path in paths.items() if path.stat().st_size <= SMALL}
        for many, digests in ((AT_ONCE, small), (UPLOADS, paths.keys() - small)):
            at_once(many, lambda digest: self.send_object(digest, paths[digest]), sorted(digests))

    def keys(self, folder: str) -> Iterator[tuple[str, Item]]:
        """(key, what is known of its record) of all records of a folder."""
        for item in self.bucket.list(f"{FORMAT}/{folder}"):
            if item.path.endswith(".json"):
                yield item.path.rpartition("/")[2].removesuffix(".json"), item

    def recipes(self) -> Iterator[str]:
        """The recipes that have a last build."""
        prefix = f"{FORMAT}/names/"
        for item in self.bucket.list(prefix.rstrip("/")):
            name = item.path[len(prefix) : -len(LAST) - 1]
            if item.path.endswith(f"/{LAST}") and {"", ".", ".."}.isdisjoint(name.split("/")):
                yield name

    def pushed(self) -> Iterator[tuple[str, Item, bool]]:
        """(recipe, build that was pushed while another kept its name, whether the recipe was built since) of all recipes."""
        prefix = f"{FORMAT}/names/"
        items = {item.path: item for item in self.bucket.list(prefix.rstrip("/"))}
        for path, item in items.items():
            recipe, folder, name = path[len(prefix) :].rpartition(f"/{PUSHED}/")
            if folder and "/" not in name:
                last = items.get(self.name_path(recipe))
                yield recipe, item, last is not None and last.modified > item.modified

    def look_lines(self, recipe: str) -> str:
        """A line for each look at a held-out benchmark, the first one first."""
        items = sorted(self.bucket.list(f"{FORMAT}/names/{recipe}/{LOOKS}"), key=lambda item: (item.modified, item.path))
        return "\n".join((self.bucket.get(item.path) or b"").decode("utf-8", "replace") for item in items)

    def add_look(self, recipe: str, line: str) -> None:
        """Write a look down, as an object of its own."""
        self.bucket.put(f"{FORMAT}/names/{recipe}/{LOOKS}/{uuid.uuid4().hex}", line.encode())

    def create_record(self, record: Keyed) -> bool:
        """Write a record unless there is one; says whether it did."""
        return self.bucket.create(self.record_path(record.folder, record.key), sealed(record.body()))

    def replace_record(self, record: Keyed) -> None:
        self.bucket.put(self.record_path(record.folder, record.key), sealed(record.body()))

    def set_aside(self, path: str) -> None:
        """Move something damaged out of the way, without losing it."""
        data = self.bucket.head(path)
        if data is not None:
            self.bucket.rename(path, f"{FORMAT}/damaged/{path.rpartition('/')[2]}-{uuid.uuid4().hex[:6]}")
