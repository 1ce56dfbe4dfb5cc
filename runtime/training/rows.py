"""The rows of a training laid out as a dataset that is mapped from the disk: checked, with their labels, packed if wanted."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from runtime.training.errors import JobError
from runtime.training.job import Settings

UNTRAINED = -100
"""The label of a token that nothing is learnt from."""
BATCH = 1000
"""Rows that are laid out, and packed, together: what TRL packs at a time."""
NAMED = 10
"""How many wrong rows an error names."""
FILLER = 2
"""Tokens of the row that fills the last batches: it has no label, so it is computed and teaches nothing."""

Ints = np.ndarray[tuple[int], np.dtype[np.int64]]


@dataclass(frozen=True)
class Layout:
    """What was laid out, one item for each row, or for each pack of rows; the filler is the item after the last."""

    path: Path
    items: int
    rows: int


def lay_out(folder: Path, settings: Settings, vocabulary: int, filler: int, numbered: bool) -> Layout:
    """Write the items of `rows.parquet`. Raises JobError that names the rows that cannot be trained on.

    With `numbered`, each token carries the number of its row, so that a packed row can be told from its neighbours.
    """
    path = folder / "items.arrow"
    lists = pa.list_(pa.int32())
    names = ["input_ids", "labels", *(["row"] if numbered else []), *(["seq_lengths"] if settings.packing else [])]
    schema = pa.schema([(name, lists) for name in names])
    items = rows = 0
    wrong = WrongRows(settings.max_length, vocabulary)
    with pa.OSFile(str(path), "wb") as file, pa.ipc.new_stream(file, schema) as writer:
        for batch in read_batches(folder / "rows.parquet"):
            labels, trained = label_tokens(batch)
            wrong.collect(batch, trained)
            columns = {"input_ids": batch.tokens, "labels": labels}
            if numbered:
                columns["row"] = np.repeat(np.arange(rows, rows + len(batch.names)), batch.lengths)
            rows += len(batch.names)
            if wrong.found:
                continue  # nothing is trained on; the rest is only looked at
            table = pa.table({name: as_lists(values, batch.starts) for name, values in columns.items()})
            table = pack_rows(table, settings.max_length) if settings.packing else table
            items += table.num_rows
            writer.write_table(table.cast(schema))
        wrong.complain()
        if not rows:
            raise JobError("there is no row to train on", "look at what was dropped before")
        last = {"input_ids": [filler] * FILLER, "labels": [UNTRAINED] * FILLER, "row": [-1] * FILLER, "seq_lengths": [FILLER]}
        writer.write_table(pa.table({name: pa.array([last[name]], lists) for name in names}, schema))
    return Layout(path, items, rows)


@dataclass(frozen=True)
class RowBatch:
    """Some rows: all their tokens one after another, and where each row starts."""

    names: list[str]
    tokens: Ints
    loss: np.ndarray[tuple[int], np.dtype[np.bool_]]
    starts: Ints
    """The first token of each row, and the end of the last."""

    @property
    def lengths(self) -> Ints:
        return np.diff(self.starts)


def read_batches(path: Path) -> Iterator[RowBatch]:
    """The rows of a file in their order. Raises JobError."""
    hint = "its columns are `row_id`, `input_ids` and `loss`: a list of tokens, and whether each is trained on"
    try:
        file = pq.ParquetFile(path, pre_buffer=False)
        for batch in file.iter_batches(BATCH, columns=["row_id", "input_ids", "loss"]):
            ids, loss = batch.column("input_ids"), batch.column("loss")
            if any(each.null_count or each.flatten().null_count for each in (ids, loss)):
                raise JobError(f"{path.name} has nulls", hint)
            if not ids.value_lengths().equals(loss.value_lengths()):
                raise JobError(f"{path.name} has rows with another number of tokens than of losses", hint)
            starts = np.concatenate([[0], np.cumsum(ids.value_lengths().to_numpy())]).astype(np.int64)
            tokens = ids.flatten().to_numpy(zero_copy_only=False).astype(np.int64)
            yield RowBatch(batch.column("row_id").to_pylist(), tokens, loss.flatten().to_numpy(zero_copy_only=False), starts)
    except (FileNotFoundError, KeyError, pa.ArrowInvalid, AttributeError) as error:
        raise JobError(f"{path.name} cannot be read: {str(error).splitlines()[0]}", hint) from None


def label_tokens(batch: RowBatch) -> tuple[Ints, Ints]:
    """The labels of all tokens, and how many of each row are trained on.

    A row's first token has nothing before it to be predicted from, so it is never one of them.
    """
    labels = np.where(batch.loss, batch.tokens, UNTRAINED)
    labels[batch.starts[:-1][batch.lengths > 0]] = UNTRAINED
    before = np.concatenate([[0], np.cumsum(labels != UNTRAINED)])
    return labels, before[batch.starts[1:]] - before[batch.starts[:-1]]


def as_lists(values: Ints, starts: Ints) -> pa.ListArray:
    return pa.ListArray.from_arrays(pa.array(starts, pa.int32()), pa.array(values, pa.int32()))


def pack_rows(table: pa.Table, length: int) -> pa.Table:
    """Rows packed to a length, none of them cut; `seq_lengths` are the rows of each pack."""
    from datasets import Dataset
    from trl import pack_dataset

    made: pa.Table = pack_dataset(Dataset(table), length, "bfd").data.table
    return made


class WrongRows:
    """Rows that cannot be trained on, gathered over all batches."""

    def __init__(self, length: int, vocabulary: int) -> None:
        self.length, self.vocabulary = length, vocabulary
        self.kinds = (
            (f"longer than `max_length` {length}", "drop them with `token_length`, or raise `max_length`", list[str]()),
            ("without a token that is trained on", "drop them: they would teach nothing", list[str]()),
            (f"with a token that the model does not know (it has {vocabulary})", "render them anew", list[str]()),
        )
        """(what is wrong, what to do, the names of the rows)."""

    @property
    def found(self) -> bool:
        return any(names for _, _, names in self.kinds)

    def collect(self, batch: RowBatch, trained: Ints) -> None:
        """Gather the names of a batch's wrong rows."""
        outside = np.concatenate([[0], np.cumsum((batch.tokens < 0) | (batch.tokens >= self.vocabulary))])
        foreign = outside[batch.starts[1:]] > outside[batch.starts[:-1]]
        for (_, _, names), wrong in zip(self.kinds, (batch.lengths > self.length, trained == 0, foreign), strict=True):
            names += [batch.names[at] for at in np.flatnonzero(wrong)]

    def complain(self) -> None:
        """Raises JobError with all of them."""
        if self.found:
            parts = [f"{describe_count(names)} {what}: {list_names(names)}" for what, _, names in self.kinds if names]
            raise JobError("; ".join(parts), "; ".join(hint for _, hint, names in self.kinds if names))


def describe_count(names: list[str]) -> str:
    return "1 row is" if len(names) == 1 else f"{len(names):,} rows are"


def list_names(names: list[str]) -> str:
    more = f" and {len(names) - NAMED:,} more" if len(names) > NAMED else ""
    return ", ".join(names[:NAMED]) + more
