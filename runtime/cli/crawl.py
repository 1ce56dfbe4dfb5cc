"""`recipe crawl`: get the pages of sites, politely, into WARC files beside the recipe."""

from __future__ import annotations

from fnmatch import fnmatchcase
from pathlib import Path

import click

from operators.declared.by_row import closest
from runtime.build.progress import Progress
from runtime.build.session import Session
from runtime.cli.options import answer, recipe_command


@recipe_command("crawl", fetches=True)
@click.option(
    "--site", "sites", multiple=True, metavar="NAME", help="This source; all that say `crawl` and are not here unless said."
)
@click.option("-q", "--quiet", is_flag=True, help="No progress.")
def crawl_command(session: Session, as_json: bool, sites: tuple[str, ...], quiet: bool) -> None:
    """Get the pages of RECIPE's sources that say `crawl` and have no file here; one that is named is crawled anew.

    Sites of class C, and those that the triage drops, are asked for nothing. A crawl that is stopped goes on where it was.
    """
    from runtime.sources.remote.crawl import crawl
    from runtime.store.store import StoreError

    _ = session.graph  # whatever is wrong is told first: what must not be used is asked of nobody
    recipe, lines, made = session.read.recipe, list[str](), dict[str, str]()
    for name in sites:
        if name not in recipe.sources or recipe.sources[name].operator.crawl is None:
            raise StoreError(f"no source `{name}` says `crawl`", None)
    for name, feed in sorted(recipe.sources.items()):
        said = feed.operator.crawl
        if said is None or (sites and name not in sites) or (not sites and session.found.files[name]):
            continue
        if closest(feed.operator.license) == "C" or name in recipe.triage.dropped():
            lines.append(f"`{name}` is not asked for anything: it is of class C, or the triage drops it")
            continue
        with Progress(quiet or as_json) as progress:

            def tell(count: int, url: str, name: str = name, progress: Progress = progress) -> None:
                progress.say(name, f"{count:,} pages  {url[:100]}")

            path, count, refused, beyond = crawl(name, said, folder_of(session, name), frozenset(session.opened), tell)
        made[name] = session.read.place.shorten(path)
        lines.append(f"crawled `{name}`: {count:,} pages, {made[name]}")
        if refused:
            lines.append(f"  addresses of private networks, which were not asked for anything: {refused:,}")
        if beyond:
            lines.append(f"  links that were not followed, since more were waiting than `most` needs: {beyond:,}")
    answer(as_json, {"recipe": recipe.name, "files": made}, lines or ["nothing is to be crawled"])


def folder_of(session: Session, name: str) -> Path:
    """The folder in which a source's files lie. Raises StoreError where its glob would not find a crawl there."""
    from compiler.text.project import within
    from runtime.sources.probe import base_of
    from runtime.store.store import StoreError

    pattern, base = base_of(session.read, name)
    folder, _, last = pattern.rpartition("/")
    if pattern.startswith("pkg:") or "*" in folder or "?" in folder or not fnmatchcase(f"{name}-0123456789ab.warc.gz", last):
        hint = f"let it be like `crawl/{name}-*.warc.gz`: a crawl is called by its digest"
        raise StoreError(f"the `file` of `{name}` finds no crawl of it", hint)
    begin = base / folder
    within(begin, [Path(root) for root in session.read.place.allowed])
    return begin
