"""`recipe plan` and `recipe explain`: what would run, and what it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from runtime.cli.options import recipe_command, say, say_json
from runtime.session import Session

if TYPE_CHECKING:
    from compiler.plan import Stage


@recipe_command("plan", builds=True)
def plan_command(session: Session, as_json: bool) -> None:
    """The stages of RECIPE that would run or be reused, each with its key (or `pending`) and its cause."""
    stages = plan_of(session)
    if as_json:
        say_json({"recipe": session.read.recipe.name, "stages": [vars(stage) for stage in stages]})
        return
    width = max(len(stage.name) for stage in stages)
    for stage in stages:
        say(f"{stage.state:<7}  {stage.name:<{width}}  {(stage.key or 'pending')[:12]:<12}  {stage.cause}")
    running = sum(stage.state != "reuse" for stage in stages)
    say(f"{running} to run, {len(stages) - running} reused")
    for name, leaf in sorted(session.facts.leaves.items()):
        if leaf.origin != "files":
            say(
                f"the files of `{name}` are not here"
                + (": the lock's digest stands in for them" if leaf.origin == "lock" else ", and no lock has them")
            )


def plan_of(session: Session) -> tuple[Stage, ...]:
    """The plan against the store as it is; nothing is written."""
    from compiler.plan import Addresses, make_plan
    from runtime.store import Store

    store = Store(session.store_path)
    last = (store.read_name(f"{session.read.recipe.name}/last-build.json") or {}).get("stages", {})

    addresses = Addresses(session.graph, session.facts, store.result_of)
    return make_plan(addresses, {name: stage["snapshot"] for name, stage in last.items()})


@recipe_command("explain", builds=True)
@click.argument("node", required=False)
def explain_command(session: Session, node: str | None, as_json: bool) -> None:
    """The lowered SQL or kernel of each stage of RECIPE, or of the stage NODE."""
    from compiler.diagnostics import Diagnostic, RecipeError, suggest
    from compiler.explain import explain
    from compiler.plan import stage_name

    graph = session.graph
    stages = {stage_name(graph, index): index for index, each in graph if each.cut}
    chosen = {name: index for name, index in stages.items() if node in (None, name, graph.nodes[index].label)}
    if not chosen and node is not None:
        near = suggest(node, stages)
        raise RecipeError(
            (
                Diagnostic(
                    f"there is no stage `{node}`", None, f"did you mean `{near}`?" if near else "stages: " + ", ".join(stages)
                ),
            )
        )
    if as_json:
        say_json({name: explain(graph, index) for name, index in chosen.items()})
        return
    for name, index in chosen.items():
        say(explain(graph, index) + ("" if name == list(chosen)[-1] else "\n"))
