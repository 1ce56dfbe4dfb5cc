"""`recipe plan` and `recipe explain`: what would run, and what it is."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from operators.licence import RESTRICTED
from runtime.cli.options import recipe_command, say, say_json
from runtime.session import Session

if TYPE_CHECKING:
    from compiler.plan import Stage
    from runtime.completions.foresee import Foreseen


@recipe_command("plan", builds=True)
@click.option("--show-restricted", is_flag=True, help="Print text of licence B and unknown outside a terminal too.")
def plan_command(session: Session, show_restricted: bool, as_json: bool) -> None:
    """The stages of RECIPE that would run or be reused, each with its key (or `pending`) and its cause.

    Of a stage that asks a model: how many completions it needs, how many of them are in the store, what the others cost
    as far as earlier ones tell, and the first request in full.
    """
    stages = plan_of(session)
    asked = foreseen(session) if session.models and any(stage.state != "reuse" for stage in stages) else []
    if as_json:
        told = [{"stage": each.stage, "model": each.model, "needed": each.needed, **vars(each.forecast)} for each in asked]
        say_json({"recipe": session.read.recipe.name, "stages": [vars(stage) for stage in stages], "asks": told})
        return
    width = max(len(stage.name) for stage in stages)
    for stage in stages:
        say(f"{stage.state:<7}  {stage.name:<{width}}  {(stage.key or 'pending')[:12]:<12}  {stage.cause}")
    running = sum(stage.state != "reuse" for stage in stages)
    say(f"{running} to run, {len(stages) - running} reused")
    for each in asked:
        say(each.line())
        say_request(each, show_restricted or sys.stdout.isatty())
    for name, leaf in sorted(session.facts.leaves.items()):
        if leaf.origin != "files":
            say(
                f"the files of `{name}` are not here"
                + (": the lock's digest stands in for them" if leaf.origin == "lock" else ", and no lock has them")
            )


def foreseen(session: Session) -> list[Foreseen]:
    """What would be asked of models; a recipe without any loads nothing for it."""
    from runtime.completions.foresee import foresee

    return foresee(session)


def say_request(asked: Foreseen, open_text: bool) -> None:
    """The first request of a stage, in full."""
    if asked.first is None or not asked.forecast.new:
        return
    said = ", ".join(f"{name} {value}" for name, value in (asked.sampling or {}).items())
    say(f"the first request of {asked.stage} ({said}):")
    for role, content in asked.first:
        shown = content if open_text or asked.license not in RESTRICTED or role == "system" else hidden(asked.license)
        say("\n".join(f"  {role if at == 0 else '':<9}{line}" for at, line in enumerate(shown.splitlines() or [""])))


def hidden(license: str) -> str:
    return f"(licence {license}: shown in a terminal, or with --show-restricted)"


def plan_of(session: Session) -> tuple[Stage, ...]:
    """The plan against the store as it is; nothing is written."""
    from compiler.plan import Addresses, make_plan
    from runtime.store import Store

    store = Store(session.store_path)
    last = (store.read_name(f"{session.read.recipe.name}/last-build.json") or {}).get("stages", {})

    addresses = Addresses(session.graph, session.facts, store.result_of)
    return make_plan(addresses, {name: stage["snapshot"] for name, stage in last.items()})


def checked(row: str) -> str:
    """The beginning of a row id, as it was typed. Raises UsageError for what is none."""
    prefix = row.lower().replace("-", "")
    if not prefix or len(prefix) > 32 or any(char not in "0123456789abcdef" for char in prefix):
        raise click.UsageError(f"`{row}` is no row id; row ids are hexadecimal digits")
    return prefix


@recipe_command("explain", builds=True)
@click.argument("node", required=False)
@click.option("--row", metavar="ROW", help="With `cot` or `train.NAME`: the row whose id begins so.")
@click.option("--show-restricted", is_flag=True, help="Print text of licence B and unknown outside a terminal too.")
def explain_command(session: Session, node: str | None, row: str | None, show_restricted: bool, as_json: bool) -> None:
    """The lowered SQL or kernel of each stage of RECIPE, or of the stage NODE.

    NODE `cot` tells what follows from the type of a trace, on one row: system prompt, parse, filters, mask and answer.
    NODE `train.NAME` with --row prints that row as it is trained on, token by token; what is masked is dimmed.
    """
    if node == "cot":
        from runtime.cot_row import explain_cot

        prefix = None if row is None else checked(row)
        lines = list(explain_cot(session, prefix, show_restricted or (sys.stdout.isatty() and not as_json)))
        say_json({"cot": lines}) if as_json else say("\n".join(lines))
        return
    if node is not None and node.startswith("train.") and row is not None:
        from runtime.training.shown import explain_row

        lines = list(
            explain_row(
                session, node, checked(row), show_restricted or (sys.stdout.isatty() and not as_json), sys.stdout.isatty()
            )
        )
        say_json({node: lines}) if as_json else say("\n".join(lines))
        return
    if row is not None:
        raise click.UsageError("--row goes with `cot` and with `train.NAME`")
    from dataclasses import replace

    from compiler.diagnostics import Diagnostic, RecipeError, suggest
    from compiler.explain import explain
    from compiler.plan import stage_name

    if node is not None and node in session.read.recipe.targets():
        session = replace(session, targets=(node,))
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
