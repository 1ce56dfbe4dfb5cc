"""The rows that a decide stage looks at, as DuckDB sees them: small columns, measured values and forms."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from compiler.graph.sql import alive_sql, decide_sql
from compiler.graph.stages import DecideStage
from operators.base.declare import LABELS, Measure
from runtime.stages.dear import dear_values
from runtime.store.digest import id_bytes
from runtime.store.store import Store
from runtime.tables.beside import Beside, seen
from runtime.tables.ids import combined, connect, database, halves
from runtime.tables.memo import Memo
from runtime.tables.objects import beside_part
from runtime.tables.scatter import by_part, in_id_order
from runtime.tables.table import BATCH, Table

THREAD_BYTES = 150 << 20
"""What a thread of DuckDB may need before it can spill."""


@dataclass
class Relation:
    """The rows a decide stage looks at, as DuckDB sees them under the name of their table.

    Those of a table of several parts lie in files of their own, so that DuckDB reads them as it needs them, and what it
    makes of them comes back part by part.
    """

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
        self.name = self.stage.graph.nodes[self.stage.base].label
        self.many = len(self.table.spread) > 1
        self.dear: list[dict[str, pa.Array]] = [{} for _ in self.table.spread]
        """Of each part the values of dear measures, by their place in the run: a label is no part of a result."""
        self.parts: list[pa.Table] = []
        self.connection: Any = None
        self.database: Any = None

    def prepare(self, folder: Path) -> None:
        """Lay the rows out, and measure what is dear; `folder` is for what does not fit into memory."""
        self.folder = folder
        bound = self.store.bound
        threads = max(1, min(self.threads or 1, bound.database // THREAD_BYTES))
        self.database = database(threads, bound.database, folder / "spilled") if self.many else None
        self.connection = self.database.cursor() if self.database is not None else connect(self.threads)
        for part in range(len(self.table.spread)):
            self.lay(part, pa.table(self.columns_of(part)))
        self.measure_dear()
        if self.others:
            items = pa.table({"item_id": pa.chunked_array([other.frame("item_id") for other in self.others])})
            self.connection.register(".items", items)

    def close(self) -> None:
        """Let go of what DuckDB holds."""
        for each in (self.connection, self.database):
            if each is not None:
                each.close()

    def columns_of(self, part: int) -> dict[str, pa.Array]:
        """What is known of the rows of a part before it is decided on."""
        store, stage, table, objects = self.store, self.stage, self.table, self.objects

        def beside(node: int, name: str) -> pa.Array:
            return beside_part(store, objects[node].object, name, table.spread, part)

        columns = {name: table.column(name, part) for name in ("row_id", "item_id", *LABELS)}
        for name in stage.operator.reads():
            made = stage.node.carried[name]
            columns[name] = table.column(made.name, part) if made.node is None else beside(made.node, made.name)
        for source, form in stage.forms:
            columns[form] = beside(source, form)
        for decision in stage.run:
            if decision.measure in objects:
                assert isinstance(decision.operator, Measure)
                for value in decision.operator.values:
                    columns[f"{decision.label}.{value}"] = beside(decision.measure, value)
        return columns

    def lay(self, part: int, rows: pa.Table) -> None:
        """Put the rows of a part where DuckDB finds them, in the place of what lay there."""
        if not self.many:
            self.parts = [rows]
            return
        path = self.folder / f"{part}.arrow"
        path.unlink(missing_ok=True)
        with self.store.files.scratch(path) as file, pa.ipc.new_file(file, rows.schema) as writer:
            writer.write_table(rows, max_chunksize=BATCH)

    def rows(self, part: int) -> pa.Table:
        """The rows of a part, in row_id order."""
        if not self.many:
            return self.parts[0]
        with pa.memory_map(str(self.folder / f"{part}.arrow")) as file:
            return pa.ipc.open_file(file).read_all()

    def query(self, text: str) -> Iterator[pa.Table]:
        """What SQL makes of the rows: for each part its rows, in row_id order and, where it has one, by `copy`."""
        if not self.many:
            self.connection.register(self.name, self.parts[0])
            yield in_id_order(self.connection.sql(text).to_arrow_table())
            return
        import pyarrow.dataset

        paths = [str(self.folder / f"{part}.arrow") for part in range(len(self.table.spread))]
        self.connection.register(self.name, pyarrow.dataset.dataset(paths, format="ipc"))
        # DuckDB's own sort would hold on to memory that the rest of the query needs.
        reader = self.connection.sql(text).to_arrow_reader(4 * BATCH)
        yield from by_part(self.store, reader, reader.schema, len(paths))

    def measure_dear(self) -> None:
        """Dear measures look only at the rows that every decision before them keeps."""
        for place, decision in enumerate(self.stage.run):
            column, operator = self.stage.graph.nodes[decision.measure], decision.operator
            if decision.measure not in self.memos or decision.measure in self.objects or not isinstance(operator, Measure):
                continue
            table, reads = seen(self.store, self.table, column, self.objects)
            for part, alive in enumerate(self.query(alive_sql(self.stage, place))):
                rows = self.rows(part)
                own, kept = (id_bytes(combined(each.column("row_id"))) for each in (rows, alive))
                mask = np.isin(halves(own)[0], halves(kept)[0])
                values = dear_values(table, part, reads["in"], self.memos[decision.measure], operator, column.entries, mask)
                for name, array in zip(operator.values, values, strict=True):
                    self.dear[part][f"{place + 1}.{name}"] = array
                    shown = pc.if_else(pc.less(array, 0), pa.scalar(None, pa.int64()), array)
                    rows = rows.append_column(f"{decision.label}.{name}", shown)
                self.lay(part, rows)

    def fates(self) -> Iterator[pa.Table]:
        """Runs the stage's SQL, the same text that `explain` prints."""
        return self.query(decide_sql(self.stage, self.scale))
