"""`recipe report`: what became of the rows, what was measured, paid and scored, as a page to look at or data to read."""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import datetime

import click

from runtime.build.session import Session
from runtime.cli.options import ALLOW, SET, json_option, restricted_option, say, store_option
from runtime.store.project import follow_name

FORMS = ("html", "json", "croissant")


@click.command("report")
@click.argument("recipe")
@click.argument("other", required=False, metavar="[RECIPE2]")
@click.option(
    "--format",
    "form",
    type=click.Choice(FORMS),
    default="html",
    help="A page, its data, or what others' tools read of an export.",
)
@click.option("--to", "named", metavar="FILE", help="Where it is written; RECIPE.report.html here, or printed, unless said.")
@click.option("--what", metavar="NAME", help="The table that it is on; the recipe's dataset unless said.")
@click.option("--of", "folder", metavar="DIR", help="With croissant: the export that is described.")
@click.option("--url", metavar="URL", help="With croissant: the page of the dataset.")
@click.option("--creator", "creators", multiple=True, metavar="NAME", help="With croissant: who made it.")
@click.option("--published", type=click.DateTime(["%Y-%m-%d"]), metavar="DATE", help="With croissant: when, as 2026-01-31.")
@click.option("--force", is_flag=True, help="Replace a FILE that is no report.")
@click.option("--set", "settings", multiple=True, metavar="KEY=VALUE", help=SET)
@click.option("--allow-path", "allow", multiple=True, metavar="DIR", help=ALLOW)
@store_option
@restricted_option
@json_option
def report_command(
    recipe: str,
    other: str | None,
    form: str,
    named: str | None,
    what: str | None,
    folder: str | None,
    url: str | None,
    creators: tuple[str, ...],
    published: datetime | None,
    force: bool,
    settings: tuple[str, ...],
    allow: tuple[str, ...],
    store: str | None,
    show_restricted: bool,
    as_json: bool,
) -> None:
    """Write what is known of the built dataset of RECIPE into one HTML file, of two builds side by side. Nothing is built.

    The file loads nothing and holds no text of rows that may not be redistributed unless --show-restricted says so.
    """
    form = "json" if as_json else form
    described = form == "croissant"
    if described:
        complain_lacks({"--of DIR": folder, "--url": url, "--creator": creators, "--published": published}, url, other)
    from runtime.report.gather import gather_report
    from runtime.report.page import as_html
    from runtime.report.plain import as_json_text
    from runtime.report.writing import write_report

    recipes = [recipe, *([other] if other is not None else [])]
    sessions = [Session(each, settings, allow, store) for each in recipes]
    reports = [gather_report(each, what, show_restricted) for each in sessions]
    if described:
        from runtime.report.croissant import Publication, as_croissant, read_export

        exported = read_export(follow_name(str(folder), allow), str(folder), reports[0].digest)
        text = as_croissant(reports[0], exported, Publication(str(url), creators, f"{published:%Y-%m-%d}"))
    else:
        text = as_html(reports) if form == "html" else as_json_text(reports)
    if named is None and form != "html":
        click.echo(text, nl=False)
        return
    place = named or f"{sessions[0].text.place.path.stem}.report.html"
    write_report(place, text, force, allow)
    say(f"{', '.join(f'{each.recipe}@{each.digest[:12]}' for each in reports)}  {os.path.relpath(place)}")


def complain_lacks(wanted: Mapping[str, object], url: str | None, other: str | None) -> None:
    """Raises UsageError where a description would lack what its format demands."""
    if missing := [name for name, value in wanted.items() if not value]:
        raise click.UsageError(f"Croissant wants what no recipe says: give {', '.join(missing)}")
    if other is not None:
        raise click.UsageError("Croissant describes one dataset: give one RECIPE")
    if not str(url).startswith(("https://", "http://")):
        raise click.UsageError("--url is an address like https://example.org/dataset")
