"""Whether an answer is right: compared with the gold answer as mathematics, as the label of an option, or as text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import Field

from operators.declare import Measure, field
from operators.parsable import LONGEST, fits, parsed
from operators.scope import Complaint, Scope

if TYPE_CHECKING:
    import numpy as np

    from operators.kernels.text import Texts

Unit = Annotated[str, Field(min_length=1, max_length=16)]


class Score(Measure):
    r"""Keep rows whose answer is right; as a column it is 1 or 0, which an evaluation counts.

    It reads the answer alone, as `spans` and `extract` make it of a completion: the first box after the thinking, whatever
    the text says besides. A missing answer is wrong, never unknown: the completion was cut off, or has no box. So is one of
    more than 1000 characters, unless it is compared as text, and, as mathematics, one that does not parse (see `parsable`).
    It abstains only where the gold answer is null; a gold answer that cannot be read itself credits nothing, which
    `parsable` on that column shows.

    `math`: math-verify compares the boxes `\boxed{GOLD}` and `\boxed{ANSWER}` and sees nothing else. To it 50, 50 % and 0.5
    are 50 % (12.5 is not 12.5 %); 12,000 is 12000 and 12,34 are two numbers; 3:4 is 3/4; 2⅓ is none, and `2\frac{1}{3}` is
    7/3; 0.333333 is 1/3 and 0.33 is not; numbers with spaces between them are added or multiplied, for which see `exact`.
    `x=3` is 3 and `2+4=6` is 6, but `y=3` is not `x=3`. `1,2` and `\{2,1\}` are one set; the brackets of an interval count;
    `1,2` passes for the gold pair `(1,2)` and `2,1` does not. It ignores Latin units, degrees and what `\text{}` says after a
    number. Anything else that stands there does not parse: 12개 is wrong unless `units` has 개, and so are `12.`, ② and 5만.
    A box within the box is read only where it is all of it. The digits of all scripts and full-width characters are read as
    ASCII, and numbers by the `number_marks` of the language: where the comma is the decimal mark, 3,14 is 3.14, 1.234 is
    1234, and `;` separates; what is no number by them stays as it is, such as 3.5.

    `choice`: both are labels of the same option by the `answer_labels`, `digits` and `label_words` of the language, as Latin
    letters, or as its number from 1: B, (b), ②, 나, `\text{B}.`, Ｂ, ๒ and 2번 are one. A label with more text is none.
    `exact`: equal after NFKC, without regard to case, runs of white space, quotes, emphasis and LaTeX for words around the
    whole, or a full stop after it; all else counts, such as a unit, a sign or a bracket.

    Mathematics needs the extra `math` (math-verify) and a POSIX system, and runs where an answer can do no harm, within the
    limits of `parsable`.

    Example:
        with: {in: prompt, gold: other, kind: math}
        in:   [{prompt: "0.5", other: "\\frac{1}{2}"}, {prompt: 12개, other: "12"}, {prompt: null, other: "3"}]
        out:  [{prompt: "0.5", other: "\\frac{1}{2}"}]
    """

    name: ClassVar[str] = "score"
    version: ClassVar[int] = 2
    may_lack: ClassVar[tuple[str, ...]] = ("digits", "label_words")
    # It is dear, but the memo of dear measures holds values by one cell, and the same answer is right for one gold only.
    values: ClassVar[tuple[str, ...]] = ("correct",)
    others: ClassVar[tuple[str, ...]] = ("gold",)

    in_: str = field("column", "answer", alias="in")
    """The column that is measured: the answer alone, as `extract` makes it."""
    gold: str = field("column", "gold_answer")
    """The column with the right answer."""
    kind: Literal["math", "choice", "exact"] = field("measured")
    """What makes two answers the same."""
    language: str = field("label", "target")
    """Whose labels and number marks are read: `target`, `anchor`, or the code of a language."""
    gold_language: str | None = field("label", None)
    """Whose number marks the gold answers have, where they are not those of `language`."""
    units: tuple[Unit, ...] = field("measured", (), max_length=64)
    """Words that may stand after a number, in mathematics, and count for nothing, such as `[개, 명]`; none is known itself."""

    def entries(self) -> tuple[tuple[str, str], ...]:
        match self.kind:
            case "math":
                return tuple(
                    (role, "number_marks") for role in dict.fromkeys((self.language, self.gold_language or self.language))
                )
            case "choice":
                return tuple((self.language, entry) for entry in ("answer_labels", "digits", "label_words"))
            case "exact":
                return ()

    def depends(self) -> tuple[str, ...]:
        if self.kind != "math":
            return ("unicode",)
        return ("unicode", "math-verify", "latex2sympy2_extended", "antlr4-python3-runtime", "sympy", "mpmath")

    def complain(self, scope: Scope) -> Iterator[Complaint]:
        yield from super().complain(scope)
        yield from scope.complain_column(self.gold, ("gold",), "text")
        for name in ("units", "gold_language"):
            if getattr(self, name) and self.kind != "math":
                yield Complaint((name,), f"`{name}` is for the kind `math`, and this is `{self.kind}`", "leave it out")

    def compare(self, texts: Texts, others: Sequence[Texts], entries: Mapping[str, Any]) -> list[np.ndarray[Any, Any]]:
        import numpy as np

        pairs = list(zip(others[0].strings(), texts.strings(), strict=True))
        tried = dict.fromkeys((gold, answer) for gold, answer in pairs if gold is not None and answer is not None)
        short = [pair for pair in tried if max(map(len, pair)) <= LONGEST or self.kind == "exact"]
        right: set[tuple[str | None, str | None]] = set(self.right(short, entries))
        return [np.array([-1 if pair[0] is None else pair in right for pair in pairs], dtype=np.int64)]

    def right(self, pairs: Sequence[tuple[str, str]], entries: Mapping[str, Any]) -> list[tuple[str, str]]:
        """Those (gold, answer) that are the same."""
        from operators.kernels.answer import as_math, as_text
        from operators.kernels.choices import labels_of, place_of

        match self.kind:
            case "math":
                said, roles = entries["number_marks"], [role for role, _ in self.entries()]
                answers, golds = (said[role] for role in roles) if len(roles) > 1 else (said, said)
                read = [(as_math(gold, golds, self.units), as_math(answer, answers, self.units)) for gold, answer in pairs]
                able = [place for place, pair in enumerate(read) if all(map(stands_alone, pair))]
                found = parsed([read[place] for place in able])
                return [pairs[place] for place, same in zip(able, found, strict=True) if same]
            case "choice":
                known = labels_of(entries["answer_labels"], entries["digits"], entries["label_words"])
                places = {text: place_of(text, known) for text in dict.fromkeys(text for pair in pairs for text in pair)}
                return [pair for pair in pairs if places[pair[0]] is not None and places[pair[0]] == places[pair[1]]]
            case "exact":
                return [(gold, answer) for gold, answer in pairs if as_text(gold) == as_text(answer) != ""]

    def condition(self, value: Mapping[str, str]) -> str:
        return f"{value['correct']} = 1"

    def wanted(self) -> str:
        return "a right answer"

    def wording(self, value: Mapping[str, int | None]) -> str:
        correct = value["correct"]
        return "unknown (no gold answer)" if correct is None else "right" if correct else "wrong"


def stands_alone(answer: str) -> bool:
    r"""Whether an answer may be put into a box: within the limits, and no other box in it, which math-verify would read instead.

    Example:
        >>> stands_alone("5"), stands_alone(r"5 \boxed{3}")
        (True, False)
    """
    return fits(answer) and "\\boxed" not in answer and "\\fbox" not in answer
