"""`recipe operators`: the reference, generated from the declarations."""

from __future__ import annotations

import click

from compiler.text.diagnostics import meant
from operators.catalog import PUBLIC
from runtime.cli.options import answer, json_option


@click.command("operators")
@click.argument("name", required=False)
@json_option
def operators_command(name: str | None, as_json: bool) -> None:
    """What a recipe may say: all operators, or NAME with its parameters."""
    from compiler.docs import operator_page
    from compiler.recipe.schema import object_schema, summary

    operators = {kind.name: kind for kind in PUBLIC}
    if name is None:
        width = max(map(len, operators))
        pages = {each: {"version": kind.version, "summary": summary(kind)} for each, kind in operators.items()}
        answer(as_json, pages, [f"{each:<{width}}  {page['summary']}" for each, page in pages.items()])
        return
    if name not in operators:
        raise click.UsageError("; ".join(filter(None, [f"there is no operator `{name}`", meant(name, operators)])))
    page = {"name": name, "version": operators[name].version, **object_schema(operators[name])}
    answer(as_json, page, operator_page(operators[name]).split("\n"))
