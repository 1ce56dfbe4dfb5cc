"""A text column in a Unicode normal form."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from operators.base.declare import Map

if TYPE_CHECKING:
    import pyarrow as pa

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

    form: Form = "NFC"
    """The normal form."""

    def depends(self) -> tuple[str, ...]:
        return ("unicode",)

    def change(self, column: pa.Array, entries: Mapping[str, Any]) -> list[pa.Array]:
        from operators.kernels.text import normal

        return [normal(column, self.form)]
