"""What an operator is: a frozen declaration from which validation, schema, keys, docs and wording derive."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema

from operators.sqltext import ident, literal

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

    from operators.kernels.text import Texts

#: The types a column of a table may have, in the words that people see.
ColumnType = Literal["text", "list of text", "integer", "number", "boolean", "label"]
Columns = Mapping[str, ColumnType]

#: Columns of the project's own, whose names no recipe may give.
RESERVED = ("row_id", "item_id", "copy", "dropped_by")

#: Columns every row carries besides its content: where it came from and what it may be used for.
LABELS: dict[str, ColumnType] = {"source": "label", "category": "label", "license": "label"}

#: The column that a map makes, whatever name it goes by in its table: equal maps share their result.
MAPPED = "changed"

#: `cheap` measures are vectorised kernels or SQL; `dear` ones need a segmenter, tokenizer or model.
Cost = Literal["cheap", "dear"]
COSTS: tuple[Cost, ...] = ("cheap", "dear")

Role = Literal["result", "measured", "column", "decided", "tuning", "label"]

Share = Annotated[
    Decimal,
    BeforeValidator(lambda value: repr(value) if isinstance(value, float) else value),
    WithJsonSchema({"type": "number", "minimum": 0, "maximum": 1}),
    Field(ge=0, le=1),
]
Count = Annotated[int, Field(ge=0)]


def field(role: Role, default: Any = ..., **extra: Any) -> Any:
    """A declared field: `measured` enters a measure's key, `decided` a decision's, `tuning` and `label` none.

    A `column` names what is read; it enters a key as the column it stands for, not as a name.
    """
    return Field(default, json_schema_extra={"role": role}, **extra)


def tuning(default: Any, **extra: Any) -> Any:
    """A field that makes a run faster and never different."""
    return field("tuning", default, **extra)


def decided(default: Any = None, **extra: Any) -> Any:
    """A field that the decision reads: changing it runs SQL and measures nothing."""
    return field("decided", default, **extra)


@dataclass(frozen=True)
class Complaint:
    """Something wrong with an operator in its place; `path` leads to the field that says it."""

    path: tuple[str | int, ...]
    message: str
    hint: str | None = None
    key: bool = False
    """True where the key itself is wrong, not its value."""


@dataclass(frozen=True)
class Scope:
    """What is known where an operator stands: the columns it may read and the names that exist."""

    columns: Columns
    sources: frozenset[str]
    categories: frozenset[str]
    proven: bool = True
    """False where the columns of a source are not known yet."""

    def complain_column(self, name: str, path: tuple[str | int, ...], *types: ColumnType) -> Iterator[Complaint]:
        """A complaint where `name` is no column here, or has none of the types."""
        if name not in self.columns:
            yield Complaint(path, f"there is no column `{name}` here", did_you_mean(name, self.columns))
        elif types and self.columns[name] not in types:
            yield Complaint(path, f"`{name}` is {self.columns[name]}, and {' or '.join(types)} is needed")


def did_you_mean(word: str, known: Columns | frozenset[str]) -> str:
    """The hint after an unknown name: the nearest known one, or all of them."""
    from difflib import get_close_matches

    near = get_close_matches(word, list(known), n=1)
    if near:
        return f"did you mean `{near[0]}`?"
    # A file without a header has text of a row where names should be: no more than its beginning is shown.
    shown = [f"`{name}`" if len(name) <= 30 else f"`{name[:27]}...`" for name in sorted(known)]
    more = f", and {len(shown) - 12} more" if len(shown) > 12 else ""
    return "there is: " + ", ".join(shown[:12]) + more if shown else "there is none"


class Declared(BaseModel):
    """A strict, frozen part of a recipe: an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True, protected_namespaces=(), defer_build=True)


Names = str | tuple[str, ...]


class Only(Declared):
    """The rows a decision looks at; all others pass it."""

    source: Names | None = None
    """One source or several."""
    category: Names | None = None
    """One category or several."""
    license: Names | None = None
    """One licence class or several."""

    def sql(self) -> str:
        """The SQL condition that a row is looked at."""
        parts = []
        for column in ("source", "category", "license"):
            names = getattr(self, column)
            if names is not None:
                listed = ", ".join(literal(name) for name in ((names,) if isinstance(names, str) else names))
                parts.append(f"{ident(column)} IN ({listed})")
        return " AND ".join(parts) or "TRUE"

    def complain(self, scope: Scope) -> Iterator[Complaint]:
        """Names of sources and categories that the recipe does not have."""
        for column, known in (("source", scope.sources), ("category", scope.categories)):
            names = getattr(self, column)
            for name in () if names is None else (names,) if isinstance(names, str) else names:
                if name not in known:
                    yield Complaint(("only", column), f"no source has the {column} `{name}`", did_you_mean(name, known))


