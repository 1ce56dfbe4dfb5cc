"""What each optimizer step measured: a line of JSON each, every step once, however often the training was stopped."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from runtime.store.files import replacing, sync

NAME = "metrics.jsonl"


class Metrics:
    """The file of metrics, open at its end."""

    def __init__(self, folder: Path, step: int) -> None:
        """Go on after a step: what a run that was killed wrote of later ones will be measured again."""
        path = folder / NAME
        kept = [line for line in lines(path) if line["step"] <= step]
        with replacing(path) as partial:
            partial.write_text("".join(json.dumps(line) + "\n" for line in kept), "utf-8")
            sync(partial)
        self.file = open(path, "a", encoding="utf-8")  # noqa: SIM115 - open for as long as the training runs

    def add(self, line: dict[str, Any]) -> None:
        self.file.write(json.dumps(line, allow_nan=False) + "\n")
        self.file.flush()

    def sync(self) -> None:
        """Bring all steps to the disk, before a state counts as whole."""
        os.fsync(self.file.fileno())


def lines(path: Path) -> list[dict[str, Any]]:
    """The whole lines of a file; the last may be torn where its run was killed."""
    if not path.exists():
        return []
    whole = path.read_text("utf-8").split("\n")[:-1]
    return [json.loads(line) for line in whole]
