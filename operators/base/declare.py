"""What an operator is: a frozen declaration from which validation, schema, keys, docs and wording derive."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema

from operators.base.foreseen import Foreseen
from operators.base.obligation import Obligation
from operators.base.scope import ColumnType, Complaint, Kind, Scope
from operators.base.values import Column, Texts, Values
from operators.text.sqltext import ident, literal

#: Columns of the project's own, whose names no recipe may give.
RESERVED = ("row_id", "item_id", "copy", "dropped_by")

#: Columns every row carries besides its content: where it came from and what it may be used for.
LABELS: dict[str, ColumnType] = {"source": "label", "category": "label", "license": "label"}

#: `cheap` measures are vectorised kernels or SQL; `dear` ones need a segmenter, tokenizer or model.
Cost = Literal["cheap", "dear"]
COSTS: tuple[Cost, ...] = ("cheap", "dear")

Role = Literal["result", "measured", "column", "decided", "tuning", "label"]

#: How far a result repeats: the same bytes anywhere; the same bits on one machine and installation (training); or not
#: at all, so that the first result is the result (completions).
Repeats = Literal["bitwise", "numeric", "recorded"]


def as_decimal(value: Any) -> Any:
    """A number as a recipe writes it, so that 0.6 is 0.6 on every machine."""
    return repr(value) if isinstance(value, float) else value


Share = Annotated[
    Decimal, BeforeValidator(as_decimal), WithJsonSchema({"type": "number", "minimum": 0, "maximum": 1}), Field(ge=0, le=1)
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


class Declared(BaseModel):
    """A strict, frozen part of a recipe: an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True, protected_namespaces=(), defer_build=True)

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        # The class is made, and of its annotations only those of fields are looked at again: by each class below it.
        for name in cls.__class_vars__ & {*vars(cls).get("__annotations__", ())}:
            del cls.__annotations__[name]


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
            if (names := getattr(self, column)) is not None:
                listed = ", ".join(literal(name) for name in ((names,) if isinstance(names, str) else names))
                parts.append(f"{ident(column)} IN ({listed})")
        return " AND ".join(parts) or "TRUE"

    def complain(self, scope: Scope) -> Iterator[Complaint]:
        """Names of sources and categories that the recipe does not have."""
        named: dict[Kind, Names | None] = {"source": self.source, "category": self.category}
        for kind, names in named.items():
            for place, name in enumerate(() if names is None else (names,) if isinstance(names, str) else names):
                path = ("only", kind) if isinstance(names, str) else ("only", kind, place)
                yield from scope.complain_name(kind, name, path, f"no source has the {kind} `{name}`")


