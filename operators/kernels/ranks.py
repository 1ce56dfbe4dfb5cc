"""Ranks of texts for rows: the seeded hash by which each row chooses among texts or puts them in order."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import pyarrow as pa

LOCAL = threading.local()


def ranks(seed: int, purpose: str, rows: np.ndarray[Any, Any], texts: pa.Array) -> np.ndarray[Any, Any]:
    """H(seed, purpose, row id, text) as whole numbers of 64 bits, for ids (n, 16) and n texts.

    Whoever takes the text with the lowest rank of each row takes another one, when a text joins, only where that is the
    lowest of all: of n rows and k texts about n / (k + 1) rows change.
    """
    from operators.text.sqltext import literal

    if not len(rows):
        return np.zeros(0, np.uint64)
    storage = pa.FixedSizeBinaryArray.from_buffers(pa.binary(16), len(rows), [None, pa.py_buffer(np.ascontiguousarray(rows))])
    ids = pa.ExtensionArray.from_storage(pa.uuid(), storage)
    table = pa.table({".at": np.arange(len(rows)), "row": ids, "text": texts.cast(pa.large_string())})
    digest = f"sha256({literal(f'{seed}/{purpose}/')} || row::VARCHAR || '/' || text)"
    query = f'SELECT ".at", (\'0x\' || left({digest}, 16))::UBIGINT AS rank FROM rows ORDER BY ".at"'
    made = connection().from_arrow(table).query("rows", query).to_arrow_table().column("rank")
    return np.asarray(made.to_numpy())


def connection() -> Any:
    """The one-threaded DuckDB of the calling thread, which reads nothing but what it is handed."""
    import duckdb

    if not hasattr(LOCAL, "connection"):
        config = {
            "enable_external_access": False,
            "python_enable_replacements": False,
            "arrow_lossless_conversion": True,
            "threads": 1,
        }
        LOCAL.connection = duckdb.connect(":memory:", config=config)
    return LOCAL.connection


def row_ranks(seed: int, purpose: str, rows: pa.Array) -> np.ndarray[Any, Any]:
    """The first 64 bits of the rank H(seed, purpose, row id) of each row."""
    from operators.text.rank import rank_sql

    rank = f"('0x' || left(replace(({rank_sql(seed, purpose, 'row')})::VARCHAR, '-', ''), 16))::UBIGINT"
    table = pa.table({".at": np.arange(len(rows)), "row": rows})
    made = connection().from_arrow(table).query("rows", f'SELECT {rank} AS rank FROM rows ORDER BY ".at"').to_arrow_table()
    return np.asarray(made.column("rank").to_numpy())
