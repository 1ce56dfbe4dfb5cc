"""A worker's events, for the process that started it: lines of JSON, alone on what was its standard output."""

from __future__ import annotations

import json
import os
import sys
from typing import Any


class Events:
    """The stream of events. Libraries print on standard output too: from here on, that is the error stream."""

    def __init__(self) -> None:
        sys.stdout.flush()
        self.stream = os.fdopen(os.dup(1), "w", buffering=1, encoding="utf-8")
        os.dup2(2, 1)
        self.first = int(os.environ.get("RANK", "0")) == 0

    def tell(self, event: str, **fields: Any) -> None:
        """Send an event, once for all processes."""
        if self.first:
            self.shout(event, **fields)

    def shout(self, event: str, **fields: Any) -> None:
        """Send an event of this process alone."""
        try:
            self.stream.write(json.dumps({"event": event, **fields}, ensure_ascii=False, allow_nan=False) + "\n")
        except BrokenPipeError:
            # Nobody listens any more; the closed standard input stops the run, after it has saved its state.
            self.first = False
