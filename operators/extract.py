"""The final answer of a solution, by a declared rule."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from operators.declare import LABELS, RESERVED, Map, field
from operators.kernels.emphasis import is_word, unemphasised
from operators.scope import Complaint, Scope

if TYPE_CHECKING:
    import pyarrow as pa

Rule = Literal["first_boxed", "last_answer_tag", "last_line", "choice_label"]

TAG = r"(?is)\A.*<answer>\s*(?P<answer>.*?)\s*</answer>"
LAST_LINE = r"(?s)(?:\A|\A.*\n)[ \t]*(?P<answer>[^\n]*[^\s])\s*\z"
FOLLOWING = r"\A(?P<answer>[\s*_`]*\n\s*[^\n]*|[^\n]*)"
#: What is no part of a word: neither letter nor what joins letters, as in Persian. Emoji end with marks of their own.
NO_LETTER = r"(?:[^\p{L}\p{N}\p{M}\x{200C}\x{200D}_]|[\x{FE0F}\x{20E3}])"
SPACE = r"[ \t\p{Z}\p{Cf}]*"
LABEL = r"(?s)\A\s*(?:\\text\{)?[\(\[]?(?P<answer>[A-Ja-j]|10|[1-9]|[①-⑩]|[가나다라마바사아자차])[\)\].]?\}?(?:\s*번)?[\s.。]*\z"


class Extract(Map):
    r"""Take the final answer out of a solution into a column of its own; null where the rule finds none.

    `first_boxed`: the content of the first `\boxed{}`, braces balanced; later ones are ignored even if they
    contradict it (paper appendix C.2). `last_answer_tag`: the last `<answer>...</answer>`, else what follows the last
    `Answer:` on its line, or on the next line that is not empty where nothing does. `last_line`: the last line that is
    not empty. `choice_label`: the label of an option (A to J, 1 to 10, ① to ⑩, 가 to 차) that the first box, else the
    last answer tag or line consists of, with or without brackets, emphasis or `Answer:`.

    `Answer` is the `mark`, a word of any script: no letter or digit stands before it, so that `답` is not found in
    `정답: 5`, and only space and emphasis stand between it and its colon, so that `정답은 5` has no answer. Marks of
    emphasis (`*`, `_`, backquotes) that were opened before what follows it, or stand around all of that, are not part
    of the answer: `**Answer: 2**3**` has the answer `2**3`. A name such as `__init__` is kept.

    Example:
        with: {of: prompt, rule: first_boxed}
        in:   [{prompt: "답은 \\boxed{\\frac{1}{2}}, 아니 \\boxed{3}"}, {prompt: 답은 4}]
        out:  [{answer: "\\frac{1}{2}"}, {answer: null}]
    """

    name: ClassVar[str] = "extract"
    version: ClassVar[int] = 2

    of: str = field("column", "solution")
    """The column with the solution alone: a box inside the thinking does not count."""
    rule: Rule
    """How the answer is marked."""
    mark: str = Field("Answer", min_length=1)
    """The word before the colon, for `last_answer_tag` and `choice_label`."""
    as_: str = Field("answer", alias="as", min_length=1)
    """The name of the column that is made."""

    def makes(self) -> tuple[str, ...]:
        return (self.as_,)

    def depends(self) -> tuple[str, ...]:
        return ("pyarrow", "unicode") if self.rule in ("last_answer_tag", "choice_label") else ("pyarrow",)

    def complain(self, scope: Scope) -> Iterator[Complaint]:
        yield from super().complain(scope)
        if self.as_ in (*RESERVED, *LABELS):
            yield Complaint(("as",), f"`{self.as_}` is a column of the project's own", "choose another name")

    def change(self, column: pa.Array, entries: Mapping[str, Any]) -> list[pa.Array]:
        import pyarrow as pa
        import pyarrow.compute as pc

        text = column.cast(pa.large_string())
        match self.rule:
            case "first_boxed":
                found = first_boxes(text)
            case "last_answer_tag":
                found = pc.coalesce(captured(text, TAG), following(text, self.mark))
            case "last_line":
                found = captured(text, LAST_LINE)
            case "choice_label":
                told = pc.coalesce(first_boxes(text), captured(text, TAG), captured(text, LAST_LINE))
                marked = following(captured(told, LAST_LINE), self.mark)
                found = pc.coalesce(*(captured(each, LABEL) for each in (without_emphasis(told, told, told), marked)))
        found = pc.utf8_trim_whitespace(found)
        return [pc.if_else(pc.equal(found, ""), pa.scalar(None, pa.large_string()), found).cast(pa.large_string())]


def following(text: pa.Array, mark: str) -> pa.Array:
    """What follows the last mark with a colon on its line, else on the next line that is not empty, without emphasis."""
    import pyarrow as pa
    import pyarrow.compute as pc

    edge = NO_LETTER if is_word(mark[0]) else ""
    # A replacement without groups costs a tenth of a capture, which is slow where a pattern knows all letters.
    marked = rf"(?is)\A(?:.*{edge})?_*{re.escape(mark)}{SPACE}[*_`]*{SPACE}[:：]"
    after = pc.replace_substring_regex(text, marked, "")
    after = pc.if_else(pc.match_substring_regex(text, marked), after, pa.scalar(None, after.type))
    return captured(without_emphasis(captured(after, FOLLOWING), text, after), r"\A(?P<answer>[^\n]*)")


def without_emphasis(answers: pa.Array, texts: pa.Array, after: pa.Array) -> pa.Array:
    """Each answer without emphasis around it or opened before it, and without the space around it.

    `after` is what the text ends with from the answer on.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    # Pairs of marks are no regular language: the few answers with marks of emphasis are read one by one.
    read = pc.fill_null(pc.match_substring_regex(answers, "[*_`]"), False)
    told = zip(*(each.filter(read).to_pylist() for each in (answers, texts, after)), strict=True)
    bare = [unemphasised(text.removesuffix(rest).rpartition("\n")[2], answer) for answer, text, rest in told]
    return pc.utf8_trim_whitespace(pc.replace_with_mask(answers, read, pa.array(bare, answers.type)))


def captured(text: pa.Array, pattern: str) -> pa.Array:
    """What a pattern captures as `answer`, null where it does not match."""
    import pyarrow.compute as pc

    return pc.struct_field(pc.extract_regex(text, pattern), "answer")


def first_boxes(text: pa.Array) -> pa.Array:
    """The content of the first box of each text that has one."""
    import pyarrow as pa
    import pyarrow.compute as pc

    boxed = pc.fill_null(pc.match_substring(text, "\\boxed"), False).to_pylist()
    # No regular expression balances braces: the few texts with a box are scanned one by one.
    return pa.array(
        [first_box(each) if has else None for each, has in zip(text.to_pylist(), boxed, strict=True)], pa.large_string()
    )


def first_box(text: str) -> str | None:
    r"""The content of the first `\boxed{...}` whose braces close, or None.

    Example:
        >>> first_box(r"so \boxed{\frac{1}{2}} and \boxed{3}")
        '\\frac{1}{2}'
    """
    found = re.compile(r"\\boxed\s*\{").search(text)
    if found is None:
        return None
    depth, place = 1, found.end()
    while place < len(text) and depth:
        if text[place] == "\\":
            place += 1  # \{ and \} are characters
        elif text[place] in "{}":
            depth += 1 if text[place] == "{" else -1
        place += 1
    return None if depth else text[found.end() : place - 1]
