"""The number of blocks of thinking in a completion."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from operators.base.declare import Count, decided, field
from operators.base.ranged import Ranged
from operators.base.values import Texts, Values


class ThinkBlocks(Ranged):
    """Keep completions with between `min` and `max` blocks of thinking.

    More than one block is one of the three causes of loss spikes that the paper filters (section 5.3). A block
    counts by its opening or its closing tag, whichever there are more of: the prompt may have opened the first.

    Example:
        with: {in: prompt, max: 1}
        in:   [{prompt: "a</think>b"}, {prompt: "<think>a</think>b<think>c</think>d"}]
        out:  [{prompt: "a</think>b"}]
    """

    name: ClassVar[str] = "think_blocks"
    values: ClassVar[tuple[str, ...]] = ("blocks",)
    units: ClassVar[tuple[str, str]] = ("block", "blocks")

    in_: str = field("column", "completion", alias="in")
    """The column with whole completions."""
    open: str = field("measured", "<think>", min_length=1)
    """The opening tag."""
    close: str = field("measured", "</think>", min_length=1)
    """The closing tag."""
    opened: bool = field("measured", False)
    """Whether the prompt opened the thinking, so that a completion without tags is one block that never ends."""
    form: Literal["tags", "harmony"] = field("measured", "tags")
    """`tags` around the thinking, or the `harmony` channels: a block is then a message of `analysis`."""
    min: Count | None = decided()
    """The fewest blocks kept."""
    max: Count | None = decided()
    """The most blocks kept."""

    def measure(self, texts: Texts, entries: Mapping[str, Any]) -> Values:
        import numpy as np
        import pyarrow.compute as pc

        if self.form == "harmony":
            from operators.kernels.harmony import blocks_of

            blocks = [-1 if each is None else blocks_of(each, self.opened) for each in texts.strings()]
            return [np.array(blocks, dtype=np.int64)]
        counts = [pc.count_substring(texts.column, tag).to_numpy(zero_copy_only=False) for tag in (self.open, self.close)]
        return [np.where(texts.null, -1, np.maximum(np.maximum(*counts), int(self.opened))).astype(np.int64)]
