"""The store: results by key, objects by the digest of their bytes, in a folder that carries its format's version."""

from __future__ import annotations

import fcntl
import os
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, BinaryIO, TypeVar

from compiler.graph.plan import Result
from runtime.store.bound import Bound
from runtime.store.files import Files, NoFile, hash_path, open_file
from runtime.store.layout import BEFORE, FORMAT, MEMOS, foreign, link_in, move_memos, paid_in
from runtime.store.names import LAST, LastBuild, last_builds, read_last_build
from runtime.store.parts import DIGEST, sealed
from runtime.store.record import Keyed, Record, read_record
from runtime.store.running import clear_tmp, live_builds

K = TypeVar("K", bound=Keyed)
R = TypeVar("R", bound=Record)


class StoreError(Exception):
    """Something about the store that a person must know; `hint` says what to do, `lines` are told below the message."""

    def __init__(self, message: str, hint: str | None = None, lines: Iterable[str] = ()) -> None:
        self.lines = (message, *(f"  {line}" for line in lines))
        super().__init__("\n".join(self.lines))
        self.hint = hint


class Damaged(StoreError):
    """An object or record whose bytes are not what their name says."""


def link_error(path: Path) -> StoreError:
    return StoreError(f"`{path}` of the store is a link", "no store of ours has it: remove it, or choose another with --store")


def taken_as(record: Record, kind: type[R]) -> R:
    """The same record, which is one of a kind. Raises Damaged for one that another kind of stage made."""
    if not isinstance(record, kind):
        raise Damaged(f"the record {record.key[:12]} is that of another stage", "choose another store with --store")
    return record


