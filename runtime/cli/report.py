"""`recipe report`: what became of the rows, what was measured, paid and scored, as a page to look at or data to read."""

from __future__ import annotations

import os

import click

from runtime.build.session import Session
from runtime.cli.options import ALLOW, SET, json_option, restricted_option, say, store_option

FORMS = ("html", "json")


@click.command("report")
@click.argument("recipe")
@click.argument("other", required=False, metavar="[RECIPE2]")
@click.option("--format", "form", type=click.Choice(FORMS), default="html", help="A page, or its data.")
@click.option("--to", "named", metavar="FILE", help="Where it is written; RECIPE.report.html here, or printed, unless said.")
@click.option("--what", metavar="NAME", help="The table that it is on; the recipe's dataset unless said.")
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
    from runtime.report.gather import gather_report
    from runtime.report.page import as_html
    from runtime.report.plain import as_json_text
    from runtime.report.writing import write_report

    recipes = [recipe, *([other] if other is not None else [])]
    sessions = [Session(each, settings, allow, store) for each in recipes]
    reports = [gather_report(each, what, show_restricted) for each in sessions]
    form = "json" if as_json else form
    text = as_html(reports) if form == "html" else as_json_text(reports)
    if named is None and form != "html":
        click.echo(text, nl=False)
        return
    place = named or f"{sessions[0].text.place.path.stem}.report.html"
    write_report(place, text, force, allow)
    say(f"{', '.join(f'{each.recipe}@{each.digest[:12]}' for each in reports)}  {os.path.relpath(place)}")
