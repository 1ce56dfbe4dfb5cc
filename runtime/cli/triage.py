"""`recipe triage`: what each site gives, what the limits say of it, and the record to be pasted."""

from __future__ import annotations

from typing import Any

from compiler.recipe.benchmarks import FEED
from operators.declared.by_row import closest
from operators.declared.triage import Triage
from runtime.build.session import Session
from runtime.cli.options import answer, recipe_command


@recipe_command("triage")
def triage_command(session: Session, as_json: bool) -> None:
    """What each source of RECIPE gives, and which the limits of its `triage` would keep.

    Sources of class C are looked at by nobody. The decisions are yours: what differs from the record is printed, to be pasted.
    """
    session.bounded = True
    _ = session.graph  # whatever is wrong is told first
    triage = session.read.recipe.triage
    found = judged(session, triage)
    for name, site in sorted(triage.sites.items()):
        if name not in found:
            found[name] = {"license": site.license or "", "says": "drop", "by": site.by, "found": site.found, "near": None}
    for name, each in found.items():
        record = triage.sites.get(name)
        each["recorded"] = record.decision if record is not None else None
        each["recorded_by"] = record.by if record is not None else None
    answer(as_json, {"recipe": session.read.recipe.name, "sites": found}, lines_of(found))


def judged(session: Session, triage: Triage) -> dict[str, dict[str, Any]]:
    """Each source with what was found of it, and what the limits say."""
    from runtime.sources.readers.files import Unreadable
    from runtime.sources.sites import Measured, measure_site, nearest, reasons
    from runtime.store.store import StoreError

    measured: dict[str, Measured] = {}
    found: dict[str, dict[str, Any]] = {}
    for name, feed in sorted(session.read.recipe.sources.items()):
        if name.startswith(FEED):
            continue
        license = closest(feed.operator.license)
        found[name] = {"license": license, "says": "unknown", "by": None, "found": None, "near": None}
        if license == "C":
            found[name] |= {"says": "drop", "by": "licence"}
        elif session.found.files[name]:
            try:
                measured[name] = measure_site(feed.operator, session.found.files[name])
            except Unreadable as error:
                raise StoreError(f"`{name}` cannot be measured: {error.message}", "mend the file, or drop the site") from None
    for name, site in measured.items():
        near = nearest(name, measured)
        first = next(reasons(triage, site, near), None)
        found[name] |= {
            "says": "keep" if first is None else "drop",
            "by": None if first is None else first[0],
            "found": None if first is None else first[1],
            "rows": site.rows,
            "pages": site.pages,
            "barren": site.barren,
            "bad": site.bad,
            "near": None if near is None or not near.shared else {"site": near.site, "share": near.shared / near.of},
        }
    return found


def lines_of(found: dict[str, dict[str, Any]]) -> list[str]:
    """A table for a person, and what is not recorded so."""
    from compiler.text.yaml_text import node_of, render_yaml

    rows = [("site", "class", "rows", "pages", "no row", "in a larger one", "the limits say", "recorded")]
    for name, each in found.items():
        near, pages = each["near"], each.get("pages")
        rows.append(
            (
                name,
                each["license"],
                f"{each['rows']:,}" if "rows" in each else ".",
                f"{pages:,}" if pages else ".",
                f"{100 * each['barren'] / pages:.1f} %" if pages else ".",
                f"{100 * near['share']:.1f} %, {near['site']}" if near else ".",
                each["says"] + (f": {each['by']}" if each["by"] else ""),
                (each["recorded"] or ".") + (f": {each['recorded_by']}" if each["recorded_by"] else ""),
            )
        )
    widths = [max(len(row[at]) for row in rows) for at in range(len(rows[0]))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    other = {
        name: {key: each[key] for key in ("by", "found") if each[key]} | {"decision": each["says"]}
        for name, each in found.items()
        if each["says"] != "unknown" and (each["says"], each["by"]) != (each["recorded"], each["recorded_by"])
    }
    if not other:
        return [*lines, "", "the record says the same"]
    pasted = {name: {"decision": each.pop("decision"), **each} for name, each in other.items()}
    kept = sum(each["says"] == "keep" for each in found.values())
    lines += ["", f"{kept:,} of {len(found):,} sites are kept by the limits; what is recorded otherwise, or not:"]
    return [*lines, *render_yaml(node_of({"triage": {"sites": pasted}})).rstrip("\n").split("\n")]
