"""`recipe store completions`: what was asked for, and how it gets from one store to another."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import Any

import click

from runtime.cli.options import answer, json_option, open_store, store_location, store_option

NONE = ["no completions yet"]


def open_memo(store: str | None, make: bool = False) -> Any:
    from runtime.completions.memo import CompletionMemo
    from runtime.completions.sharing import take_in

    opened = open_store(store, make)
    if make:
        opened.prepare()
    memo = CompletionMemo(opened)
    take_in(memo)
    return memo


@click.group("completions")
def completions() -> None:
    """Completions by model, and their exchange between stores."""


@completions.command("ls")
@store_option
@json_option
def ls(store: str | None, as_json: bool) -> None:
    """How many completions of each model there are, and for what they were asked."""
    counts: dict[tuple[str, str], int] = defaultdict(int)
    for each in open_memo(store).stats():
        counts[each["model"], each["purpose"]] += each["completions"]
    rows = [{"model": model, "purpose": purpose, "completions": count} for (model, purpose), count in counts.items()]
    lines = [f"{model}  {purpose}  {count:,} completions" for (model, purpose), count in counts.items()]
    answer(as_json, rows, lines or NONE)


@completions.command("stats")
@store_option
@json_option
def stats(store: str | None, as_json: bool) -> None:
    """Completions, tokens, seconds and bytes by model, purpose and engine."""
    rows = open_memo(store).stats()
    lines = []
    for each in rows:
        tokens = f"{each['prompt_tokens'] or 0:,} tokens in, {each['completion_tokens'] or 0:,} out"
        took = f"{each['seconds']:,.1f} s, {each['bytes'] / 1e6:,.1f} MB"
        lines.append(f"{each['model']}  {each['purpose']}  {each['engine']}")
        lines.append(f"  {each['completions']:,} completions, {tokens}, {took}")
    answer(as_json, rows, lines or NONE)


@completions.command("export")
@click.argument("file", metavar="FILE")
@click.option("--model", metavar="ID", help="Those of one model; all unless said.")
@store_option
@json_option
def export_command(file: str, model: str | None, store: str | None, as_json: bool) -> None:
    """Write completions, with their text, to a Parquet FILE that does not exist yet."""
    from runtime.completions.exchange import export_completions
    from runtime.store.store import StoreError

    if Path(file).exists():
        raise StoreError(f"`{file}` exists already", "choose another name")
    memo = open_memo(store)
    count = export_completions(memo, Path(file), model) if memo.exists else 0
    answer(as_json, {"completions": count}, [f"exported {count:,} completions to {file}"])


@completions.command("import")
@click.argument("file", metavar="FILE")
@click.option("--show-restricted", is_flag=True, help="To a URL: completions, which may quote any row.")
@store_option
@json_option
def import_command(file: str, show_restricted: bool, store: str | None, as_json: bool) -> None:
    """Add the completions of a FILE; of an address that has one already the first stays."""
    from runtime.completions.exchange import import_completions
    from runtime.completions.sharing import take_in
    from runtime.store.store import StoreError

    url = store_location(store).url
    if url is not None and not show_restricted:
        message = f"completions may quote any row, and their text would be written into `{url}`"
        raise StoreError(message, "if only those who may see them can read that store, say --show-restricted")
    memo = open_memo(store, make=True)
    done = import_completions(memo, Path(file))
    take_in(memo)
    answer(as_json, vars(done), [f"imported {done.new:,} completions, {done.known:,} were here before"])
