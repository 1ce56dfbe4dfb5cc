"""Where a recipe stands: its project's folder, the folder of what ships with us, and what it may read."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from compiler.text.diagnostics import Diagnostic, RecipeError
from compiler.text.document import load_text
from compiler.text.spans import Span, Text

MARKERS = (".recipe", "pyproject.toml", ".git")


class Outside(Exception):
    """A file lies outside the folders that may be read."""

    def __init__(self, path: Path) -> None:
        super().__init__(f"{path} is outside the folders that may be read")
        self.path = path
        """Where it lies, links followed."""


def within(path: Path, folders: Iterable[Path]) -> Path:
    """The path with every link in it followed, where that lies in one of the folders; the guard of all that is read.

    The folders have no links in them. A loop of links stays one, and is no file then. Raises Outside; ValueError for a NUL.
    """
    real = Path(os.path.realpath(path))
    if not any(real.is_relative_to(folder) for folder in folders):
        raise Outside(real)
    return real


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
    strays: Mapping[Path, str] = field(default_factory=dict)
    """The stand-in, in a revision's folder, for a link that leads out of it -> where the link leads."""

    @property
    def lock(self) -> Path:
        """The lock beside the recipe."""
        return self.path.with_suffix(".lock")

    @property
    def forgotten(self) -> Path:
        """The list of forgotten rows beside the recipe."""
        return self.path.with_suffix(".forgotten")

    def reach(self, path: Path, written: str, span: Span | None = None) -> Path:
        """A file of this recipe with its links followed; `said` is what the recipe or a person calls it.

        Raises RecipeError, which names the file and quotes nothing of it, where it lies outside what may be read.
        """
        try:
            return within(path, self.allowed)
        except Outside as error:
            raise RecipeError(self.complain(written, error, span)) from None
        except ValueError:
            raise RecipeError(Diagnostic(f"`{written}` is no path: it contains a NUL", span)) from None

    def base(self, span: Span) -> Path:
        """The folder that a path written at a place is relative to: that of its file, and of `--set` that of the recipe."""
        return (span.text.path or self.path).parent

    def named(self, written: str, span: Span) -> Path:
        """A file that is named at a place; see `reach`."""
        return self.reach(self.base(span) / written, written, span)

    def read(self, written: str, span: Span) -> Text:
        """The text of a file that is named at a place; raises RecipeError."""
        path = self.named(written, span)
        return load_text(path, self.show(path), span=span)

    def find(self, kind: str, name: str) -> Path | None:
        """`KIND/NAME.yaml` beside the recipe, in the folder above, or in the package: the first that is there.

        Raises RecipeError for one that leads out of the project.
        """
        if not re.fullmatch(r"[A-Za-z0-9_-]{1,100}", name):
            return None  # a name is no path: `../x` would read a file outside the project, and show its lines
        found = next((path for folder in self.folders if is_file(path := folder / kind / f"{name}.yaml")), None)
        if found is not None:
            self.reach(found, self.shorten(found))
        return found

    def names(self, kind: str) -> tuple[str, ...]:
        """The names of all that can be found so, in order."""
        folders = (each / kind for each in self.folders)
        return tuple(sorted({path.stem for folder in folders if not folder.is_symlink() for path in folder.glob("*.yaml")}))

    @property
    def folders(self) -> tuple[Path, ...]:
        """The folders in which profiles and benchmarks are looked for, in order; none of them lies above the project."""
        candidates = (self.path.parent, self.path.parent.parent, self.package)
        return tuple(each for each in candidates if any(each.is_relative_to(root) for root in self.allowed))

    def complain(self, written: str, error: Outside, span: Span | None) -> Diagnostic:
        """What is said of a file outside."""
        stray = next((self.strays[up] for up in (error.path, *error.path.parents) if up in self.strays), None)
        if stray is not None:
            return Diagnostic(f"`{written}` leads out of the project", span, f"in that revision it is a link to {stray}")
        return complain_outside(written, error, span)

    def show(self, path: Path) -> str:
        """A file beside the recipe as the person would name it, like the recipe itself."""
        beside = self.revision is None and not self.shown.startswith("pkg:")
        if beside and path.is_relative_to(self.path.parent):
            return (Path(self.shown).parent / path.relative_to(self.path.parent)).as_posix()
        return self.shorten(path)

    def shorten(self, path: Path) -> str:
        """A path as people know it: relative to the project or the package where it lies in one."""
        shown = [*([self.revision] if self.revision else []), ("", self.root), ("pkg:", self.package)]
        for prefix, folder in shown:
            if path.is_relative_to(folder):
                return prefix + path.relative_to(folder).as_posix()
        return str(path)


def complain_outside(written: str, error: Outside, span: Span | None = None) -> Diagnostic:
    """What is said of a file outside."""
    hint = f"it is {error.path}; allow it on the command line: --allow-path {error.path.parent}"
    return Diagnostic(f"`{written}` leads out of the project", span, hint)


def is_file(path: Path) -> bool:
    """Whether there is such a file; a name that no file can have is none."""
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def with_ending(path: Path) -> Path:
    """The file that a recipe's name means: `.yaml` may be left out, and a folder means the `recipe.yaml` in it."""
    if not path.name or path.name == "..":
        return path / "recipe.yaml"
    ended = path if path.suffix or is_file(path) else path.with_suffix(".yaml")
    inner = path / "recipe.yaml"
    return inner if not is_file(ended) and is_file(inner) else ended


def stands_in(named: Path) -> Path:
    """The folder in which a name stands, as it is written: links in it are not followed, unless `..` goes back over them."""
    folder = Path.cwd() / named.parent
    parts = folder.parts
    back = max((at for at, part in enumerate(parts) if part == ".."), default=-1) + 1
    return Path(os.path.realpath(Path(*parts[:back])), *parts[back:]) if back else folder


def project_around(folder: Path) -> Path | None:
    """The project in which a folder lies, links followed, or None where it lies in none.

    It is the nearest folder with a mark, but a linked folder that leads out of a project around it is none of its own.
    """
    marked = [up for up in (folder, *folder.parents) if any((up / mark).exists() for mark in MARKERS)]
    found = None
    for up in (Path(os.path.realpath(each)) for each in marked):
        if found is None or not found.is_relative_to(up):
            found = up
    return found


def find_place(named: str, allow: tuple[str, ...] = ()) -> Place:
    """The place of a recipe given as a path or as `pkg:NAME`; raises RecipeError where there is none that may be read."""
    package, own = package_root(), named.startswith("pkg:")
    if len(named.encode(errors="replace")) > 4000 or "\0" in named:
        raise RecipeError(Diagnostic(f"there is no recipe `{named}`", None, "start one with `recipe new --language CODE`"))
    path = with_ending(package / named.removeprefix("pkg:") if own else Path(named))
    folder = stands_in(path)
    root = Path.cwd().resolve() if own else project_around(folder) or Path(os.path.realpath(folder))
    allowed = (root, package, *(Path(os.path.realpath(each)) for each in allow))
    try:
        real = within(folder / path.name, (package,) if own else allowed)
    except Outside as error:
        raise RecipeError(complain_outside(named, error)) from None
    if not is_file(real):
        neighbours = [each.stem for each in real.parent.glob("*.yaml")] if len(named) < 200 and real.parent.is_dir() else []
        hint = "there is: " + ", ".join(sorted(neighbours)) if neighbours else "start one with `recipe new --language CODE`"
        raise RecipeError(Diagnostic(f"there is no recipe `{named}`", None, hint))
    inner = not own and path.parent == Path(named)  # a folder was named: what is shown is the file in it
    return Place(real, str(path) if inner else named, root, package, allowed)
