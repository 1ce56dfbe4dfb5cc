"""Files that are replaced whole or not at all, and values that are taken a few at a time."""

from __future__ import annotations

from pathlib import Path

import pytest

from runtime.store.batches import batched
from runtime.store.files import replacing


def test_a_file_is_replaced_when_all_of_it_is_written(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text("before")
    with replacing(path) as partial:
        partial.write_text("after")
        assert path.read_text() == "before"
    assert path.read_text() == "after" and list(tmp_path.iterdir()) == [path]


def test_a_file_that_cannot_be_written_whole_stays_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text("before")
    with pytest.raises(OSError, match="no room"), replacing(path) as partial:
        partial.write_text("half")
        raise OSError("no room")
    assert path.read_text() == "before" and list(tmp_path.iterdir()) == [path]


def test_a_batch_takes_no_more_than_it_holds() -> None:
    values = iter(range(7))
    batches = batched(values, 3)
    assert next(batches) == [0, 1, 2] and next(values) == 3
    assert list(batches) == [[4, 5, 6]] and list(batched([], 3)) == []
