"""The memo of segments: where texts are cut, by their content, so that a text is segmented once, whatever is looked for in it."""

from __future__ import annotations

import struct
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
from blake3 import blake3

from compiler.graph.facts import installed_version
from compiler.text.canonical import digest_of
from operators.kernels.segments import cuts_of
from operators.kernels.text import Ints
from operators.measures.decontaminate import SEGMENTERS
from runtime.store.store import Store
from runtime.tables.memo import CHECK

ENDING = ".cuts"
HEAD = struct.Struct("<16sI")
"""The digest of a text, and how many bytes follow: a bit for each place at which a segment may begin or end."""


class Segmented:
    """Segments of texts, from the memo of a store where it has them."""

    def __init__(self, store: Store, version: Callable[[str], str], workers: int) -> None:
        self.store, self.version, self.workers = store, version, workers
        self.known: dict[str, dict[bytes, bytes]] = {}
        self.measured = 0
        """Texts that had to be segmented."""

    def __reduce__(self) -> tuple[Any, ...]:
        return Segmented, (self.store, installed_version, self.workers)

    def __call__(self, library: str, texts: Sequence[str]) -> list[Ints]:
        """For each text, where its segments begin and the last one ends, in characters that are no white space."""
        if library not in SEGMENTERS:
            return cuts_of(library, texts, self.workers)
        digests = [blake3(text.encode()).digest(16) for text in texts]
        with GUARD:
            if library not in self.known:
                self.known[library] = self.load(library)
            known = self.known[library]
            missing = {digest: text for digest, text in zip(digests, texts, strict=True) if digest not in known}
            if missing:
                made = dict(zip(missing, map(packed, cuts_of(library, list(missing.values()), self.workers)), strict=True))
                self.append(library, made)
                known.update(made)
                self.measured += len(made)
        return [unpacked(known[digest]) for digest in digests]

    def folder(self, library: str) -> Path:
        """Where the cuts of one version of a segmenter lie."""
        versions = {name: self.version(name) for name in ("unicode", *SEGMENTERS[library])}
        key = digest_of({"segments": library, "versions": versions})
        return self.store.memos / "memo" / key[:2] / key

    def load(self, library: str) -> dict[bytes, bytes]:
        """All that is known; a journal with broken entries is set aside, once its whole ones are written anew."""
        found: dict[bytes, bytes] = {}
        self.store.bring_memo(self.folder(library), lambda path: path.suffix == ENDING and not broken_cuts(path))
        for path in sorted(self.folder(library).glob(f"*{ENDING}")):
            with suppress(FileNotFoundError):  # another build was first to set it aside
                whole = dict(cuts_in(path.read_bytes()))
                if broken_cuts(path):
                    if whole:
                        self.append(library, whole)
                    self.store.set_aside(path)
                found.update(whole)
        return found

    def append(self, library: str, made: dict[bytes, bytes]) -> None:
        """A journal of their own, put in place whole."""
        folder, name = self.folder(library), f"{uuid.uuid4().hex}{ENDING}"
        self.store.files.make_folder(folder)
        bodies = (HEAD.pack(digest, len(cuts)) + cuts for digest, cuts in made.items())
        self.store.files.write_bytes(self.store.root / "tmp" / name, b"".join(b + blake3(b).digest(CHECK) for b in bodies))
        self.store.files.rename(self.store.root / "tmp" / name, folder / name)
        self.store.send_memo(folder / name)


def packed(cuts: Ints) -> bytes:
    """A bit for each place up to the last cut."""
    flags = np.zeros(int(cuts[-1]) + 1, dtype=bool)
    flags[cuts] = True
    return np.packbits(flags).tobytes()


def unpacked(data: bytes) -> Ints:
    return np.flatnonzero(np.unpackbits(np.frombuffer(data, dtype=np.uint8))).astype(np.int64)


def cuts_in(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """The entries of a journal, up to the first that was cut short or changed; what it lacks is segmented again."""
    at = 0
    while at + HEAD.size <= len(data):
        digest, size = HEAD.unpack_from(data, at)
        end = at + HEAD.size + size
        if blake3(data[at:end]).digest(CHECK) != data[end : end + CHECK]:
            return
        yield digest, data[at + HEAD.size : end]
        at = end + CHECK


def broken_cuts(path: Path) -> bool:
    """Whether a journal holds more than its whole entries."""
    data = path.read_bytes()
    return sum(HEAD.size + len(cuts) + CHECK for _, cuts in cuts_in(data)) != len(data)


GUARD = Lock()
"""One thread segments at a time: segmenters have threads of their own."""
