"""What a build needs of other machines is fetched before anything runs; checks, plans and diffs never do."""

from __future__ import annotations

from collections.abc import Callable, Collection
from urllib.parse import urlsplit

from compiler.graph.stages import SourceStage, of_kind
from runtime.build.progress import Progress
from runtime.build.session import Session
from runtime.store.bound import show_size
from runtime.store.store import Store


def remote_sources(session: Session, names: Collection[str] | None = None) -> dict[str, SourceStage]:
    """The sources of a recipe's graph whose files lie on other machines."""
    stages = (stage for stage in of_kind(SourceStage, session.graph) if stage.operator.remote)
    return {stage.node.label: stage for stage in stages if names is None or stage.node.label in names}


def pinned_commits(session: Session) -> dict[str, tuple[str, str]]:
    """Source -> (what it says of the hub, the commit that the lock pins), where the recipe names no commit itself."""
    found = {}
    for name, feed in session.read.recipe.sources.items():
        locked = session.lock.sources.get(name) if session.lock is not None else None
        if feed.operator.hf is None or locked is None or locked.pattern != feed.operator.pattern or not locked.files:
            continue
        commit = locked.files[0][0].partition("@")[2].partition("/")[0]
        if commit != feed.operator.hf.revision:
            found[name] = locked.pattern, commit
    return found


def fetch_missing(session: Session, quiet: bool, store: Store | None = None) -> list[str]:
    """Get what is not here, but for sources whose rows the store has; what was fetched, in lines. Raises StoreError.

    The recipe is proven first as far as it can be: what it must not use is asked of nobody.
    """
    from runtime.sources.remote.shelf import Shelf, touch

    shelf, lacking = Shelf(), list[str]()
    if not all([shelf.intact(each) for files in session.found.fetched.values() for each in files]):
        session.look_again()
    for name, stage in remote_sources(session).items():
        paths = session.found.files[name]
        for path in paths:
            touch(path)
        recorded = store is not None and session.facts.leaves[name].origin == "lock" and has_rows(session, store, stage)
        if not (paths or recorded):
            lacking.append(name)
    return fetch_sources(session, lacking, quiet) if lacking else []


def has_rows(session: Session, store: Store, stage: SourceStage) -> bool:
    key = session.addresses(store).key(stage.index)
    return key is not None and store.find(key) is not None


def fetch_sources(session: Session, names: Collection[str], quiet: bool, again: bool = False) -> list[str]:
    """Get the files of some sources, and let the session look at them; with `again` those that lie there today."""
    from runtime.sources.remote.fetch import fetch
    from runtime.sources.remote.shelf import Shelf

    lock, lines = session.lock, []
    with Progress(quiet) as progress:
        for name in names:
            source, locked = session.read.recipe.sources[name].operator, lock.sources.get(name) if lock else None
            files, notes = fetch(source, locked, session.newest(name), again, frozenset(session.opened), teller(progress, name))
            size, many = show_size(sum(each.size for each in files)), "s" * (len(files) != 1)
            lines.append(f"fetched `{name}`: {len(files):,} file{many}, {size}, from {host_of(source.pattern)}")
            lines += [f"  {each}" for each in notes]
    session.look_again()
    Shelf().shrink({path for name in session.found.fetched for path in session.found.files[name]})
    return lines


def teller(progress: Progress, name: str) -> Callable[[int, str], None]:
    """Tells how far a file is."""

    def tell(size: int, address: str) -> None:
        progress.say(name, f"fetches {address.rpartition('/')[2]}  {show_size(size)}")

    return tell


def host_of(pattern: str) -> str:
    """Whom files come from, as a person says it."""
    parts = urlsplit(pattern)
    return f"the hub's `{parts.path.strip('/').partition('@')[0]}`" if parts.scheme == "hf" else parts.netloc
