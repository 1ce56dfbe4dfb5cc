"""A report as one HTML file: no script, no address that anything is loaded from, under a megabyte whatever the data."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from runtime.report import results, rows
from runtime.report.marks import Marks, Part, element, escaped, joined, name, paragraph, short, table
from runtime.report.report import Report

MOST = 1_000_000
"""Bytes of a file, less than these."""

Section = Callable[[Report], Iterator[Part]]

SECTIONS: tuple[tuple[str, str, Section], ...] = (
    ("funnel", "Funnel", rows.funnel),
    ("measures", "Measures", rows.measures),
    ("mixture", "Mixture", rows.mixture),
    ("languages", "Languages", rows.languages),
    ("licences", "Licences and obligations", rows.licences),
    ("scores", "Scores", results.scores),
    ("training", "Training", results.trainings),
    ("cost", "Cost", results.cost),
    ("rebuild", "Rebuild", results.rebuild),
)

STYLE = """
:root{color-scheme:light dark;--ink:#1c2024;--paper:#fff;--soft:#5b6470;--line:#d5dae0}
:root{--kept:#2f6fb3;--dropped:#c2602a;--born:#2e8557}
@media (prefers-color-scheme:dark){
:root{--ink:#e8ebee;--paper:#15181c;--soft:#a4aeb9;--line:#39414a;--kept:#74aee8;--dropped:#e99062;--born:#6cc397}
}
*{box-sizing:border-box}
body{margin:0 auto;padding:1rem;max-width:72rem;font:1rem/1.5 system-ui,sans-serif;color:var(--ink);background:var(--paper)}
h1,h2,h3{line-height:1.25;overflow-wrap:anywhere}
h2{margin-top:2.5rem;border-top:1px solid var(--line);padding-top:1rem}
a{color:inherit}
nav ul{display:flex;flex-wrap:wrap;gap:.25rem 1rem;padding:0;list-style:none}
.skip{position:absolute;left:-999rem}.skip:focus{position:static}
.sides{display:grid;gap:1rem 2rem;grid-template-columns:repeat(auto-fit,minmax(min(100%,26rem),1fr))}
.sides>div{min-width:0}
.wide{overflow-x:auto;margin:1rem 0}
table{border-collapse:collapse;width:100%;font-size:.9rem}
caption{text-align:start;color:var(--soft);padding:.25rem 0}
th,td{text-align:start;vertical-align:top;padding:.25rem .5rem;border-bottom:1px solid var(--line)}
td code,td [lang],td [dir]{overflow-wrap:anywhere}
.n{text-align:end;font-variant-numeric:tabular-nums}td.n{white-space:nowrap}
figure{margin:1rem 0}figcaption{font-size:.9rem;color:var(--soft)}
.swatch{display:inline-block;width:.8em;height:.8em;margin-inline-end:.3em}
.swatch.kept{background:var(--kept)}.swatch.dropped{background:var(--dropped)}
.ends{display:flex;justify-content:space-between}
.chart{display:block;width:100%;height:9rem;border-bottom:1px solid var(--line)}
.bar{display:block;width:100%;min-width:6rem;height:1.1rem}
rect.kept{fill:var(--kept)}rect.dropped{fill:var(--dropped)}rect.born{fill:var(--born)}
line.bound{stroke:var(--ink);stroke-width:2;vector-effect:non-scaling-stroke}
polyline{fill:none;stroke:var(--kept);stroke-width:2;vector-effect:non-scaling-stroke}
pre{overflow-x:auto;padding:.75rem;border:1px solid var(--line)}
code{overflow-wrap:anywhere}
summary{cursor:pointer}
:focus-visible{outline:3px solid var(--kept);outline-offset:2px}
@media print{details>*{display:block}}
"""


def as_html(reports: Sequence[Report]) -> str:
    """The page of one build, or of two side by side."""
    title = " and ".join(f"{each.recipe}@{each.digest[:12]}" for each in reports)
    parts: list[tuple[str, str, Marks]] = [("overview", "Overview", joined(overview(reports)))]
    room = MOST // 2
    for anchor, heading, section in SECTIONS:
        sides = [joined(section(each)) for each in reports]
        if not any(sides):
            continue
        made = sides[0] if len(sides) == 1 else element("div", *map(side, reports, sides), class_="sides")
        if (size := len(made.encode())) > room:
            made = paragraph("This part would make the file too large: --format json has it.")
        else:
            room -= size
        parts.append((anchor, heading, made))
    return document(title, parts)


def document(title: str, parts: Sequence[tuple[str, str, Marks]]) -> str:
    """A whole page."""
    # Even where something in it asked for an address, a browser would not go there.
    policy = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
    links = [element("li", element("a", heading, href=f"#{anchor}")) for anchor, heading, _ in parts]
    sections = [
        element("section", element("h2", heading, id=anchor), made, aria_labelledby=anchor) for anchor, heading, made in parts
    ]
    head = [
        '<meta charset="utf-8">',
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        '<meta name="generator" content="recipe report">',
        element("title", short(title), ": report"),
        f"<style>{STYLE}</style>",
    ]
    body = [
        element("a", "Skip to the contents", href="#overview", class_="skip"),
        element("header", element("h1", name(title))),
        element("nav", element("ul", *links), aria_label="Parts"),
        element("main", *sections),
    ]
    written = "\n".join(
        ["<!DOCTYPE html>", '<html lang="en">', "<head>", *head, "</head>", "<body>", *body, "</body>", "</html>", ""]
    )
    assert len(written.encode()) < MOST, "parts that are too large are left out"
    return written


def overview(reports: Sequence[Report]) -> Iterator[Part]:
    """What a reader looks for first, of each build."""
    for each in reports:
        yield paragraph(element("span", short(each.description, 1000), dir="auto")) if each.description else ""
    facts: list[tuple[Part, ...]] = [
        ("rows", *(each.rows for each in reports)),
        ("rows read", *(sum(kind.read for kind in each.kinds) for each in reports)),
        ("digest", *(element("code", each.digest[:12]) for each in reports)),
        ("state", *(each.locked.pinned for each in reports)),
        ("licence classes", *(", ".join(f"{licence} {count:,}" for licence, count in each.licences) for each in reports)),
    ]
    yield table("In short", ("what", *(short(f"{each.recipe}, {each.output}") for each in reports)), facts)
    if len(reports) == 2:
        yield compared(*reports)


def compared(one: Report, other: Report) -> Marks:
    """The rows of each source and category in both datasets, those that differ most first."""
    before, after = ({(kind.source, kind.category): kind.kept for kind in each.kinds} for each in (one, other))
    found = [(kind, before.get(kind, 0), after.get(kind, 0)) for kind in dict.fromkeys([*before, *after])]
    found.sort(key=lambda each: (-abs(each[2] - each[1]), each[0]))
    lines = [(name(", ".join(kind)), first, second, f"{second - first:+,}") for kind, first, second in found]
    return table("Rows in each dataset", ("source and category", "first", "second", "difference"), lines)


def side(report: Report, made: Marks) -> Marks:
    """One of two builds."""
    return element("div", element("p", escaped(name(report.recipe)), " ", element("code", report.digest[:12])), made or "nothing")
