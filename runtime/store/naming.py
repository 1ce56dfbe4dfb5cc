"""The part of a store by which recipes have names: what their last builds were, and their looks at held-out benchmarks."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from runtime.store.files import Files
from runtime.store.names import LAST, LOOKS, LastBuild, append_line, last_builds, read_last_build
from runtime.store.parts import sealed


class Naming:
    """What lies under the names of recipes."""

    root: Path
    files: Files

    def name_path(self, name: str) -> Path:
        """Where a name's file stands."""
        raise NotImplementedError(f"a {type(self).__name__} does not say where names stand")

    def write_last_build(self, build: LastBuild) -> None:
        """Write what the last build of a recipe was, unless that is written already."""
        path, content = self.name_path(build.recipe) / LAST, sealed(build.body())
        with suppress(FileNotFoundError):
            if path.read_bytes() == content:
                return
        self.files.make_folder(path.parent)
        made = self.root / "tmp" / uuid.uuid4().hex
        self.files.write_bytes(made, content)
        self.files.rename(made, path)

    def last_build(self, recipe: str) -> LastBuild:
        """What the last build of a recipe was; one of nothing where that is not known."""
        build = None
        with suppress(FileNotFoundError, IsADirectoryError):
            build = read_last_build(recipe, (self.name_path(recipe) / LAST).read_bytes())
        return build or LastBuild(recipe=recipe)

    def look_lines(self, recipe: str) -> str:
        """A line for each look at a held-out benchmark, the first one first."""
        path = self.name_path(recipe) / LOOKS
        return path.read_text("utf-8") if path.is_file() else ""

    def add_look(self, recipe: str, line: str) -> None:
        """Write a look down before it is taken."""
        append_line(self.name_path(recipe) / LOOKS, line)

    def builds(self) -> Iterator[tuple[str, LastBuild]]:
        """(recipe, its last build), of those that can be read."""
        return ((recipe, build) for _, recipe, build in last_builds(self.root) if build is not None)
