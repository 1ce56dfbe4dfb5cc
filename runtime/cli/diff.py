"""`recipe diff`: what an edit means, what it rebuilds, which rows it moves, before it is built."""

from __future__ import annotations

import os
import sys
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from compiler.text.diagnostics import as_github
from compiler.text.project import find_place, is_file
from runtime.build.session import Session
from runtime.cli.options import ALLOW, SET, json_option, restricted_option, say, say_json, shows_restricted, store_option

if TYPE_CHECKING:
    from runtime.review.compare import Comparison

FORMATS = ("text", "markdown", "github")


@click.command("diff")
@click.argument("what", nargs=-1, metavar="[A B | REV [REV2]] [RECIPE...]")
@click.option("--all", "everything", is_flag=True, help="Every recipe that the change reaches; so without a RECIPE.")
@click.option("--format", "form", type=click.Choice(FORMATS), default="text", help="For people, a comment, or annotations.")
@click.option("--exit-code", is_flag=True, help="Exit with 1 where something differs.")
@click.option("--as", "named", metavar="PATH", help="What A and B are versions of: their relative paths are those of PATH.")
@click.option("--set", "settings", multiple=True, metavar="KEY=VALUE", help=SET + " With one RECIPE: what the change would do.")
@click.option("--allow-path", "allow", multiple=True, metavar="DIR", help=ALLOW)
@store_option
@restricted_option
@json_option
def diff_command(
    what: tuple[str, ...],
    everything: bool,
    form: str,
    exit_code: bool,
    named: str | None,
    settings: tuple[str, ...],
    allow: tuple[str, ...],
    store: str | None,
    show_restricted: bool,
    as_json: bool,
) -> None:
    """Compare recipe A with B, or recipes as they are with those of a git revision (HEAD unless said), or of two.

    Tells what the edit means, which stages it rebuilds and by which line, which rows it moves, and what it obliges to.
    Nothing is built and no text is measured: what is not known is told as the least and the most that it can be.
    """
    revisions, recipes = split_arguments(what)
    if named is not None and (revisions or len(recipes) != 2):
        raise click.UsageError("--as says what two files A and B are versions of: give both")
    if everything and (recipes or settings):
        raise click.UsageError("--all takes no RECIPE and no --set")
    from runtime.review.asked import between_revisions, compare_sessions

    options: dict[str, Any] = {"allow": allow, "store_folder": store}
    with ExitStack() as stack:
        if not revisions and len(recipes) == 2 and not settings:
            first, second = (opened_as(each, named, options) for each in recipes)
            if first is None and second is None:
                raise click.UsageError("neither side is a recipe")
            comparisons = [compare_sessions(f"{recipes[0]} -> {recipes[1]}", first, second)]
        elif settings:
            if revisions or len(recipes) != 1:
                raise click.UsageError("--set compares one RECIPE with itself as it would be: give one, and no revision")
            sides = Session(recipes[0], **options), Session(recipes[0], settings, **options)
            comparisons = [compare_sessions(recipes[0], *sides)]
        else:
            comparisons = list(between_revisions(stack, revisions, recipes, options))
        show(comparisons, form, as_json, show_restricted)
    if exit_code and not all(each.empty for each in comparisons):
        raise click.exceptions.Exit(1)


def split_arguments(what: tuple[str, ...]) -> tuple[list[str], list[str]]:
    """(revisions, recipes) of the arguments: revisions come first."""
    recipes = [each for each in what if is_recipe_name(each)]
    revisions = list(what[: len(what) - len(recipes)])
    if [*revisions, *recipes] != list(what):
        raise click.UsageError("give revisions before recipes: recipe diff REV [REV2] [RECIPE...]")
    if len(revisions) > 2:
        raise click.UsageError("a diff is between two revisions at most: " + ", ".join(f"`{each}`" for each in revisions))
    return revisions, recipes


def is_recipe_name(name: str) -> bool:
    return (
        name == os.devnull
        or name.startswith("pkg:")
        or name.endswith((".yaml", ".yml"))
        or is_file(Path(name))
        or is_file(Path(f"{name}.yaml"))
    )


def opened_as(recipe: str, named: str | None, options: dict[str, Any]) -> Session | None:
    """A recipe, or its text in the place of another; None for the text of no file, as git names it."""
    if recipe == os.devnull:
        return None
    place = find_place(recipe, options["allow"])
    if named is not None and Path(named).is_file():  # git deletes what it calls by that name
        place = replace(find_place(named, options["allow"]), shown=recipe, content=place.path)
    return Session(place.shown, at=place, **options)


def show(comparisons: list[Comparison], form: str, as_json: bool, show_restricted: bool) -> None:
    """Print comparisons in one of the forms."""
    open_text = shows_restricted(show_restricted, as_json or form != "text")
    if as_json:
        from runtime.review.plain import as_data

        say_json([as_data(each, open_text) for each in comparisons])
    elif form == "markdown":
        from runtime.review.markdown import as_markdown

        click.echo(as_markdown(comparisons, show_restricted), nl=False)
    elif form == "github":
        from runtime.review.annotations import as_diagnostics

        click.echo(as_github(as_diagnostics(comparisons), Path.cwd()), nl=False)
    else:
        from runtime.review.terminal import as_text

        def bold(text: str) -> str:
            return f"\x1b[1m{text}\x1b[0m" if sys.stdout.isatty() else text

        if not comparisons:
            say("nothing that changed is read by a recipe")
        click.echo("\n".join(as_text(each, open_text, bold) for each in comparisons), nl=False)
