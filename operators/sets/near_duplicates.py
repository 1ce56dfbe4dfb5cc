"""One row of those that are nearly the same."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import Field

from operators.base.declare import Share, decided, field
from operators.base.pairs import CROWD, NEAR, Pairwise, Sets, Sketches
from operators.base.scope import Complaint, Scope
from operators.text.fold import Folding
from operators.text.sqltext import ident

if TYPE_CHECKING:
    from operators.base.values import Column, Texts

GRAM = 5
"""Characters of an n-gram where neither the recipe nor the profile says how many."""


class NearDuplicates(Pairwise):
    """Drop a row whose text is nearly that of a row which ranks before it.

    Nearly the same are two texts of whose n-grams of characters together at least `threshold` are in both (Jaccard), counted
    truly for each pair. Compared are letters, marks and numbers alone, in NFKC, one case (but in formulas and code) and by the
    profile's `fold`; a text of fewer characters than an n-gram is near only to its equal. The rank is a hash of the seed and the
    row's id, as in `sample`. Every row of the input that ranks before counts, whether it stays or goes itself: there are no
    chains, and adding a row drops only rows that are truly near to that row. Of two texts that each have a number which the
    other has not none goes, unless `numbers: ignored`.

    Which pairs are compared is found by MinHash: those that share a band of its permutations. Of pairs exactly at the threshold
    1 of 100 shares none and is missed, of nearer ones fewer. Where more than `most_compared` rows share a band, each is compared
    with those of lowest rank. More than `max_share` of a source is not dropped: the build stops, and says of which sources.

    Example:
        with: {threshold: 0.5, max_share: 1}
        in:   [{prompt: "하늘은 왜 파랗게 보이나요?!"}, {prompt: 하늘은 왜 파랗게 보이나요}, {prompt: 물은 왜 백 도에서 끓나요}]
        out:  [{prompt: "하늘은 왜 파랗게 보이나요?!"}, {prompt: 물은 왜 백 도에서 끓나요}]
    """

    name: ClassVar[str] = "near_duplicates"
    may_read: ClassVar[tuple[str, ...]] = ("fold", "near_ngram")
    may_lack: ClassVar[tuple[str, ...]] = ("fold", "near_ngram")
    # Arrow's own tables say what white space and punctuation are.
    rests_on: ClassVar[tuple[str, ...]] = ("rensa", "unicode", "pyarrow")

    counts_sources: ClassVar[bool] = True

    by: str = field("column", "prompt")
    """The text column that is compared."""
    threshold: Annotated[Share, Field(ge=Decimal("0.3"))] = Decimal("0.8")
    """The least Jaccard of two texts that are nearly the same."""
    ngram: Literal["profile"] | Annotated[int, Field(ge=1, le=50)] = "profile"
    """Characters of an n-gram; what the profile says as `near_ngram`, else 5."""
    numbers: Literal["compared", "ignored"] = "compared"
    """Whether two texts are apart that each have a number which the other has not: the same problem with other numbers."""
    permutations: Annotated[int, Field(ge=16, le=1024)] = 128
    """Hashes of a MinHash; more of them find more."""
    most_compared: Annotated[int, Field(ge=1)] = 20
    """With how many rows that share a band a row is compared."""
    max_share: Share = decided(Decimal("0.5"))
    """The largest share of the rows of a source that may go; where more would, the build stops."""
    language: str = field("label", "target")
    """Whose profile says what counts as one letter: `target`, `anchor`, or the code of a language."""

    def entries(self) -> tuple[tuple[str, str], ...]:
        asked = ((self.language, "near_ngram"),) if self.ngram == "profile" else ()
        return ((self.language, "fold"), *asked)

    def narrow(self, entry: str, value: Any) -> Any:
        return Folding.of(value, case=True).rules or None if entry == "fold" else value

    def complain(self, scope: Scope) -> Iterator[Complaint]:
        yield from scope.complain_column(self.by, ("by",), "text")

    def gram(self, entries: Mapping[str, Any]) -> int:
        """Characters of an n-gram."""
        return int(entries.get("near_ngram", GRAM)) if self.ngram == "profile" else self.ngram

    def compared(self) -> str:
        return self.by

    def most(self) -> int:
        return self.most_compared

    def grams(self, column: Column, entries: Mapping[str, Any]) -> tuple[Any, Any]:
        """(hashes of the n-grams of each text, where those of each begin, and the end)."""
        from operators.kernels.alike import forms
        from operators.kernels.shingles import shingles

        return shingles(forms(column, Folding.of(entries.get("fold", ()), case=True)), self.gram(entries))

    def sketch(self, texts: Texts, entries: Mapping[str, Any], seed: int) -> Sketches:
        import numpy as np

        from operators.kernels.shingles import bands, numbers, rows_of_bands

        grams = Sets(*self.grams(texts.cells, entries))
        rows = rows_of_bands(self.permutations, Fraction(self.threshold))
        none = (np.zeros(0, np.uint64), np.zeros(texts.rows + 1, np.int64))
        traits = Sets(*(numbers(texts.cells) if self.numbers == "compared" else none))
        return Sketches(grams, traits, bands(*grams, self.permutations, rows, seed))

    def likeness(self, one: str, other: str, entries: Mapping[str, Any]) -> tuple[int, int]:
        import numpy as np
        import pyarrow as pa

        hashes, bounds = self.grams(pa.array([one, other], pa.large_string()), entries)
        shared = len(np.intersect1d(hashes[: bounds[1]], hashes[bounds[1] :]))
        return shared, len(hashes) - shared

    def alike(self, shared: Any, sizes: Any, lengths: Any) -> Any:
        from operators.kernels.shingles import reaches

        return reaches(shared, sizes, lengths, Fraction(self.threshold))

    def wording(self, detail: str | None) -> str:
        return "" if detail is None else f"it is nearly the same as the row {detail[:12]}"

    def verdicts(self, relation: str, seed: int, scale: tuple[int, int] | None) -> str:
        return f"SELECT row_id, {ident(NEAR)} IS NULL AS kept, {ident(NEAR)} AS detail\n  FROM {relation}"

    def bounded(self, relation: str, seed: int, unseen: Mapping[str, int]) -> str:
        strangers = unseen.get("", 0)
        # What is known was found among the rows of an earlier table. Rows that went away since leave room in a crowd; rows that
        # nobody has seen may be near to any row, and stand before a near row in its crowd.
        met = "TRUE" if not strangers else f"row.{ident(CROWD)} + {strangers} <= {self.most_compared}"
        stays = f"row.{ident(NEAR)} IS NULL AND row.{ident(CROWD)} <= {self.most_compared}" if not strangers else "FALSE"
        goes = f"(coalesce(other.sure, FALSE) AND {met})"
        return (
            f"SELECT row.row_id, 0 AS copy, row.sure AND {stays} AS surely, NOT {goes} AS possibly"
            f" FROM {relation} AS row LEFT JOIN {relation} AS other ON row.{ident(NEAR)} = other.row_id"
        )

    def wiped(self, rows: Mapping[str, tuple[int, int]]) -> dict[str, tuple[int, int]]:
        share = Fraction(self.max_share)
        return {
            source: (went, came) for source, (went, came) in rows.items() if went * share.denominator > came * share.numerator
        }
