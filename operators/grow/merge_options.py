"""Merged options: children of exam items that have wrong options of similar items besides their own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from operators.base.bounds import Between
from operators.base.declare import Measure, Only, Share, field
from operators.base.scope import Complaint, Scope
from operators.grow.expand import Born, Expand, Parents, holds
from operators.measures.negation import Negation
from operators.text.fold import folded_rules

if TYPE_CHECKING:
    import pyarrow as pa

    from operators.grow.expand import Mask


class MergeOptions(Expand):
    """Give each exam item a child that has wrong options of the most similar items besides its own.

    The option augmentation of exam items (paper section 5.2). The `k` questions most like an item's are found by BM25
    among the items of `from`, each item once; from the most similar on they give their wrong options, never their right
    one, until there are `max_options`. All options of the child stand in a seeded order, and `gold` says where the right
    one landed. Refused is what might be right: an option that equals the right one, contains it or is contained in it
    (letters and digits alone compared, letters by the `fold` of the language), or is nearly one that is there; the options
    of a near-duplicate of the question, because where a word is changed what was wrong may be right; items with a negation
    cue, where right and wrong change sides; and items with an option that speaks of the others, such as all of the above
    (`above_options` of the language).
    They have no child and give nothing. An item that gains no option has no child.

    Labels that all options carry in order (`answer_labels` of the language) are left out for comparing and written anew,
    as far as the convention goes. Options that stand in the prompt itself are out of reach: such an item is left alone.
    Needs the extra `exams` (bm25s, scipy), and `ko` for the morphemes of Korean cues.

    Example:
        with: {}
        in:   [{prompt: 한국의 수도는 어디인가, options: [서울, 부산], gold: 0},
               {prompt: 일본의 수도는 어디인가, options: [도쿄, 부산광역시, 오사카], gold: 0}]
        out:  [{prompt: 한국의 수도는 어디인가, options: [서울, 부산], gold: 0},
               {prompt: 한국의 수도는 어디인가, options: [부산, 서울, 오사카, 부산광역시], gold: 1},
               {prompt: 일본의 수도는 어디인가, options: [도쿄, 부산광역시, 오사카], gold: 0},
               {prompt: 일본의 수도는 어디인가, options: [부산광역시, 도쿄, 부산, 오사카], gold: 1}]
    """

    name: ClassVar[str] = "merge_options"
    version: ClassVar[int] = 2
    may_read: ClassVar[tuple[str, ...]] = ("answer_labels", "above_options", "fold", "segmenter")
    may_lack: ClassVar[tuple[str, ...]] = ("above_options", "fold")
    mixes: ClassVar[bool] = True
    rests_on: ClassVar[tuple[str, ...]] = ("unicode", "pyarrow", "bm25s", "kiwipiepy", "kiwipiepy-model")

    of: str = field("column", "prompt")
    """The column with the question."""
    options: str = field("column", "options")
    """The column with the options."""
    gold: str = field("column", "gold")
    """The column with the position of the right option, which counts from 0."""
    from_: Only | None = Field(None, alias="from")
    """The rows whose wrong options may be taken; those of `only` unless said."""
    retriever: Literal["bm25"] = "bm25"
    """How similar questions are found."""
    tokens: Literal["words", "segments"] = "words"
    """What BM25 compares: words between white space in lower case, or the morphemes of the profile's segmenter."""
    k: int = Field(5, ge=1, le=32)
    """Similar items that an item takes options of."""
    max_options: int = Field(10, ge=3, le=26)
    """The most options of a child."""
    near: Share = Decimal("0.8")
    """From this Jaccard of character 5-grams on two texts are nearly the same; shorter ones where they are equal."""
    cues: tuple[str, ...] | None = Field(None, min_length=1)
    """Negation cues in the place of the profile's, as `negation` has them."""
    language: str = field("label", "target")
    """`target`, `anchor` or a code: the language whose profile holds labels, cues and the segmenter."""

    def negation(self) -> Negation:
        """The measure by which items with a negation cue are found."""
        return Negation.model_validate({"in": self.of, "of": self.language, "cues": self.cues})

    def measures(self) -> Mapping[str, Measure]:
        return {"negation": self.negation()}

    def entries(self) -> tuple[tuple[str, str], ...]:
        segmenter = ((self.language, "segmenter"),) if self.tokens == "segments" else ()
        return (*((self.language, entry) for entry in ("answer_labels", *self.may_lack)), *segmenter)

    def narrow(self, entry: str, value: Any) -> Any:
        return folded_rules(value) if entry == "fold" else value

    def complain(self, scope: Scope) -> Iterator[Complaint]:
        yield from super().complain(scope)
        if self.from_:
            yield from (replace(each, path=("from", *each.path[1:])) for each in self.from_.complain(scope))
        yield from scope.complain_column(self.of, ("of",), "text")
        yield from scope.complain_column(self.options, ("options",), "list of text")
        yield from scope.complain_column(self.gold, ("gold",), "integer")

    def reads(self) -> tuple[str, ...]:
        return (self.of, self.options, self.gold)

    def changes(self) -> tuple[str, ...]:
        return (self.options, self.gold)

    def looks_at(self, labels: Mapping[str, pa.Array]) -> Mask:
        mine: Mask = holds(self.only, labels)
        return mine if self.from_ is None else mine | holds(self.from_, labels)

    def children(self, entries: Mapping[str, Any]) -> Between:
        return Between(0, 1)

    def expand(self, rows: Parents, entries: Mapping[str, Any], seed: int) -> Born:
        from dataclasses import fields

        from operators.grow.exams import Rules, merged

        if self.retriever != "bm25":
            raise ValueError(f"there is no retriever `{self.retriever}`")
        return merged(Rules(**{each.name: getattr(self, each.name) for each in fields(Rules)}), rows, entries, seed)

    def tell(self, figures: Mapping[str, int]) -> str:
        children = figures["children"]
        before, after = (
            (figures[f"gold_rank_{when}"] / 2 / children, figures[f"options_{when}"] / children) for when in ("before", "after")
        )
        return (
            f"{figures['merged']:,} options merged; refused: {figures['leaks']:,} that may be right,"
            f" {figures['near_options']:,} nearly there already, {figures['near_questions']:,} nearly equal questions;"
            f" by length the right option is on average number {before[0]:.2f} of {before[1]:.2f} before and"
            f" {after[0]:.2f} of {after[1]:.2f} after ({(before[1] + 1) / 2:.2f} and {(after[1] + 1) / 2:.2f} are without bias)"
        )
