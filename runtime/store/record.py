"""Records: what a stage made, or a measure beside a table, as typed values that are read and written here alone."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, ClassVar, Self, TypedDict, TypeVar

from compiler.graph.plan import Result
from runtime.store.parts import (
    OBJECT,
    Sealed,
    each,
    each_of,
    having,
    is_count,
    is_digest,
    is_map,
    is_object,
    is_reference,
    is_text,
    maybe,
)
from runtime.store.trees import Tree, is_tree, small_objects

Digest = Annotated[str, is_digest]
Object = Annotated[str, is_object]
Reference = Annotated[str | list[str], is_reference]
"""An object, or one for each part of the table that it stands beside."""
Count = Annotated[int, is_count]
Objects = Annotated[list[str | None], each(maybe(is_object))]
Funnel = Annotated[dict[str, list[int]], each_of(each(is_count))]


class Column(TypedDict):
    """What a column is, by content."""

    type: str
    digest: str


class OfSource(TypedDict, total=False):
    """What is counted of a source besides: rows that could not be read; forgotten ones, and ids of such that no row has."""

    quarantined: int
    forgotten: int
    astray: int


#: Rows in, born, out and dropped by each decision.
InOut = TypedDict("InOut", {"in": int, "born": int, "out": int, "dropped": Any}, total=False)


class Counts(InOut, OfSource, total=False):
    """What became of rows at a stage."""


class Keyed(Sealed):
    """What lies under a key: written once, never changed."""

    folder: ClassVar[str]
    """Where such records lie in a store."""
    key: Digest = ""
    without: Annotated[list[str] | None, each(is_digest)] = None
    """The objects with text that stayed where it was pulled from."""

    @property
    def content(self) -> str:
        """The digest of what was made, by which records of one key differ."""
        raise NotImplementedError(f"a {type(self).__name__} does not say what it is of")

    def objects(self) -> set[str]:
        """The digests of all objects that it is made of."""
        return set(named_objects(vars(self)))

    def textless(self) -> Iterator[str]:
        """Its objects in which there is no text."""
        raise NotImplementedError(f"a {type(self).__name__} does not say which of its objects hold text")


class Record(Keyed):
    """What a stage made; one of its kinds below, or the rows of several tables."""

    folder = "results"
    order = "kind digest ids columns rows table counts made snapshot key without"
    kind: Annotated[str, is_text]
    """The operator's name."""
    digest: Digest
    """Of the logical result."""
    ids: Digest
    """Of row ids and item ids alone."""
    columns: Annotated[dict[str, Column], each_of(having(type=is_text, digest=is_digest))]
    rows: Count
    table: Annotated[Tree, is_tree]
    counts: Annotated[Counts, having(**{name: is_count for name in ("in", "born", "out")})]
    made: Annotated[dict[str, Any], having(seconds=lambda value: isinstance(value, int | float))] = {}
    """How long it took, and who made it: nothing of it decides anything."""
    snapshot: Annotated[dict[str, Any], having(itself=is_map)] = {}
    """What decided its key, in words."""

    textless_parts: ClassVar[tuple[str, ...]] = ()
    """The parts, besides its table, that name objects without text."""

    @classmethod
    def read(cls, body: Mapping[str, Any]) -> Self:
        """A record of the kind that its parts show, which may be another than was asked for."""
        kind = next((kind for mark, kind in KINDS.items() if mark in body), Record)
        # Whoever asks for one kind sees by the value's class that it is of another.
        return super().read(body) if cls is kind else kind.read(body)  # type: ignore[return-value]

    @property
    def content(self) -> str:
        return self.digest

    @property
    def dropped(self) -> list[int]:
        """Rows that each decision drops."""
        rows: list[int] = self.counts["dropped"]
        return rows

    @property
    def result(self) -> Result:
        """What others see of it."""
        return Result(self.digest, self.ids, {name: column["digest"] for name, column in self.columns.items()})

    def textless(self) -> Iterator[str]:
        yield from small_objects(self.table)
        yield from named_objects([getattr(self, part) for part in self.textless_parts])


class SourceRecord(Record):
    """The rows of files."""

    order = "kind digest ids columns rows table bad raw counting counts files made snapshot key without"
    bad: Annotated[list[dict[str, Any]], each(having(file=is_text, name=is_text, line=is_count, reason=is_text))]
    """Rows that could not be read: the digest of the file, its name, the line, and why."""
    raw: Annotated[str | None, maybe(is_object)]
    """Their text, in the same order."""
    counting: Annotated[str | None, is_text] = None
    """How golds seem to count, where it is otherwise than the recipe says."""
    files: Annotated[list[list[Any]], each(each(lambda value: isinstance(value, str | int)))] = []
    """Name, digest and bytes of each file."""


