"""The rows of a set decision that is foreseen, as DuckDB sees them: in memory, or in files of a folder where they are many."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow as pa

from runtime.stages.expected.frames import RANGES, Window, windows
from runtime.store.files import Files
from runtime.tables.ids import connect, database
from runtime.tables.scatter import scattered
from runtime.tables.streamed import Streamed
from runtime.tables.table import BATCH

LARGE = 1_000_000
"""Beyond so many rows they lie in files, beside the store: nothing is written there by who only looks."""
MEMORY = 512 << 20
"""Bytes that DuckDB may use for them."""
HELD = 64 << 20
"""Bytes of its results that are gathered before they are written out."""


class Laid:
    """Rows under the name of their table; columns may be added."""

    def __init__(self, name: str, rows: int) -> None:
        self.name, self.rows = name, rows
        self.columns: dict[str, Window] = {}
        self.folder = TemporaryDirectory(prefix="recipe-") if rows > LARGE else None
        self.path = Path(self.folder.name) if self.folder is not None else Path()
        self.database = database(memory=MEMORY, spill=self.path / "spilled") if self.folder is not None else None
        self.connection = self.database.cursor() if self.database is not None else connect()
        self.parts = 1 if self.folder is None else RANGES

    def close(self) -> None:
        """Remove what was laid out."""
        for each in (self.connection, self.database):
            if each is not None:
                each.close()
        if self.folder is not None:
            self.folder.cleanup()

    def lay(self) -> None:
        """Put the columns where DuckDB finds them, in the place of what lay there."""
        if self.folder is None:
            self.connection.register(self.name, self.window(0, self.rows))
            return
        paths = []
        for number, (first, last) in enumerate(windows(self.rows)):
            path, rows = self.path / f"{number}.arrow", self.window(first, last)
            path.unlink(missing_ok=True)
            with Files().scratch(path) as file, pa.ipc.new_file(file, rows.schema) as writer:
                writer.write_table(rows, max_chunksize=BATCH)
            paths.append(path)
        self.connection.register(self.name, Streamed(paths))

    def window(self, first: int, last: int) -> pa.Table:
        return pa.table({name: column(first, last) for name, column in self.columns.items()})

    def query(self, text: str) -> Iterator[pa.Table]:
        """What SQL makes of the rows, for each of `parts` ranges of ids: by `row_id`, and by `copy`."""
        reader = self.connection.sql(text).to_arrow_reader(4 * BATCH)
        return scattered(Files(), self.path, HELD if self.folder is not None else 1 << 60, reader, reader.schema, self.parts)
