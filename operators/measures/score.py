"""Whether an answer is right: compared with the gold answer as mathematics, as the label of an option, or as text."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from operators.base.declare import field
from operators.base.ranged import Verdict
from operators.base.scope import Complaint, Scope
from operators.base.values import Texts, Values
from operators.measures.parsable import LONGEST, MATHS, TooSlow, parsed, stands_alone
from operators.text.fold import Folding, folded_rules

Unit = Annotated[str, Field(min_length=1, max_length=16)]


class Score(Verdict):
    r"""Keep rows whose answer is right; as a column it is 1 or 0, which an evaluation counts.

    It reads the answer alone, as `spans` and `extract` make it of a completion: the first box after the thinking, whatever
    the text says besides. A missing answer is wrong, never unknown: the completion was cut off, or has no box. So is one of
    more than 1000 characters, unless it is compared as text. It abstains only where the gold answer is null.

    `math`: the verdict is the same whichever of the two is the gold answer. Answers are right that are the same text but for
    layout, also where they are no mathematics. Numbers are compared exactly, and need no library: 0.5, `\frac{1}{2}`, ½, 5e-1,
    12,000 and `12\,000`, `0.\overline{3}` and `0.(3)` and 1/3, digits of all scripts. A decimal of six digits or more is also
    what it rounds, where that has no finite decimal: 0.333333 is 1/3, 3.141593 is π, and 0.33 and 3.14 are not; one of 15
    digits or more counts as a machine wrote it. 50 % is 0.5 and, the sign left out after a whole number, 50; so is `50 percent`.
    A word behind a number counts only where both numbers have one: 5 apples, 5개 and 5 km are 5, and 5 km is not 5 m; what
    changes the number or bounds it (5만, 5 or more, 5x) is no such word. A list is in order: 3,1,2 is not 1,2,3, but is
    `\{1,2,3\}`; without order are sets, `1 or 2`, `\pm 2`, and values of one name, `x=1,2`. Numbers with spaces between them
    are a list, never a product. `x=3` is 3 and not `y=3`; `2+4=6` is 6. Brackets count, but `1,2` passes for the pair
    `(1,2)`. An inequality is its interval. A word or row of letters is no product: CABD is not ABCD. A number in a base,
    `2516_8`, is its digits in that base alone. What `\phantom` hides is not there. The rest is asked of math-verify, which
    reads an answer whole or not at all, and is believed only where the numbers in it agree by their own size: a capital is
    another variable, and 10^{-20} is not 10^{-21}. Numbers are read by the `number_marks` of the language: where the comma is
    the decimal mark, 3,14 is 3.14, 1.234 is 1234, and `;` separates. 1,00,000 is 100000 beside a number.

    `choice`: both are labels of the same option by the `answer_labels`, `digits` and `label_words` of the language, as Latin
    letters, or as its number from 1: B, (b), ②, 나, `\text{B}.`, Ｂ, ๒ and 2번 are one. A label with more text is none.
    `exact`: equal after NFKC and by the language's `fold`, without regard to case but within formulas and code, runs of white
    space, quotes, emphasis and LaTeX for words around the whole, or a full stop after it; all else counts, such as a unit, a
    sign or a bracket.

    Mathematics needs the extra `math` (math-verify) and a POSIX system, and runs where an answer can do no harm, within the
    limits of `parsable`. Two different texts are not the same either where one of them is no answer yet but work: an integral, a
    limit, sums and products without end or of more than 100 terms, numbers of more than 7000 digits such as `9^{9^{9}}`.

    Example:
        with: {in: prompt, gold: other, kind: math}
        in:   [{prompt: "0.5", other: "\\frac{1}{2}"}, {prompt: 12개, other: "12"}, {prompt: 5 m, other: 5 km}]
        out:  [{prompt: "0.5", other: "\\frac{1}{2}"}, {prompt: 12개, other: "12"}]
    """

    name: ClassVar[str] = "score"
    version: ClassVar[int] = 4
    may_read: ClassVar[tuple[str, ...]] = ("number_marks", "answer_labels", "digits", "label_words", "fold")
    may_lack: ClassVar[tuple[str, ...]] = ("digits", "label_words", "fold")
    # It is dear, but the memo of dear measures holds values by one cell, and the same answer is right for one gold only.
    values: ClassVar[tuple[str, ...]] = ("correct",)
    wants: ClassVar[str] = "a right answer"
    words: ClassVar[tuple[str, str, str]] = ("wrong", "right", "unknown (no gold answer)")
    others: ClassVar[tuple[str, ...]] = ("gold",)

    in_: str = field("column", "answer", alias="in")
    """The column that is measured: the answer alone, as `extract` makes it."""
    gold: str = field("column", "gold_answer")
    """The column with the right answer."""
    kind: Literal["math", "choice", "exact"] = field("measured")
    """What makes two answers the same."""
    language: str = field("label", "target")
    """Whose labels, letters (`fold`) and number marks are read: `target`, `anchor`, or the code of a language."""
    gold_language: str | None = field("label", None)
    """Whose number marks the gold answers have, where they are not those of `language`."""
    units: tuple[Unit, ...] = field("measured", (), max_length=64)
    """Words that may stand after a number, in mathematics, and count for nothing even beside another, such as `[개, 명]`."""

    def entries(self) -> tuple[tuple[str, str], ...]:
        match self.kind:
            case "math":
                return tuple(
                    (role, "number_marks") for role in dict.fromkeys((self.language, self.gold_language or self.language))
                )
            case "choice":
                return tuple((self.language, entry) for entry in ("answer_labels", "digits", "label_words"))
            case "exact":
                return ((self.language, "fold"),)

    def narrow(self, entry: str, value: Any) -> Any:
        return folded_rules(value) if entry == "fold" else value

    def depends(self) -> tuple[str, ...]:
        return MATHS if self.kind == "math" else ("unicode",)

    def complain(self, scope: Scope) -> Iterator[Complaint]:
        yield from super().complain(scope)
        yield from scope.complain_column(self.gold, ("gold",), "text")
        for name in ("units", "gold_language"):
            if getattr(self, name) and self.kind != "math":
                yield Complaint((name,), f"`{name}` is for the kind `math`, and this is `{self.kind}`", "leave it out")

    def compare(self, texts: Texts, others: Sequence[Texts], entries: Mapping[str, Any]) -> Values:
        import numpy as np

        pairs = list(zip(others[0].strings(), texts.strings(), strict=True))
        tried = dict.fromkeys((gold, answer) for gold, answer in pairs if gold is not None and answer is not None)
        short = [pair for pair in tried if max(map(len, pair)) <= LONGEST or self.kind == "exact"]
        try:
            right: set[tuple[str | None, str | None]] = set(self.right(short, entries))
        except TooSlow as error:
            slow = {short[place] for place in error.places}
            raise TooSlow([at for at, pair in enumerate(pairs) if pair in slow]) from None
        return [np.array([-1 if pair[0] is None else pair in right for pair in pairs], dtype=np.int64)]

    def right(self, pairs: Sequence[tuple[str, str]], entries: Mapping[str, Any]) -> list[tuple[str, str]]:
        """Those (gold, answer) that are the same."""
        from operators.kernels.answer import as_text
        from operators.kernels.choices import labels_of, place_of

        match self.kind:
            case "math":
                return self.equal(pairs, entries)
            case "choice":
                known = labels_of(entries["answer_labels"], entries.get("digits"), entries.get("label_words"))
                places = {text: place_of(text, known) for text in dict.fromkeys(text for pair in pairs for text in pair)}
                return [pair for pair in pairs if places[pair[0]] is not None and places[pair[0]] == places[pair[1]]]
            case "exact":
                folding = Folding.of(entries.get("fold"))
                return [pair for pair in pairs if as_text(pair[0], folding) == as_text(pair[1], folding) != ""]

    def equal(self, pairs: Sequence[tuple[str, str]], entries: Mapping[str, Any]) -> list[tuple[str, str]]:
        """Those (gold, answer) that are the same in mathematics: most are settled here, and a library is asked of the rest.

        Raises TooSlow with the places of pairs.
        """
        from operators.kernels.maths.effort import too_much
        from operators.kernels.maths.guard import in_one_order, settled
        from operators.kernels.maths.numbers import as_math

        marks_by_role, roles = entries["number_marks"], [role for role, _ in self.entries()]
        answers, golds = (marks_by_role[role] for role in roles) if len(roles) > 1 else (marks_by_role, marks_by_role)
        forms = [
            {pair[side]: as_math(pair[side], marks, self.units) for pair in pairs} for side, marks in enumerate((golds, answers))
        ]
        able = {text: stands_alone(text) for text in {*forms[0].values(), *forms[1].values()}}
        verdicts: dict[tuple[str, str], Any] = {}
        for gold, answer in pairs:
            two = forms[0][gold], forms[1][answer]
            verdicts[gold, answer] = all(able[text] for text in two) and settled(*two)
            if isinstance(verdicts[gold, answer], list) and any(map(too_much, two)):
                verdicts[gold, answer] = False
        questions = {
            json.dumps(ask): ask for each in verdicts.values() if isinstance(each, list) for ask in map(in_one_order, each)
        }
        try:
            found = dict(zip(questions, parsed(list(questions.values())), strict=True))
        except TooSlow as error:
            slow = {list(questions)[place] for place in error.places}
            asks = [
                [json.dumps(in_one_order(ask)) for ask in each] if isinstance(each, list) else [] for each in verdicts.values()
            ]
            raise TooSlow([place for place, each in enumerate(asks) if slow.intersection(each)]) from None
        return [
            pair
            for pair, each in verdicts.items()
            if (all(found[json.dumps(in_one_order(ask))] for ask in each) if isinstance(each, list) else each)
        ]
