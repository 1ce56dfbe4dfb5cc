"""`recipe operators`: the reference, generated from the declarations."""

from __future__ import annotations

import click

from runtime.cli.options import answer, json_option


@click.command("operators")
@click.argument("name", required=False)
@json_option
def operators_command(name: str | None, as_json: bool) -> None:
    """What a recipe may say: all operators, or NAME with its parameters."""
    from compiler.docs import operator_page
    from compiler.recipe.schema import object_schema, summary
    from operators.catalog import SAID

    known = {kind.name: kind for kind in SAID}
    if name is None:
        width = max(map(len, known))
        pages = {each: {"version": kind.version, "summary": summary(kind)} for each, kind in known.items()}
        answer(as_json, pages, [f"{each:<{width}}  {page['summary']}" for each, page in pages.items()])
        return
    if name not in known:
        from compiler.text.diagnostics import meant

        raise click.UsageError("; ".join(filter(None, [f"there is no operator `{name}`", meant(name, known)])))
    page = {"name": name, "version": known[name].version, **object_schema(known[name])}
    answer(as_json, page, operator_page(known[name]).split("\n"))