class Operator(Declared):
    """One thing a recipe may say. A subclass is its docs, its validation, its key and its wording."""

    name: ClassVar[str]
    version: ClassVar[int] = 1
    seeded: ClassVar[bool] = False
    """True where the recipe's seed decides the result."""
    main: ClassVar[str | None] = None
    """The field that a scalar stands for, in `where: "..."`."""

    def entries(self) -> tuple[tuple[str, str], ...]:
        """The language profile's entries it reads: (language or role, entry)."""
        return ()

    def depends(self) -> tuple[str, ...]:
        """The installed things whose version decides the result: distributions, or `unicode`."""
        return ()

    def complain(self, scope: Scope) -> Iterator[Complaint]:
        """What is wrong with it in this place."""
        yield from ()

    def parameters(self, *roles: Role) -> dict[str, Any]:
        """The result-bearing fields of these roles that are not at their default, by their recipe name."""
        chosen: dict[str, Any] = {}
        for name, info in type(self).model_fields.items():
            value = getattr(self, name)
            if role_of(type(self), name) in roles and (
                info.is_required() or value != info.get_default(call_default_factory=True)
            ):
                chosen[info.alias or name] = value
        return chosen


def role_of(operator: type[Operator], name: str) -> Role:
    """What a declared field decides; a field without a mark is result-bearing."""
    extra = operator.model_fields[name].json_schema_extra
    role: Role = extra.get("role", "result") if isinstance(extra, dict) else "result"  # type: ignore[assignment]
    return role


class Step(Operator):
    """An operator that stands in a list of steps."""


class Measure(Step):
    """A function of one row's cells to whole numbers, which may stand as a decision or as a column.

    The kernel sees only the profile entries it declared; a null value means that it abstains.
    """

    cost: ClassVar[Cost] = "cheap"
    values: ClassVar[tuple[str, ...]]
    """The names of the whole numbers it makes; two of them, `part` and `whole`, are a share."""

    in_: str = field("column", "prompt", alias="in")
    """The column that is measured."""
    only: Only | None = decided()
    """The rows it looks at; all others pass."""
    unknown: Literal["drop", "keep"] = decided("drop")
    """What becomes of a row where the measure abstains."""

    def complain(self, scope: Scope) -> Iterator[Complaint]:
        yield from scope.complain_column(self.in_, ("in",), "text")
        if self.only:
            yield from self.only.complain(scope)

    def measure(self, texts: Texts, entries: Mapping[str, Any]) -> list[np.ndarray[Any, Any]]:
        """One int64 array for each of `values`; -1 in the last means that the measure abstains."""
        raise NotImplementedError(f"`{self.name}` has no kernel")

    def condition(self, value: Mapping[str, str]) -> str:
        """The SQL predicate of the rows that pass, over the quoted names of its values."""
        raise NotImplementedError(f"`{self.name}` decides nothing")

    def wording(self, value: Mapping[str, int | None]) -> str:
        """The measured values of one row, as a person reads them."""
        first = value[self.values[0]]
        return "unknown" if first is None else str(first)

    def wanted(self) -> str:
        """What the decision asks for, as a person reads it."""
        return bounds_wording(getattr(self, "min", None), getattr(self, "max", None))

    def predicate(self, value: Mapping[str, str]) -> str:
        """The whole decision in SQL: the condition, the rows it looks at, and what null means."""
        decided = f"coalesce({self.condition(value)}, {literal(self.unknown == 'keep')})"
        return decided if self.only is None else f"(NOT ({self.only.sql()}) OR {decided})"


def bounds_wording(low: object, high: object) -> str:
    """`at least 1`, `at most 2` or `1 to 2`."""
    if low is not None and high is not None:
        return f"{low} to {high}"
    return f"at least {low}" if low is not None else f"at most {high}" if high is not None else "any value"


def complain_order(low: Decimal | int | None, high: Decimal | int | None) -> Iterator[Complaint]:
    """A complaint where `min` is above `max`, or neither is given."""
    if low is None and high is None:
        yield Complaint((), "it decides nothing: neither `min` nor `max` is given", "give `min`, `max` or both")
    elif low is not None and high is not None and low > high:
        yield Complaint(("min",), f"`min` {low} is above `max` {high}, so no row can pass")


class Map(Step):
    """A row-local change of one text column; ids are kept."""

    of: str = field("column", "prompt")
    """The text column that is changed."""

    def complain(self, scope: Scope) -> Iterator[Complaint]:
        yield from scope.complain_column(self.of, ("of",), "text")

    def change(self, column: pa.Array, entries: Mapping[str, Any]) -> pa.Array:
        """The changed text of each row, null where it was null."""
        raise NotImplementedError(f"`{self.name}` changes nothing")


class SetDecision(Step):
    """A decision that looks at more rows than one, so its result is a cut of the graph."""

    tells_copy: ClassVar[bool] = False
    """True where its SQL also gives rows that stand in the result again, by their `copy` number."""

    def forms(self) -> Mapping[str, str]:
        """Derived columns it needs: form name -> text column it is the normal form of."""
        return {}

    def reads(self) -> tuple[str, ...]:
        """The columns its SQL reads besides `row_id` and `item_id`."""
        return ()

    def verdicts(self, relation: str, seed: int, scale: tuple[int, int] | None) -> str:
        """SQL over `relation`: `row_id`, `kept` and `detail` (a row_id or rank) for every row of it."""
        raise NotImplementedError(f"`{self.name}` decides nothing")
