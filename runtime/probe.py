"""Look at the leaves: which files a source names, their columns and their digests."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from compiler.benchmarks import FEED
from compiler.compile import Read
from compiler.diagnostics import Diagnostic, RecipeError
from compiler.facts import Facts, Leaf
from compiler.graph import Graph
from compiler.keys import digest_of
from compiler.lock import Lock
from compiler.project import Outside
from operators.source import Source
from runtime.readers.files import Unreadable, hash_file, resolve_files
from runtime.readers.globs import TooMany
from runtime.weights import weights_facts


@dataclass(frozen=True)
class Found:
    """The files of each source on this machine."""

    files: Mapping[str, list[Path]]
    digests: dict[Path, str] = field(default_factory=dict)

    def digest(self, path: Path) -> str:
        """The digest of a file's bytes, read once for each command."""
        if path not in self.digests:
            self.digests[path] = hash_file(path)
        return self.digests[path]

    def leaf(self, source: str) -> str:
        """The digest of a source's bytes."""
        return leaf_digest([self.digest(path) for path in self.files[source]])


def find_files(read: Read) -> Found:
    """The files of every source; raises RecipeError for a path that leads out of the project."""
    found: dict[str, list[Path]] = {}
    wrong = []
    for name, feed in read.recipe.sources.items():
        span = feed.node.find(("file",))
        pattern = feed.operator.file
        try:
            if pattern.startswith("pkg:"):
                found[name] = resolve_files(pattern.removeprefix("pkg:"), read.place.package, (read.place.package,))
            else:
                base = span.text.path.parent if span.text.path is not None else read.place.path.parent
                found[name] = resolve_files(pattern, base, read.place.allowed)
        except Outside as error:
            wrong.append(read.place.complain(pattern, error, span))
        except TooMany as error:
            wrong.append(Diagnostic(str(error), span, "name the folder that the files are in"))
        except Unreadable as error:
            wrong.append(Diagnostic(error.message, span, "say the name as the disk has it, or rename one of them"))
    if wrong:
        raise RecipeError(tuple(wrong))
    return Found(found)


def known_fields(
    read: Read, found: Found, lock: Lock | None, remembered: Mapping[str, tuple[str, Iterable[str]]]
) -> tuple[dict[str, frozenset[str] | None], dict[str, str]]:
    """(columns of each source's files or None, where each is known from): the lock, an earlier build, else a bounded look."""
    fields: dict[str, frozenset[str] | None] = {}
    origin: dict[str, str] = {}
    wrong = []
    for name, feed in read.recipe.sources.items():
        locked = lock.sources.get(name) if lock else None
        if locked is not None and locked.pattern == feed.operator.file:
            fields[name], origin[name] = frozenset(locked.fields), "lock"
        elif found.files[name] and name in remembered and found.leaf(name) == remembered[name][0]:
            fields[name], origin[name] = frozenset(remembered[name][1]), "store"
        elif found.files[name] and feed.operator.format_of(str(found.files[name][0])) is not None:
            from runtime.readers.read import probe

            known: set[str] = set()
            for path in found.files[name][:3]:
                try:
                    known |= set(probe(feed.operator, path))
                except Unreadable as error:
                    wrong.append(Diagnostic(str(error), feed.node.find(("file",))))
            fields[name], origin[name] = frozenset(known), "files"
        else:
            fields[name], origin[name] = None, "absent"
    if wrong:
        raise RecipeError(tuple(wrong))
    return fields, origin


def count_rows(source: Source, paths: Iterable[Path]) -> int:
    """How many rows the files of a source hold, by reading them; raises Unreadable."""
    from runtime.readers.read import read_batches

    return sum(batch.table.num_rows for path in paths for batch in read_batches(source, path))


def complain_absent(read: Read, facts: Facts, graph: Graph) -> None:
    """Raises RecipeError for every source that matches no file and is in no lock: nothing can be built of it."""
    wrong = []
    used = {node.label for _, node in graph if isinstance(node.operator, Source)}
    for name, leaf in facts.leaves.items():
        if leaf.digest is None and (name in used or not name.startswith(FEED)):
            node = read.recipe.sources[name].node
            pattern = read.recipe.sources[name].operator.file
            wrong.append(
                Diagnostic(f"no file matches `{pattern}`", node.find(("file",)), "a path is relative to the file that says it")
            )
    declared = read.recipe.evaluate.benchmarks if read.recipe.evaluate is not None else {}
    for name, said in declared.items():
        judged = facts.leaves.get(FEED + name)
        if FEED + name in used and judged is not None and said.benchmark.digest not in (None, judged.digest):
            message = f"the files of the benchmark `{name}` are {judged.digest}, and another digest is declared"
            wrong.append(Diagnostic(message, said.node.find(("digest",)), "other items give scores that cannot be compared"))
    if wrong:
        raise RecipeError(tuple(wrong))


def gather_facts(read: Read, found: Found, lock: Lock | None, fields: Mapping[str, frozenset[str] | None]) -> Facts:
    """Digests of the bytes of every source's files; the lock's stand in only where the files are absent."""
    leaves: dict[str, Leaf] = {}
    for name in read.recipe.sources:
        locked = lock.sources.get(name) if lock else None
        if found.files[name]:
            files = tuple((read.place.shorten(path), found.digest(path), path.stat().st_size) for path in found.files[name])
            leaves[name] = Leaf(leaf_digest([digest for _, digest, _ in files]), fields[name], "files", files)
        elif locked is not None and locked.pattern == read.recipe.sources[name].operator.file:
            leaves[name] = Leaf(locked.digest, fields[name], "lock", locked.files)
        else:
            leaves[name] = Leaf(None, fields[name], "absent")
    return Facts(leaves, weights_facts(read, lock))


def leaf_digest(digests: list[str]) -> str:
    """The digest of a source's bytes, whatever the files are called and in which order they come."""
    return digest_of(sorted(digests))
