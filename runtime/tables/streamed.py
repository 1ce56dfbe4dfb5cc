"""Files of record batches as DuckDB reads them: batch by batch, as often as a query asks, and none is held for longer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow as pa


class Streamed:
    """Arrow files of one schema, of which each look gives a stream of its own; a dataset of Arrow would hold whole files."""

    def __init__(self, paths: Sequence[Path]) -> None:
        self.paths = paths
        with pa.OSFile(str(paths[0])) as file:
            self.schema = pa.ipc.open_file(file).schema

    def batches(self) -> Iterator[pa.RecordBatch]:
        """All of them, in the order of the files."""
        for path in self.paths:
            with pa.OSFile(str(path)) as file:
                reader = pa.ipc.open_file(file)
                for number in range(reader.num_record_batches):
                    yield reader.get_batch(number)

    def __arrow_c_stream__(self, requested: object = None) -> object:
        return pa.RecordBatchReader.from_batches(self.schema, self.batches()).__arrow_c_stream__(requested)
