"""A comparison as a pull-request comment: one line to read, the rest to unfold, and nothing that acts on its own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from compiler.text.diagnostics import visible
from runtime.review.compare import Comparison
from runtime.review.rows import OutputRows
from runtime.review.wording import (
    SIGNS,
    decision_text,
    example_text,
    group_rows,
    headline,
    plan_rows,
    plural,
    shift_text,
    stop_reasons,
    summary,
)

MOST = 60_000
"""Bytes of a comment; GitHub takes 65,536 characters."""

LINES = 60
"""The most lines of one list."""

BREAK = "\u200b"
"""Nothing to see: it keeps a mention or a reference from being one."""


def as_markdown(comparisons: Sequence[Comparison], open_text: bool = False) -> str:
    """One comment for all recipes, at most MOST bytes; what does not fit is left out from the end, and counted."""
    if not comparisons:
        return "Nothing that changed is read by a recipe.\n"
    heads = [f"**{escape(each.recipe)}**: {escape(summary(each))}\n" for each in comparisons]
    first = (
        heads[0]
        if len(heads) == 1
        else f"**{plural(len(heads), 'recipe')} changed**\n\n" + "".join(f"- {each}" for each in heads)
    )
    text, left = first, 0
    for each in comparisons:
        for part in parts(each, open_text, len(comparisons) > 1):
            if len((text + part).encode()) > MOST - 200:
                left += 1
            else:
                text += part
    return clip(text) + (f"\n*{plural(left, 'part')} did not fit here; `recipe diff` prints all.*\n" if left else "")


def clip(text: str) -> str:
    """Whole lines, of a beginning that is too long already."""
    if len(text.encode()) <= MOST:
        return text
    cut = text.encode()[: MOST - 200].decode("utf-8", "ignore")
    return cut[: cut.rfind("\n") + 1]


def parts(comparison: Comparison, open_text: bool, titled: bool) -> Iterator[str]:
    """The comment in pieces, each whole in itself, what matters most first."""
    if titled and not comparison.empty:
        yield f"\n#### {escape(comparison.recipe)}\n"
    owed = [
        f"- **{each.state}**: **{escape(each.message)}**{place_text(each.place.label if each.place else None)}"
        for each in comparison.owed
    ]
    if owed:
        yield "\n**Obligations**\n\n" + "\n".join(owed) + "\n"
    stopping = [f"- **{escape(line)}**" for output in comparison.outputs for line in stop_reasons(output)]
    if stopping:
        yield "\n" + "\n".join(stopping) + "\n"
    if comparison.notes:
        yield "\n" + "\n".join(f"- {escape(note)}" for note in comparison.notes) + "\n"
    if comparison.changes:
        lines = []
        for change in comparison.changes:
            places = " &rarr; ".join(code(span.label) for span in (change.before, change.after) if span is not None)
            lines.append(f"- `{SIGNS[change.kind]}` {escape(change.what)} {places}")
        yield fold(f"Meaning: {plural(len(lines), 'change')}", "\n".join(first_lines(lines)))
    for output in comparison.outputs:
        yield from rows_of(output, open_text)
    running, reused = plan_rows(comparison)
    if running:
        rows = [["stage", "", "cause", "line", "cost"]]
        for state, name, cause, line, spent in running:
            rows.append([escape(name), state, escape(cause), code(line) if line else "", escape(spent)])
        yield fold(f"Plan: {plural(len(running), 'stage')} not reused, {reused} reused", grid(rows, LINES))


def rows_of(output: OutputRows, open_text: bool) -> Iterator[str]:
    """The rows of one output."""
    groups = list(group_rows(output))
    if output.unchanged or (not groups and not output.entering and not output.leaving):
        return
    body = grid([["", "before", "after", "change"], *([escape(cell) for cell in row] for row in groups)], LINES) if groups else ""
    if output.steps:
        steps = [[escape(step), *pair] for step, *pair in output.steps]
        body += "\n\n" + grid([["dropped by", "before", "after"], *steps], LINES)
    more = [escape(shift_text(each)) for each in output.shifts] + [f"column {escape(column)}" for column in output.columns]
    body += "\n\n" + "\n".join(f"- {line}" for line in more) if more else ""
    yield fold(f"Rows of {escape(headline(output))}", body)
    examples = [("enters", each) for each in output.entering] + [("leaves", each) for each in output.leaving]
    if examples:
        lines = [
            f"- {how}: {code(each.row_id[:12])} {escape(decision_text(each, how == 'enters'))}"
            f"<br>{code(example_text(each, open_text))}"
            for how, each in examples
        ]
        yield fold(f"Examples of {escape(output.name)}", "\n".join(lines))


def fold(title: str, body: str) -> str:
    return f"\n<details><summary>{title}</summary>\n\n{body}\n\n</details>\n"


def grid(rows: Sequence[Sequence[str]], most: int | None = None) -> str:
    """A table of cells that are safe already; lines beyond `most` are counted."""
    head, *rest = ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join([head, "|" + " --- |" * len(rows[0]), *(rest if most is None else first_lines(rest, most))])


def first_lines(lines: list[str], most: int = LINES) -> list[str]:
    """The first lines of a list, and how many more there are: nobody reads on."""
    return lines if len(lines) <= most else [*lines[:most], f"\n*and {len(lines) - most:,} more*"]


def place_text(label: str | None) -> str:
    return "" if label is None else f" {code(label)}"


SPECIAL = frozenset("\\`*_{}[]()<>#+-.!|~@:$&\"'")


def escape(text: str) -> str:
    """Text of a recipe or a row, which stays text: no markup, no mention, no reference, no link, no image."""
    shown = " ".join(visible(text).split())
    # A bare address becomes a link without any mark, so its first letters are kept apart.
    return "".join(map(entity, shown)).replace("www", f"w{BREAK}ww")


def entity(char: str) -> str:
    """A character that Markdown and HTML take for nothing but itself; a mention or reference ends right after its mark."""
    if char not in SPECIAL:
        return char
    return f"&#{ord(char)};" + (BREAK if char in "@#" else "")


def code(text: str) -> str:
    """Text in a code span, in which GitHub looks for no mention."""
    return f"<code>{escape(text)}</code>"
