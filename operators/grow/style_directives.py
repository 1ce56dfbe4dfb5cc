"""Style directives: children whose prompt has a short directive before or after it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, Literal

from pydantic import Field

from operators.base.bounds import Between, exactly
from operators.base.declare import field
from operators.base.scope import Complaint, Scope
from operators.grow.expand import Born, Expand, Parents


class StyleDirectives(Expand):
    """Give each row children whose prompt has a directive on a line of its own; the question stays to the letter.

    The style augmentation of exam items (paper section 5.2): a short directive, such as the answer in a box, before or
    after the prompt. Which one is a rendezvous by the seeded rank H(seed, row, directive): where a directive joins the
    list, only rows that choose it change. The row itself stays as it is.

    Example:
        with: {texts: [한 단어로 답하세요.], place: after}
        in:   [{prompt: 물은 왜 끓나요}]
        out:  [{prompt: 물은 왜 끓나요}, {prompt: "물은 왜 끓나요\\n한 단어로 답하세요."}]
    """

    name: ClassVar[str] = "style_directives"
    may_read: ClassVar[tuple[str, ...]] = ("directives",)

    of: str = field("column", "prompt")
    """The column that gets the directive."""
    place: Literal["before", "after", "both"] = "both"
    """Where it stands; `both` lets the seeded rank choose for each child."""
    per_row: int = Field(1, ge=1, le=16)
    """Children of each row, each with another directive; fewer where there are not so many."""
    texts: tuple[str, ...] | None = Field(None, min_length=1)
    """The directives; those of the language profile unless said."""
    language: str = field("label", "target")
    """`target`, `anchor` or a code: the language whose profile holds the directives."""

    def entries(self) -> tuple[tuple[str, str], ...]:
        return () if self.texts is not None else ((self.language, "directives"),)

    def complain(self, scope: Scope) -> Iterator[Complaint]:
        yield from super().complain(scope)
        yield from scope.complain_column(self.of, ("of",), "text")
        for place, text in enumerate(self.texts or ()):
            if not text.strip():
                yield Complaint(("texts", place), "a directive without a word is none")
        if self.texts is not None and self.per_row > len(set(self.texts)):
            yield Complaint(
                ("per_row",), f"{self.per_row} children need as many directives, and there are {len(set(self.texts))}"
            )

    def reads(self) -> tuple[str, ...]:
        return (self.of,)

    def changes(self) -> tuple[str, ...]:
        return (self.of,)

    def directives(self, entries: Mapping[str, Any]) -> tuple[str, ...]:
        """The directives, each once."""
        return tuple(dict.fromkeys(self.texts if self.texts is not None else entries["directives"]))

    def children(self, entries: Mapping[str, Any]) -> Between:
        return exactly(min(self.per_row, len(self.directives(entries))))

    def expand(self, rows: Parents, entries: Mapping[str, Any], seed: int) -> Born:
        import numpy as np
        import pyarrow as pa
        import pyarrow.compute as pc

        from operators.kernels.ranks import ranks

        purpose, texts = self.name + self.salt, pa.array(self.directives(entries), pa.large_string())
        null = rows.columns[self.of].is_null().to_numpy(zero_copy_only=False)
        places = np.flatnonzero(~null)
        # Equal ranks of two directives do not happen; the earlier one would come first.
        at, each = np.repeat(places, len(texts)), np.tile(np.arange(len(texts)), len(places))
        order = np.argsort(
            ranks(seed, purpose, rows.row_id[at], texts.take(pa.array(each))).reshape(-1, len(texts)), kind="stable"
        )
        chosen = order[:, : self.per_row]
        parents, directives = np.repeat(places, chosen.shape[1]), texts.take(pa.array(chosen.ravel()))
        prompts = rows.columns[self.of].cast(pa.large_string()).take(pa.array(parents))
        before, after = (
            pc.binary_join_element_wise(*pair, pa.scalar("\n", pa.large_string()))
            for pair in ((directives, prompts), (prompts, directives))
        )
        if self.place == "both":
            first = ranks(seed, f"{purpose} place", rows.row_id[parents], directives) % 2 == 0
            made = pc.if_else(pa.array(first), before, after)
        else:
            made = before if self.place == "before" else after
        none = np.zeros(len(parents), np.int64)
        refused = [(int(place), f"no text in `{self.of}`") for place in np.flatnonzero(null)]
        return Born(parents, {self.of: made}, none[:0], none, none, refused)
