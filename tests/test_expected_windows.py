"""What is foretold of completions is read some rows at a time, where it stands in a table."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from operators.asks.attach import Attach
from runtime.stages.expected.completions import Licensed, Rejoined


class Stored:
    """A table that is too large to be read whole."""

    rows = 1000

    def frame(self, name: str) -> pa.Array:
        raise AssertionError(f"all of {name} is read")

    def window(self, name: str, first: int, last: int) -> pa.Array:
        cells = [f"{name} {at}" if name != "license" else "AB"[at % 2] for at in range(first, last)]
        return pa.array(cells, pa.string()).dictionary_encode() if name == "license" else pa.array(cells)


def test_licences_are_joined_with_the_terms_of_a_model_some_rows_at_a_time() -> None:
    frame = Licensed(Stored(), Attach(terms="B", model="teacher"))
    assert frame.window("license", 10, 14).to_pylist() == ["B"] * 4
    assert frame.window("completion.digest", 7, 9).to_pylist() == ["completion.digest 7", "completion.digest 8"]
    assert Licensed(Stored(), Attach(terms="A", model="teacher")).window("license", 10, 13).to_pylist() == ["A", "B", "A"]


def test_recorded_completions_are_read_some_rows_at_a_time_and_only_what_their_rows_have_whole() -> None:
    rows = pa.table({"category": pa.array(["one", "two"])})

    class Few(Stored):
        def frame(self, name: str) -> pa.Array:
            return rows[name].combine_chunks()

    frame = Rejoined(Stored(), {"completion": "text"}, Few(), np.array([1, 0, 1]))
    assert frame.window("row_id", 0, 2).to_pylist() == ["row_id 0", "row_id 1"]
    assert frame.window("completion", 1, 2).to_pylist() == ["completion 1"]
    assert frame.window("category", 1, 3).to_pylist() == ["one", "two"]
