"""The parts of a page on rows: what became of them, what was measured, how they are mixed, written and licensed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from operators.base.licence import withheld
from runtime.build.funnel import rows_of_step
from runtime.report.draw import bar, histogram
from runtime.report.marks import Marks, Part, element, escaped, folded, joined, name, number, paragraph, short, table
from runtime.report.report import Measured, NearRow, Report

STEPS = 12
"""Decisions that have a column in a table of sources; all of them stand in the funnel."""
MEASURES = 24
"""Decisions that are drawn."""
SAID = {"A": "may be redistributed", "B": "may be trained on, not redistributed", "unknown": "terms not stated: for local use"}


def funnel(report: Report) -> Iterator[Part]:
    """Rows from source to dataset."""
    most = max((sum(each["rows"].values()) for each in report.funnel), default=0)
    for each in report.funnel:
        yield element("h3", "Table ", name(each["table"]))
        yield table(f"What each step of {each['table']} leaves", ("step", "rows", "left", "drawn"), list(steps_of(each, most)))
        yield folded("By source", by_source(each))
    rows = [
        (escaped(name(each.source)), name(each.category), each.read, each.kept, share(each.kept, each.read))
        for each in report.kinds
    ]
    yield table(
        "Rows of each source and category, read and in the dataset", ("source", "category", "read", "kept", "share"), rows
    )
    if report.quarantined:
        yield table("Rows that could not be read", ("source", "rows"), report.quarantined)


def steps_of(each: dict[str, Any], most: int) -> Iterator[tuple[Part, ...]]:
    """A line for each step, with the rows that are left after it."""
    left = sum(each["rows"].values())
    yield "came", left, left, bar(f"{left:,} rows came", [("kept", left)], most)
    for step in each["steps"]:
        count, born = sum(rows_of_step(step).values()), "born" in step
        left += count if born else -count
        title = f"{step['step']}: {count:,} {'born' if born else 'dropped'}, {left:,} left"
        drawn = [("kept", left - count), ("born", count)] if born else [("kept", left), ("dropped", count)]
        yield name(step["step"]), ("+" if born else "−") + number(count), left, bar(title, drawn, max(most, left + count))


def by_source(each: dict[str, Any]) -> Marks:
    steps = each["steps"][:STEPS]
    rows = [
        (name(source), count, *(rows_of_step(step).get(source, 0) for step in steps), each["left"].get(source, 0))
        for source, count in sorted(each["rows"].items(), key=lambda pair: (-pair[1], str(pair[0])))
    ]
    heads = ("source", "rows", *(short(("+" if "born" in step else "−") + step["step"]) for step in steps), "kept")
    return table(f"Rows of each source in {each['table']}, and what each step takes", heads, rows)


def share(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f} %" if whole else "."


def measures(report: Report) -> Iterator[Part]:
    """Each decision with its histogram and the rows near its bounds."""
    for each in report.measured[:MEASURES]:
        yield element("h3", name(each.step), " of ", name(each.stage))
        yield paragraph(
            f"It wants {short(each.wanted)}: of {each.came:,} rows that came with a value it drops {each.dropped:,} rows."
        )
        yield from drawn(each)
        if each.moved:
            rows = [
                (
                    f"{one.bound} {number(one.at)}",
                    one.near,
                    f"{number(one.enter)} more pass at {number(one.looser)}",
                    f"{number(one.leave)} fewer at {number(one.tighter)}",
                )
                for one in each.moved
            ]
            yield table("Bounds, moved by a tenth", ("bound", "rows within a tenth", "looser", "tighter"), rows)
        if each.near:
            yield folded(f"The rows nearest on both sides ({len(each.near)})", samples(each))
    if (more := len(report.measured) - MEASURES) > 0:
        yield paragraph(f"and {more:,} decisions more, which --format json has")


def drawn(each: Measured) -> Iterator[Part]:
    """The histogram of a decision, with its ends in words."""
    if not each.came:
        return
    bounds = [one.at for one in each.moved if each.edges[0] <= one.at <= each.edges[-1]]
    named = ", ".join(f"{one.bound} {number(one.at)}" for one in each.moved)
    title = f"{each.step}: {each.came:,} rows from {number(each.edges[0])} to {number(each.edges[-1])}"
    title += f", bounds {named}" if named else ""
    first, last = (bin_name(*pair).split(" to ") for pair in (each.edges[:2], each.edges[-2:]))
    ends = element("div", element("span", first[0]), element("span", last[-1]), class_="ends")
    told = [joined([element("span", class_=f"swatch {kind}"), kind]) for kind in ("kept", "dropped")]
    told += [escaped(f"a line at {', '.join(map(number, bounds))}")] if bounds else []
    told += [escaped(f"higher values stand in the last column: {each.beyond:,}")] if each.beyond else []
    caption = element("figcaption", ends, Marks("; ".join(told)))
    yield element("figure", histogram(title, each.edges, each.kept_in, each.dropped_in, bounds), caption)
    bins = zip(each.edges, each.edges[1:], each.kept_in, each.dropped_in, strict=False)
    rows = [(bin_name(low, high), stays, goes) for low, high, stays, goes in bins if stays or goes]
    yield folded("The same in numbers", table(f"Rows by {each.step}", ("value", "kept", "dropped"), rows))


def bin_name(low: float, high: float) -> str:
    """What is in a bin; one of whole numbers begins and ends between two of them."""
    if low % 1 == high % 1 == 0.5:
        first, last = int(low + 0.5), int(high - 0.5)
        return f"{first:,}" if first == last else f"{first:,} to {last:,}"
    return f"{number(low)} to {number(high)}"


def samples(each: Measured) -> Marks:
    rows = [
        (element("code", row.row_id[:12]), "kept" if row.kept else "dropped", row.measured, text_of(row)) for row in each.near
    ]
    return table(f"Rows nearest to what {each.step} wants", ("row", "verdict", "measured", "text"), rows)


def text_of(row: NearRow) -> Marks:
    """The text of a row in its own language and direction, or why it is not shown."""
    if row.text is None:
        return element("em", withheld(row.license))
    return element("span", row.text, lang=row.language, dir="auto")


def mixture(report: Report) -> Iterator[Part]:
    """What mixtures wanted, and got."""
    for stage in dict.fromkeys(each.stage for each in report.mixed):
        own = [each for each in report.mixed if each.stage == stage]
        most = max(max(each.wanted, each.got) for each in own)
        rows = [
            (
                name(each.group),
                each.wanted,
                each.got,
                share(each.got, each.wanted),
                bar(
                    f"{each.group}: {each.got:,} of {each.wanted:,}",
                    [("kept", each.got), ("dropped", max(each.wanted - each.got, 0))],
                    most,
                ),
            )
            for each in own
        ]
        yield table(f"{stage}, in {own[0].unit}", ("group", "wanted", "got", "share", "drawn"), rows)


def languages(report: Report) -> Iterator[Part]:
    """In which scripts the text is."""
    codes = dict(report.languages)
    if not report.scripts:
        return
    yield paragraph(
        "Letters by the scripts of ",
        *(
            part
            for role in ("target", "anchor")
            if role in codes
            for part in (f"the {role} ", element("code", codes[role]), ", ")
        ),
        "in the rows of the lowest ids. A script that both share counts for the target.",
    )
    rows = [
        (
            f"{each.column}, {each.category}",
            each.rows,
            each.letters,
            share(each.target, each.letters),
            share(each.anchor, each.letters),
            share(each.other, each.letters),
            bar(
                f"{each.column}, {each.category}: {share(each.target, each.letters)} in the target's",
                [("kept", each.target), ("born", each.anchor), ("dropped", each.other)],
                each.letters,
            ),
        )
        for each in report.scripts
    ]
    yield table("Scripts of text", ("column and category", "rows", "letters", "target", "anchor", "other", "drawn"), rows)


def licences(report: Report) -> Iterator[Part]:
    """What may be done with the rows, and what is owed."""
    rows = [(each, SAID.get(each, "must not be used"), count) for each, count in report.licences]
    yield table("Rows of the dataset by licence class", ("class", "what it lets", "rows"), rows)
    if report.owed:
        yield table(
            "Obligations", ("kind", "what is owed"), [(kind, escaped(short(message, 400))) for kind, message in report.owed]
        )
    if report.writers:
        yield table("Models whose text the rows hold", ("model", "terms of what it writes", "class"), report.writers)