class DecisionRecord(Record):
    """The rows that a run of decisions and a set decision keep."""

    order = "kind rows digest ids columns table ledger measured dear counts funnel made snapshot key without"
    ledger: Reference
    measured: Objects
    """The columns beside the table that each decision of the run read; None where its values stand in the ledger."""
    dear: Annotated[list[str], each(is_text)]
    """The columns of the ledger with values of dear measures."""
    funnel: Funnel
    """Source -> rows kept, and rows dropped by each decision."""
    textless_parts = ("ledger", "measured")


class Children(TypedDict):
    """How a stage came to the children that it made."""

    looked_at: int
    refused: dict[str, int]
    """Why rows have none -> how many."""
    figures: dict[str, Any]


class ChildrenRecord(Record):
    """The rows of a table with the children that an operator gave them."""

    order = "kind digest ids columns rows table lineage refused told counts funnel made snapshot key without"
    lineage: Object
    refused: Object
    told: Annotated[Children, having(looked_at=is_count, refused=is_map, figures=is_map)]
    funnel: Funnel
    """Source -> rows, and children."""
    textless_parts = ("lineage", "refused")


class CompletionsRecord(Record):
    """Completions alone."""

    order = "kind digest ids columns rows table asked remarks counts recorded asked_for made snapshot key without"
    asked: Object
    """A line for each request: its row, and why there is no completion where there is none."""
    remarks: Annotated[dict[str, int], each_of(is_count)]
    recorded: Annotated[dict[str, int] | None, having(missing=is_count, unasked=is_count)] = None
    """Where they were looked up in a source: rows without one, and completions that no row wanted."""
    asked_for: Annotated[dict[str, int] | None, each_of(is_count)] = None
    """Where a model was asked: how many were needed, there before, new, and refused."""
    textless_parts = ("asked",)


class AttachedRecord(Record):
    """Completions with the columns of their rows."""

    order = "kind digest ids columns rows table asked counts funnel made snapshot key without"
    asked: Object
    funnel: Funnel
    """Source -> requests answered, and requests without a result."""
    textless_parts = ("asked",)


class ScoresRecord(Record):
    """What judged answers come to."""

    order = "kind digest ids columns rows table counts scores made snapshot key without"
    scores: Annotated[list[dict[str, Any]], each(is_map)]


class OutputRecord(Record):
    """A table with its text as Parquet shards."""

    order = "kind digest ids columns rows table shards counts made snapshot key without"
    shards: Annotated[list[str], each(is_object)]


class CheckpointRecord(Record):
    """What a training left behind; its table is that of the rows it learnt from."""

    order = "kind digest ids columns rows table files metrics manifest counts made snapshot key without"
    files: Annotated[dict[str, str], each_of(is_object)]
    metrics: Object
    manifest: Annotated[dict[str, Any], having(data=having(digest=is_digest), weights=is_digest, settings=is_map, made=is_map)]
    """From what, on what and how it was trained."""


#: A part that records of one kind alone have -> that kind.
KINDS: dict[str, type[Record]] = {
    "shards": OutputRecord,
    "ledger": DecisionRecord,
    "manifest": CheckpointRecord,
    "scores": ScoresRecord,
    "lineage": ChildrenRecord,
    "remarks": CompletionsRecord,
    "asked": AttachedRecord,
    "bad": SourceRecord,
}


class BesideRecord(Keyed):
    """Columns beside a table: the values of a measure, or what a map made."""

    folder = "beside"
    order = "object text rows measure of reads key without"
    object: Object
    text: Annotated[str | None, maybe(is_object)]
    """The text that a map made, apart from its digests."""
    rows: Count
    measure: Digest
    """What was measured, whatever the table."""
    of: Annotated[Tree, is_tree]
    reads: Annotated[dict[str, str], each_of(is_text)]
    """Role -> the column of the table that was read."""

    @property
    def content(self) -> str:
        return self.object.removeprefix(OBJECT)

    def textless(self) -> Iterator[str]:
        yield from (self.object, *small_objects(self.of))


K = TypeVar("K", bound=Keyed)


def read_record(kind: type[K], key: str, data: bytes) -> K | None:
    """The record of a kind that a file holds, or None where it is damaged, of another key or no such record."""
    record = kind.unseal(data)
    return record if record is not None and record.key == key else None


def named_objects(value: Any) -> Iterator[str]:
    """Every string `object:DIGEST` in a record."""
    if isinstance(value, str) and value.startswith(OBJECT):
        yield value.removeprefix(OBJECT)
    elif isinstance(value, dict):
        for part in value.values():
            yield from named_objects(part)
    elif isinstance(value, list):
        for part in value:
            yield from named_objects(part)


KEYED: tuple[type[Keyed], ...] = (Record, BesideRecord)
"""All that is recorded under a key, each kind in a folder of its own."""
