"""The rows that a decide stage looks at, as DuckDB sees them: small columns, measured values and forms."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from compiler.graph.sql import alive_sql, decide_sql
from compiler.graph.stages import DecideStage
from operators.base.declare import LABELS, Measure
from operators.measures.parsable import TooSlow
from runtime.stages.columns import measure_once, with_rows
from runtime.store.digest import Bytes, id_bytes
from runtime.store.store import Store
from runtime.tables.beside import Beside, seen
from runtime.tables.ids import combined, connect, digest_name, halves
from runtime.tables.memo import Memo
from runtime.tables.table import BATCH, Table, beside_column


@dataclass
class Relation:
    """The rows a decide stage looks at, as DuckDB sees them under the name of their table."""

    store: Store
    stage: DecideStage
    table: Table
    """The base table whose rows are decided on."""
    objects: Mapping[int, Beside]
    """Columns node -> what it made beside the table."""
    memos: Mapping[int, Memo]
    """Columns node of a dear measure -> its memo."""
    others: list[Table]
    """The tables whose items a preview ranks."""
    scale: tuple[int, int] | None
    """(items kept, items there were) of a preview."""
    threads: int | None

    def __post_init__(self) -> None:
        store, stage, table, objects = self.store, self.stage, self.table, self.objects
        self.name = stage.graph.nodes[stage.base].label
        self.connection = connect(self.threads)
        self.columns = {name: table.frame(name) for name in ("row_id", "item_id", *LABELS)}
        for name in stage.operator.reads():
            made = stage.node.carried[name]
            self.columns[name] = (
                table.frame(made.name) if made.node is None else beside_column(store, objects[made.node].object, made.name)
            )
        for source, form in stage.forms:
            self.columns[form] = beside_column(store, objects[source].object, form)
        for decision in stage.run:
            if decision.measure in objects:
                assert isinstance(decision.operator, Measure)
                for value in decision.operator.values:
                    self.columns[f"{decision.label}.{value}"] = beside_column(store, objects[decision.measure].object, value)
        self.dear: dict[str, pa.Array] = {}
        self.measure_dear()
        if self.others:
            items = pa.table({"item_id": pa.chunked_array([other.frame("item_id") for other in self.others])})
            self.connection.register(".items", items)

    def measure_dear(self) -> None:
        """Dear measures look only at the rows that every decision before them keeps."""
        for place, decision in enumerate(self.stage.run):
            column, operator = self.stage.graph.nodes[decision.measure], decision.operator
            if decision.measure not in self.memos or decision.measure in self.objects or not isinstance(operator, Measure):
                continue
            self.register()
            alive = self.ids(alive_sql(self.stage, place))
            mask = np.isin(halves(id_bytes(self.columns["row_id"]))[0], halves(alive)[0])
            table, reads = seen(self.store, self.table, column, self.objects)
            values = self.values_of(table, reads["in"], self.memos[decision.measure], operator, column.entries, mask)
            for name, array in zip(operator.values, values, strict=True):
                # By its place in the run: a label is no part of a result.
                self.dear[f"{place + 1}.{name}"] = array
                self.columns[f"{decision.label}.{name}"] = pc.if_else(pc.less(array, 0), pa.scalar(None, pa.int64()), array)

    def values_of(
        self, table: Table, column: str, memo: Memo, operator: Measure, entries: Mapping[str, Any], mask: Any
    ) -> list[pa.Array]:
        """The values of a dear measure for the rows in `mask`; null where it was not measured."""
        digests = table.frame(digest_name(column))
        values = np.full((table.rows, len(operator.values)), -1, dtype=np.int64)
        for start, batch in table.batches([column], BATCH // 16):
            text = batch[column]
            chosen = np.flatnonzero(mask[start : start + len(text)])
            if chosen.size:
                places = pa.array(chosen)
                cells = digests.slice(start, len(text)).take(places)
                try:
                    made = measure_once(memo, operator, text.take(places), cells, entries)
                except TooSlow as error:
                    raise with_rows(TooSlow([int(chosen[place]) for place in error.places]), table, start) from None
                values[start + chosen] = np.stack([each.to_numpy() for each in made], axis=1)
        return [pa.array(values[:, place], mask=~mask) for place in range(values.shape[1])]

    def register(self) -> None:
        self.connection.register(self.name, pa.table(self.columns))

    def ids(self, query: str) -> Bytes:
        return id_bytes(combined(self.connection.sql(query).to_arrow_table().column("row_id")))

    def fates(self) -> pa.Table:
        """Runs the stage's SQL, the same text that `explain` prints."""
        self.register()
        return self.connection.sql(decide_sql(self.stage, self.scale)).to_arrow_table()
