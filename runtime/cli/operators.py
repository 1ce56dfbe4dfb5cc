"""`recipe operators`: the reference, generated from the declarations."""

from __future__ import annotations

import click

from runtime.cli.options import say, say_json, say_text


@click.command("operators")
@click.argument("name", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def operators_command(name: str | None, as_json: bool) -> None:
    """What a recipe may say: all operators, or NAME with its parameters."""
    from compiler.docs import operator_page
    from compiler.recipe.schema import object_schema, summary
    from operators.catalog import SAID

    known = {kind.name: kind for kind in SAID}
    if name is None:
        if as_json:
            say_json({each: {"version": kind.version, "summary": summary(kind)} for each, kind in known.items()})
            return
        width = max(map(len, known))
        for each, kind in known.items():
            say(f"{each:<{width}}  {summary(kind)}")
        return
    if name not in known:
        from compiler.text.diagnostics import meant

        raise click.UsageError("; ".join(filter(None, [f"there is no operator `{name}`", meant(name, known)])))
    if as_json:
        say_json({"name": name, "version": known[name].version, **object_schema(known[name])})
    else:
        say_text(operator_page(known[name]))
