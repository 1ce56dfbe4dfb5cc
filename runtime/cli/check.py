"""`recipe check`: everything that can be known before running."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from runtime.build.session import Session
from runtime.cli.options import recipe_command, say, say_json

if TYPE_CHECKING:
    from compiler.graph.nodes import Graph
    from compiler.recipe.sections import Recipe
    from runtime.forecast.unproven import Unproven


@recipe_command("check")
@click.option("--github", is_flag=True, help="Print mistakes as annotations for GitHub Actions.")
def check_command(session: Session, as_json: bool, github: bool) -> None:
    """Say every mistake of RECIPE at once, or `ok` with the typed columns of each named output."""
    from compiler.lower.contamination import complain_unobtained
    from compiler.recipe.benchmarks import FEED

    session.bounded = True
    graph = session.graph
    origins = session.fields[1]
    used = {node.label for _, node in graph if node.operator.name == "source"}
    # What a benchmark has is looked at where it is evaluated.
    said = {name: feed for name, feed in session.read.recipe.sources.items() if name in used or not name.startswith(FEED)}
    absent = sorted(name for name, origin in origins.items() if origin == "absent" and name in said)
    unused = sorted(set(said) - used)
    graph_columns = {column for at in graph.outputs.values() for column in graph.nodes[at].columns}
    recipe = session.read.recipe
    models = lacks_of(recipe, graph) if recipe.models else []
    unobtained = complain_unobtained(graph, recipe)
    if as_json:
        say_json(
            {
                "ok": True,
                "recipe": session.read.recipe.name,
                "outputs": {
                    name: {"columns": dict(graph.nodes[at].columns), "license": graph.nodes[at].license}
                    for name, at in graph.outputs.items()
                },
                "not_proven": absent,
                "models": [vars(each) for each in models],
                "benchmarks": [each.message for each in unobtained],
                "unused_sources": unused,
                "facts": origins,
            }
        )
        return
    for name in absent:
        feed = session.read.recipe.sources[name]
        say(f"not proven: no lock and no files for the source `{name}`, so its columns are not known")
        say(f"  {feed.node.find(('file',)).label}: no file matches `{feed.operator.file}`")
    for lack in unobtained:
        say(f"not proven: {lack.message}")
        say(f"  {lack.hint}")
    for note in models:
        say(note.line())
    for name, feed in said.items():
        if "prompt" in graph_columns and "prompt" not in feed.operator.made():
            say(f"warning: the source `{name}` maps no `prompt`, which other sources have; its prompts are null")
    for name in unused:
        say(f"warning: the source `{name}` is read by no output")
    proven = not absent and not unobtained and all(note.state != "not proven" for note in models)
    say(f"ok {recipe.name}" + ("" if proven else ", as far as it can be proven"))
    for name, at in graph.outputs.items():
        node = graph.nodes[at]
        say(f"  {name} (licence {node.license})")
        width = max(len(column) for column in node.columns)
        for column, kind in node.columns.items():
            say(f"    {column:<{width}}  {kind}")
    sys.stdout.flush()


def lacks_of(recipe: Recipe, graph: Graph) -> list[Unproven]:
    """What is not known of the models that a recipe asks or trains, and what is wrong with them."""
    from runtime.forecast.unproven import unproven, wants_of
    from runtime.stages.train import want_of

    wants = [*wants_of(recipe, graph, (at for at, _ in graph))]
    wants += [want_of(recipe, each.label, each.operator) for each in recipe.trains.values()]
    return unproven(recipe, wants)
