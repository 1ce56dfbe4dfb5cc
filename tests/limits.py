"""Commands that are given CPU time and watched for the memory they take."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from tests.conftest import ROOT

SECONDS = 60
"""Of CPU time, far above the 10 s that a check may take: other work on the machine is no mistake of the project."""
MEGABYTES = 1000

WATCH = """
import json, resource, signal, subprocess, sys
folder, root, seconds, *arguments = sys.argv[1:]
command = [sys.executable, "-c", f"import sys; sys.path.insert(0, {root!r}); from runtime.cli.main import main; main()"]
try:
    limit = lambda: resource.setrlimit(resource.RLIMIT_CPU, (int(seconds), int(seconds)))
    ran = subprocess.run(command + arguments, cwd=folder, capture_output=True, timeout=20 * int(seconds), preexec_fn=limit)
    code, said = ran.returncode, (ran.stdout + ran.stderr).decode("utf-8", "replace")
    if code in (-signal.SIGXCPU, -signal.SIGKILL):
        code = 124
except subprocess.TimeoutExpired:
    code, said = 124, ""
print(json.dumps([code, said, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024]))
"""


@dataclass(frozen=True)
class Watched:
    """What a command said, its exit code (124 where it ran out of time), and the most memory it held, in MB."""

    code: int
    said: str
    megabytes: float


def watched(folder: Path, *arguments: str, seconds: int = SECONDS) -> Watched:
    """Run a `recipe` command in a process of its own."""
    program = [sys.executable, "-c", WATCH, str(folder), str(ROOT), str(seconds), *arguments]
    ran = subprocess.run(program, capture_output=True, text=True, check=True)
    return Watched(*json.loads(ran.stdout))
