"""A revision of the project as a folder: its texts as git has them, and links to the data that did not change."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from compiler.project import Place, package_root
from runtime.store import StoreError

TEXTS = (".yaml", ".yml", ".lock")


@dataclass(frozen=True)
class Revision:
    """One revision, laid out."""

    name: str
    """As the person named it, such as HEAD."""
    folder: Path
    top: Path
    """The work tree."""
    changed: frozenset[str]
    """The files, relative to `top`, that are not as in the work tree."""

    def place(self, recipe: str, root: Path, allow: tuple[str, ...]) -> Place | None:
        """The place of a recipe, named relative to `top`, as it was; None where it was not there."""
        path = self.folder / recipe
        if not path.is_file():
            return None
        package = package_root()
        if package.is_relative_to(self.top):  # what ships with us is part of this very repository
            package = self.folder / package.relative_to(self.top)
        allowed = (self.folder, root, package, *(Path(each).resolve() for each in allow))
        return Place(path, f"{self.name}:{recipe}", root, package, allowed, (f"{self.name}:", self.folder))


def git(top: Path, *arguments: str, given: bytes | None = None) -> bytes:
    """What git prints; raises StoreError with its own words where it fails."""
    try:
        done = subprocess.run(["git", "-C", str(top), *arguments], input=given, capture_output=True, check=False)
    except FileNotFoundError:
        raise StoreError("there is no git here", "install git, or compare two files: recipe diff A B") from None
    if done.returncode:
        said = done.stderr.decode("utf-8", "replace").strip().splitlines()
        raise StoreError(f"git cannot do this: {said[0] if said else arguments[0]}", "`git log` shows the revisions there are")
    return done.stdout


def work_tree(folder: Path) -> Path:
    """The top of the work tree around a folder, which may be gone itself."""
    folder = next(up for up in (folder, *folder.parents) if up.is_dir())
    return Path(git(folder, "rev-parse", "--show-toplevel").decode().rstrip("\n")).resolve()


def is_revision(top: Path, name: str) -> bool:
    """Whether git knows a commit of this name."""
    if name.startswith("-"):
        return False
    done = subprocess.run(
        ["git", "-C", str(top), "rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}"],
        capture_output=True,
        check=False,
    )
    return done.returncode == 0


@contextmanager
def laid_out(top: Path, name: str) -> Iterator[Revision]:
    """A revision in a folder of its own, which is gone afterwards.

    Texts of recipes, profiles and locks are files there, as is all that changed since; other files are links into the
    work tree. What git ignores is in no revision, so every revision sees it as it is now.
    """
    commit = git(top, "rev-parse", "--verify", "--end-of-options", f"{name}^{{commit}}").decode().strip()
    changed = frozenset(names(git(top, "diff", "--name-only", "--no-renames", "--no-ext-diff", "-z", commit, "--")))
    with tempfile.TemporaryDirectory(prefix="recipe-") as made:
        folder = Path(made).resolve()
        wanted = []
        for entry in names(git(top, "ls-tree", "-r", "-z", "--full-tree", commit)):
            about, _, path = entry.partition("\t")
            mode, kind, blob = about.split()
            target = folder / path
            if kind != "blob":
                continue
            target.parent.mkdir(parents=True, exist_ok=True)
            if path in changed or path.endswith(TEXTS) or mode == "120000" or not (top / path).is_file():
                wanted.append((target, mode, blob))
            else:
                target.symlink_to(top / path)
        write_blobs(top, wanted)
        for path in names(git(top, "ls-files", "--others", "--ignored", "--exclude-standard", "--directory", "-z")):
            link_ignored(top, folder, path.rstrip("/"))
        yield Revision(name, folder, top, changed)


def write_blobs(top: Path, wanted: list[tuple[Path, str, str]]) -> None:
    """Write files of a revision; a link stays one, so that it is resolved and checked like any other."""
    if not wanted:
        return
    found = git(top, "cat-file", "--batch", given="".join(f"{blob}\n" for _, _, blob in wanted).encode())
    at = 0
    for target, mode, _ in wanted:
        end = found.index(b"\n", at)
        size = int(found[at:end].split()[-1])
        content = found[end + 1 : end + 1 + size]
        at = end + 2 + size
        if mode == "120000":
            target.symlink_to(os.fsdecode(content))
        else:
            target.write_bytes(content)


def link_ignored(top: Path, folder: Path, path: str) -> None:
    """Let a revision see what git ignores, where nothing of its own stands there."""
    target = folder / path
    if path.split("/")[0] in (".git", ".recipe") or target.exists() or target.is_symlink():
        return
    if target.parent.is_dir():
        target.symlink_to(top / path)


def names(listed: bytes) -> list[str]:
    """The names in a list that NUL separates."""
    return [os.fsdecode(name) for name in listed.split(b"\0") if name]
