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
    from runtime.sources.probe import Found
    from runtime.stages.expected.counts import Counts, Feed, Feeds
    from runtime.stages.expected.expected import Expected
    from runtime.stages.expected.frames import Frame
    from runtime.stages.expected.values import Known
    from runtime.stages.life import Life
    from runtime.stages.measuring import Measuring
    from runtime.tables.table import Table

S = TypeVar("S", bound=Stage[Any])
R = TypeVar("R", bound=Record)
Rows = Callable[[int], None]
"""Told how many rows are through."""


@dataclass
class Work:
    """What a stage runs with: the store, what is known of the leaves, and the results so far."""

    store: Store
    graph: Graph
    facts: Facts
    found: Found
    threads: int
    addresses: Addresses
    records: dict[int, Record]
    measuring: Measuring
    asking: Asking
    say: Callable[[str, str], None]
    """Told of what a long stage says of itself."""
    notes: list[str] = field(default_factory=list)
    """What a person should know of stages that ran."""
    filled: dict[str, Filled] = field(default_factory=dict)
    """Stage that asks a model -> what it asked for."""

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
    def feeds(self) -> Mapping[str, Feed]:
        """Source -> category and licence of its rows."""

    @property
    def known(self) -> Known: ...
    @property
    def other(self) -> Foresight | None:
        """The graph that it is compared with."""

    def expect(self, index: int) -> Expected: ...
    def recorded(self, index: int) -> Record | None: ...
    def feeds_at(self, index: int) -> Feeds: ...


class Lives(Protocol):
    """The lives of rows, as ledgers tell them."""

    @property
    def store(self) -> Store: ...
    def life(self, row_id: str, until: int | None = None) -> Life: ...


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
    """One stage, with its kind of record, as those see it who run, explain or foresee it. What it does not say is nothing."""

    writes: ClassVar[bool] = False
    """Whether its rows have text that no table before it has."""

    bears: ClassVar[bool] = False
    """Whether its rows may have ids that no table before it has."""

    def __init__(self, stage: S) -> None:
        self.stage = stage

    # -- to run

    def run(self, work: Work, tell: Rows) -> R:
        """Its record, by no key yet. Raises StoreError, and what its operator raises."""
        raise NotImplementedError(f"the kind `{self.stage.kind}` does not say how it runs")

    def absent(self) -> StoreError:
        """Why it cannot run where it has no key."""
        return StoreError(
            f"`{self.stage.name}` cannot run: {self.stage.lacks} are not here", "`recipe plan` says what it waits for"
        )

    def mendable(self, work: Work) -> None:
        """Raises StoreError where its record lacks an object and it cannot be made anew."""

    def forget(self, store: Store, key: str) -> None:
        """Leave out what it kept in case that it was stopped; it is recorded now."""

    def whole(self, store: Store, record: R) -> bool:
        """Whether all of its result is there that no other stage looks at."""
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

    def funnel(self, record: R, funnel: dict[str, dict[str, Any]]) -> None:
        """Add what became of its rows to the funnel: table -> its rows, its steps, what is left."""

    def funnel_of(
        self, labels: Sequence[str], record: AttachedRecord | DecisionRecord, funnel: dict[str, dict[str, Any]]
    ) -> None:
        """The same of a stage that drops rows, at each of these steps."""
        node, told = self.stage.node, record.funnel
        table = funnel.setdefault(node.table, {"table": node.table, "rows": {}, "steps": []})
        for source, row in told.items():
            if not table["steps"] or source not in table["rows"]:
                table["rows"].setdefault(source, sum(row))
        for place, label in enumerate(labels, start=1):
            table["steps"].append({"step": label, "dropped": {source: row[place] for source, row in told.items()}})
        table["born"] = table.get("born", 0) + record.counts["born"]
        table["left"] = {source: row[0] for source, row in told.items()}

    def born(self, record: R) -> Iterator[str]:
        """Of rows that were born in it, a line."""
        return iter(())

    def remarks(self, store: Store, records: Mapping[int, Record]) -> Iterator[str]:
        """Lines on rows that no decision dropped and a person should know of."""
        return iter(())

    # -- to foresee

    def foresee(self, view: Foresight) -> Expected:
        """What it will make, as far as its inputs are known; unless a kind says more, any number of rows of its sources."""
        from runtime.stages.expected.expected import anything

        return anything(self.stage.node.columns, view.feeds_at(self.stage.index))

    def feeds(self, view: Foresight) -> Feeds:
        """Source -> category and licences of its rows in what it makes."""
        return view.feeds_at(self.stage.graph.base(self.stage.node.rows))

    def counts(self, view: Foresight, frame: Frame) -> Counts:
        """The rows of a table that it made, by source, category and licence."""
        from runtime.stages.expected.counts import tally

        return tally(frame, None, {}, view.feeds_at(self.stage.index))

    def drops(self, expected: Expected) -> Iterator[tuple[str, int | None]]:
        """(what drops rows in it, how many of them; None where that is not known)."""
        return iter(())

    # -- the life of a row

    def live(self, lives: Lives, record: R, life: Life, place: int | None) -> None:
        """Add what became of a row here; `place` is where its table has it, None where it has not."""
