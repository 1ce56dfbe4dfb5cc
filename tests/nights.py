"""Which values of a long list are tried with every change, and which in the night alone (`.ci/nightly`)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest


def few(values: Iterable[Any], step: int, first: int = 0) -> list[Any]:
    """One value in so many with every change, beginning with the one at `first`; all of them in the night."""
    return [value if at % step == first else pytest.param(value, marks=pytest.mark.nightly) for at, value in enumerate(values)]
