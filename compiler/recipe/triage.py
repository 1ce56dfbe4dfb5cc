"""The triage of a recipe: sites that are dropped feed no table."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from compiler.recipe.benchmarks import FEED
from compiler.recipe.placed import PlacedTable
from compiler.recipe.typed import declared
from compiler.text.diagnostics import Diagnostic, meant
from compiler.text.document import TextNode
from operators.declared.triage import Triage

#: Names of sites that are shown.
SHOWN = 8


def triage_of(node: TextNode, sources: Collection[str], problems: list[Diagnostic]) -> Triage:
    """The triage that a recipe declares, or one that drops nothing; a kept site is a source."""
    part = node.get("triage")
    made = declared(Triage, part, problems) if part is not None else None
    for name, site in made.sites.items() if made is not None else ():
        span = node.find(("triage", "sites", name), key=True)
        if name not in sources and site.decision == "keep":
            hint = meant(name, sources, "the sources are: " + ", ".join(f"`{each}`" for each in sorted(sources)))
            problems.append(Diagnostic(f"the site `{name}` is kept, and there is no such source", span, hint))
        if name in sources and site.license is not None:
            problems.append(Diagnostic(f"`{name}` is a source, which says its class itself", span, "leave out `license` here"))
    return made or Triage()


def undecided(triage: Triage, sources: Collection[str]) -> list[str]:
    """The sources that a triage has no decision on: all of them are sites, once there is a triage."""
    left = (each for each in sources if each not in triage.sites and not each.startswith(FEED))
    return [] if triage == Triage() else sorted(left)


def undecided_line(triage: Triage, sources: Collection[str]) -> list[str]:
    """The same for a person, in a line where there are some."""
    names = undecided(triage, sources)
    shown = ", ".join(f"`{each}`" for each in names[:SHOWN]) + (f" and {len(names) - SHOWN:,} more" if len(names) > SHOWN else "")
    return [f"the triage has no decision on {shown}: `recipe triage` prints a record to be pasted"] if names else []


def complain_dropped(triage: Triage, tables: Mapping[str, PlacedTable], problems: list[Diagnostic]) -> None:
    """A table that reads a site which the triage drops."""
    for table in tables.values():
        for name, span in table.origins:
            if name.partition(".")[0] in triage.dropped():
                message = f"`{table.name}` reads `{name}`, which the triage drops"
                problems.append(Diagnostic(message, span, "leave it out here, or keep the site under `triage`"))
