"""What a kind of stage means: how it runs, how it is explained and foreseen, and what it is in the life of a row."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Literal, Protocol, TypeVar

from compiler.graph.facts import Facts
from compiler.graph.nodes import Graph, stage_name
from compiler.graph.plan import Addresses
from compiler.graph.stage import Stage
from compiler.recipe.sections import Recipe
from runtime.store.record import AttachedRecord, DecisionRecord, Record
from runtime.store.store import Store, StoreError

if TYPE_CHECKING:
    from compiler.graph.lock import Lock
    from runtime.completions.fill import Filled
    from runtime.completions.stage import Asking
    from runtime.executors.executor import Executor, Pending
    from runtime.sources.probe import Found
    from runtime.stages.expected.counts import Counts, SourceLabels, Sources
    from runtime.stages.expected.expected import Expected
    from runtime.stages.expected.frames import Frame
    from runtime.stages.expected.values import KnownValues
    from runtime.stages.extents import Extent, Needs
    from runtime.stages.life import Life
    from runtime.tables.memo import Memo
    from runtime.tables.table import Table

S = TypeVar("S", bound=Stage[Any])
R = TypeVar("R", bound=Record)
Rows = Callable[[int], None]
"""Called with how many rows are through."""


@dataclass
class Work:
    """What a stage runs with: the store, what is known of the leaves, and the results so far."""

    store: Store
    graph: Graph
    facts: Facts
    found: Found
    executor: Executor
    """Where its tasks run."""
    addresses: Addresses
    asking: Asking
    say: Callable[[str, str], None]
    """Called with a stage and a line on how far it is, by one that takes long."""
    records: dict[int, Record] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    """What a person should know of stages that ran."""
    filled: dict[str, Filled] = field(default_factory=dict)
    """Stage that asks a model -> what it asked for."""
    memos: dict[int, Memo] = field(default_factory=dict)
    """Columns node of a dear measure -> its memo."""
    begun: dict[int, Pending[Record]] = field(default_factory=dict)
    """Stages that are under way before it is their turn."""

    def table(self, index: int) -> Table:
        """The table that a stage made."""
        from runtime.tables.table import open_table

        return open_table(self.store, self.records[index].table)

    def key(self, index: int) -> str:
        key = self.addresses.key(index)
        assert key is not None
        return key


class Foresight(Protocol):
    """What is known of the tables of a graph before they are made."""

    store: Store
    graph: Graph
    facts: Facts
    files: Mapping[str, list[Path]]
    lock: Lock | None
    unreadable: set[str]
    """The sources with a file that cannot be read."""

    @property
    def sources(self) -> Mapping[str, SourceLabels]:
        """Source -> category and licence of its rows."""

    @property
    def known(self) -> KnownValues: ...
    @property
    def other(self) -> Foresight | None:
        """The graph that it is compared with."""

    def expect(self, index: int) -> Expected: ...
    def recorded(self, index: int) -> Record | None: ...
    def sources_at(self, index: int) -> Sources: ...


class Lives(Protocol):
    """The lives of rows, read from ledgers."""

    @property
    def store(self) -> Store: ...
    def life(self, row_id: str, until: int | None = None) -> Life: ...
    def cells(self, record: Record, place: int) -> dict[str, Any]:
        """The cells of one row of the table that a stage made."""


@dataclass(frozen=True)
class Want:
    """What a stage wants of a model."""

    model: str
    """The model whose weights it is about, by its name under `models`."""
    stage: str
    field: Literal["max_length", "max_tokens"]
    tokens: int
    """The longest text that it gives or takes."""
    trains: bool = False
    own: bool = False
    """Whether it brings a chat template of its own."""
    made: bool = False
    """Whether it asks a checkpoint of the recipe, and so wants no more than the weights of its base."""

    def text(self) -> str:
        return f"`{self.field}` {self.tokens:,} of {self.stage}"


class Kind(Generic[S, R]):
    """One stage, with its kind of record: how it runs, what it is, what is foreseen of it. A kind overrides what is its own."""

    writes: ClassVar[bool] = False
    """Whether its rows have text that no table before it has."""

    bears: ClassVar[bool] = False
    """Whether its rows may have ids that no table before it has."""

    def __init__(self, stage: S) -> None:
        self.stage = stage

    # -- to run

    def run(self, work: Work, tell: Rows) -> R:
        """Its record, without a key yet. Raises StoreError, and what its operator raises."""
        raise NotImplementedError(f"the kind `{self.stage.kind}` does not say how it runs")

    def begin(self, work: Work) -> None:
        """Start what of it waits for no other stage, where it can run beside others; `run` takes it up."""

    def absent(self) -> StoreError:
        """Why it cannot run where it has no key."""
        return StoreError(
            f"`{self.stage.name}` cannot run: {self.stage.lacks} are not here", "`recipe plan` says what it waits for"
        )

    def mendable(self, work: Work) -> None:
        """Raises StoreError where its record lacks an object and it cannot be made anew."""

    def forget(self, store: Store, key: str) -> None:
        """Remove what it kept to go on from where it was stopped: it is recorded now."""

    def whole(self, store: Store, record: R) -> bool:
        """Whether the part of its result is there that no other stage reads."""
        return True

    # -- to tell

    def lines(self) -> list[str]:
        """What it is and does."""
        operator = self.stage.operator
        return [f"# {self.stage.name}  ({operator.name} version {operator.version})", *self.explain()]

    def explain(self) -> list[str]:
        """What it does, in lines."""
        node = self.stage.node
        return [f"{node.operator.name} " + ", ".join(stage_name(self.stage.graph, source) for source in node.inputs)]

    def wants(self, recipe: Recipe) -> Iterator[Want]:
        """What it wants of models, to be proven before it runs."""
        return iter(())

    def dropping(self) -> Sequence[str]:
        """The steps of it that drop rows, in the order of its record's counts."""
        return ()

    def funnel(self, record: R, funnel: dict[str, dict[str, Any]]) -> None:
        """Add what became of its rows to the funnel: table -> its rows, its steps, what is left."""
        if not isinstance(record, AttachedRecord | DecisionRecord):
            return
        node, rows = self.stage.node, record.funnel
        table = funnel.setdefault(node.table, {"table": node.table, "rows": {}, "steps": []})
        for source, row in rows.items():
            table["rows"].setdefault(source, sum(row))
        for place, label in enumerate(self.dropping(), start=1):
            table["steps"].append({"step": label, "dropped": {source: row[place] for source, row in rows.items()}})
        table["born"] = table.get("born", 0) + record.counts["born"]
        table["left"] = {source: row[0] for source, row in rows.items()}

    def birth_lines(self, record: R) -> Iterator[str]:
        """Lines on rows that were born in it."""
        return iter(())

    def remarks(self, store: Store, records: Mapping[int, Record]) -> Iterator[str]:
        """Lines on rows that no decision dropped and a person should know of."""
        return iter(())

    # -- to foresee

    def needs(self, below: Mapping[int, Extent], source: Callable[[str], Extent]) -> Needs:
        """What it makes at most and writes, of tables so large; `source` tells of the files of one. Others write a frame."""
        from runtime.stages.extents import Extent, Needs, frame_bytes

        node = self.stage.node
        read = [below[each] for each in node.inputs if each in below]
        rows = sum(each.rows for each in read)
        return Needs(Extent(rows, sum(each.text for each in read)), frame_bytes(rows, node.columns))

    def foresee(self, view: Foresight) -> Expected:
        """What it will make, as far as its inputs are known; unless a kind says more, any number of rows of its sources."""
        from runtime.stages.expected.expected import anything

        return anything(self.stage.node.columns, view.sources_at(self.stage.index))

    def sources(self, view: Foresight) -> Sources:
        """Source -> category and licences of its rows in what it makes."""
        return view.sources_at(self.stage.graph.base(self.stage.node.rows))

    def counts(self, view: Foresight, frame: Frame) -> Counts:
        """The rows of a table that it made, by source, category and licence."""
        from runtime.stages.expected.counts import tally

        return tally(frame, None, {}, view.sources_at(self.stage.index))

    def drops(self, expected: Expected) -> Iterator[tuple[str, int | None]]:
        """(what drops rows in it, how many of them; None where that is not known)."""
        steps = self.dropping()
        counts: Sequence[int | None] = [None] * len(steps)
        if steps and expected.record is not None:
            counts = expected.record.dropped
        elif expected.decided is not None:
            counts = expected.decided.counts(len(steps))
        return zip(steps, counts, strict=False)

    # -- the life of a row

    def live(self, lives: Lives, record: R, life: Life, place: int | None) -> None:
        """Add what became of a row here; `place` is where its table has it, None where it has not."""
