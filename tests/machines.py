"""Builds of one recipe on several machines, each a process with a cache of its own."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable
from typing import Any

import pytest

from tests.conftest import Project
from tests.teacher import TRACES
from tests.test_teacher_kills import started


def asking(project: Project, prompts: int) -> Project:
    project.rows("a.jsonl", [f"question {number:04d}: 물은 왜 끓나요?" for number in range(prompts)])
    project.write("recipe.yaml", TRACES)
    return project


class Machines:
    """Builds with caches of their own."""

    def __init__(self, project: Project, url: str, patch: pytest.MonkeyPatch) -> None:
        self.project, self.url, self.patch = project, url, patch

    def start(self, machine: str) -> subprocess.Popen[str]:
        self.patch.setenv("RECIPE_CACHE", str(self.project.folder / machine))
        return started(self.project, "--json", store=self.url, module="tests.hasty")


def ended(build: subprocess.Popen[str]) -> dict[str, Any]:
    out, err = build.communicate(timeout=300)
    assert build.returncode == 0, out + err
    report: dict[str, Any] = json.loads(out)
    return report


def wait_for(reached: Callable[[], bool]) -> None:
    until = time.monotonic() + 120
    while not reached():
        assert time.monotonic() < until, "it took too long"
        time.sleep(0.01)
