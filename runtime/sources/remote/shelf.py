"""What was fetched: files by the digest of their bytes, in a folder of the user's that all projects share, with a bound."""

from __future__ import annotations

import fcntl
import json
import os
import re
import shutil
import time
import uuid
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from blake3 import blake3

from operators.declared.address import file_name
from runtime.sources.readers.files import hash_file
from runtime.store.bound import parse_size
from runtime.store.cache import MOST, SHARE
from runtime.store.location import cache_root
from runtime.store.store import StoreError

DIGEST = re.compile("[0-9a-f]{64}")
SPARED_SECONDS = 3600
"""What was used within them stays: another build may be about to read it."""


@dataclass(frozen=True)
class Fetched:
    """One file as it was fetched."""

    address: str
    """Where it lies; of the hub with the commit."""
    digest: str
    """The BLAKE3 of its bytes."""
    size: int
    sha256: str | None = None
    """Known of what this machine fetched."""


class Shelf:
    """The folder of what was fetched."""

    def __init__(self, root: Path | None = None) -> None:
        self.root = (root or cache_root()) / "fetched"

    @cached_property
    def bound(self) -> int:
        """Bytes that it may hold: RECIPE_FETCHED says how many, else as for other caches. Raises StoreError for no size."""
        told = os.environ.get("RECIPE_FETCHED")
        if told:
            try:
                return parse_size(told)
            except ValueError as error:
                raise StoreError(f"RECIPE_FETCHED: {error}", "write it like 200GB, or leave it out") from None
        return min(MOST, shutil.disk_usage(self.folder()).total // SHARE)

    def folder(self, *names: str) -> Path:
        """A folder of it, made where it is not there; others of this machine may not look into it: not all text may be theirs."""
        self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
        made = self.root.joinpath(*names)
        made.mkdir(parents=True, exist_ok=True)
        return made

    # -- files

    def path(self, file: Fetched) -> Path:
        """Where a file lies, if it is here: its name ends as its address does, for that says how it is written."""
        last = re.sub(r"[^A-Za-z0-9._-]", "_", file_name(file.address)).lstrip(".-")[-100:].lstrip(".-")
        return self.root / "files" / file.digest / (last or "file")

    def find(self, file: Fetched) -> Path | None:
        """The file, where its bytes are here, under any name."""
        path = self.path(file)
        if path.is_file() and path.stat().st_size == file.size:
            return path
        twin = next((each for each in path.parent.glob("*") if each.is_file() and each.stat().st_size == file.size), None)
        if twin is None:
            return None
        made = self.scratch()
        os.link(twin, made)
        os.replace(made, path)
        return path

    def drop(self, file: Fetched) -> None:
        """Remove bytes that are not what their name says."""
        shutil.rmtree(self.path(file).parent, ignore_errors=True)

    def take(self, part: Path, file: Fetched) -> Path:
        """Let a whole file lie where its digest says."""
        path = self.path(file)
        self.folder("files", file.digest)
        os.replace(part, path)
        if file.sha256 is not None:
            self.write(self.root / "sha256" / file.sha256, {"digest": file.digest, "size": file.size})
        return path

    def of_sha256(self, sha256: str, address: str) -> Fetched | None:
        """The file of these bytes, if they are here: another commit often has most of the files of the one before."""
        said = read(self.root / "sha256" / sha256) if DIGEST.fullmatch(sha256) else None
        if not isinstance(said, dict) or not DIGEST.fullmatch(str(said.get("digest"))) or not isinstance(said.get("size"), int):
            return None
        file = Fetched(address, str(said["digest"]), said["size"], sha256)
        return file if self.intact(file) else None

    def intact(self, file: Fetched) -> bool:
        """Whether a file is here whole; one that is damaged leaves."""
        path = self.find(file)
        if path is not None and hash_file(path) != file.digest:
            self.drop(file)
            return False
        return path is not None

    def write(self, path: Path, said: object) -> None:
        made = self.scratch()
        self.folder(path.parent.name)
        made.write_text(json.dumps(said), "utf-8")
        os.replace(made, path)

    def scratch(self) -> Path:
        return self.folder("parts") / uuid.uuid4().hex

    @contextmanager
    def part(self, address: str) -> Iterator[Path]:
        """Where an address is being written to; held by one process at a time, and it stays where that one dies."""
        path = self.folder("parts") / blake3(address.encode()).hexdigest()
        with open(path.with_suffix(".lock"), "a") as held:
            fcntl.flock(held, fcntl.LOCK_EX)
            yield path

    # -- places

    def note(self, pattern: str, files: Collection[Fetched]) -> None:
        """Write down what lies at a place, as far as this machine has seen."""
        self.write(self.place(pattern), {"pattern": pattern, "files": [asdict(each) for each in files]})

    def known(self, pattern: str) -> list[Fetched] | None:
        """What lay at a place when this machine last looked; None where it never did, or cannot say."""
        said = read(self.place(pattern))
        try:
            files = [Fetched(**each) for each in said["files"]]
            sound = said["pattern"] == pattern and all(DIGEST.fullmatch(each.digest) for each in files)
            return files if sound and all(isinstance(each.size, int) for each in files) else None
        except (KeyError, TypeError):
            return None

    def place(self, pattern: str) -> Path:
        return self.root / "places" / f"{blake3(pattern.encode()).hexdigest()}.json"

    # -- the bound

    def shrink(self, held: Collection[Path]) -> int:
        """Let the files that were not used for longest leave until the rest is within the bound; says how many bytes went."""
        found = []
        for path in (*(self.root / "files").glob("*/*"), *(self.root / "parts").glob("*")):
            with suppress(OSError):
                found.append((path.stat(), path))
        size = sum({stat.st_ino: stat.st_size for stat, _ in found}.values())
        gone, now = 0, time.time()
        for stat, path in sorted(found, key=lambda each: (each[0].st_mtime_ns, each[1].name)):
            if size - gone <= self.bound:
                break
            if path in held or now - stat.st_mtime < SPARED_SECONDS or path.suffix == ".lock":
                continue
            path.unlink(missing_ok=True)
            with suppress(OSError):
                path.parent.rmdir()
            gone += stat.st_size
        return gone


def read(path: Path) -> Any:
    """What a small file of ours says; None where it says nothing that can be read."""
    try:
        return json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return None


def touch(path: Path) -> None:
    """Note that a file was used now."""
    with suppress(OSError):  # it may have left meanwhile
        os.utime(path)
