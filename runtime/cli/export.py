"""`recipe export`: a built dataset or checkpoint as a folder for others, without what may not be passed on."""

from __future__ import annotations

import os
from typing import Any

import click

from compiler.recipe.training import TRAIN
from runtime.build.session import Session
from runtime.cli.options import answer, recipe_command


@recipe_command("export", stores=True)
@click.option("--to", "named", required=True, metavar="DIR", help="The folder to write: a new one, or an empty one.")
@click.option("--what", metavar="NAME", help="A table, or a checkpoint (train.NAME); the recipe's dataset unless said.")
@click.option("--force", is_flag=True, help="Replace an earlier export in DIR; nothing else is ever replaced.")
def export_command(session: Session, as_json: bool, named: str, what: str | None, force: bool) -> None:
    """Write a built output of RECIPE into DIR, as libraries and hubs read it, with a card. Nothing is built.

    Of a dataset: the rows of class A. Rows of class B and of unknown terms stay here, and are counted. Of a checkpoint: its
    files under the licence that follows from its base and from the models that wrote its rows.
    """
    from runtime.export.built_output import open_output
    from runtime.export.checkpoint import export_checkpoint
    from runtime.export.dataset import export_dataset
    from runtime.export.folder import check_place

    with open_output(session, what) as found:
        folder = check_place(named, force, session.allow)
        report = (export_checkpoint if found.what.startswith(TRAIN) else export_dataset)(found, folder, named)
    report = {"to": os.path.relpath(folder), **report}
    answer(as_json, report, lines_of(report))


def lines_of(report: dict[str, Any]) -> list[str]:
    """What a person reads of an export."""
    name = f"{report['recipe']}/{report['what']}@{report['digest'][:12]}"
    if "license" in report:
        return [f"{name}  trained on {report['rows']:,} rows, released under {report['license']}  {report['to']}"]
    lines = [f"{name}  {report['rows']:,} rows of class A  {report['to']}"]
    for licence, rows in report["left_out"].items():
        sources = [
            f"{each['source']} {each['left_out']:,}"
            for each in report["sources"]
            if each["license"] == licence and each["left_out"]
        ]
        lines.append(f"left out: {rows:,} row{'s' * (rows != 1)} of class {licence} ({', '.join(sources)})")
    return lines
