"""How far a text can be compressed."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from typing import Any, ClassVar

from operators.base.declare import Share, decided
from operators.base.ranged import Proportion
from operators.base.values import Texts, Values


class Compression(Proportion):
    """Keep rows whose text, compressed by zlib, is between `min` and `max` of its bytes.

    A text that says the same over and over compresses to almost nothing (paper section 5.3: degeneration; the
    measure is a reconstruction). Short texts compress badly, so a bound says little about them.

    Example:
        with: {min: 0.3}
        in:   [{prompt: 물은 왜 끓나요}, {prompt: 네네네네네네네네네네네네네네네네네네네네네네네네네네네네네네네네}]
        out:  [{prompt: 물은 왜 끓나요}]
    """

    name: ClassVar[str] = "compression"
    units: ClassVar[tuple[str, str]] = ("bytes", "bytes")
    empty: ClassVar[str] = "no text"
    rests_on: ClassVar[tuple[str, ...]] = ("unicode", "zlib")

    min: Share | None = decided()
    """The smallest share kept."""
    max: Share | None = decided()
    """The largest share kept."""

    def measure(self, texts: Texts, entries: Mapping[str, Any]) -> Values:
        import numpy as np

        encoded = [b"" if text is None else text.encode() for text in texts.strings()]
        whole = np.array([len(text) for text in encoded], dtype=np.int64)
        part = np.array([len(zlib.compress(text, 6)) for text in encoded], dtype=np.int64)
        return [np.where(whole == 0, -1, part), np.where(whole == 0, -1, whole)]
