"""Calls an export, and reads what it wrote."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import yaml

from tests.conftest import Project


def export(project: Project, *arguments: str, to: str = "out", code: int = 0) -> Any:
    """The report of an export, or with a code what it says instead."""
    ran = project.run("export", "recipe.yaml", "--store", "store", "--to", to, "--json", *arguments)
    assert ran.code == code, ran.out + ran.err
    return ran.json


def refusal(project: Project, *arguments: str, to: str = "out") -> str:
    return str(export(project, *arguments, to=to, code=1)["error"])


def card(folder: Path) -> tuple[dict[str, Any], str]:
    """The front matter and the prose of a card."""
    _, front, prose = (folder / "README.md").read_text("utf-8").split("---\n", 2)
    return yaml.safe_load(front), prose


def content(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}
