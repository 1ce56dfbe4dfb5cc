"""Pull: the content of a folder, which may be anybody's, is checked and taken into the store."""

from __future__ import annotations

import re
import shutil
import uuid
from pathlib import Path
from typing import Any

import pyarrow as pa

from compiler.text.project import Outside, within
from runtime.export.push import Transfer
from runtime.export.sound import complain_name, complain_objects
from runtime.store.files import hash_path, open_file
from runtime.store.layout import BEFORE, FORMAT, MEMOS, NEWER, foreign
from runtime.store.names import LAST, LastBuild
from runtime.store.parts import DIGEST, Unsound, unsealed
from runtime.store.record import KEYED, Keyed
from runtime.store.store import Store, StoreError

JOURNAL = re.compile(r"[0-9a-f]{32}-[0-9]{1,3}\.journal")
MOST = 1 << 28
"""Bytes of a record, a name or a journal; tables are objects, and these are not read whole."""
ABOVE = re.compile(r"memo/[0-9a-f]{2}/([0-9a-f]{64})")


class Origin:
    """The folder that is pulled from."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.root = folder, folder.resolve() / FORMAT
        self.memos = (folder.resolve() / MEMOS, folder.resolve() / BEFORE)
        """Where measured values lie, and where an earlier version laid them."""

    def damaged(self, what: str, why: str) -> StoreError:
        return StoreError(f"{what} in `{self.folder}` is {why}", "push it again")

    def open(self, path: Path, what: str) -> Any:
        """A file of the folder to read. Raises StoreError for a link out of it, and for what is no file."""
        try:
            return open_file(within(path, (self.root, *self.memos)))
        except Outside:
            raise self.damaged(what, "a link out of it") from None
        except FileNotFoundError:
            raise self.damaged(what, "missing") from None
        except OSError as error:
            raise self.damaged(what, f"damaged: {(error.strerror or str(error)).lower()}") from None

    def read(self, path: Path, what: str) -> bytes:
        """A small file whole."""
        with self.open(path, what) as file:
            if path.stat().st_size > MOST:
                raise self.damaged(what, f"larger than {MOST >> 20} MiB")
            content: bytes = file.read(MOST)
            return content


def pull(store: Store, folder: Path) -> Transfer:
    """Copy what a folder holds into the store; every file is checked against its name. Raises StoreError."""
    origin, transfer = Origin(folder), Transfer()
    root = origin.root
    if (other := foreign(folder)) is not None:
        raise StoreError(other.message, NEWER if other.newer else "push it again")
    if not root.is_dir():
        raise StoreError(f"there is nothing to pull in `{folder}`", "make it with `recipe store push DIR --measures`")
    with store.building():
        for kind in KEYED:
            for path in sorted((root / kind.folder).glob("*/*")):
                pull_key(store, origin, kind, path, transfer)
        for memos in origin.memos:
            for path in sorted((memos / "memo").glob("*/*/*.journal")):
                above = ABOVE.fullmatch(path.parent.relative_to(memos).as_posix())
                if JOURNAL.fullmatch(path.name) and above:
                    pull_journal(store, origin, path, above[1])
        for path in sorted((root / "names").rglob(LAST)):
            pull_name(store, origin, path)
    return transfer


def pull_key(store: Store, origin: Origin, kind: type[Keyed], path: Path, transfer: Transfer) -> None:
    """The result of one key."""
    key, offered = path.name, sorted(each.stem for each in path.glob("*.json"))
    if not DIGEST.fullmatch(key) or not offered:
        return
    local = store.look_up(key, kind)
    digests = sorted({*offered, *([local.content] if local is not None else [])})
    if len(digests) > 1:
        listed = ", ".join(digest[:12] for digest in digests[:9])
        raise StoreError(f"the key {key[:12]} has several results: {listed}", "one of the stores is wrong: `recipe store verify`")
    if local is not None:
        return
    what = f"the record {kind.folder}/{key[:12]}"
    body = unsealed(origin.read(path / f"{offered[0]}.json", what))
    if body is None:
        raise origin.damaged(what, "damaged")
    try:
        record = kind.read(body)
        if (record.key, record.content) != (key, offered[0]):
            raise Unsound("it is of another key or result")
        left = left_out(record)
        for digest in sorted(record.objects() - left):
            pull_object(store, origin, digest, transfer)
        complain_objects(store, record, left)
    except (Unsound, RecursionError) as error:
        raise origin.damaged(what, f"damaged: {error}") from None
    store.write_record(record)
    transfer.records, transfer.left_out = transfer.records + 1, transfer.left_out + len(left)


def left_out(record: Keyed) -> set[str]:
    """The objects that a record names and that stayed where they are. Raises Unsound for names of anything but objects."""
    wrong = next((each for each in record.objects() if not DIGEST.fullmatch(each)), None)
    if wrong is not None:
        raise Unsound(f"`{wrong[:80]}` is no digest")
    return set(record.without or ())


def pull_object(store: Store, origin: Origin, digest: str, transfer: Transfer) -> None:
    """One object, if its bytes have the digest in its name and hold a whole table."""
    target, what = store.object_path(digest), f"the object {digest[:12]}"
    if target.exists():
        return
    partial = store.root / "tmp" / uuid.uuid4().hex
    try:
        with origin.open(origin.root / "objects" / digest[:2] / digest, what) as file, store.files.create(partial) as copy:
            shutil.copyfileobj(file, copy, 1 << 22)
        if hash_path(partial) != digest:
            raise origin.damaged(what, "damaged")
        complain_table(origin, what, partial)
        store.hold(digest)
        partial.chmod(0o444)
        store.files.make_folder(target.parent)
        with store.gate():
            store.files.rename(partial, target)
    finally:
        partial.unlink(missing_ok=True)
    transfer.objects, transfer.bytes = transfer.objects + 1, transfer.bytes + target.stat().st_size


def complain_table(origin: Origin, what: str, path: Path) -> None:
    """Raises StoreError for a file that is no Arrow table, or whose offsets lead out of its buffers."""
    try:
        with pa.memory_map(str(path)) as file:
            pa.ipc.open_file(file).read_all().validate(full=True)
    except (pa.ArrowException, OSError) as error:
        raise origin.damaged(what, f"no table: {str(error)[:200]}") from None


def pull_journal(store: Store, origin: Origin, path: Path, key: str) -> None:
    """Values of a dear measure; a broken entry is not believed when it is read."""
    target = store.memos / "memo" / key[:2] / key / path.name
    if not target.exists():
        partial = store.root / "tmp" / uuid.uuid4().hex
        store.files.write_bytes(partial, origin.read(path, f"the memo {key[:12]}"))
        store.files.make_folder(target.parent)
        store.files.rename(partial, target)


def pull_name(store: Store, origin: Origin, path: Path) -> None:
    """What the last build of a recipe was, where none is known here."""
    name = path.parent.relative_to(origin.root / "names").as_posix()
    body = unsealed(origin.read(path, f"the name `{name[:80]}`"))
    if body is None:
        raise origin.damaged(f"the name `{name[:80]}`", "damaged")
    try:
        build = LastBuild.read(body)
        complain_name(build, name)
    except Unsound as error:
        raise origin.damaged(f"the name `{name[:80]}`", f"damaged: {error}") from None
    if not store.last_build(name).stages:
        store.write_last_build(build)
