"""What kernels are given and give, for annotations alone: who checks a recipe loads no numpy and no Arrow."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

    from operators.kernels.text import Texts as Texts

    Column = pa.Array
    Values = list[np.ndarray[Any, Any]]
    """One int64 array for each value of a measure."""
else:
    Column = Texts = Values = Any
