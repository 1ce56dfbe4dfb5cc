"""Commands that are given CPU time and watched for the memory they take."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path

from tests.warm import python

SECONDS = 60
"""Of CPU time, far above the 10 s that a check may take: other work on the machine is no mistake of the project."""
MEGABYTES = 1000


@dataclass(frozen=True)
class Watched:
    """What a command said, its exit code (124 where it ran out of time), and the most memory it held, in MB."""

    code: int
    said: str
    megabytes: float


def watched(folder: Path, *arguments: str, seconds: int = SECONDS) -> Watched:
    """Run a `recipe` command in a process of its own, with all loaded that a build loads."""
    program = [python(), "-m", "tests.watching", str(seconds), *arguments]
    ran = subprocess.run(program, cwd=folder, capture_output=True, text=True, check=True)
    return Watched(*json.loads(ran.stdout))
