"""One row of each set of equal ones."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import Field

from operators.base.declare import SetDecision, field
from operators.base.scope import Complaint, Scope
from operators.text.fold import Folding
from operators.text.fold import Rule as FoldRule
from operators.text.sqltext import ident

if TYPE_CHECKING:
    from operators.base.values import Column, Texts

Rule = Literal["nfc", "nfkc", "invisible", "case", "space", "punctuation"]


class Unique(SetDecision):
    """Keep one row of all that are equal in `by`: the one with the lowest row_id.

    Equal means equal after `normalise` and by the profile's `fold`, which says what counts as one letter: what shows nothing,
    joiners, letters that a language's writers confuse. Letters and case are told apart in formulas, code and identifiers, and
    case everywhere unless `normalise` has it. Which row is kept is not changed. A row without any value is equal to none.

    Example:
        with: {by: prompt, normalise: [nfc, space]}
        in:   [{prompt: 물은 왜}, {prompt: "물은  왜 "}, {prompt: 불은 왜}]
        out:  [{prompt: 물은 왜}, {prompt: 불은 왜}]
    """

    name: ClassVar[str] = "unique"
    version: ClassVar[int] = 2
    detail: ClassVar[str] = "kept_instead"
    may_read: ClassVar[tuple[str, ...]] = ("fold",)
    may_lack: ClassVar[tuple[str, ...]] = ("fold",)

    by: str | Annotated[tuple[str, ...], Field(min_length=1)] = field("column", "prompt")
    """The text column, or columns, that are compared."""
    normalise: tuple[Rule, ...] = ("nfc", "invisible", "space")
    """`nfc`/`nfkc` Unicode form, `invisible` left out, `case` folding, `space` runs to one, `punctuation` left out."""
    fold: Literal["profile"] | tuple[FoldRule, ...] = "profile"
    """What counts as one letter: rules by name in the place of those of the profile; `[]` for none."""
    language: str = field("label", "target")
    """Whose profile says what counts as one letter: `target`, `anchor`, or the code of a language."""

    def columns(self) -> tuple[str, ...]:
        """The compared columns."""
        return (self.by,) if isinstance(self.by, str) else self.by

    def entries(self) -> tuple[tuple[str, str], ...]:
        return ((self.language, "fold"),) if self.fold == "profile" else ()

    def narrow(self, entry: str, value: Any) -> Any:
        return Folding.of(value, case="case" in self.normalise).rules or None

    def depends(self) -> tuple[str, ...]:
        # Arrow's own tables say what white space and punctuation are.
        return ("unicode", "pyarrow") if self.normalise or self.fold else ()

    def rules(self, entries: Mapping[str, Any]) -> tuple[FoldRule, ...]:
        """What counts as one letter."""
        rules: tuple[FoldRule, ...] = tuple(entries.get("fold", ())) if self.fold == "profile" else self.fold
        return rules

    def verbatim(self, entries: Mapping[str, Any]) -> bool:
        """Whether texts are compared as they are."""
        return not self.normalise and not self.rules(entries)

    def form(self, texts: Texts, entries: Mapping[str, Any]) -> Column:
        """The cells of a text column as they are compared."""
        from operators.kernels.equal import compared_texts

        return compared_texts(texts, self.normalise, Folding.of(self.rules(entries), case="case" in self.normalise))

    def complain(self, scope: Scope) -> Iterator[Complaint]:
        for place, column in enumerate(self.columns()):
            path: tuple[str | int, ...] = ("by",) if isinstance(self.by, str) else ("by", place)
            yield from scope.complain_column(column, path, "text", "list of text")
        if {"nfc", "nfkc"} <= set(self.normalise):
            yield Complaint(("normalise",), "`nfc` and `nfkc` exclude each other", "nfkc contains nfc")

    def wording(self, detail: str | None) -> str:
        return "" if detail is None else f"the row {detail[:12]} is kept instead"

    def forms(self) -> Mapping[str, str]:
        return {f"{column} as compared": column for column in self.columns()}

    def compared(self) -> tuple[str, str]:
        """SQL for (the forms that make rows equal, whether a row has any)."""
        forms = [ident(form) for form in self.forms()]
        return ", ".join(forms), " OR ".join(f"{form} IS NOT NULL" for form in forms)

    def verdicts(self, relation: str, seed: int, scale: tuple[int, int] | None) -> str:
        forms, known = self.compared()
        first = f"CASE WHEN {known} THEN min(row_id) OVER (PARTITION BY {forms}) ELSE row_id END"
        return (
            f"SELECT row_id, lowest = row_id AS kept, lowest AS detail\n  FROM (SELECT row_id, {first} AS lowest FROM {relation})"
        )

    def bounded(self, relation: str, seed: int, unseen: Mapping[str, int]) -> str:
        forms, known = self.compared()
        before = f"OVER (PARTITION BY {forms} ORDER BY row_id ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)"
        seen = "FALSE" if unseen.get("") else "TRUE"  # a row that nobody has seen may equal any row, and stand before it
        return (
            f"SELECT row_id, 0 AS copy, sure AND (NOT ({known}) OR (most = 0 AND {seen})) AS surely,"
            f" NOT ({known}) OR fewest = 0 AS possibly"
            f" FROM (SELECT *, count(*) FILTER (WHERE sure) {before} AS fewest, count(*) {before} AS most FROM {relation})"
        )

    def displaces(self, relation: str) -> str | None:
        return "SELECT 1"

    def kept_between(self, relation: str) -> str | None:
        forms, known = self.compared()
        return (
            f"SELECT count(*) FILTER (WHERE sure) AS fewest, count(*) AS most"
            f" FROM (SELECT bool_or(sure) AS sure FROM {relation} WHERE {known} GROUP BY {forms}"
            f" UNION ALL SELECT sure FROM {relation} WHERE NOT ({known}))"
        )
