"""The options that commands share."""

from __future__ import annotations

import functools
import json
import os
import re
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import click

from compiler.graph.forgotten import prefix_of
from compiler.text.diagnostics import hides, printed
from compiler.text.project import project_around
from runtime.build.session import Session
from runtime.build.variants import variant_of
from runtime.store.location import Location, is_url, shared_at
from runtime.store.project import store_of

Command = Callable[..., Any]


def recipe_command(
    name: str, *, stores: bool = False, builds: bool = False, fetches: bool = False, optional: bool = False
) -> Callable[[Command], click.Command]:
    """A command on a RECIPE: it is called with the recipe opened as the options say, and `as_json`.

    Where RECIPE is `optional` it is called with None for none. Every one has --set, --allow-path and --json; `stores` adds
    --store, `builds` also --target and --sample, `fetches` what may be reached.
    """

    def wrap(function: Command) -> click.Command:
        @functools.wraps(function)
        def call(
            recipe: str | None,
            settings: tuple[str, ...],
            allow: tuple[str, ...],
            store: str | None = None,
            sample: int | None = None,
            target: tuple[str, ...] = (),
            allow_address: tuple[str, ...] = (),
            **rest: Any,
        ) -> Any:
            chosen, names = variant_of(target)
            more: dict[str, Any] = {"opened": allow_address, "variant": chosen}
            opened = None if recipe is None else Session(recipe, settings, allow, store, sample, names, **more)
            return function(opened, **rest)

        command: Command = json_option(call)
        if builds:
            command = click.option("--sample", type=click.IntRange(min=1), metavar="N", help=SAMPLE)(command)
            command = click.option("--target", multiple=True, metavar="NAME", help=TARGET)(command)
        if stores or builds:
            command = store_option(command)
        if fetches:
            command = click.option("--allow-address", multiple=True, type=Server(), metavar="HOST:PORT", help=REACH)(command)
        command = click.option("--allow-path", "allow", multiple=True, metavar="DIR", help=ALLOW)(command)
        command = click.option("--set", "settings", multiple=True, metavar="KEY=VALUE", help=SET)(command)
        return click.command(name)(click.argument("recipe", required=not optional)(command))

    return wrap


class Size(click.ParamType[int]):
    """A number of bytes, as people write it."""

    name = "size"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        from runtime.store.bound import parse_size

        try:
            return value if isinstance(value, int) else parse_size(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


class Server(click.ParamType[str]):
    """A server by its name or number and its port."""

    name = "server"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        import re

        found = re.fullmatch(r"([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\]):([0-9]{1,5})", str(value))
        if found is None or not 0 < int(found[2]) < 65536:
            self.fail(f"`{str(value)[:80]}` is no server: write it like 127.0.0.1:8000", param, ctx)
        return str(value).lower()


class EngineName(click.ParamType[str]):
    """What tasks run on."""

    name = "engine"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        from runtime.completions.engines.configuration import EXECUTOR, EXECUTORS

        if re.match(EXECUTOR, value, re.ASCII) is None or value.endswith("\n"):
            self.fail(f"`{value[:80]}` is no engine for a build: it is {EXECUTORS}", param, ctx)
        return str(value)


STORE = "The store: a folder, or a URL like s3://bucket/prefix; .recipe in the project unless said."
SAMPLE = "The whole recipe on the N lowest-ranked items."
TARGET = "Build this table; all outputs unless said."
ABLATION = "All variants of this ablation; with --target that output of each."
REACH = "A server of this machine or of a private network that files may be fetched from."
ALLOW = "A folder outside the project that the recipe may read."
SET = "Change a value of the recipe, as an extending recipe would."


def engine_option(command: Command) -> Command:
    """--engine."""
    text = "What tasks run on: local, ray or ray://HOST:PORT; as your configuration says unless said."
    return click.option("--engine", type=EngineName(), help=text)(command)


def ablation_option(command: Command) -> Command:
    """--ablation."""
    return click.option("--ablation", metavar="NAME", help=ABLATION)(command)


def store_option(command: Command) -> Command:
    """--store."""
    return click.option("--store", metavar="DIR", help=STORE)(command)


def json_option(command: Command) -> Command:
    """--json."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON.")(command)


def restricted_option(command: Command) -> Command:
    """--show-restricted."""
    text = "Print text of licence B and unknown outside a terminal too."
    return click.option("--show-restricted", is_flag=True, help=text)(command)


def shared_option(command: Command) -> Command:
    """--show-restricted, of what writes into a store."""
    text = "Let text of licence B and unknown go into a store at a URL."
    return click.option("--show-restricted", is_flag=True, help=text)(command)


def shows_restricted(show_restricted: bool, as_json: bool) -> bool:
    """Whether restricted text is printed: where that is asked for, and on a terminal."""
    return show_restricted or (sys.stdout.isatty() and not as_json)


def allow_empty_option(command: Command) -> Command:
    """--allow-empty."""
    return click.option("--allow-empty", is_flag=True, help="Let an output have no row.")(command)


def row_prefix(row: str) -> str:
    """The beginning of a row id, as it was typed. Raises UsageError for what is none."""
    if (prefix := prefix_of(row)) is None:
        raise click.UsageError(f"`{row}` is no row id; row ids are hexadecimal digits")
    return prefix


def say(*lines: str) -> None:
    """Print lines for a person; what cannot be seen is made visible, a line end within a line too."""
    for line in lines or ("",):
        click.echo(printed(line))


def say_text(text: str) -> None:
    """Print text that has lines of its own, such as SQL; names that it holds are made visible by whoever writes it."""
    say(*text.split("\n"))


def say_json(value: Any) -> None:
    """Print a value as JSON."""
    text = json.dumps(value, ensure_ascii=False, indent=1, default=str)
    # What cannot be seen stands inside strings only, where JSON has an escape for it.
    shown = re.sub(r"[^\n -~]", lambda found: json.dumps(found[0])[1:-1] if hides(found[0]) else found[0], text)
    click.echo(shown.replace("##[", "\\u0023#["))  # see `printed`: not all that is read here is read as JSON


def answer(as_json: bool, value: Any, lines: Iterable[str]) -> None:
    """The result of a command: the value for a program, or its lines for a person."""
    if as_json:
        say_json(value)
        return
    for line in lines:
        say(line)


def store_location(named: str | None) -> Location:
    """The place of the store that is named, or of that of the project around the working folder."""
    chosen = named or os.environ.get("RECIPE_STORE")
    here = Path.cwd().resolve()
    if chosen and is_url(chosen):
        return shared_at(chosen)
    return Location(Path(chosen).resolve() if chosen else store_of(project_around(here) or here))


def open_store(named: str | None, make: bool = False) -> Any:
    """The same, opened; made where it is to be filled."""
    from runtime.store.opening import open_at
    from runtime.store.store import StoreError

    location = store_location(named)
    store = open_at(location)
    if not make and not store.exists:
        shown = f"at `{location.url}`" if location.url is not None else f"in `{os.path.relpath(store.folder)}`"
        raise StoreError(f"there is no store {shown}", "build a recipe first, or name one with --store")
    return store
