"""A text without the characters that nobody sees."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from operators.base.declare import Map
from operators.base.scope import ColumnType
from operators.base.values import Column

#: Control characters but tab and ends of lines, soft hyphens, fillers, marks of direction, spaces without width, byte order
#: marks, characters that are none, and tags. Variation selectors stay: they say how the sign before them looks.
UNSEEN = (
    r"\x{00}-\x{08}\x{0B}\x{0E}-\x{1F}\x{7F}-\x{84}\x{86}-\x{9F}\x{AD}\x{34F}\x{61C}\x{180E}\x{200B}\x{200E}\x{200F}"
    r"\x{202A}-\x{202E}\x{2060}-\x{206F}\x{3164}\x{FDD0}-\x{FDEF}\x{FEFF}\x{FFA0}\x{FFF9}-\x{FFFB}\x{E0000}-\x{E00FF}"
)
JOINERS = r"\x{200C}\x{200D}"


class StripInvisible(Map):
    """Leave out characters that show nothing: controls, soft hyphens, spaces without width, marks of direction, tags.

    They come with web pages, keep equal texts apart, and may hide words from people that a model reads. Ends of lines and tabs
    stay, and so do joiners unless `joiners` is said: Persian, Indian scripts and emoji are written with them.

    Example:
        with: {}
        in:   [{prompt: "물\\u200b은 왜\\u00ad"}, {prompt: "می\\u200cشود"}]
        out:  [{prompt: 물은 왜}, {prompt: "می\\u200cشود"}]
    """

    name: ClassVar[str] = "strip_invisible"
    changes: ClassVar[tuple[ColumnType, ...]] = ("text", "messages")
    rests_on: ClassVar[tuple[str, ...]] = ("pyarrow",)

    joiners: bool = False
    """Whether joiners (U+200C, U+200D) are left out too."""

    def change(self, column: Column, entries: Mapping[str, Any]) -> list[Column]:
        import pyarrow as pa
        import pyarrow.compute as pc

        pattern = f"[{UNSEEN}{JOINERS if self.joiners else ''}]+"
        return [pc.replace_substring_regex(column.cast(pa.large_string()), pattern, "")]
