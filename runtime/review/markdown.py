"""A comparison as a pull-request comment: one line to read, the rest to unfold, and nothing that acts on its own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from compiler.text.diagnostics import visible
from runtime.review.compare import Comparison
from runtime.review.rows import Moved
from runtime.review.wording import SIGNS, decided, headline, plan, plural, shift, stops, summary, table, text_of

MOST = 60_000
"""Bytes of a comment; GitHub takes 65,536 characters."""

LINES = 60
"""The most lines of one list."""

BREAK = "\u200b"
"""Nothing to see: it keeps a mention or a reference from being one."""


def as_markdown(comparisons: Sequence[Comparison], open_text: bool = False) -> str:
    """One comment for all recipes, at most MOST bytes; what does not fit is left out from the end, and said to be."""
    if not comparisons:
        return "Nothing that changed is read by a recipe.\n"
    heads = [f"**{safe(each.recipe)}**: {safe(summary(each))}\n" for each in comparisons]
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
    return clipped(text) + (f"\n*{plural(left, 'part')} did not fit here; `recipe diff` prints all.*\n" if left else "")


def clipped(text: str) -> str:
    """Whole lines, of a beginning that is too long already."""
    if len(text.encode()) <= MOST:
        return text
    cut = text.encode()[: MOST - 200].decode("utf-8", "ignore")
    return cut[: cut.rfind("\n") + 1]


def parts(comparison: Comparison, open_text: bool, titled: bool) -> Iterator[str]:
    """The comment in pieces, each whole in itself, what matters most first."""
    if titled and not comparison.empty:
        yield f"\n#### {safe(comparison.recipe)}\n"
    owed = [
        f"- **{each.state}**: **{safe(each.message)}**{at(each.place.label if each.place else None)}" for each in comparison.owed
    ]
    if owed:
        yield "\n**Obligations**\n\n" + "\n".join(owed) + "\n"
    stopping = [f"- **{safe(line)}**" for moved in comparison.outputs for line in stops(moved)]
    if stopping:
        yield "\n" + "\n".join(stopping) + "\n"
    if comparison.notes:
        yield "\n" + "\n".join(f"- {safe(note)}" for note in comparison.notes) + "\n"
    if comparison.changes:
        lines = []
        for change in comparison.changes:
            places = " &rarr; ".join(code(span.label) for span in (change.before, change.after) if span is not None)
            lines.append(f"- `{SIGNS[change.kind]}` {safe(change.what)} {places}")
        yield folded(f"Meaning: {plural(len(lines), 'change')}", "\n".join(some(lines)))
    for moved in comparison.outputs:
        yield from rows_of(moved, open_text)
    running, reused = plan(comparison)
    if running:
        rows = [["stage", "", "cause", "line", "cost"]]
        for state, name, cause, line, spent in running:
            rows.append([safe(name), state, safe(cause), code(line) if line else "", safe(spent)])
        yield folded(f"Plan: {plural(len(running), 'stage')} not reused, {reused} reused", grid(rows, LINES))


def rows_of(moved: Moved, open_text: bool) -> Iterator[str]:
    """The rows of one output."""
    groups = list(table(moved))
    if moved.still or (not groups and not moved.entering and not moved.leaving):
        return
    body = grid([["", "before", "after", "change"], *([safe(cell) for cell in row] for row in groups)], LINES) if groups else ""
    if moved.steps:
        steps = [[safe(step), *pair] for step, *pair in moved.steps]
        body += "\n\n" + grid([["dropped by", "before", "after"], *steps], LINES)
    more = [safe(shift(each)) for each in moved.shifts] + [f"column {safe(column)}" for column in moved.columns]
    body += "\n\n" + "\n".join(f"- {line}" for line in more) if more else ""
    yield folded(f"Rows of {safe(headline(moved))}", body)
    examples = [("enters", each) for each in moved.entering] + [("leaves", each) for each in moved.leaving]
    if examples:
        lines = [
            f"- {how}: {code(each.row_id[:12])} {safe(decided(each, how == 'enters'))}<br>{code(text_of(each, open_text))}"
            for how, each in examples
        ]
        yield folded(f"Examples of {safe(moved.output)}", "\n".join(lines))


def folded(title: str, body: str) -> str:
    return f"\n<details><summary>{title}</summary>\n\n{body}\n\n</details>\n"


def grid(rows: Sequence[Sequence[str]], most: int | None = None) -> str:
    """A table of cells that are safe already; of more lines than `most` it says how many there are."""
    head, *rest = ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join([head, "|" + " --- |" * len(rows[0]), *(rest if most is None else some(rest, most))])


def some(lines: list[str], most: int = LINES) -> list[str]:
    """The first lines of a list, and how many more there are: nobody reads on."""
    return lines if len(lines) <= most else [*lines[:most], f"\n*and {len(lines) - most:,} more*"]


def at(label: str | None) -> str:
    return "" if label is None else f" {code(label)}"


SPECIAL = frozenset("\\`*_{}[]()<>#+-.!|~@:$&\"'")


def safe(text: str) -> str:
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
    return f"<code>{safe(text)}</code>"
