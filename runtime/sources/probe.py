"""Look at the leaves: which files a source names, their columns and their digests."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING

from compiler.compile import Read
from compiler.graph.facts import Facts, Leaf
from compiler.graph.forgotten import Forgotten
from compiler.graph.lock import Lock
from compiler.graph.nodes import Graph
from compiler.graph.stages import SourceStage, of_kind
from compiler.recipe.benchmarks import FEED
from compiler.text.canonical import digest_of
from compiler.text.diagnostics import Diagnostic, RecipeError
from compiler.text.document import near_files
from compiler.text.project import Outside
from operators.declared.source import Source, packed_as
from runtime.sources.readers.files import Unreadable, hash_file, resolve_files
from runtime.sources.readers.globs import TooMany

if TYPE_CHECKING:
    from runtime.sources.archives import Unpacked
    from runtime.sources.remote.shelf import Fetched

#: Files of a source that are no larger together are read to their end by a check, to count their lines.
SMALL = 1 << 22


@dataclass(frozen=True)
class Found:
    """The files of each source on this machine."""

    files: Mapping[str, list[Path]]
    wrong: tuple[Diagnostic, ...] = ()
    """What is wrong with the names of files: they lead out of the project, or are written in two ways."""
    fetched: Mapping[str, tuple[Fetched, ...]] = field(default_factory=dict)
    """Source whose files lie on other machines -> what each of them was when it came here: equal bytes lie at one path."""
    digests: dict[Path, str] = field(default_factory=dict)
    packed: Mapping[Path, tuple[Path, str]] = field(default_factory=dict)
    """A file that lay in an archive -> (the archive, what it is called there)."""
    archives: tuple[Unpacked, ...] = ()
    """The archives that they lay in: their files are there for as long as these are."""

    def digest(self, path: Path) -> str:
        """The digest of a file's bytes, read once for each command."""
        if path not in self.digests:
            self.digests[path] = hash_file(path)
        return self.digests[path]

    def named(self, read: Read, source: str) -> list[tuple[str, Path]]:
        """(what people know it by, the file) of a source: its path, where it came from, or its name behind its archive's."""
        paths = self.files[source]
        if source in self.fetched:
            return [(each.address, path) for each, path in zip(self.fetched[source], paths, strict=True)]
        packed = [(*self.packed.get(path, (path, "")), path) for path in paths]
        return [(read.place.shorten(archive) + (f"/{member}" if member else ""), path) for archive, member, path in packed]

    def leaf(self, source: str) -> str:
        """The digest of a source's bytes."""
        return leaf_digest([self.digest(path) for path in self.files[source]])


def find_files(read: Read, lock: Lock | None, newest: Callable[[str], bool]) -> Found:
    """The files of every source that may be read; `newest` tells of which source the last ones fetched come before the lock's."""
    found: dict[str, list[Path]] = {}
    packed: dict[Path, tuple[Path, str]] = {}
    archives: list[Unpacked] = []
    fetched: dict[str, tuple[Fetched, ...]] = {}
    wrong = []
    for name, feed in read.recipe.sources.items():
        span = feed.node.find(("file",))
        pattern, found[name] = feed.operator.pattern, []
        if feed.operator.remote:
            from runtime.sources.remote.held import complain_lock, held
            from runtime.store.store import StoreError

            locked = lock.sources.get(name) if lock else None
            try:
                complain_lock(feed.operator, locked, newest(name))
            except StoreError as error:
                wrong.append(Diagnostic(str(error), span, error.hint))
                fetched[name] = ()
                continue
            here = held(feed.operator, locked, newest(name))
            found[name] = [path for path, _ in here]
            fetched[name] = tuple(each for _, each in here)
            continue
        try:
            inner, base = base_of(read, name)
            roots = (read.place.package,) if pattern.startswith("pkg:") else read.place.allowed
            found[name] = resolve_files(inner, base, roots)
        except Outside as error:
            wrong.append(read.place.complain(pattern, error, span))
        except TooMany as error:
            wrong.append(Diagnostic(str(error), span, "name the folder that the files are in"))
        except Unreadable as error:
            wrong.append(Diagnostic(error.message, span, "say the name as the disk has it, or rename one of them"))
        try:
            found[name] = [each for path in found[name] for each in unpacked(path, feed.operator, packed, archives)]
        except Unreadable as error:
            found[name] = []
            wrong.append(Diagnostic(f"{read.place.shorten(error.path)}: {error.message}", span))
    return Found(found, tuple(wrong), fetched, packed=packed, archives=tuple(archives))


