"""The spans of a completion: what was thought, and the solution that is shown."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from operators.declare import Map, field
from operators.scope import Complaint, Scope

if TYPE_CHECKING:
    import pyarrow as pa


class Spans(Map):
    """Take a completion apart into the columns `think` and `solution`, without the tags and the space around them.

    The solution is what stands after the last closing tag. A completion whose thinking is never closed has no
    solution; one without any tag is all thinking where the prompt opened it (`opened: true`, as reasoning models are
    prompted), else all solution. The text between is kept to the letter.

    Example:
        with: {of: prompt}
        in:   [{prompt: "<think>먼저 2+2</think>\\n답은 4"}, {prompt: "never closed"}]
        out:  [{think: 먼저 2+2, solution: 답은 4}, {think: never closed, solution: null}]
    """

    name: ClassVar[str] = "spans"

    of: str = field("column", "completion")
    """The column with whole completions."""
    form: Literal["tags", "harmony"] = "tags"
    """`tags` around the thinking, or the `harmony` channels `analysis` and `final`."""
    open: str = Field("<think>", min_length=1)
    """The opening tag, which may be missing where the prompt said it."""
    close: str = Field("</think>", min_length=1)
    """The closing tag."""
    opened: bool = True
    """Whether the prompt opened the thinking, so that a completion without tags is all thinking."""

    def makes(self) -> tuple[str, ...]:
        return ("think", "solution")

    def depends(self) -> tuple[str, ...]:
        return ("pyarrow",)

    def complain(self, scope: Scope) -> Iterator[Complaint]:
        yield from super().complain(scope)
        if self.form == "tags" and self.open == self.close:
            yield Complaint(("close",), "the opening and the closing tag are the same")

    def change(self, column: pa.Array, entries: Mapping[str, Any]) -> list[pa.Array]:
        import pyarrow as pa
        import pyarrow.compute as pc

        begin, end = re.escape(self.open), re.escape(self.close)
        if self.form == "harmony":
            begin, end = r"<\|channel\|>analysis<\|message\|>", r"<\|end\|>.*<\|channel\|>final<\|message\|>"
        text = column.cast(pa.large_string())
        if self.form == "harmony":
            text = pc.replace_substring_regex(text, r"<\|(?:return|end)\|>\s*\z", "")
        parts = pc.extract_regex(text, rf"(?s)\A(?P<think>.*){end}(?P<solution>.*)\z")
        closed, opens = pc.is_valid(parts), pc.match_substring_regex(text, begin)
        bare = pc.and_(pc.invert(closed), pc.invert(opens)) if not self.opened else pa.array([False] * len(text))
        nothing = pa.scalar(None, pa.large_string())
        think = pc.if_else(closed, pc.struct_field(parts, "think"), pc.if_else(bare, nothing, text))
        solution = pc.if_else(closed, pc.struct_field(parts, "solution"), pc.if_else(bare, text, nothing))
        think = pc.replace_substring_regex(think, rf"\A\s*{begin}", "")
        return [pc.utf8_trim_whitespace(each).cast(pa.large_string()) for each in (think, solution)]
