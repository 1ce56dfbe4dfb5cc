"""What the rows of completions have from the rows they came from, in a build and before one: their places and licences."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from operators.base.licence import Licence, join
from runtime.store.record import CompletionsRecord
from runtime.store.store import Store
from runtime.tables.objects import read_table, whole


def origins(store: Store, completions: CompletionsRecord) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """(the place of the row that each request was about, whether it has a result)."""
    requests = read_table(store, completions.asked)
    has_result = np.asarray(whole(requests.column("reason")).is_null().to_numpy(zero_copy_only=False))
    return whole(requests.column("place")).to_numpy(), has_result


def join_licences(column: pa.Array, terms: Licence) -> pa.Array:
    """The class of each row with that of the model's output."""
    encoded = column if isinstance(column, pa.DictionaryArray) else column.dictionary_encode()
    named = [join([each, terms]) for each in encoded.dictionary.to_pylist()]
    return pa.DictionaryArray.from_arrays(encoded.indices, pa.array(named, pa.string())).cast(pa.string()).dictionary_encode()
