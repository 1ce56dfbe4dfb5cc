"""What stands between marks inside a text, such as quotations or code."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import Field

from operators.base.declare import Map, field
from operators.base.values import Column


class Inside(Map):
    """Take what stands between `open` and `close` into a column of its own, one after another on lines; null where nothing does.

    A mark that is never closed reaches to the end of the text. With the column a recipe may bound the language of a kind
    of span, such as quotations that have to stay in the target language (paper section 4).

    Example:
        with: {of: prompt, open: "[", close: "]", as: quoted}
        in:   [{prompt: "a [물] b [불"}, {prompt: none}]
        out:  [{quoted: "물\\n불"}, {quoted: null}]
    """

    name: ClassVar[str] = "inside"
    rests_on: ClassVar[tuple[str, ...]] = ("pyarrow",)

    of: str = field("column", "completion")
    """The column that is looked through."""
    open: str = Field(min_length=1)
    """What a span begins with."""
    close: str = Field(min_length=1)
    """What it ends with; it may be the same."""
    as_: str = Field(alias="as", min_length=1)
    """The name of the column that is made."""

    def makes(self) -> tuple[str, ...]:
        return (self.as_,)

    def change(self, column: Column, entries: Mapping[str, Any]) -> list[Column]:
        import pyarrow as pa
        import pyarrow.compute as pc

        begin, end = re.escape(self.open), re.escape(self.close)
        # All that is outside, from the text's beginning or a closing mark to the next opening one, becomes a line's end.
        inner = pc.replace_substring_regex(column.cast(pa.large_string()), rf"(?s)(?:\A|{end}).*?(?:{begin}|\z)", "\n")
        inner = pc.utf8_trim(inner, "\n")
        return [pc.if_else(pc.equal(inner, ""), pa.scalar(None, pa.large_string()), inner).cast(pa.large_string())]
