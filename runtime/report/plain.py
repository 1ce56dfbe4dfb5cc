"""A report as JSON: everything that it holds, which a program reads."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from runtime.report.report import Report


def as_json_text(reports: Sequence[Report]) -> str:
    """The report, or a list of two, as JSON."""
    found = [finite(asdict(each)) for each in reports]
    return written(found[0] if len(found) == 1 else found)


def written(value: Any) -> str:
    """JSON in ASCII: no text in it can hide or reorder what is read, or be a command to a machine that reads what is printed."""
    return json.dumps(value, indent=1, allow_nan=False).replace("##[", "\\u0023#[") + "\n"


def finite(value: Any) -> Any:
    """The same with null for what is no number, as a mean of nothing is none."""
    if isinstance(value, dict):
        return {str(key): finite(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [finite(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