class Store:
    """A folder of results and objects that several builds may use at once."""

    def __init__(self, folder: Path, files: Files | None = None) -> None:
        self.folder = folder
        self.root = folder / FORMAT
        self.files = files or Files()
        self.checked: set[str] = set()
        self.bound = Bound()
        self.running: IO[str] | None = None
        self.read_only = False
        """Whether it is somebody else's, or on a medium, so that it serves what is built and takes nothing."""
        if (link := link_in(folder)) is not None:
            raise link_error(link.relative_to(self.root if self.root in link.parents else folder))
        if (other := foreign(folder)) is not None:
            raise StoreError(other.message, other.hint)

    @property
    def memos(self) -> Path:
        """Where completions and dear measures are read: where an earlier version laid them, until they are moved."""
        memos, before = self.folder / MEMOS, self.folder / BEFORE
        if not paid_in(before):
            return memos
        if paid_in(memos):
            message = f"completions and measured values in `{self.folder}` lie in two places, that of an earlier version too"
            raise StoreError(message, "`recipe store upgrade` brings them together")
        return before

    def prepare(self) -> None:
        """Make the folders of an empty store, and lay out an earlier version's; raises StoreError where it cannot be written."""
        try:
            for name in ("objects", "results", "beside", "names", "outputs", "running", "tmp", "damaged"):
                self.files.make_folder(self.root / name)
            if paid_in(self.folder / BEFORE):
                self.upgrade()
            if not (ignore := self.folder / ".gitignore").exists():
                ignore.write_text("*\n")
        except OSError as error:
            message = f"the store `{self.folder}` cannot be written: {error.strerror}"
            raise StoreError(message, "choose another with --store") from None

    def upgrade(self) -> None:
        """Move what was paid for to where no change of the store's format loses it. Raises StoreError."""
        import sqlite3

        with self.gate(exclusive=True):
            if paid_in(before := self.folder / BEFORE) and (live_builds(self.root) or live_builds(before)):
                message = f"a build is running in `{self.folder}`, and completions of an earlier version are to be moved"
                raise StoreError(message, "wait until it has ended")
            try:
                move_memos(self.files, before, self.folder / MEMOS)
            except sqlite3.Error as error:
                raise StoreError(f"the completions in `{before}` cannot be brought over: {error}", "move them away") from None

    # -- what a running build relies on

    @contextmanager
    def building(self) -> Iterator[None]:
        """While this lasts, gc leaves alone what this build names; of a store that cannot be written nothing is taken away."""
        self.read_only = self.root.is_dir() and not os.access(self.root, os.W_OK)
        if self.read_only:
            yield
            return
        self.prepare()
        path = self.root / "running" / uuid.uuid4().hex
        with self.gate():  # a file that is not locked yet looks like that of a dead build
            running = open(path, "x")  # noqa: SIM115 - it stays open, and locked, as long as the build runs
            fcntl.flock(running, fcntl.LOCK_EX)
        with running:
            self.running = running
            try:
                yield
            finally:
                self.running = None
                path.unlink(missing_ok=True)

    def hold(self, name: str) -> None:
        """Name a key or object that this build relies on."""
        if self.running is not None:
            self.running.write(name + "\n")
            self.running.flush()

    @contextmanager
    def gate(self, exclusive: bool = False) -> Iterator[None]:
        """Builds pass together; gc passes alone, so that nothing is taken away between a look and a hold."""
        if self.read_only:
            yield
            return
        with open(self.root / "gate", "a") as gate:
            fcntl.flock(gate, fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH)
            yield

    def sweep(self) -> None:
        """Remove what dead builds left in tmp: a build that was killed leaves nothing that is needed."""
        if self.read_only:
            return
        with self.gate(exclusive=True):
            if not live_builds(self.root, "" if self.running is None else Path(self.running.name).name):
                clear_tmp(self.root)

    # -- objects

    def object_path(self, digest: str) -> Path:
        """Where an object lies; raises Damaged for what no object is called."""
        if not DIGEST.fullmatch(digest):
            raise Damaged(f"`{digest[:80]}` is no digest of an object", "build again to make the record anew")
        return self.root / "objects" / digest[:2] / digest

    @contextmanager
    def new_object(self, made: list[str]) -> Iterator[BinaryIO]:
        """A file that becomes an object when the block ends well; its digest is appended to `made`."""
        path = self.root / "tmp" / uuid.uuid4().hex
        try:
            with self.files.create(path) as file:
                yield file
            digest = hash_path(path)
            self.hold(digest)
            target = self.object_path(digest)
            self.files.make_folder(target.parent)
            path.chmod(0o444)
            with self.gate():  # a gc that began before the hold is through when the object comes
                self.files.rename(path, target)
            self.checked.add(digest)
            made.append(digest)
        finally:
            path.unlink(missing_ok=True)

    def read_path(self, digest: str) -> Path:
        """The path of an object whose bytes have been checked; raises Damaged or Missing."""
        path = self.object_path(digest)
        if digest not in self.checked:
            try:
                content = hash_path(path)
            except FileNotFoundError:
                raise Damaged(f"the object {digest[:12]} is missing", "build again to make it anew") from None
            except NoFile:
                content = ""
            if content != digest:
                self.set_aside(path)
                raise Damaged(f"the object {digest[:12]} is damaged; it is set aside", "build again to make it anew")
            self.checked.add(digest)
        return path

    def set_aside(self, path: Path) -> None:
        """Move something damaged out of the way, without losing it."""
        self.files.make_folder(self.root / "damaged")
        with suppress(FileNotFoundError):  # another build was first to find it
            self.files.rename(path, self.root / "damaged" / f"{path.name}-{uuid.uuid4().hex[:6]}")

    # -- records

    def record_path(self, kind: str, key: str) -> Path:
        """Where a record lies; raises Damaged for what is no key."""
        if not DIGEST.fullmatch(key):
            raise Damaged(f"`{key[:80]}` is no key of a result", "build again")
        return self.root / kind / key[:2] / f"{key}.json"

    def look_up(self, key: str, kind: type[K]) -> K | None:
        """The record of a kind under a key, or None; one that is damaged is set aside and reads as none."""
        path = self.record_path(kind.folder, key)
        try:
            with open_file(path) as file:
                record = read_record(kind, key, file.read())
        except FileNotFoundError:
            return None
        except NoFile:
            record = None
        if record is None:
            self.set_aside(path)
        return record if isinstance(record, kind) else None

    def find(self, key: str | None) -> Record | None:
        """What a stage made, or None: there is no result of a stage that has no key yet."""
        return None if key is None else self.look_up(key, Record)

    def result_of(self, key: str) -> Result | None:
        """What a recorded result is, or None."""
        return None if (record := self.find(key)) is None else record.result

    def hold_record(self, key: str, kind: type[K]) -> K | None:
        """Look a record up, and keep gc from it and its objects."""
        with self.gate():
            record = self.look_up(key, kind)
            if record is not None:
                for digest in record.objects():
                    self.hold(digest)
                self.hold(key)
            return record

    def write_record(self, record: K) -> K:
        """Record a result; the record comes last, and a record that is there already wins."""
        made, target = self.stage_record(record)
        with self.gate():
            first = self.files.link(made, target)
        return record if first else self.look_up(record.key, type(record)) or self.replace_record(record)

    def replace_record(self, record: K) -> K:
        """Record a result that was made anew because its objects were gone."""
        made, target = self.stage_record(record)
        with self.gate():
            self.files.rename(made, target)
        return record

    def stage_record(self, record: Keyed) -> tuple[Path, Path]:
        """(a record as a file that is not in its place yet, that place); it is held."""
        self.hold(record.key)
        target, made = self.record_path(record.folder, record.key), self.root / "tmp" / uuid.uuid4().hex
        self.files.make_folder(target.parent)
        self.files.write_bytes(made, sealed(record.body()))
        return made, target

    def records(self, kind: type[K]) -> Iterator[K]:
        """All records of a kind, by key."""
        for path in sorted((self.root / kind.folder).glob("*/*.json")):
            if DIGEST.fullmatch(path.stem) and (record := self.look_up(path.stem, kind)) is not None:
                yield record

    # -- names

    def name_path(self, name: str) -> Path:
        """Where a name's file stands. Raises StoreError for a name that leads elsewhere."""
        if not {"", ".", ".."}.isdisjoint(name.split("/")) or "\0" in name:
            raise StoreError(f"`{name[:80]}` is no name of a recipe")
        path = self.root / "names" / Path(*name.split("/"))
        for part in (path, *path.parents[: len(name.split("/"))]):
            if part.is_symlink():
                raise link_error(part.relative_to(self.root))
        return path

    def write_last_build(self, build: LastBuild) -> None:
        """Write what the last build of a recipe was, unless that is written already."""
        path, content = self.name_path(build.recipe) / LAST, sealed(build.body())
        with suppress(FileNotFoundError):
            if path.read_bytes() == content:
                return
        self.files.make_folder(path.parent)
        made = self.root / "tmp" / uuid.uuid4().hex
        self.files.write_bytes(made, content)
        self.files.rename(made, path)

    def last_build(self, recipe: str) -> LastBuild:
        """What the last build of a recipe was; one of nothing where that is not known."""
        build = None
        with suppress(FileNotFoundError, IsADirectoryError):
            build = read_last_build(recipe, (self.name_path(recipe) / LAST).read_bytes())
        return build or LastBuild(recipe=recipe)

    def builds(self) -> Iterator[tuple[str, LastBuild]]:
        """(recipe, its last build), of those that can be read."""
        return ((recipe, build) for _, recipe, build in last_builds(self.root) if build is not None)
