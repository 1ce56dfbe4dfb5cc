"""A text column in a Unicode normal form."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from operators.base.declare import Map
from operators.base.values import Column

Form = Literal["NFC", "NFD", "NFKC", "NFKD"]


class Normalise(Map):
    """Rewrite a column in a Unicode normal form, such as composed Hangul.

    Prompts stay verbatim unless a recipe asks for this.

    Example:
        with: {of: prompt}
        in:   [{prompt: "가"}]
        out:  [{prompt: 가}]
    """

    name: ClassVar[str] = "normalise"
    rests_on: ClassVar[tuple[str, ...]] = ("unicode",)

    form: Form = "NFC"
    """The normal form."""

    def change(self, column: Column, entries: Mapping[str, Any]) -> list[Column]:
        from operators.kernels.text import normal

        return [normal(column, self.form)]
