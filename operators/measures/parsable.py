"""Whether the final answer can be parsed as mathematics, by math-verify in a process of its own."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from operators.base.declare import Cost, field
from operators.base.ranged import Verdict
from operators.base.values import Texts, Values
from operators.kernels.boxes import first_box

#: An answer of more is prose or a trap, and takes a parser seconds or for ever, by the machine it runs on.
LONGEST, DEEPEST = 1000, 20
UNNESTED = re.compile(r"[0-9A-Za-z.,+-][0-9A-Za-z.,+ -]*")
#: What the verdicts of math-verify rest on.
MATHS = ("unicode", "math-verify", "latex2sympy2_extended", "antlr4-python3-runtime", "sympy", "mpmath")

LOG = logging.getLogger("recipe")


class TooSlow(Exception):
    """Answers, by their places, that take all their time, and are too many of their batch to be waited for."""

    def __init__(self, places: Sequence[int]) -> None:
        super().__init__(f"{len(places)} answers take all the time that one may take to be compared or parsed")
        self.places = tuple(places)


class Parsable(Verdict):
    r"""Keep rows whose answer can be parsed as mathematics: only such a box is credited (paper appendix C.2).

    An answer parses where it is a number, with or without a word behind it, as `score` reads it, or where math-verify
    makes an expression of it, given all of it and no more. It is generous: the word `yes` is a product of three variables.
    Words of Hangul, or a choice such as ② or 가 do not parse: for choices see the rule `choice_label` of `extract`.
    Nor does an answer whose braces do not close, of more than 1000 characters, with brackets more than 20 deep, with many bars,
    or with a large determinant or divisor. If parsing still takes more than 10 seconds of CPU time or 2 GiB of memory the answer
    does not parse either, and the build says how many did so; with more than 8 such answers in a batch of rows it stops, and
    names them, for what time decides another machine may decide otherwise.

    A dear measure. The answer is parsed where it can do no harm: without an environment, files to write, network or
    other processes, as far as Python can arrange. Needs the extra `math` (math-verify) and a POSIX system.

    Example:
        with: {in: prompt}
        in:   [{prompt: "\\frac{9}{7}"}, {prompt: 1/2}, {prompt: ②}, {prompt: 두 번째}, {prompt: "\\frac{1}{"}]
        out:  [{prompt: "\\frac{9}{7}"}, {prompt: 1/2}]
    """

    name: ClassVar[str] = "parsable"
    version: ClassVar[int] = 4
    cost: ClassVar[Cost] = "dear"
    values: ClassVar[tuple[str, ...]] = ("parses",)
    wants: ClassVar[str] = "an answer that parses"
    words: ClassVar[tuple[str, str, str]] = ("does not parse", "parses", "unknown")
    rests_on: ClassVar[tuple[str, ...]] = MATHS

    in_: str = field("column", "answer", alias="in")
    """The column that is measured: the answer alone, as `extract` makes it."""

    def measure(self, texts: Texts, entries: Mapping[str, Any]) -> Values:
        import numpy as np

        from operators.kernels.maths.effort import hard_to_read
        from operators.kernels.maths.nouns import counted
        from operators.kernels.maths.numbers import as_math, plain

        answers = texts.strings()
        heads = {text: counted(as_math(text, {}))[0] if fits(text) else "" for text in dict.fromkeys(answers) if text is not None}
        verdicts = {head: int(plain(head) is not None) for head in dict.fromkeys(heads.values())}
        able = [head for head, number in verdicts.items() if not number and head.isascii() and stands_alone(head)]
        questions = [head for head in able if not hard_to_read(head)]
        try:
            verdicts |= zip(questions, parsed(questions), strict=True)
        except TooSlow as error:
            slow = {questions[place] for place in error.places}
            raise TooSlow([at for at, text in enumerate(answers) if text is not None and heads[text] in slow]) from None
        return [np.array([-1 if text is None else verdicts[heads[text]] for text in answers], dtype=np.int64)]


def fits(answer: str) -> bool:
    r"""Whether an answer is all that a box around it holds, and no longer or deeper than is tried.

    Example:
        >>> [fits(answer) for answer in ("[0,1)", "1}+{2", "((" * 11, " ")]
        [True, False, False, False]
    """
    if len(answer) <= LONGEST and UNNESTED.fullmatch(answer):
        return True
    if len(answer) > LONGEST or not answer.strip() or first_box(f"\\boxed{{{answer}}}") != answer:
        return False
    depth = 0
    for char in answer:
        depth += 1 if char in "([{" else -1 if char in ")]}" and depth else 0
        if depth > DEEPEST:
            return False
    return True


def stands_alone(answer: str) -> bool:
    r"""Whether an answer is within the limits, and has no other box in it, of which nobody knows whether it is meant.

    Example:
        >>> stands_alone("5"), stands_alone(r"5 \boxed{3}")
        (True, False)
    """
    return fits(answer) and "\\boxed" not in answer and "\\fbox" not in answer


def parsed(answers: Sequence[Any]) -> list[int]:
    """1 for each answer that parses, or pair that is the same, and 0 for each other, from one child for all.

    Raises TooSlow where it takes too long for too many.
    """
    from operators.kernels.maths.asking import ASKER
    from operators.kernels.maths.parse_child import MOST, OVERDUE, SECONDS, YES

    if not answers:
        return []
    verdicts = ASKER.ask(answers)
    late = [place for place, verdict in enumerate(verdicts) if verdict == OVERDUE]
    if len(late) > MOST:
        raise TooSlow(late)
    if late:
        takes = "1 answer takes" if len(late) == 1 else f"{len(late)} answers take"
        LOG.warning("warning: %s more than %d s of CPU time here; what is not done by then counts as wrong", takes, SECONDS)
    return [int(verdict == YES) for verdict in verdicts]