def unpacked(path: Path, source: Source, packed: dict[Path, tuple[Path, str]], archives: list[Unpacked]) -> list[Path]:
    """The files that a file stands for: itself, or the members of an archive, which go into `packed`. Raises Unreadable."""
    if packed_as(path.name) is None:
        return [path]
    from runtime.sources.archives import unpack

    archives.append(archive := unpack(path, source.members))
    packed |= {where: (path, name) for name, where in archive.members}
    return [where for _, where in archive.members]


def base_of(read: Read, name: str) -> tuple[str, Path]:
    """(the path or glob of a source's files, the folder that it is relative to)."""
    feed = read.recipe.sources[name]
    span, pattern = feed.node.find(("file",)), feed.operator.pattern
    if pattern.startswith("pkg:"):
        return pattern.removeprefix("pkg:"), read.place.package
    return pattern, read.place.base(span)


def complain_misspelt(read: Read, found: Found, origins: Mapping[str, str], names: Iterable[str]) -> list[Diagnostic]:
    """The sources of these names whose folder is there and holds no such file; where it is not, files may be elsewhere."""
    wrong = []
    names = {*names} - read.recipe.triage.dropped()
    for name in sorted(names, key=[*read.recipe.sources].index):
        feed = read.recipe.sources[name]
        span = feed.node.find(("file",))
        if (
            feed.operator.remote
            or found.files[name]
            or origins.get(name) != "absent"
            or any(each.span == span for each in found.wrong)
        ):
            continue
        pattern, base = base_of(read, name)
        parts = Path(pattern).parts
        first = next((at for at, part in enumerate(parts) if "*" in part or "?" in part), len(parts) - 1)
        folder = base.joinpath(*parts[:first])
        if parts and "\0" not in pattern and os.path.isdir(folder):  # not Path.is_dir, which raises for a name too long
            hint = near_files(folder / parts[first])
            wrong.append(Diagnostic(f"no file matches `{feed.operator.pattern}`", span, hint))
    return wrong


def known_fields(
    read: Read, found: Found, lock: Lock | None, remembered: Mapping[str, tuple[str, Iterable[str]]]
) -> tuple[dict[str, frozenset[str] | None], dict[str, str], list[Diagnostic]]:
    """(columns of each source's files or None, where each is known from, what cannot be read).

    They are known from the lock, an earlier build, or else from a bounded look.
    """
    fields: dict[str, frozenset[str] | None] = {}
    origin: dict[str, str] = {}
    wrong = []
    for name, feed in read.recipe.sources.items():
        locked = lock.sources.get(name) if lock else None
        # What is in reach of a row inside others depends on the way to it, so that it is looked up in the files themselves.
        inside = (feed.operator.records is not None or feed.operator.members is not None) and found.files[name]
        if locked is not None and locked.pattern == feed.operator.pattern and locked.fields and not inside:
            fields[name], origin[name] = frozenset(locked.fields), "lock"
        elif found.files[name] and not inside and name in remembered and found.leaf(name) == remembered[name][0]:
            fields[name], origin[name] = frozenset(remembered[name][1]), "store"
        elif found.files[name] and feed.operator.format_of(str(found.files[name][0])) is not None:
            from runtime.sources.readers.read import probe

            known: set[str] | None = set()
            for shown, path in found.named(read, name)[:3]:
                try:
                    looked = probe(feed.operator, path)
                    known = None if known is None or looked is None else known | set(looked)
                except Unreadable as error:
                    wrong.append(Diagnostic(f"{shown}: {error.message}", feed.node.find(("file",))))
                    known = None
            fields[name], origin[name] = None if known is None else frozenset(known), "files"
        else:
            fields[name], origin[name] = None, "absent"
    return fields, origin, wrong


