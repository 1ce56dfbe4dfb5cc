"""`recipe check`: everything that can be known before running."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from compiler.graph.nodes import Graph
from compiler.lower.contamination import complain_unobtained
from compiler.recipe.ablations import ablations_of
from compiler.recipe.sections import Recipe
from operators.declared.by_row import categories_of
from runtime.build.session import Session
from runtime.build.variants import open_variants
from runtime.cli.options import answer, recipe_command
from runtime.sources.probe import absence

if TYPE_CHECKING:
    from runtime.forecast.unproven import Unproven


@recipe_command("check", optional=True)
@click.option("--github", is_flag=True, help="Print mistakes as annotations for GitHub Actions.")
@click.option("--language", metavar="CODE", help="Try a language profile, of RECIPE or of this folder, on text of the language.")
@click.option("--anchor", default="en", show_default=True, metavar="CODE", help="With --language: what it is told from.")
@click.option("--texts", type=click.Path(), metavar="FILE", help="With --language: more text, a paragraph on each line.")
@click.option("--exams", type=click.Path(), metavar="FILE", help="With --language: JSON lines with `question` and `options`.")
def check_command(
    session: Session | None,
    as_json: bool,
    github: bool,
    language: str | None,
    anchor: str,
    texts: str | None,
    exams: str | None,
) -> None:
    """Say every mistake of RECIPE at once, or `ok` with the typed columns of each named output.

    With --language say instead whether a language profile does what the steps that read it need.
    """
    if language is not None:
        from runtime.cli.conformance import check_language

        check_language(session, language, anchor, texts, exams, as_json)
        return
    if session is None:
        raise click.UsageError("say which recipe is checked, or --language CODE")
    session.bounded = True
    variants = open_variants(session)
    graph, recipe, origins = session.graph, session.read.recipe, session.fields[1]
    used = {node.label for _, node in graph if node.operator.name == "source"}
    # What a benchmark has is looked at where it is evaluated, and a site that is dropped nowhere.
    feeds = {name: feed for name, feed in recipe.sources.items() if name in used or not recipe.spared(name)}
    absent = sorted(name for name, origin in origins.items() if origin == "absent" and name in feeds)
    unused = sorted(set(feeds) - used)
    outputs = {name: graph.nodes[at] for name, at in graph.outputs.items()}
    models = lacks_of(recipe, graph) if recipe.models else []
    unobtained = complain_unobtained(graph, recipe)
    lines = []
    for name in absent:
        feed = feeds[name]
        lacks = "not fetched: the source" if feed.operator.remote else "no lock and no files for the source"
        lines.append(f"not proven: {lacks} `{name}`, so its columns are not known")
        lines.append(f"  {feed.node.find(('file',)).label}: {absence(feed.operator)}")
    untold = [name for name, feed in feeds.items() if categories_of(feed.operator.category) is None]
    lines += [
        f"not proven: the files of `{name}` alone say its categories, so names of categories are not checked" for name in untold
    ]
    for lack in unobtained:
        lines += [f"not proven: {lack.message}", f"  {lack.hint}"]
    lines += [note.line() for note in models]
    if any("prompt" in node.columns for node in outputs.values()):
        bare = [name for name, feed in feeds.items() if "prompt" not in feed.operator.made()]
        lines += [
            f"warning: the source `{name}` maps no `prompt`, which other sources have; its prompts are null" for name in bare
        ]
    lines += [f"warning: the source `{name}` is read by no output" for name in unused]
    proven = not absent and not untold and not unobtained and all(note.state != "not proven" for note in models)
    lines.append(f"ok {recipe.name}" + ("" if proven else ", as far as it can be proven"))
    for name, node in outputs.items():
        lines.append(f"  {name} (licence {node.license})")
        width = max(map(len, node.columns))
        lines += [f"    {column:<{width}}  {kind}" for column, kind in node.columns.items()]
    for ablation in ablations_of(session.read.node).values():
        lines.append(f"  ablation {ablation.name}: {', '.join(ablation.variants)}")
    value = {
        "ok": True,
        "recipe": recipe.name,
        "outputs": {name: {"columns": dict(node.columns), "license": node.license} for name, node in outputs.items()},
        "not_proven": [*absent, *untold],
        "models": [vars(each) for each in models],
        "benchmarks": [each.message for each in unobtained],
        "variants": [chosen.prefix.rstrip(".") for chosen in variants],
        "unused_sources": unused,
        "facts": origins,
    }
    answer(as_json, value, lines)


def lacks_of(recipe: Recipe, graph: Graph) -> list[Unproven]:
    """What is not known of the models that a recipe asks or trains, and what is wrong with them."""
    from runtime.forecast.unproven import unproven, wants_of
    from runtime.stages.train import want_of

    wants = [*wants_of(recipe, graph, (at for at, _ in graph))]
    wants += [want_of(recipe, each.label, each.operator) for each in recipe.trains.values()]
    return unproven(recipe, wants)
