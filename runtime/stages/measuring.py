"""The columns that a stage reads, made beside its base table where they are not there yet."""

from __future__ import annotations

from compiler.graph.keys import memo_key, value_key
from operators.base.declare import Measure
from operators.base.pairs import Pairwise
from operators.grow.expand import Expand
from operators.measures.families import Search
from runtime.executors.executor import Resources
from runtime.stages.columns import ColumnWork
from runtime.stages.kind import Rows, Work
from runtime.stages.overlap import Sought
from runtime.stages.pairs import PairSearch, find_pairs
from runtime.stages.stretches import compute_whole
from runtime.store.record import BesideRecord
from runtime.tables.beside import Beside, beside_of, keep_beside, seen
from runtime.tables.memo import Memo
from runtime.tables.objects import read_table
from runtime.tables.segmented import Segmented
from runtime.tables.table import Table


def columns_for(work: Work, index: int, base: int, tell: Rows) -> tuple[dict[int, Beside], dict[int, Memo]]:
    """The columns a stage reads, as objects beside its base table; dear measures of some rows alone keep to their memo.

    Those are what decisions measure, and what an operator asks of the rows that it has children of.
    """
    graph, store = work.graph, work.store
    node = graph.nodes[index]
    asked = node.operator.measures() if isinstance(node.operator, Expand) else {}
    carried = {made.node for name, made in node.carried.items() if made.node is not None and name not in asked}
    roots: list[int] = []
    memos: dict[int, Memo] = {}
    for at in [*graph.beside(index), *(graph.nodes[each].measure for each in graph.run(node.rows))]:
        operator = graph.nodes[at].operator
        if isinstance(operator, Measure) and operator.cost == "dear":
            memos[at] = memo_of(work, at, operator)
            if at not in carried:
                roots += graph.beside(at)
                continue
        roots.append(at)
    objects: dict[int, Beside] = {}
    waiting: list[int] = []
    for at in graph.with_below(roots):
        record = store.hold_record(work.key(at), BesideRecord)
        if record is None:
            waiting.append(at)
        else:
            objects[at] = beside_of(record)
    table = work.table(base)
    while waiting:
        ready = [at for at in waiting if all(below in objects for below in graph.beside(at))]
        # What reads the same table runs in one pass, so that its text is decoded once.
        group = [at for at in ready if not graph.beside(at)] or ready[:1]
        viewed, reads = table, {}
        for at in group:
            viewed, reads[at] = seen(store, table, graph.nodes[at], objects)
        pairs = [at for at in group if isinstance(graph.nodes[at].operator, Pairwise)]
        alone = [at for at in group if at not in pairs]
        columns = [ColumnWork(graph.nodes[at], reads[at], memos.get(at), sought_by(work, at)) for at in alone]
        results = dict(zip(alone, compute_whole(store, viewed, columns, work.executor, tell) if alone else [], strict=True))
        results |= {at: compare_rows(work, viewed, at, reads[at]["of"], tell) for at in pairs}
        for at, made in results.items():
            measure = value_key(graph, at, work.facts)
            objects[at] = keep_beside(store, work.key(at), measure, viewed, reads[at], made)
        waiting = [at for at in waiting if at not in objects]
    for made in objects.values() if not work.executor.apart else ():
        read_table(store, made.object)
    return objects, memos


def compare_rows(work: Work, table: Table, at: int, column: str, tell: Rows) -> Beside:
    """What a set decision finds by comparing rows with rows: one task, as it looks at all of them."""
    cores = work.executor.cores
    search = PairSearch(work.store, table, work.graph.nodes[at], column, cores)
    return work.executor.start(find_pairs, search, None, Resources(cores), tell).result()


def sought_by(work: Work, at: int) -> Sought | None:
    """What a columns node looks for in its table, where it compares it with others."""
    node = work.graph.nodes[at]
    if not isinstance(node.operator, Search):
        return None
    tables = [work.table(each) for each in work.graph.against(at)]
    segmented = Segmented(work.store, work.facts.version, node.operator.workers)
    return Sought(node.operator, node.entries, tables, segmented)


def memo_of(work: Work, at: int, operator: Measure) -> Memo:
    if at not in work.memos:
        work.memos[at] = Memo(work.store, memo_key(work.graph.nodes[at], work.facts), len(operator.values))
    return work.memos[at]
