"""The recipes of a project: which of its files are recipes that can be built."""

from __future__ import annotations

from pathlib import Path


def is_recipe(path: Path, root: Path) -> bool:
    """Whether a file of the project is a recipe that can be built: it names itself and has sources of its own."""
    if (
        any(part.startswith(".") or part in ("build", "dist", "node_modules") for part in path.relative_to(root).parts)
        or path.stat().st_size > 1_000_000
    ):
        return False
    text = path.read_text("utf-8", "replace")
    lines = text.splitlines()
    return any(line.startswith("recipe:") for line in lines) and not any(line.startswith("sources: {}") for line in lines)
