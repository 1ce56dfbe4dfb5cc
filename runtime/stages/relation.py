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
from runtime.stages.dear import DearCells
from runtime.store.digest import id_bytes
from runtime.store.store import Store
from runtime.tables.beside import Beside, seen
from runtime.tables.cursors import Mask
from runtime.tables.ids import combined, connect, database
from runtime.tables.memo import Memo
from runtime.tables.objects import beside_part
from runtime.tables.order import halves
from runtime.tables.scatter import by_part, in_id_order, parted
from runtime.tables.streamed import Streamed
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
        self.spilled = False
        """Whether the rows lie on disk for DuckDB, as they are too many to be held."""
        self.dear: list[dict[str, pa.Array]] = [{} for _ in self.table.spread]
        """Of each part the values of dear measures, by their place in the run: a label is no part of a result."""
        self.parts: dict[int, pa.Table] = {}
        """Part -> its rows, where they are held."""
        self.connection: Any = None
        self.database: Any = None

    def prepare(self, folder: Path, before: int | None = None) -> None:
        """Lay the rows out, and measure what is dear, or what is so before a place in the run.

        `folder` is for what does not fit into memory.
        """
        self.folder = folder
        bound = self.store.bound
        threads = max(1, min(self.threads or 1, bound.database // THREAD_BYTES))
        parts = range(len(self.table.spread))
        held = pa.table(self.columns_of(0))
        # Parts are about even, and what DuckDB makes of the rows is some times as large as they are.
        self.spilled = len(parts) > 1 and held.nbytes * len(parts) > bound.run // 4
        self.database = database(threads, bound.database, folder / "spilled") if self.spilled else None
        self.connection = self.database.cursor() if self.database is not None else connect(self.threads)
        for part in parts:
            self.lay(part, pa.table(self.columns_of(part)) if part else held)
        for place in self.dear_places():
            if before is None or place < before:
                self.measure_dear(place)
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
        if not self.spilled:
            self.parts[part] = rows
            return
        path = self.folder / f"{part}.arrow"
        path.unlink(missing_ok=True)
        with self.store.files.scratch(path) as file, pa.ipc.new_file(file, rows.schema) as writer:
            writer.write_table(rows, max_chunksize=BATCH)

    def rows(self, part: int) -> pa.Table:
        """The rows of a part, in row_id order."""
        if not self.spilled:
            return self.parts[part]
        with pa.memory_map(str(self.folder / f"{part}.arrow")) as file:
            return pa.ipc.open_file(file).read_all()

    def query(self, text: str) -> Iterator[pa.Table]:
        """What SQL makes of the rows: for each part its rows, in row_id order and, where it has one, by `copy`."""
        if not self.spilled:
            held = pa.concat_tables([self.parts[part] for part in range(len(self.parts))])
            self.connection.register(self.name, held.unify_dictionaries() if len(self.parts) > 1 else held)
            yield from parted(in_id_order(self.connection.sql(text).to_arrow_table()), len(self.parts))
            return
        paths = [self.folder / f"{part}.arrow" for part in range(len(self.table.spread))]
        self.connection.register(self.name, Streamed(paths))
        # DuckDB's own sort would hold on to memory that the rest of the query needs.
        reader = self.connection.sql(text).to_arrow_reader(4 * BATCH)
        yield from by_part(self.store, reader, reader.schema, len(paths))

    def dear_places(self) -> list[int]:
        """The places in the run of dear measures that are not beside the table, and so measured for this stage alone."""
        run = enumerate(self.stage.run)
        return [place for place, each in run if each.measure in self.memos and each.measure not in self.objects]

    def dear_cells(self, place: int) -> DearCells:
        """What a dear measure looks at."""
        at = self.stage.run[place].measure
        column = self.stage.graph.nodes[at]
        assert isinstance(column.operator, Measure)
        table, reads = seen(self.store, self.table, column, self.objects)
        return DearCells(table, reads["in"], self.memos[at], column.operator, column.entries)

    def alive(self, place: int) -> Iterator[Mask]:
        """For each part which of its rows every decision before a place in the run keeps."""
        for part, alive in enumerate(self.query(alive_sql(self.stage, place))):
            own, kept = (id_bytes(combined(each.column("row_id"))) for each in (self.rows(part), alive))
            yield np.isin(halves(own)[0], halves(kept)[0])

    def measure_dear(self, place: int) -> None:
        """Dear measures look only at the rows that every decision before them keeps."""
        cells, label = self.dear_cells(place), self.stage.run[place].label
        for part, mask in enumerate(self.alive(place)):
            rows = self.rows(part)
            for name, array in zip(cells.operator.values, cells.values(part, mask), strict=True):
                self.dear[part][f"{place + 1}.{name}"] = array
                shown = pc.if_else(pc.less(array, 0), pa.scalar(None, pa.int64()), array)
                rows = rows.append_column(f"{label}.{name}", shown)
            self.lay(part, rows)

    def fates(self) -> Iterator[pa.Table]:
        """Runs the stage's SQL, the same text that `explain` prints."""
        return self.query(decide_sql(self.stage, self.scale))
