"""The recipes of a project: which of its files are recipes that can be built."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from compiler.text.diagnostics import Diagnostic, RecipeError
from compiler.text.project import Outside, project_around, within


def recipes_under(folder: Path, allowed: Iterable[Path] = ()) -> Iterator[Path]:
    """Every recipe of a folder that can be built, by name; a link that leads elsewhere than to what is allowed is none."""
    roots = [Path(os.path.realpath(each)) for each in (folder, *allowed)]
    for path in sorted(folder.rglob("*.yaml")):
        with suppress(Outside):
            if within(path, roots).is_file() and is_recipe(path, folder):
                yield path


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


def store_of(root: Path, allowed: Iterable[Path] = ()) -> Path:
    """The project's own store. Raises RecipeError where its folder is a link to elsewhere: builds remove files in it."""
    folder = root / ".recipe"
    try:
        return within(folder, (root, *allowed))
    except Outside as error:
        hint = f"it is {error.path}; if that is your store, name it with --store"
        raise RecipeError(Diagnostic("the store `.recipe` leads out of the project", None, hint)) from None


def follow_name(named: str, allowed: Iterable[str] = ()) -> Path:
    """What a person names to be written or read, links followed. Raises RecipeError where a link in a project leads out of it."""
    folder = Path(os.path.abspath(named))
    project = project_around(folder.parent)
    try:
        return within(folder, (project or Path("/"), *(Path(os.path.realpath(each)) for each in allowed)))
    except Outside as error:
        hint = f"it is {error.path}; name that folder itself if you mean it"
        raise RecipeError(Diagnostic(f"`{named}` leads out of the project", None, hint)) from None
