"""Repeat a build in a store of its own, and compare the digest of each stage."""

from __future__ import annotations

import tempfile
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from compiler.graph.nodes import stage_name
from operators.base.declare import Repeats
from runtime.build.builder import Builder
from runtime.build.fetching import fetch_missing, remote_sources
from runtime.build.progress import Progress
from runtime.build.session import Session
from runtime.completions.memo import CompletionMemo
from runtime.completions.stage import Asking
from runtime.executors.choose import LOCAL, chosen_executor, open_executor
from runtime.sources.probe import complain_absent
from runtime.store.store import Store, StoreError

CLASSES: tuple[Repeats, ...] = ("bitwise", "numeric", "recorded")


@dataclass(frozen=True)
class Repeated:
    """One stage that was made again."""

    name: str
    repeats: Repeats
    digest: str
    state: Literal["same", "differs", "new"]
    """`new`: neither the store nor the lock knows a result of its key."""
    known: str | None
    """The digest of before."""
    where: str | None
    """Who knows it: the store or the lock."""


def repeat(session: Session, progress: Progress) -> list[Repeated]:
    """Make every stage again whose result is the same bytes anywhere, and compare. Raises what a build raises."""
    if remote_sources(session):
        fetch_missing(session, quiet=True)
    complain_absent(session.read, session.facts, session.graph)
    graph, kept = session.graph, session.open_store()
    pinned = [] if session.lock is None else [*session.lock.tables.values(), *session.lock.outputs.values()]
    pins = {pin.key: pin.digest for pin in pinned}
    # Completions are not asked for again: the first result is the result.
    asking = Asking(CompletionMemo(kept), session.models, {}, silent=True)
    engine = chosen_executor(session.engine)
    if engine != LOCAL and (url := kept.location.url) is not None:
        message = (
            f"`--engine {engine}` makes nothing again beside the store `{url}`: other machines do not see this one's folders"
        )
        raise StoreError(message, "verify on this machine: --engine local")
    # Workers on other machines see what lies in the store's folder, and not what lies in a folder of this machine.
    beside = None if engine == LOCAL else kept.folder
    with tempfile.TemporaryDirectory(prefix="recipe-verify-", dir=beside) as made:
        store = Store(Path(made))
        with store.building(), closing(open_executor(store, engine, graph)) as executor:
            built = Builder(store, session, progress, executor, asking).build()
    stages = []
    for index, record in built.records.items():
        before = kept.find(record.key)
        digests = {} if before is None else {"the store": before.digest}
        digests |= {"the lock": pins[record.key]} if record.key in pins else {}
        wrong = [where for where, digest in digests.items() if digest != record.digest]
        where = next(iter([*wrong, *digests]), None)
        digest = digests[where] if where is not None else None
        state: Literal["same", "differs", "new"] = "differs" if wrong else "same" if digests else "new"
        stages.append(
            Repeated(stage_name(graph, index), graph.nodes[index].operator.repeats, record.digest, state, digest, where)
        )
    return stages
