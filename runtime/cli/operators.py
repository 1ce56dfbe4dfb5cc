"""`recipe operators`: the reference, generated from the declarations."""

from __future__ import annotations

from typing import Any

import click

from compiler.recipe.schema import summary
from compiler.text.diagnostics import meant, printed
from operators.base.declare import Operator
from operators.catalog import PUBLIC
from operators.declared.profile import LanguageProfile
from operators.plugins import offers, package_of, plugin
from runtime.cli.options import answer, json_option, say_json


@click.command("operators")
@click.argument("name", required=False)
@click.option("--schema", is_flag=True, help="Print the JSON Schema of recipes, with all operators that are installed.")
@click.option("--try", "tried", is_flag=True, help="Build the example of NAME's docstring, and say what holds of it.")
@json_option
def operators_command(name: str | None, schema: bool, tried: bool, as_json: bool) -> None:
    """What a recipe may say: all operators, those of installed packages too, or NAME with its parameters.

    `recipe operators profile` tells the entries of a language profile, and which steps read them.
    """
    from compiler.docs import operator_page, profile_page
    from compiler.recipe.joining import complete_schema
    from compiler.recipe.profiles import shipped_schema
    from compiler.recipe.schema import object_schema
    from compiler.text.project import package_root

    if tried and name is None:
        raise click.UsageError("say which operator is to be tried: recipe operators NAME --try")
    full, unusable = complete_schema(shipped_schema(package_root(), "recipe"))
    if schema:
        say_json(full)
    operators = {kind.name: kind for kind in (*PUBLIC, *(plugin(each) for each in offers() if each not in unusable))}
    if name is None or schema:
        for error in unusable.values():
            click.echo(printed(f"warning: {error}") + "\n" + printed(f"hint: {error.hint}"), err=True)
        if schema:
            return
        width = max(map(len, operators))
        pages = {each: described(kind) for each, kind in operators.items()}
        answer(as_json, pages, [f"{each:<{width}}  {page['summary']}" for each, page in pages.items()])
        return
    if name == "profile" and not tried:
        answer(as_json, object_schema(LanguageProfile), profile_page().split("\n"))
        return
    if name not in operators:
        if name in unusable:
            raise click.UsageError(str(unusable[name]))
        raise click.UsageError("; ".join(filter(None, [f"there is no operator `{name}`", meant(name, operators)])))
    if tried:
        from runtime.build.tried import try_example

        lines = list(try_example(operators[name]))
        answer(as_json, {"name": name, "holds": lines}, [f"{name}: {line}" for line in lines])
        return
    page = {"name": name, "version": operators[name].version, **object_schema(operators[name])}
    answer(as_json, page, operator_page(operators[name]).split("\n"))


def described(kind: type[Operator]) -> dict[str, Any]:
    """An operator in a list of them; the package is said where it is not ours."""
    package = package_of(kind)
    return {"version": kind.version, "summary": summary(kind), **({"package": package} if package is not None else {})}
