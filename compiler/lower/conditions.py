"""What the conditions of a recipe cost together, before any of them is looked at closely."""

from __future__ import annotations

from collections.abc import Iterator

from compiler.recipe.placed import PlacedStep
from compiler.recipe.sections import Recipe
from compiler.text.diagnostics import Diagnostic
from operators.conditions.expression import MOST_PARTS, MOST_TEXT, Refusal
from operators.measures.where import Where

#: What a condition counts besides its parts.
EACH = 20


def conditions(recipe: Recipe) -> Iterator[tuple[PlacedStep, Where]]:
    """Every condition that a recipe has, with its place."""
    for table in (*recipe.tables.values(), *recipe.answer_tables.values()):
        for step in table.steps:
            if isinstance(step.operator, Where):
                yield step, step.operator


def complain_conditions(recipe: Recipe) -> list[Diagnostic]:
    """The first condition that is one too many: each is parsed and typed, and a recipe is checked in seconds."""
    text, parts = 0, 0
    for step, where in conditions(recipe):
        text += len(where.that)
        if text > MOST_TEXT:
            message = f"the conditions of the recipe are together longer than {MOST_TEXT:,} characters"
            return [Diagnostic(message, step.span(("that",)))]
        try:
            parts += EACH + where.parsed.parts
        except Refusal:
            continue  # it is told where it stands
        if parts > MOST_PARTS:
            message = f"the conditions of the recipe have together more than {MOST_PARTS:,} parts"
            hint = (
                "a repetition `{n}` in a pattern counts as what it repeats; a list of many values is better a source of its own"
            )
            return [Diagnostic(message, step.span(("that",)), hint)]
    return []
