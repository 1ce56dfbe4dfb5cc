"""A store that many machines share: a bucket has everything, and a folder of this machine is the cache before it."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from functools import cached_property
from pathlib import Path
from typing import BinaryIO, TypeVar

from runtime.store.at_once import AT_ONCE, at_once
from runtime.store.cache import Cache
from runtime.store.confirming import confirm
from runtime.store.files import Files, Hashed
from runtime.store.journals import Journals
from runtime.store.layout import FORMAT
from runtime.store.lease import BuildLease, wait_for_gc
from runtime.store.location import Location
from runtime.store.names import LastBuild, read_last_build
from runtime.store.parts import DIGEST, sealed
from runtime.store.record import Keyed, read_record
from runtime.store.remote import Remote, ticks
from runtime.store.store import Damaged, Store, StoreError

K = TypeVar("K", bound=Keyed)


class SharedStore(Store):
    """What is looked for here and not found is looked for there; what is recorded here is recorded there first.

    So a record in the cache says that its objects are in the bucket, and whatever lies in the cache can be fetched again.
    """

    def __init__(self, location: Location, files: Files | None = None) -> None:
        super().__init__(location.folder, files)
        assert location.url is not None, "a store without a URL is shared with nobody"
        self.place = location
        self.remote = Remote(location.url)
        self.laid_out = False
        self.held: set[str] = set()
        self.cache = Cache(self, self.held)
        self.opened = ticks()
        self.promised: set[str] = set()
        """Objects that are there: a record names them that is there, or was when it was laid down here."""
        self.listed: set[str] = set()
        """The kinds of records that are all here."""
        self.journals = Journals(self.remote, self.files)

    @property
    def location(self) -> Location:
        return self.place

    @property
    def exists(self) -> bool:
        return self.connected

    @cached_property
    def connected(self) -> bool:
        """Whether there is a store at the URL. Raises StoreError where the cache is that of another."""
        marker, known = self.remote.marker, self.cache.known("store")
        if known is not None and (marker is None or marker.id != known):
            message = f"the cache `{self.folder}` is of another store, which was at `{self.remote.url}` before"
            raise StoreError(message, "move that folder away; completions that were not sent may be in it")
        return marker is not None

    def lay_out(self) -> None:
        """Make the folders of the cache, and write down of which store it is; once."""
        if self.laid_out:
            return
        super().prepare()
        if self.remote.marker is not None:
            self.cache.note("store", self.remote.marker.id)
        self.laid_out = True

    @contextmanager
    def laying(self) -> Iterator[None]:
        """While this lasts no build that begins takes unfinished files for those of a dead one."""
        self.lay_out()
        with self.gate():
            yield

    def prepare(self) -> None:
        if not self.connected:
            self.remote.prepare()
            del self.connected
        self.lay_out()

    @contextmanager
    def building(self) -> Iterator[None]:
        with super().building(), BuildLease(self.remote, self.held).renewed() as self.lease:
            yield
        self.held.clear()
        if self.cache.grown or self.place.cache is not None:
            self.cache.shrink()

    def hold(self, name: str) -> None:
        super().hold(name)
        if self.running is not None:
            self.held.add(name)

    # -- objects

    def has(self, digest: str) -> bool:
        if super().has(digest) or digest in self.promised:
            return True
        return self.connected and self.remote.bucket.head(self.remote.object_path(digest)) is not None

    def size_of(self, digest: str) -> int:
        if super().has(digest) or not self.connected:
            return super().size_of(digest)
        return self.remote.size_of(digest)

    def object_sizes(self) -> Iterator[int]:
        return (item.size for item in self.remote.bucket.list(f"{FORMAT}/objects")) if self.connected else iter(())

    def read_path(self, digest: str) -> Path:
        path = self.object_path(digest)
        if digest in self.checked and path.exists():
            return path
        self.checked.discard(digest)
        self.hold(digest)
        if path.exists():
            try:
                super().read_path(digest)
            except Damaged:
                self.fetch(digest)  # the cache was damaged: it is set aside
        else:
            self.fetch(digest)
        self.cache.touch(path)
        return path

    @contextmanager
    def new_object(self, made: list[str]) -> Iterator[BinaryIO]:
        with super().new_object(made) as file:
            yield file
        self.cache.grown = True
        self.promised.discard(made[-1])  # what is made anew is looked for, whatever was promised

    def fetch(self, digest: str) -> None:
        """Lay an object down in the cache. Raises Damaged where it is not there, or not what its name says."""
        target, made = self.object_path(digest), self.root / "tmp" / uuid.uuid4().hex
        short = f"the object {digest[:12]}"
        if not self.connected:
            raise Damaged(f"{short} is missing", "build again to make it anew")
        with self.laying(), ExitStack() as stack:
            stack.callback(made.unlink, missing_ok=True)
            with self.files.scratch(made) as file:
                hashed = Hashed(file)
                found = self.remote.fetch_object(digest, hashed)
            if not found:
                self.promised.discard(digest)
                raise Damaged(f"{short} is missing in `{self.remote.url}`", "build again to make it anew")
            if hashed.digest != digest:
                self.remote.set_aside(self.remote.object_path(digest))
                raise Damaged(f"{short} is damaged in `{self.remote.url}`; it is set aside", "build again to make it anew")
            made.chmod(0o444)
            self.files.make_folder(target.parent)
            self.files.rename(made, target)
            self.checked.add(digest)
            self.cache.grown = True

    def forget(self, digest: str) -> None:
        super().forget(digest)
        self.promised.discard(digest)
        self.remote.bucket.delete(self.remote.object_path(digest))  # a worker may have sent it

    def shrink(self) -> None:
        self.cache.shrink()

    def send_objects(self, record: Keyed) -> None:
        """Write the objects of a record into the bucket. Raises Damaged for one that is neither here nor there."""
        self.send(record.objects())
        named = sorted(record.objects() - {*(record.without or ()), *self.promised})
        for digest, there in zip(named, at_once(AT_ONCE, self.has, named), strict=True):
            if not there:
                raise Damaged(f"the object {digest[:12]} is missing, here and in `{self.remote.url}`", "build again")
        self.promised.update(named)

    def send(self, names: Iterable[str]) -> None:
        here = sorted(each for each in {*names} - self.promised if super(SharedStore, self).has(each))
        self.remote.send_objects({digest: self.object_path(digest) for digest in here})
        self.promised.update(here)

    # -- records

    def look_up(self, key: str, kind: type[K]) -> K | None:
        record = super().look_up(key, kind)
        if record is not None:
            self.promised |= record.objects() - set(record.without or ())
        if record is not None or self.record_path(kind.folder, key).exists() or not self.connected:
            return record
        return self.fetch_record(key, kind)

    def fetch_record(self, key: str, kind: type[K]) -> K | None:
        """The record of a kind in the bucket, laid down here; None where there is none, or a damaged one."""
        data = self.remote.record(kind.folder, key)
        record = None if data is None else read_record(kind, key, data)
        if data is None or record is None:
            return None
        self.lay_record(record)
        return record if isinstance(record, kind) else None

    def lay_record(self, record: Keyed) -> None:
        """Put a record that the bucket has in its place here."""
        with self.laying():
            super().replace_record(record)
        self.promised |= record.objects() - set(record.without or ())

    def write_record(self, record: K) -> K:
        """Record a result, first in the bucket: a record that is there already wins."""
        self.send_objects(record)
        if not self.remote.create_record(record):
            theirs = self.fetch_record(record.key, type(record))
            return theirs or self.replace_record(record)  # what is there may be damaged
        self.lay_record(record)
        return record

    def replace_record(self, record: K) -> K:
        self.send_objects(record)
        self.remote.replace_record(record)
        self.lay_record(record)
        return record

    def remove_record(self, record: Keyed) -> None:
        self.remote.bucket.delete(self.remote.record_path(record.folder, record.key))
        super().remove_record(record)

    def records(self, kind: type[K]) -> Iterator[K]:
        """All records of a kind: the bucket is listed once, and what is not here is fetched."""
        if kind.folder not in self.listed and self.connected:
            keys = [key for key, _ in self.remote.keys(kind.folder) if DIGEST.fullmatch(key)]
            absent = [key for key in keys if not self.record_path(kind.folder, key).exists()]
            at_once(AT_ONCE, lambda key: self.fetch_record(key, kind), absent)
            self.listed.add(kind.folder)
        return self.records_here(kind)

    # -- names

    def last_build(self, recipe: str) -> LastBuild:
        self.name_path(recipe)
        data = self.remote.bucket.get(self.remote.name_path(recipe)) if self.connected else None
        return (None if data is None else read_last_build(recipe, data)) or LastBuild(recipe=recipe)

    def builds(self) -> Iterator[tuple[str, LastBuild]]:
        recipes = sorted(self.remote.recipes()) if self.connected else []
        return ((recipe, build) for recipe in recipes if (build := self.last_build(recipe)).stages)

    def look_lines(self, recipe: str) -> str:
        return self.remote.look_lines(recipe) if self.connected else ""

    def add_look(self, recipe: str, line: str) -> None:
        self.remote.add_look(recipe, line)

    def write_last_build(self, build: LastBuild) -> None:
        """Write what the last build of a recipe was, here and in the bucket, where all that it names is kept from now on."""
        super().write_last_build(build)
        path, content = self.remote.name_path(build.recipe), sealed(build.body())
        if self.remote.bucket.get(path) == content:
            confirm(self, build, None)  # no gc took what has a name
            return
        self.held.update(build.beside, (stage["key"] for stage in build.stages.values()))
        self.lease.write()
        wait_for_gc(self.remote)  # either it saw what is held, or it is seen here
        confirm(self, build, self.opened)
        self.remote.bucket.put(path, content)

    def record_here(self, key: str, kind: type[K]) -> K | None:
        """A record that is in the cache, whatever the bucket has."""
        return super().look_up(key, kind)

    # -- dear measures

    def bring_memo(self, folder: Path, sound: Callable[[Path], bool]) -> None:
        if self.connected:
            with self.laying():
                self.journals.bring(folder, self.root / "tmp", self.memos, sound)

    def send_memo(self, path: Path) -> None:
        self.journals.send(path, self.memos)
