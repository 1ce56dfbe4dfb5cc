"""Where a recipe stands: its project's folder, the folder of what ships with us, and what it may read."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from compiler.diagnostics import Diagnostic, RecipeError

MARKERS = (".recipe", "pyproject.toml", ".git")


def package_root() -> Path:
    """The folder of the recipes, profiles and sample data that ship with the project."""
    import recipes

    return Path(next(iter(recipes.__path__))).resolve()


@dataclass(frozen=True)
class Place:
    """One recipe file and the folders that go with it."""

    path: Path
    """The recipe, symlinks resolved."""
    shown: str
    """The recipe as the person named it."""
    root: Path
    """The project: the nearest folder above with a store, a pyproject.toml or a git repository."""
    package: Path
    allowed: tuple[Path, ...]
    """The folders the recipe may read: the project, the package, and those allowed on the command line."""
    revision: tuple[str, Path] | None = None
    """(how a revision is shown, the folder it is laid out in) of a recipe that is not the work tree's."""
    content: Path | None = None
    """The file that holds the recipe's text, where that is not `path`: another version of it."""

    @property
    def lock(self) -> Path:
        """The lock beside the recipe."""
        return self.path.with_suffix(".lock")

    def show(self, path: Path) -> str:
        """A file beside the recipe as the person would name it, like the recipe itself."""
        if path.is_relative_to(self.path.parent) and not self.shown.startswith("pkg:"):
            return (Path(self.shown).parent / path.relative_to(self.path.parent)).as_posix()
        return self.shorten(path)

    def shorten(self, path: Path) -> str:
        """A path as people know it: relative to the project or the package where it lies in one."""
        shown = [*([self.revision] if self.revision else []), ("", self.root), ("pkg:", self.package)]
        for prefix, folder in shown:
            if path.is_relative_to(folder):
                return prefix + path.relative_to(folder).as_posix()
        return str(path)


def is_file(path: Path) -> bool:
    """Whether there is such a file; a name that no file can have is none."""
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def find_place(named: str, allow: tuple[str, ...] = ()) -> Place:
    """The place of a recipe given as a path or as `pkg:NAME`; raises RecipeError where there is none."""
    package = package_root()
    if named.startswith("pkg:"):
        path = package / named.removeprefix("pkg:")
        path = path if path.suffix else path.with_suffix(".yaml")
        if not path.resolve().is_relative_to(package):
            raise RecipeError((Diagnostic(f"`{named}` leads out of the package", None),))
    else:
        path = Path(named)
        if not path.suffix and not is_file(path):
            path = path.with_suffix(".yaml")
    if len(named.encode(errors="replace")) > 4000 or not is_file(path):
        near = [each.stem for each in path.parent.glob("*.yaml")] if len(named) < 200 and path.parent.is_dir() else []
        hint = "there is: " + ", ".join(sorted(near)) if near else "start one with `recipe init`"
        raise RecipeError((Diagnostic(f"there is no recipe `{named}`", None, hint),))
    path = path.resolve()
    if named.startswith("pkg:"):
        root = Path.cwd().resolve()
    else:
        root = next((up for up in path.parents if any((up / mark).exists() for mark in MARKERS)), path.parent)
    allowed = (root, package, *(Path(folder).resolve() for folder in allow))
    return Place(path, named, root, package, allowed)
