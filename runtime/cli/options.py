"""The options that commands share."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import click

from runtime.cli.main import visible
from runtime.session import Session

Command = Callable[..., Any]


def recipe_options(command: Command) -> Command:
    """RECIPE, --set, --allow-path and --json."""
    command = click.option("--json", "as_json", is_flag=True, help="Print JSON.")(command)
    command = click.option(
        "--allow-path", "allow", multiple=True, metavar="DIR", help="A folder outside the project that the recipe may read."
    )(command)
    command = click.option(
        "--set",
        "settings",
        multiple=True,
        metavar="KEY=VALUE",
        help="Change a value of the recipe, as an extending recipe would.",
    )(command)
    return click.argument("recipe")(command)


def store_option(command: Command) -> Command:
    """--store."""
    return click.option("--store", metavar="DIR", help="The store's folder; .recipe in the project unless said.")(command)


def build_options(command: Command) -> Command:
    """--store, --target and --sample."""
    command = click.option(
        "--sample", type=click.IntRange(min=1), metavar="N", help="The whole recipe on the N lowest-ranked items."
    )(command)
    command = click.option("--target", multiple=True, metavar="NAME", help="Build this table; all outputs unless said.")(command)
    return store_option(command)


def open_session(
    recipe: str,
    settings: tuple[str, ...],
    allow: tuple[str, ...],
    store: str | None = None,
    sample: int | None = None,
    target: tuple[str, ...] = (),
) -> Session:
    """The recipe as the options say."""
    return Session(recipe, settings, allow, store, sample, target)


def say(text: str = "") -> None:
    """Print text for a person; control characters are made visible."""
    click.echo(visible(text))


def say_json(value: Any) -> None:
    """Print a value as JSON."""
    text = json.dumps(value, ensure_ascii=False, indent=1, default=str)
    # What is not printable stands inside strings only, where JSON has an escape for it.
    click.echo("".join(char if char.isprintable() or char == "\n" else json.dumps(char)[1:-1] for char in text))
