"""How many e-mail addresses, telephone, identity and card numbers stand in a text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from operators.base.declare import Count, decided, field
from operators.base.ranged import Ranged
from operators.base.values import Texts, Values
from operators.maps.mask_personal_data import Kind, nameless, needed_entries


class PersonalData(Ranged):
    """Keep rows whose text has at most `max` addresses and numbers that belong to one person, so none unless said.

    E-mail addresses, but those of `example.com` and its like; telephone and identity numbers as the `personal_data` of the
    profiles writes them, in the digits of any script, and telephone numbers that begin with `+`; numbers of payment cards.
    A number counts where its check digits are right, and where neither a digit nor a Latin letter stands beside it. A
    number that has no check digit and looks like any other is found behind a word that names it. Names and postal addresses
    are not looked for. To go on with such rows use `mask_personal_data`; as a column it is the number found.

    Example:
        with: {}
        in:   [{prompt: 제 번호는 010-1234-5678 입니다}, {prompt: 주문 번호는 2024-1234-5678 입니다}, {prompt: me@mail.kr로}]
        out:  [{prompt: 주문 번호는 2024-1234-5678 입니다}]
    """

    name: ClassVar[str] = "personal_data"
    values: ClassVar[tuple[str, ...]] = ("email", "phone", "id", "card", "found")
    units: ClassVar[tuple[str, str]] = ("of them", "of them")
    rests_on: ClassVar[tuple[str, ...]] = ("unicode", "pyarrow")
    may_read: ClassVar[tuple[str, ...]] = ("personal_data",)

    kinds: tuple[Kind, ...] = field("measured", ("email", "phone", "id", "card"), min_length=1)
    """What is looked for."""
    languages: tuple[str, ...] = field("label", ("target",), min_length=1)
    """The languages of whose countries numbers are looked for: `target`, `anchor`, or codes."""
    max: Count = decided(0)
    """The most that a text may have."""

    def entries(self) -> tuple[tuple[str, str], ...]:
        return needed_entries(self.kinds, self.languages)

    def narrow(self, entry: str, value: Any) -> Any:
        return nameless(value)

    def measure(self, texts: Texts, entries: Mapping[str, Any]) -> Values:
        import numpy as np

        from operators.kernels.personal import KINDS, numbers_of, places_in, rules_of

        counts = np.zeros((len(KINDS), texts.rows), dtype=np.int64)
        for row, places in places_in(texts.column, rules_of(self.kinds, numbers_of(self.languages, entries))).items():
            for place in places:
                counts[KINDS.index(place.kind), row] += 1
        return [np.where(texts.null, -1, each) for each in (*counts, counts.sum(axis=0))]

    def condition(self, value: Mapping[str, str]) -> str:
        return f"{value['found']} <= {self.max}"

    def wanted(self) -> str:
        return "none" if self.max == 0 else super().wanted()

    def wording(self, value: Mapping[str, int | None]) -> str:
        if value["found"] is None:
            return "unknown"
        told = [f"{count} {WORDS[kind][count != 1]}" for kind in WORDS if (count := value[kind])]
        return ", ".join(told) or "nothing of a person"


#: How each kind is called: one of them, several.
WORDS = {
    "email": ("e-mail address", "e-mail addresses"),
    "phone": ("telephone number", "telephone numbers"),
    "id": ("identity number", "identity numbers"),
    "card": ("card number", "card numbers"),
}
