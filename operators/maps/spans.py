"""The spans of a completion: what was thought, and the solution that is shown."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from operators.base.declare import Map, field
from operators.base.scope import Complaint, Scope
from operators.base.values import Column

Ends = tuple[Annotated[str, Field(min_length=1)], ...]

#: The end tokens of the chat templates that people use; a completion that ends with one was recorded without cutting it.
TEMPLATE_ENDS = (
    "<|im_end|>",
    "<|eot_id|>",
    "<|eom_id|>",
    "<|end_of_text|>",
    "<|endoftext|>",
    "</s>",
    "<|return|>",
    "<|end|>",
    "<|endofturn|>",
    "[|endofturn|]",
    "<end_of_turn>",
    "<eos>",
    "<|end_of_turn|>",
    "<|END_OF_TURN_TOKEN|>",
    "<｜end▁of▁sentence｜>",
    "<|end_of_sentence|>",
)


class Spans(Map):
    """Take a completion apart into the columns `think` and `solution`, without the tags and the space around them.

    The solution is what stands after the last closing tag. A completion whose thinking is never closed has no
    solution; one without any tag is all thinking where the prompt opened it (`opened: true`, as reasoning models are
    prompted), else all solution. The text between is kept to the letter.

    In harmony channels the solution is the last `final` message, alone or not, without its header (`<|constrain|>json` is
    part of that), and the thinking all other messages, `commentary` too. The form `analysis...assistantfinal...`, which is
    left where special tokens are not decoded, is read as well.

    Example:
        with: {of: prompt}
        in:   [{prompt: "<think>먼저 2+2</think>\\n답은 4"}, {prompt: "never closed"}]
        out:  [{think: 먼저 2+2, solution: 답은 4}, {think: never closed, solution: null}]
    """

    name: ClassVar[str] = "spans"
    version: ClassVar[int] = 2
    rests_on: ClassVar[tuple[str, ...]] = ("pyarrow",)

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
    ends: Ends = ()
    """End tokens of a chat template, such as `<|im_end|>`, that are cut off where a completion ends with them."""

    def makes(self) -> tuple[str, ...]:
        return ("think", "solution")

    def complain(self, scope: Scope) -> Iterator[Complaint]:
        yield from super().complain(scope)
        if self.form == "tags" and self.open == self.close:
            yield Complaint(("close",), "the opening and the closing tag are the same")

    def change(self, column: Column, entries: Mapping[str, Any]) -> list[Column]:
        import pyarrow as pa
        import pyarrow.compute as pc

        text = column.cast(pa.large_string())
        if self.ends:
            text = without_ends(text, self.ends)
        if self.form == "harmony":
            from operators.kernels.harmony import spans_of

            # The mask of the loss reads the same messages, one by one, so that column and mask cannot part.
            spans = [(None, None) if each is None else spans_of(each, self.opened) for each in text.to_pylist()]
            return [pa.array(list(part), pa.large_string()) for part in zip(*spans, strict=True)] or [text, text]
        begin, end = re.escape(self.open), re.escape(self.close)
        parts = pc.extract_regex(text, rf"(?s)\A(?P<think>.*){end}(?P<solution>.*)\z")
        closed, opens = pc.is_valid(parts), pc.match_substring_regex(text, begin)
        bare = pc.and_(pc.invert(closed), pc.invert(opens)) if not self.opened else pa.array([False] * len(text))
        nothing = pa.scalar(None, pa.large_string())
        think = pc.if_else(closed, pc.struct_field(parts, "think"), pc.if_else(bare, nothing, text))
        solution = pc.if_else(closed, pc.struct_field(parts, "solution"), pc.if_else(bare, text, nothing))
        think = pc.replace_substring_regex(think, rf"\A\s*{begin}", "")
        return [pc.utf8_trim_whitespace(each).cast(pa.large_string()) for each in (think, solution)]


def without_ends(text: Column, ends: Sequence[str]) -> Column:
    """Each text without the end tokens that it ends with, and the space around them."""
    import pyarrow.compute as pc

    listed = "|".join(re.escape(each) for each in ends)
    return pc.replace_substring_regex(text, rf"(?:\s*(?:{listed}))+\s*\z", "")


def cut_ends(text: str, ends: Sequence[str]) -> str:
    """The same of one text.

    Example:
        >>> cut_ends("답은 4<|im_end|>\\n<|im_end|>", ("<|im_end|>",))
        '답은 4'
    """
    while (end := end_of(text, ends)) is not None:
        text = text.rstrip().removesuffix(end).rstrip()
    return text


def end_of(text: str, ends: Sequence[str]) -> str | None:
    """The end token that a text ends with, if any."""
    bare = text.rstrip()
    return next((each for each in ends if bare.endswith(each)), None)
