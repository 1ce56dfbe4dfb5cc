"""Forgetting as a whole: the list beside the recipe, the store, and what is still there or cannot be reached."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from compiler.graph.forgotten import forgotten_text
from compiler.graph.stages import SourceStage, of_kind
from compiler.prove.release import below
from runtime.build.session import Session
from runtime.forget.begun import add_begun, begun_at, write_begun
from runtime.forget.removal import Removed, remove
from runtime.forget.search import Sought, files_in
from runtime.forget.wanted import Wanted
from runtime.store.files import replacing
from runtime.store.store import Store


@dataclass(frozen=True)
class Forgotten:
    """What became of it."""

    listed: int
    """Rows that are new on the list."""
    removed: Removed
    searched: int
    """Files of the store that were decoded and searched afterwards."""
    found: list[str]
    """Those of them that hold a text still, or that cannot be read."""
    beyond: list[str]
    """What cannot be reached, in sentences."""
    unread: list[str]
    """The sources whose rows are not known, and so not on the list, and whose files hold a text or may have the id."""


def look_everywhere(session: Session) -> None:
    """Let a session reach all tables and trainings of its recipe: what no output has may have been built as a target."""
    recipe = session.read.recipe
    trained = [each.label for each in recipe.trains.values()]
    session.targets = tuple(dict.fromkeys((*dict(recipe.outputs), *recipe.tables, *trained)))


def forget(session: Session, store: Store, wanted: Wanted) -> Forgotten:
    """List the rows, then take out of the store what it holds of them. Raises StoreError; begun again it goes on."""
    add_begun(store, wanted)
    write_begun(store, wanted)
    listed, unread = write_list(session, wanted), unread_sources(session, store, wanted)
    removed = remove(store, wanted)
    store.files.remove(begun_at(store))
    searched, found = prove(store, Sought(wanted.texts))
    return Forgotten(listed, removed, searched, found, list(beyond(session, store, wanted, removed)), unread)


def unread_sources(session: Session, store: Store, wanted: Wanted) -> list[str]:
    """The sources without a record whose files hold a text, all where an id is sought: the ids of rows come with the record."""
    sought, addresses = Sought(wanted.texts), session.addresses(store)
    bare = [each for each in of_kind(SourceStage, session.graph) if store.find(addresses.key(each.index)) is None]
    labels = [each.node.label for each in bare]
    return [each for each in labels if wanted.unknown or any(map(sought.in_path, source_files(session, each)))]


def targets_with(session: Session, sources: Iterable[str]) -> list[str]:
    """What is to be built besides the named outputs so that all of some sources are read."""
    graph, named, found = session.graph, dict(session.read.recipe.outputs), list[str]()
    at = {stage.node.label: stage.index for stage in of_kind(SourceStage, graph)}
    for source in sources:
        reading = [name for name, index in graph.outputs.items() if at[source] in below(graph, index)]
        found += [] if named.keys() & {*reading} else reading[:1]
    return list(dict.fromkeys(found))


def write_list(session: Session, wanted: Wanted) -> int:
    """Add rows to the list beside the recipe; how many were not on it."""
    place = session.read.place
    path = place.reach(place.forgotten, place.show(place.forgotten))
    before = {source: set(ids) for source, ids in session.forgotten.items()}
    after = {source: before.get(source, set()) | wanted.listed.get(source, set()) for source in {**before, **wanted.listed}}
    new = sum(map(len, after.values())) - sum(map(len, before.values()))
    if new:
        with replacing(path) as partial:
            partial.write_text(forgotten_text({source: tuple(ids) for source, ids in after.items()}), "utf-8")
    return new


def prove(store: Store, sought: Sought) -> tuple[int, list[str]]:
    """(files that were searched, those that hold a text or cannot be searched) of all that lies in a store."""
    count, found = 0, []
    for path in files_in(store.folder):
        count += 1
        before = sought.undecoded
        try:
            if sought.in_path(path):
                found.append(path.relative_to(store.folder).as_posix())
            elif sought.undecoded > before:
                found.append(f"{path.relative_to(store.folder).as_posix()} (damaged, and cannot be searched)")
        except (OSError, sqlite3.Error):
            found.append(f"{path.relative_to(store.folder).as_posix()} (cannot be searched)")
    return count, found


def beyond(session: Session, store: Store, wanted: Wanted, removed: Removed) -> Iterator[str]:
    """What holds it, or may hold it, and is no part of the store's folder."""
    if store.location.url is not None:
        yield (
            f"the store at `{store.location.url}` has objects, segments of completions and journals of its own: "
            "`recipe store gc --remote` takes out objects, a day later, whose records were here"
        )
    sought = Sought(wanted.texts)
    for path in dict.fromkeys(path for source in wanted.listed for path in source_files(session, source)):
        if sought.in_path(path):
            yield f"`{os.path.relpath(path)}` holds it; its rows are read no more, take them out of the file yourself"
    for name in removed.outputs:
        yield f"`{name}` held it: exports of it, and stores that it was pushed to"
    for name in removed.checkpoints:
        yield f"the checkpoint {name} was trained on it: its weights, and exports of them"
    own = session.read.recipe.name
    for recipe in removed.recipes:
        if recipe != own:
            yield f"the recipe `{recipe}` held it in this store and reads it again, unless it forgets it too"


def source_files(session: Session, source: str) -> list[Path]:
    """The files of a source as they lie on this machine: an archive in the place of its members."""
    found = session.found
    return [found.packed[path][0] if path in found.packed else path for path in found.files.get(source, [])]