class Operator(Declared):
    """One thing a recipe may say. A subclass is its docs, its validation, its key and its wording."""

    name: ClassVar[str]
    version: ClassVar[int] = 1
    seeded: ClassVar[bool] = False
    """True where the recipe's seed decides the result."""
    main: ClassVar[str | None] = None
    """The field that a scalar stands for, in `where: "..."`."""
    repeats: ClassVar[Repeats] = "bitwise"
    """What `recipe verify` may ask of a second run."""
    rests_on: ClassVar[tuple[str, ...]] = ()
    """The installed things whose version decides the result: distributions, or `unicode`."""
    may_read: ClassVar[tuple[str, ...]] = ()
    """All entries of a language profile that it may read, whatever its fields: those that `entries` can give, by their heads."""
    may_lack: ClassVar[tuple[str, ...]] = ()
    """Profile entries that it does without where a language has none; nothing of them is in its key then."""

    def entries(self) -> tuple[tuple[str, str], ...]:
        """The language profile's entries it reads: (language or role, entry).

        A kernel finds one by its name; where several languages are asked for it, it is role -> value there.
        """
        return ()

    def narrow(self, entry: str, value: Any) -> Any:
        """The part of a profile entry that it goes by, which alone is in its key; None where that is nothing."""
        return value

    def unfit(self, entry: str, value: Any) -> str | None:
        """Why it cannot go by what a profile says; None where it can."""
        return None

    def depends(self) -> tuple[str, ...]:
        """The same, where its fields decide on it."""
        return self.rests_on

    def complain(self, scope: Scope) -> Iterator[Complaint]:
        """What is wrong with it in this place."""
        yield from ()

    def obligations(self, label: str) -> Iterator[Obligation]:
        """What follows for people from using it; `label` is what the recipe calls it."""
        yield from ()

    def owed(self, label: str, rows: Mapping[str, int] | None) -> Iterator[Obligation]:
        """The same, where it is known how many rows it has of each licence class."""
        yield from self.obligations(label)

    def parameters(self, *roles: Role) -> dict[str, Any]:
        """The result-bearing fields of these roles that are not at their default, by their recipe name."""
        chosen: dict[str, Any] = {}
        for name, info in type(self).model_fields.items():
            value = getattr(self, name)
            stated = info.is_required() or value != info.get_default(call_default_factory=True)
            if stated and role_of(type(self), name) in roles:
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
    others: ClassVar[tuple[str, ...]] = ()
    """Fields that name further text columns, which its kernel is given besides."""
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

    def reads(self) -> dict[str, str]:
        """What it reads: role -> column."""
        return {"in": self.in_, **{name: getattr(self, name) for name in self.others}}

    def files(self) -> Mapping[str, str]:
        """Entries that are digests of a model's files: entry -> the model's name."""
        return {}

    def measure(self, texts: Texts, entries: Mapping[str, Any]) -> Values:
        """One int64 array for each of `values`; -1 in the last means that the measure abstains."""
        raise NotImplementedError(f"`{self.name}` has no kernel")

    def compare(self, texts: Texts, others: Sequence[Texts], entries: Mapping[str, Any]) -> Values:
        """The same of a measure that reads more columns than one; they come in the order of `others`."""
        return self.measure(texts, entries)

    def condition(self, value: Mapping[str, str]) -> str:
        """The SQL predicate of the rows that pass, over the quoted names of its values."""
        raise NotImplementedError(f"`{self.name}` decides nothing")

    def wording(self, value: Mapping[str, int | None]) -> str:
        """The measured values of one row, as a person reads them."""
        return "unknown" if (first := value[self.values[0]]) is None else str(first)

    def quoted(self, value: Mapping[str, int | None]) -> tuple[str, int, int] | None:
        """The part of a text that its values tell of: (column, first code point, the one after the last), in NFC."""
        return None

    def wanted(self) -> str:
        """What the decision asks for, as a person reads it: `at least 1`, `at most 2` or `1 to 2`."""
        low, high = getattr(self, "min", None), getattr(self, "max", None)
        if low is not None and high is not None:
            return f"{low} to {high}"
        return f"at least {low}" if low is not None else f"at most {high}" if high is not None else "any value"

    def predicate(self, value: Mapping[str, str]) -> str:
        """The whole decision in SQL: the condition, the rows it looks at, and what null means."""
        decided = f"coalesce({self.condition(value)}, {literal(self.unknown == 'keep')})"
        return decided if self.only is None else f"(NOT ({self.only.sql()}) OR {decided})"


class Map(Step):
    """A row-local change of one text column, or columns made of it; ids are kept. Of a conversation it `changes` each text."""

    changes: ClassVar[tuple[ColumnType, ...]] = ("text",)

    of: str = field("column", "prompt")
    """The text column that is changed."""

    def complain(self, scope: Scope) -> Iterator[Complaint]:
        yield from scope.complain_column(self.of, ("of",), *self.changes)
        for place, name in enumerate(made := self.makes()):
            if name in made[:place] or (name != self.of and name in (*RESERVED, *LABELS)):
                at = ("as" if "as_" in type(self).model_fields else "of",)
                yield Complaint(at, f"it makes a column `{name}`, and that name is taken", "choose another name")
            elif name != self.of and name in scope.columns:
                yield Complaint(("of",), f"it makes a column `{name}`, and there is one", "leave it out before with `select`")

    def reads(self) -> dict[str, str]:
        """What it reads: role -> column."""
        return {"of": self.of}

    def makes(self) -> tuple[str, ...]:
        """The names of the text columns it makes: the changed one, unless it says others."""
        return (self.of,)

    def change(self, column: Column, entries: Mapping[str, Any]) -> list[Column]:
        """The text of each row in each column that it makes, row for row."""
        raise NotImplementedError(f"`{self.name}` changes nothing")


class SetDecision(Foreseen, Step):
    """A decision that looks at more rows than one, so its result is a cut of the graph."""

    tells_copy: ClassVar[bool] = False
    """True where its SQL also gives rows that stand in the result again, by their `copy` number."""

    def forms(self) -> Mapping[str, str]:
        """Derived columns it needs: form name -> text column it is the normal form of."""
        return {}

    def form(self, texts: Texts, entries: Mapping[str, Any]) -> Column:
        """The cells of a text column as they are compared."""
        return texts.cells

    def verbatim(self, entries: Mapping[str, Any]) -> bool:
        """Whether texts are compared as they are."""
        return True

    def wording(self, detail: str | None) -> str:
        """Why it drops a row, from what its SQL tells besides."""
        return "" if detail is None else f"its rank {detail[:12]} is beyond what is taken"

    def reads(self) -> tuple[str, ...]:
        """The columns its SQL reads besides `row_id` and `item_id`."""
        return ()

    def verdicts(self, relation: str, seed: int, scale: tuple[int, int] | None) -> str:
        """SQL over `relation`: `row_id`, `kept` and `detail` (a row_id or rank) for every row of it."""
        raise NotImplementedError(f"`{self.name}` decides nothing")
