"""The final answer of a solution, by a declared rule."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from operators.declare import LABELS, RESERVED, Map, field
from operators.scope import Complaint, Scope

if TYPE_CHECKING:
    import pyarrow as pa

Rule = Literal["first_boxed", "last_answer_tag", "last_line", "choice_label"]

LAST_LINE = r"(?s)(?:\A|\A.*\n)[ \t]*(?P<answer>[^\n]*[^\s])\s*\z"
LABEL_ITSELF = r"(?P<answer>[A-Ja-j]|10|[1-9]|[①-⑩]|[가나다라마바사아자차])"
LABEL = rf"(?s)\A\s*(?:\\text\{{)?[\(\[]?{LABEL_ITSELF}[\)\].]?\}}?(?:\s*번)?[\s.。]*\z"


class Extract(Map):
    r"""Take the final answer out of a solution into a column of its own; null where the rule finds none.

    `first_boxed`: the content of the first `\boxed{}`, braces balanced; later ones are ignored even if they
    contradict it (paper appendix C.2). `last_answer_tag`: the last `<answer>...</answer>`, else what follows the last
    `Answer:` on its line. `last_line`: the last line that is not empty. `choice_label`: the label of an option (A to J, 1 to
    10, ① to ⑩, 가 to 차) that the first box, else the last answer tag or line consists of, with or without brackets.

    Example:
        with: {of: prompt, rule: first_boxed}
        in:   [{prompt: "답은 \\boxed{\\frac{1}{2}}, 아니 \\boxed{3}"}, {prompt: 답은 4}]
        out:  [{answer: "\\frac{1}{2}"}, {answer: null}]
    """

    name: ClassVar[str] = "extract"

    of: str = field("column", "solution")
    """The column with the solution alone: a box inside the thinking does not count."""
    rule: Rule
    """How the answer is marked."""
    mark: str = Field("Answer", min_length=1)
    """The word before the colon, for `last_answer_tag`."""
    as_: str = Field("answer", alias="as", min_length=1)
    """The name of the column that is made."""

    def makes(self) -> tuple[str, ...]:
        return (self.as_,)

    def depends(self) -> tuple[str, ...]:
        return ("pyarrow",)

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
                tagged = captured(text, r"(?is)\A.*<answer>\s*(?P<answer>.*?)\s*</answer>")
                line = captured(text, rf"(?is)\A.*\b{re.escape(self.mark)}\s*[:：]\s*(?P<answer>[^\n]*)")
                found = pc.coalesce(tagged, line)
            case "last_line":
                found = captured(text, LAST_LINE)
            case "choice_label":
                tagged = captured(text, r"(?is)\A.*<answer>\s*(?P<answer>.*?)\s*</answer>")
                marked = pc.coalesce(first_boxes(text), tagged, captured(text, LAST_LINE))
                label = captured(marked, LABEL)
                found = pc.coalesce(label, captured(marked, rf"(?i)\b{re.escape(self.mark)}\s*[:：]\s*{LABEL_ITSELF}\s*\z"))
        found = pc.utf8_trim_whitespace(found)
        return [pc.if_else(pc.equal(found, ""), pa.scalar(None, pa.large_string()), found).cast(pa.large_string())]


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