def most_rows(read: Read, found: Found, origins: Mapping[str, str]) -> Callable[[str], float]:
    """Tells how many rows a source's files have at most: infinite where that takes more than a look, or they are locked."""

    @cache
    def most(name: str) -> float:
        feed = read.recipe.sources[name]
        count = bound_rows(feed.operator, found.files[name]) if origins[name] == "files" else None
        return inf if count is None else count

    return most


def bound_rows(source: Source, paths: list[Path]) -> int | None:
    """How many rows some files have at most: by their lines where they are small, or by what Parquet says of itself."""
    formats = {source.written(path.name) for path in paths}
    if source.records is not None or not paths or not formats <= {("jsonl", ""), ("csv", ""), ("tsv", ""), ("parquet", "")}:
        return None
    if formats == {("parquet", "")}:
        from runtime.sources.sizes import rows_said

        return rows_said(paths)
    if ("parquet", "") in formats or sum(path.stat().st_size for path in paths) > SMALL:
        return None
    named = source.header and formats != {("jsonl", "")}
    return sum(max(0, sum(map(bool, map(bytes.strip, path.read_bytes().splitlines()))) - named) for path in paths)


def count_rows(source: Source, paths: Iterable[Path]) -> int:
    """How many rows the files of a source hold, by reading them; raises Unreadable."""
    from runtime.sources.readers.read import read_batches

    return sum(batch.table.num_rows for path in paths for batch in read_batches(source, path))


def absence(source: Source) -> str:
    """What is said of a source whose files are not here."""
    return f"`{source.pattern}` is not fetched" if source.remote else f"no file matches `{source.pattern}`"


def complain_absent(read: Read, facts: Facts, graph: Graph, partly: bool = False) -> None:
    """Raises RecipeError for every source that matches no file and is in no lock: nothing can be built of it.

    Where a recipe is built `partly`, one that is not read may come later.
    """
    wrong = []
    used = {stage.node.label for stage in of_kind(SourceStage, graph)}
    for name, leaf in facts.leaves.items():
        if leaf.digest is None and (name in used or not (partly or read.recipe.spared(name))):
            node = read.recipe.sources[name].node
            hint = "a path is relative to the file that says it"
            wrong.append(Diagnostic(absence(read.recipe.sources[name].operator), node.find(("file",)), hint))
    declared = read.recipe.evaluate.benchmarks if read.recipe.evaluate is not None else {}
    for name, placed in declared.items():
        judged = facts.leaves.get(FEED + name)
        if FEED + name in used and judged is not None and placed.benchmark.digest not in (None, judged.digest):
            message = f"the files of the benchmark `{name}` are {judged.digest}, and another digest is declared"
            wrong.append(Diagnostic(message, placed.node.find(("digest",)), "other items give scores that cannot be compared"))
    if wrong:
        raise RecipeError(tuple(wrong))


def gather_facts(
    read: Read, found: Found, lock: Lock | None, fields: Mapping[str, frozenset[str] | None], forgotten: Forgotten
) -> Facts:
    """Digests of the bytes of every source's files; the lock's stand in only where the files are absent."""
    leaves: dict[str, Leaf] = {}
    for name in read.recipe.sources:
        locked = lock.sources.get(name) if lock else None
        pinned = lock.tables[name].key if lock and name in lock.tables else ""
        if found.files[name]:
            files = tuple((shown, found.digest(path), path.stat().st_size) for shown, path in found.named(read, name))
            digest = leaf_digest([digest for _, digest, _ in files])
            same = locked is not None and locked.digest == digest
            leaves[name] = Leaf(
                digest, fields[name], "files", files, locked.classes if locked is not None and same else {}, pinned
            )
        elif locked is not None and locked.pattern == read.recipe.sources[name].operator.pattern:
            leaves[name] = Leaf(locked.digest, fields[name], "lock", locked.files, locked.classes, pinned)
        else:
            leaves[name] = Leaf(None, fields[name], "absent")
        if name in forgotten:
            leaves[name] = replace(leaves[name], forgotten=forgotten[name])
    if not read.recipe.trains:
        return Facts(leaves)
    from runtime.completions.weights import weights_facts

    return Facts(leaves, weights_facts(read, lock))


def leaf_digest(digests: list[str]) -> str:
    """The digest of a source's bytes, whatever the files are called and in which order they come."""
    return digest_of(sorted(digests))
