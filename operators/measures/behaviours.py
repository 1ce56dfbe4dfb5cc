"""How often a cognitive behaviour shows in a text, by the expressions of its languages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from operators.base.declare import Count, decided, field
from operators.base.ranged import Ranged
from operators.base.values import Texts, Values


class Behaviours(Ranged):
    """Keep rows whose thinking shows a cognitive behaviour between `min` and `max` times.

    The four behaviours of Gandhi et al. 2025. A language's profile lists expressions for each under `behaviours`; those
    of all languages of `of` are looked for together, for a mixed chain of thought mixes them. They are RE2 expressions,
    case does not matter, and a text is read once, from match to match. An expression is no reader: how far each
    agrees with people is measured in tests/test_behaviours.py.

    Example:
        with: {in: prompt, kind: verification, min: 1}
        in:   [{prompt: 답은 4. 검산해 보면 맞다.}, {prompt: 답은 4.}, {prompt: "Let me double-check: 4."}]
        out:  [{prompt: 답은 4. 검산해 보면 맞다.}, {prompt: "Let me double-check: 4."}]
    """

    name: ClassVar[str] = "behaviours"
    values: ClassVar[tuple[str, ...]] = ("times",)
    units: ClassVar[tuple[str, str]] = ("time", "times")
    rests_on: ClassVar[tuple[str, ...]] = ("unicode", "pyarrow")  # The expressions are searched for by Arrow.
    may_read: ClassVar[tuple[str, ...]] = ("behaviours",)

    in_: str = field("column", "think", alias="in")
    """The column that is measured."""
    kind: Literal["verification", "backtracking", "subgoals", "backward"] = field("measured")
    """The behaviour that is counted."""
    of: tuple[str, ...] = field("measured", ("target", "anchor"), min_length=1, max_length=4)
    """The languages it is looked for in: `target`, `anchor`, or codes."""
    min: Count | None = decided()
    """The fewest times kept."""
    max: Count | None = decided()
    """The most times kept."""

    def entries(self) -> tuple[tuple[str, str], ...]:
        return tuple((role, f"behaviours.{self.kind}") for role in dict.fromkeys(self.of))

    def measure(self, texts: Texts, entries: Mapping[str, Any]) -> Values:
        import numpy as np
        import pyarrow.compute as pc

        expressions = entries[f"behaviours.{self.kind}"]
        lists = [expressions[role] for role in dict.fromkeys(self.of)] if isinstance(expressions, Mapping) else [expressions]
        pattern = "|".join(dict.fromkeys(phrase for phrases in lists for phrase in phrases))
        counts = pc.count_substring_regex(texts.column, pattern, ignore_case=True).to_numpy(zero_copy_only=False)
        return [np.where(texts.null, -1, counts).astype(np.int64)]
