"""`recipe show`: the resolved recipe, its lowered graph, or the rows near a decision."""

from __future__ import annotations

from typing import Any

import click

from compiler.text.diagnostics import Diagnostic, RecipeError, meant
from compiler.text.yaml_text import node_of, render_yaml
from operators.base.licence import RESTRICTED, withheld
from runtime.build.session import Session
from runtime.cli.options import answer, recipe_command, restricted_option, say_json, say_text, shows_restricted


@recipe_command("show", builds=True)
@click.option(
    "--resolved", "what", flag_value="resolved", default="resolved", help="The recipe after `extends` and --set (default)."
)
@click.option("--lowered", "what", flag_value="lowered", help="The general form: every section as a table.")
@click.option("--graph", "what", flag_value="graph", help="The operator graph.")
@click.option("--near", metavar="DECISION", help="Rows on both sides of a decision, nearest first; build first.")
@click.option("--limit", default=5, show_default=True, type=click.IntRange(1, 1000), help="Rows on each side.")
@click.option("--ablation", metavar="NAME", help="With --graph: the graphs of all variants of this ablation, as one.")
@restricted_option
def show_command(
    session: Session, as_json: bool, what: str, near: str | None, limit: int, ablation: str | None, show_restricted: bool
) -> None:
    """Print RECIPE as it is understood, or the rows near one of its decisions."""
    if ablation is not None and what != "graph":
        raise click.UsageError("--ablation goes with --graph")
    if near is not None:
        show_near(session, near, limit, shows_restricted(show_restricted, as_json), as_json)
    elif what == "graph":
        from compiler.tell.explain import graph_lines

        nodes, lines = graph_lines(session.graph) if ablation is None else merged_lines(session, ablation), []
        for node in nodes:
            reads = " <- " + ", ".join(str(each) for each in node["inputs"]) if node["inputs"] else ""
            reads += f"  [{', '.join(node['variants'])}]" if ablation is not None else ""
            lines.append(f"{node['id']:>3}  {node['aspect']:<8}  {node['operator']:<18}  {node['name']}{reads}")
        answer(as_json, nodes, lines)
    elif what == "lowered":
        from compiler.tell.explain import general_form

        plain = general_form(session.read.recipe)
        if as_json:
            say_json(plain)
        else:
            say_text(render_yaml(node_of(plain)).rstrip("\n"))
    elif as_json:
        say_json(session.read.node.plain())
    else:
        say_text(render_yaml(session.read.node).rstrip("\n"))


def merged_lines(session: Session, ablation: str) -> list[dict[str, Any]]:
    """The graphs of all variants of an ablation, as one: what they share is one node."""
    from compiler.graph.shared import forms, merge_graphs
    from compiler.tell.explain import graph_lines
    from runtime.build.variants import open_variants

    opened = {chosen.variant: each for chosen, each in open_variants(session, ablation).items()}
    known = {name: forms(each.graph, each.facts, each.read.recipe) for name, each in opened.items()}
    return merge_graphs({name: graph_lines(each.graph) for name, each in opened.items()}, known)


def show_near(session: Any, name: str, limit: int, open_text: bool, as_json: bool) -> None:
    """The rows nearest to a decision's bounds, those it keeps and those it drops."""
    from runtime.life.near import near_rows

    graph = session.graph
    decisions = {graph.nodes[index].label: index for index, node in graph if node.aspect == "decision"}
    if name not in decisions:
        hint = meant(name, decisions, "decisions: " + ", ".join(decisions))
        raise RecipeError(Diagnostic(f"there is no decision `{name}`", None, hint))
    rows, lines = near_rows(session, decisions[name], limit), []
    for row in rows:
        if not open_text and row["license"] in RESTRICTED:
            row["text"] = None
        text = " ".join(str(row["text"]).split())[:100] if row["text"] is not None else withheld(row["license"])
        lines.append(f"{'kept   ' if row['kept'] else 'dropped'}  {row['row_id'][:12]}  {row['measured']:<36}  {text}")
    answer(as_json, rows, lines)
