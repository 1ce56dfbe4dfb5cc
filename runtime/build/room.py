"""Room for a build: whether its sources fit into the bound of memory, and what it writes beside what the disk has free."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from compiler.graph.stages import SourceStage, of_kind
from runtime.build.session import Session
from runtime.store.bound import SMALLEST, Bound, show_size
from runtime.store.record import Record
from runtime.store.store import Store, StoreError
from runtime.store.trees import PART_COUNTS

if TYPE_CHECKING:
    from runtime.executors.executor import Executor
    from runtime.stages.extents import Extent, Needs
    from runtime.stages.kind import Kind

SMALL = 1 << 26
"""Bytes of files beside which nobody asks for room, unless the disk has less than twenty times as much."""


class Disk(NamedTuple):
    """What a build writes, about and at most, and what is free, in bytes; what models write is not in it."""

    kept: int
    passing: int
    """What is there while a stage runs: the most of any."""
    free: int

    @property
    def enough(self) -> bool:
        return self.kept + self.passing <= self.free

    def line(self) -> str:
        written, passing, free = map(show_size, self)
        said = f"disk: about {written} at most are written, and {passing} for a while; {free} are free"
        return said if self.enough else f"{said}: make room, or choose another store with --store"

    def data(self) -> dict[str, int]:
        return self._asdict()


def bound_of(memory: int | None) -> Bound:
    """What a build may take: RECIPE_PARTS says into how many parts tables are laid, else their size. Raises StoreError."""
    parts = os.environ.get("RECIPE_PARTS")
    if parts and parts not in map(str, PART_COUNTS):
        raise StoreError(f"RECIPE_PARTS is `{parts[:80]}`", f"it is one of {', '.join(map(str, PART_COUNTS))}")
    if memory is not None and memory < SMALLEST:
        raise StoreError(f"a build does not fit into {memory >> 20} MB", f"the least that works is {SMALLEST >> 20} MB")
    return Bound(memory, int(parts) if parts else None)


def free_at(folder: Path) -> int:
    """What the disk has free that a folder lies on, or will lie on."""
    there = next(each for each in (folder, *folder.parents) if each.exists())
    return shutil.disk_usage(there).free


def sizes_of(session: Session) -> Callable[[str], Extent]:
    """Tells how large the rows of a source are, about, by a look at its files."""
    sources = {stage.node.label: stage.operator for stage in of_kind(SourceStage, session.graph)}

    @cache
    def size(label: str) -> Extent:
        from runtime.sources.sizes import size_of
        from runtime.stages.extents import Extent

        return Extent(*size_of(sources[label], session.found.files.get(label, ())))

    return size


def disk_of(session: Session, store: Store, running: Iterable[int]) -> Disk | None:
    """What the stages write that are to run; None where it is little beside what is free."""
    free = free_at(store.folder)
    files = sum(size for leaf in session.facts.leaves.values() for _, _, size in leaf.files)
    if files < SMALL and 20 * files < free:
        return None
    from runtime.stages.extents import extent_of
    from runtime.stages.table import kinds

    addresses, source, wanted = session.addresses(store), sizes_of(session), set(running)
    below: dict[int, Extent] = {}
    needs: list[Needs] = []
    for kind in kinds(session.graph):
        index = kind.stage.index
        record = None if index in wanted else store.find(addresses.key(index))
        if record is not None:
            below[index] = extent_of(store, record)
        else:
            needs.append(kind.needs(below, source))
            below[index] = needs[-1].extent
    return Disk(sum(each.kept for each in needs), max((each.passing for each in needs), default=0), free) if needs else None


def complain_full(store: Store, kind: Kind[Any, Any], records: Mapping[int, Record], source: Callable[[str], Extent]) -> None:
    """Raises StoreError where the disk has not half of the room that a stage needs at most, before it writes anything."""
    from runtime.stages.extents import extent_of

    graph = kind.stage.graph
    read = {graph.base(each) for each in kind.stage.node.inputs}
    below = {index: extent_of(store, records[index]) for index in read if index in records}
    needs = kind.needs(below, source)
    size = needs.kept + (needs.passing if needs.passing > store.bound.run else 0)
    free = free_at(store.folder)
    if size > 2 * free:
        message = f"`{kind.stage.name}` writes about {show_size(size)} into `{store.folder}`, and {show_size(free)} are free"
        raise StoreError(message, "make room, or choose another store with --store")


def complain_large(session: Session, store: Store, executor: Executor, source: Callable[[str], Extent]) -> None:
    """Raises StoreError for a source that has not its rows in the store, and is too large for what may read it."""
    from runtime.executors.executor import Resources
    from runtime.stages.source import reading_cores

    for misfit in misfits(session, store, executor.allowance(Resources(reading_cores(executor))), source):
        raise misfit


def misfits(session: Session, store: Store, bound: Bound, source: Callable[[str], Extent]) -> Iterator[StoreError]:
    """What is said of each source that has not its rows in the store, and does not fit into a bound."""
    from runtime.sources.sizes import held_whole

    addresses = session.addresses(store)
    for stage in of_kind(SourceStage, session.graph):
        label, key = stage.node.label, addresses.key(stage.index)
        files = session.facts.leaves[label].files
        if key is not None and store.find(key) is not None:
            continue
        if (held := held_whole(stage.operator, session.found.files.get(label, ()))) > bound.room:
            message = f"a workbook of `{label}` takes about {show_size(held)} while it is read"
            hint = f"build with --memory {bound.least_with(held) >> 20}MB, or more, or save it as csv"
            yield StoreError(f"{message}: that does not fit into {bound.memory >> 20} MB", hint)
        if sum(size for _, _, size in files) * 8 < bound.most:
            continue  # nothing of a file grows more than eightfold when it is read
        from runtime.stages.extents import frame_bytes
        from runtime.tables.spill import complain_larger

        rows = source(label)
        try:
            complain_larger(f"the rows of `{label}`", rows.text + frame_bytes(rows.rows, stage.node.columns), bound)
        except StoreError as error:
            yield error
