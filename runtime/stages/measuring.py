"""The columns that a stage reads, made beside its base table where they are not there yet."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from compiler.graph.facts import Facts
from compiler.graph.keys import memo_key, value_key
from compiler.graph.nodes import Graph
from compiler.graph.plan import Addresses
from operators.base.declare import Measure
from operators.measures.families import Search
from runtime.stages.columns import ColumnWork, compute
from runtime.stages.overlap import opened_index
from runtime.store.record import BesideRecord, Record
from runtime.store.store import Store
from runtime.tables.beside import Beside, beside_of, keep_beside, seen
from runtime.tables.memo import Memo
from runtime.tables.objects import read_table
from runtime.tables.segmented import Segmented
from runtime.tables.table import open_table

if TYPE_CHECKING:
    from operators.kernels.overlap.search import Index


@dataclass
class Measuring:
    """The measures and maps of one build of one graph."""

    store: Store
    graph: Graph
    facts: Facts
    addresses: Addresses
    records: Mapping[int, Record]
    """The results so far of the cuts that it reads, by node."""
    threads: int
    memos: dict[int, Memo] = field(default_factory=dict)

    def columns_for(self, index: int, base: int, tell: Callable[[int], None]) -> tuple[dict[int, Beside], dict[int, Memo]]:
        """The columns a stage reads, as objects beside its base table; dear measures of decisions keep to their memo."""
        node = self.graph.nodes[index]
        carried = {made.node for made in node.carried.values() if made.node is not None}
        wanted = [*self.graph.beside(index)]
        wanted += [self.graph.nodes[at].measure for at in self.graph.run(node.rows)]
        roots: list[int] = []
        memos: dict[int, Memo] = {}
        for at in wanted:
            operator = self.graph.nodes[at].operator
            if isinstance(operator, Measure) and operator.cost == "dear":
                memos[at] = self.memo(at, operator)
                if at not in carried:
                    roots += self.graph.beside(at)
                    continue
            roots.append(at)
        objects: dict[int, Beside] = {}
        waiting: list[int] = []
        for at in self.graph.with_below(roots):
            key = self.addresses.key(at)
            assert key is not None
            record = self.store.hold_record(key, BesideRecord)
            if record is None:
                waiting.append(at)
            else:
                objects[at] = beside_of(record)
        table = open_table(self.store, self.records[base].table)
        while waiting:
            ready = [at for at in waiting if all(below in objects for below in self.graph.beside(at))]
            # What reads the same table runs in one pass, so that its text is decoded once.
            group = [at for at in ready if not self.graph.beside(at)] or ready[:1]
            viewed, reads = table, {}
            for at in group:
                viewed, reads[at] = seen(self.store, table, self.graph.nodes[at], objects)
            works = [ColumnWork(self.graph.nodes[at], reads[at], memos.get(at), self.index(at)) for at in group]
            for at, made in zip(group, compute(self.store, viewed, works, tell, self.threads), strict=True):
                key = self.addresses.key(at)
                assert key is not None
                measure = value_key(self.graph, at, self.facts)
                objects[at] = keep_beside(self.store, key, measure, viewed, reads[at], made)
            waiting = [at for at in waiting if at not in objects]
        for beside in objects.values():
            read_table(self.store, beside.object)
        return objects, memos

    def index(self, at: int) -> Index | None:
        """What a columns node looks for in its table, where it compares it with others."""
        node = self.graph.nodes[at]
        if not isinstance(node.operator, Search):
            return None
        tables = [open_table(self.store, self.records[each].table) for each in self.graph.against(at)]
        segmented = Segmented(self.store, self.facts.version, node.operator.workers)
        return opened_index(node.operator, node.entries, tables, segmented)

    def memo(self, at: int, operator: Measure) -> Memo:
        if at not in self.memos:
            self.memos[at] = Memo(self.store, memo_key(self.graph.nodes[at], self.facts), len(operator.values))
        return self.memos[at]
