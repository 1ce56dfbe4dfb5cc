"""E-mail addresses, telephone, identity and card numbers of a text, masked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar, Literal

from pydantic import Field

from operators.base.declare import Map, field
from operators.base.scope import ColumnType
from operators.base.values import Column

Kind = Literal["email", "phone", "id", "card"]


class MaskPersonalData(Map):
    """Write a mark in the place of each e-mail address, telephone, identity and card number of a text.

    What `personal_data` finds is masked, and nothing else of the text is changed. Names and postal addresses stay. Of a
    conversation it masks what is said, thought, called with and given back, turn by turn.

    Example:
        with: {}
        in:   [{prompt: "제 번호는 010-1234-5678, me@mail.kr로"}, {prompt: 주문 번호는 2024-1234-5678}]
        out:  [{prompt: "제 번호는 [phone], [email]로"}, {prompt: 주문 번호는 2024-1234-5678}]
    """

    name: ClassVar[str] = "mask_personal_data"
    changes: ClassVar[tuple[ColumnType, ...]] = ("text", "messages")
    rests_on: ClassVar[tuple[str, ...]] = ("unicode", "pyarrow")
    may_read: ClassVar[tuple[str, ...]] = ("personal_data",)

    kinds: tuple[Kind, ...] = Field(("email", "phone", "id", "card"), min_length=1)
    """What is masked."""
    languages: tuple[str, ...] = field("label", ("target",), min_length=1)
    """The languages of whose countries numbers are looked for: `target`, `anchor`, or codes."""
    mark: str = "[{kind}]"
    """What is written; `{kind}` is `email`, `phone`, `id` or `card`."""

    def entries(self) -> tuple[tuple[str, str], ...]:
        return needed_entries(self.kinds, self.languages)

    def narrow(self, entry: str, value: Any) -> Any:
        return nameless(value)

    def change(self, column: Column, entries: Mapping[str, Any]) -> list[Column]:
        import pyarrow as pa
        import pyarrow.compute as pc

        from operators.kernels.personal import numbers_of, places_in, rules_of

        texts = column.cast(pa.large_string())
        found = places_in(texts, rules_of(self.kinds, numbers_of(self.languages, entries)))
        rows = sorted(found)
        masked = [
            "".join(self.parts(text, found[row]))
            for row, text in zip(rows, texts.take(pa.array(rows, pa.int64())).to_pylist(), strict=True)
        ]
        changed = pa.array([row in found for row in range(len(texts))], pa.bool_())
        return [pc.replace_with_mask(texts, changed, pa.array(masked, texts.type))]

    def parts(self, text: str, places: Sequence[Any]) -> Iterator[str]:
        """The text in pieces, with a mark for each place."""
        at = 0
        for start, end, kind in places:
            yield text[at:start]
            yield self.mark.replace("{kind}", kind)
            at = end
        yield text[at:]


def needed_entries(kinds: Sequence[str], languages: Sequence[str]) -> tuple[tuple[str, str], ...]:
    """The profile entries by which numbers are found; e-mail addresses and cards are the same everywhere."""
    return tuple((each, "personal_data") for each in dict.fromkeys(languages)) if {"phone", "id"} & {*kinds} else ()


def nameless(value: Any) -> Any:
    """A profile's `personal_data` without what its numbers are called, which decides nothing."""
    if isinstance(value, dict):
        return {part: nameless(said) for part, said in value.items() if part != "name"}
    return [nameless(each) for each in value] if isinstance(value, (list, tuple)) else value
