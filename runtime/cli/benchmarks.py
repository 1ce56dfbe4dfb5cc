"""`recipe benchmarks`: what a recipe is judged by and looks for, what of it is here, and getting the rest."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Literal

import click

from compiler.recipe.benchmarks import FEED
from operators.declared.benchmark import Benchmark
from runtime.build.session import Session
from runtime.cli.options import answer, recipe_command


@dataclass(frozen=True)
class State:
    """One benchmark that a recipe names."""

    name: str
    state: Literal["here", "differs", "not fetched", "not here", "no files", "refused"]
    license: str
    where: str
    """Where its files are, or how to come by them."""


@recipe_command("benchmarks", fetches=True)
@click.option("--get", is_flag=True, help="Fetch those that lie on other machines and are not here.")
@click.option("-q", "--quiet", is_flag=True, help="No progress.")
def benchmarks_command(session: Session, as_json: bool, get: bool, quiet: bool) -> None:
    """List the benchmarks that RECIPE names, and those they are parallel to, with what of them is here.

    One whose `items` say an address or a dataset of the hub is fetched with --get, where its licence allows to use it; for any
    other it says how to come by it.
    """
    states, lines = states_of(session), []
    missing = [FEED + each.name for each in states if each.state == "not fetched"]
    if get and missing:
        from runtime.build.fetching import fetch_sources

        lines = fetch_sources(session, missing, quiet or as_json)
        states = states_of(session)
    width = max((len(each.name) for each in states), default=0)
    lines += [f"{each.state:<11}  {each.name:<{width}}  {each.license:<7}  {each.where}" for each in states]
    if not states:
        lines.append("this recipe names no benchmark")
    elif missing and not get:
        lines.append(f"next: recipe benchmarks {session.named}{session.folder_options()} --get")
    answer(as_json, {"recipe": session.read.recipe.name, "benchmarks": [asdict(each) for each in states]}, lines)


def states_of(session: Session) -> list[State]:
    """The state of each benchmark, by name."""
    return [state_of(session, name, placed.benchmark) for name, placed in sorted(session.read.recipe.benchmarks.items())]


def state_of(session: Session, name: str, benchmark: Benchmark) -> State:
    """What of a benchmark is here."""
    feed = session.read.recipe.sources.get(FEED + name)
    if benchmark.license == "C":
        return State(name, "refused", "C", "rows of class C must not be used, and nobody is asked for them")
    if feed is None:
        return State(name, "no files", benchmark.license, how_to(name, benchmark))
    source, where = feed.operator, feed.operator.pattern
    if not session.found.files[FEED + name]:
        return State(name, "not fetched" if source.remote else "not here", benchmark.license, where)
    if benchmark.digest is not None and session.found.leaf(FEED + name) != benchmark.digest:
        return State(name, "differs", benchmark.license, f"{where}: another digest is declared")
    return State(name, "here", benchmark.license, where)


def how_to(name: str, benchmark: Benchmark) -> str:
    """How to come by the files of a benchmark that says none."""
    obtain = benchmark.obtain or "say its files"
    if benchmark.offered is None:
        return f"{obtain}; then `benchmarks: {{{name}: {{items: {{file: ...}}}}}}`"
    said = ", ".join(f"{field}: {value}" for field, value in benchmark.offered.model_dump(exclude_defaults=True).items())
    return f"say `benchmarks: {{{name}: {{items: {{hf: {{{said}}}}}}}}}`, or {obtain}"
