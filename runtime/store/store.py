"""The store: results by key, objects by the digest of their bytes, in a folder that carries its format's version."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, TypeVar

from compiler.graph.plan import Result
from runtime.store.bound import Bound
from runtime.store.files import Files, NoFile, hash_path, open_file
from runtime.store.layout import BEFORE, FORMAT, MEMOS, foreign, link_in, move_memos, paid_in
from runtime.store.location import Location
from runtime.store.naming import Naming
from runtime.store.parts import DIGEST, sealed
from runtime.store.record import Keyed, Record, read_record
from runtime.store.running import Holding, live_builds

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


class Store(Naming, Holding):
    """A folder of results and objects that several builds may use at once."""

    def __init__(self, folder: Path, files: Files | None = None) -> None:
        super().__init__(folder / FORMAT)
        self.folder = folder
        self.files = files or Files()
        self.checked: set[str] = set()
        self.made: set[str] = set()
        """Objects that this process made; a worker begins anew with each task."""
        self.bound = Bound()
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

    @property
    def location(self) -> Location:
        """What it is opened from again, in any process of this machine."""
        return Location(self.folder)

    @property
    def exists(self) -> bool:
        """Whether there is one yet."""
        return self.root.is_dir()

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
            self.made.add(digest)
        finally:
            path.unlink(missing_ok=True)

    def send(self, names: Iterable[str]) -> None:
        """Let other machines have the objects among some names, before a record names them."""

    def shrink(self) -> None:
        """Let what others can give again leave, where there is more of it here than may be."""

    def forget(self, digest: str) -> None:
        """Remove an object that no record names, and nothing else is called the same."""
        self.files.remove(self.object_path(digest))

    def has(self, digest: str) -> bool:
        """Whether an object is there, whatever its bytes."""
        return self.object_path(digest).exists()

    def size_of(self, digest: str) -> int:
        """The bytes of an object; one that is missing has none."""
        path = self.object_path(digest)
        return path.stat().st_size if path.exists() else 0

    def object_sizes(self) -> Iterator[int]:
        """The bytes of each object that there is."""
        return (path.stat().st_size for path in (self.root / "objects").glob("*/*"))

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

    def remove_record(self, record: Keyed) -> None:
        """Take a record away whose objects are gone."""
        self.files.remove(self.record_path(record.folder, record.key))

    def stage_record(self, record: Keyed) -> tuple[Path, Path]:
        """(a record as a file that is not in its place yet, that place); it is held."""
        self.hold(record.key)
        target, made = self.record_path(record.folder, record.key), self.root / "tmp" / uuid.uuid4().hex
        self.files.make_folder(target.parent)
        self.files.write_bytes(made, sealed(record.body()))
        return made, target

    def records(self, kind: type[K]) -> Iterator[K]:
        """All records of a kind, by key."""
        return self.records_here(kind)

    def records_here(self, kind: type[K]) -> Iterator[K]:
        """Those of them that lie in the folder."""
        for path in sorted((self.root / kind.folder).glob("*/*.json")):
            if DIGEST.fullmatch(path.stem) and (record := self.look_up(path.stem, kind)) is not None:
                yield record

    # -- dear measures

    def bring_memo(self, folder: Path, sound: Callable[[Path], bool]) -> None:
        """Lay journals of other machines down in a folder of a memo, those that are `sound`; a folder has all it will have."""

    def send_memo(self, path: Path) -> None:
        """Let other machines have a journal."""

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
