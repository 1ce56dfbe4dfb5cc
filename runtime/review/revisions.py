"""A revision of the project as a folder: its texts as git has them, and links to the data that did not change."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from compiler.text.project import Outside, Place, package_root, within
from runtime.store.store import StoreError

TEXTS = (".yaml", ".yml", ".lock", ".forgotten")


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
    strays: Mapping[Path, str]
    """What stands in the folder for a link that leads out of it -> where the link leads."""

    def place(self, recipe: str, root: Path, allow: tuple[str, ...]) -> Place | None:
        """The place of a recipe, named relative to `top`, as it was; None where it was not there."""
        path = self.folder / recipe
        if not path.is_file():
            return None
        package = package_root()
        if package.is_relative_to(self.top):  # what ships with us is part of this very repository
            package = self.folder / package.relative_to(self.top)
        allowed = (self.folder, root, package, *(Path(each).resolve() for each in allow))
        with suppress(Outside):  # whoever reads it gets the error
            path = within(path, allowed)
        return Place(path, f"{self.name}:{recipe}", root, package, allowed, (f"{self.name}:", self.folder), strays=self.strays)


def git(top: Path, *arguments: str, content: bytes | None = None) -> bytes:
    """What git prints; raises StoreError with its own words where it fails."""
    try:
        done = subprocess.run(["git", "-C", str(top), *arguments], input=content, capture_output=True, check=False)
    except FileNotFoundError:
        raise StoreError("there is no git here", "install git, or compare two files: recipe diff A B") from None
    if done.returncode:
        lines = done.stderr.decode("utf-8", "replace").strip().splitlines()
        if lines and "not a git repository" in lines[0]:
            hint = "compare with what --set says, or two files: recipe diff A B"
            raise StoreError("this is no git repository, so there is no revision to compare with", hint)
        raise StoreError(f"git cannot do this: {lines[0] if lines else arguments[0]}", "`git log` shows the revisions there are")
    return done.stdout


def work_tree(folder: Path) -> Path:
    """The top of the work tree around a folder, which may be gone itself."""
    folder = next(up for up in (folder, *folder.parents) if up.is_dir())
    return Path(git(folder, "rev-parse", "--show-toplevel").decode().rstrip("\n")).resolve()


def is_revision(top: Path, name: str) -> bool:
    """Whether git knows a commit of this name."""
    if name.startswith("-"):
        return False
    try:
        git(top, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}")
    except StoreError:
        return False
    return True


@contextmanager
def lay_out_revision(top: Path, name: str, allow: tuple[str, ...] = ()) -> Iterator[Revision]:
    """A revision in a folder of its own, which is gone afterwards.

    Texts of recipes, profiles and locks are files there, as is all that changed since; other files are links into the
    work tree. What git ignores is in no revision, so every revision sees it as it is now. `allow`: what recipes may read
    besides. Raises StoreError.
    """
    commit = git(top, "rev-parse", "--verify", "--end-of-options", f"{name}^{{commit}}").decode().strip()
    changed = frozenset(split_names(git(top, "diff", "--name-only", "--no-renames", "--no-ext-diff", "-z", commit, "--")))
    with tempfile.TemporaryDirectory(prefix="recipe-") as temporary:
        folder, aside = Path(temporary).resolve() / "tree", Path(temporary).resolve() / "aside"
        wanted, links = [], []
        for entry in split_names(git(top, "ls-tree", "-r", "-z", "--full-tree", commit)):
            about, _, path = entry.partition("\t")
            mode, kind, blob = about.split()
            target = folder / path
            if kind != "blob":
                continue
            if path.startswith("/") or not {".", "..", ""}.isdisjoint(path.split("/")):
                raise StoreError(
                    f"the revision `{name}` has a file `{path}`, which leads out of it", "git checks out no such file"
                )
            target.parent.mkdir(parents=True, exist_ok=True)
            if mode == "120000":
                links.append((target, blob))
            elif path in changed or path.endswith(TEXTS) or not (top / path).is_file():
                wanted.append((target, blob))
            else:
                target.symlink_to(top / path)
        for target, content in blobs(top, wanted):
            with open(target, "xb") as file:
                file.write(content)
        targets = {target: make_link(target, content, folder, top) for target, content in blobs(top, links)}
        allowed = tuple(Path(each).resolve() for each in allow)
        strays = dict(set_aside(targets, (folder, top, package_root()), allowed, aside))
        for path in split_names(git(top, "ls-files", "--others", "--ignored", "--exclude-standard", "--directory", "-z")):
            link_ignored(top, folder, path.rstrip("/"))
        yield Revision(name, folder, top, changed, strays)


def blobs(top: Path, wanted: list[tuple[Path, str]]) -> Iterator[tuple[Path, bytes]]:
    """(path, content) of files of a revision that are wanted as (path, blob)."""
    if not wanted:
        return
    output = git(top, "cat-file", "--batch", content="".join(f"{blob}\n" for _, blob in wanted).encode())
    at = 0
    for target, _ in wanted:
        end = output.index(b"\n", at)
        size = int(output[at:end].split()[-1])
        yield target, output[end + 1 : end + 1 + size]
        at = end + 2 + size


def make_link(link: Path, content: bytes, folder: Path, top: Path) -> str:
    """Make a link of a revision, and give its target: its own where that stays in the revision, else from the work tree."""
    there = target = os.fsdecode(content)
    if os.path.isabs(target) or not Path(os.path.normpath(link.parent / target)).is_relative_to(folder):
        there = os.path.normpath(top / link.parent.relative_to(folder) / target)
    with suppress(OSError, ValueError):  # a name that no file can have leads nowhere
        link.symlink_to(there)
    return there[:200]


def set_aside(
    targets: Mapping[Path, str], inside: tuple[Path, ...], allowed: tuple[Path, ...], aside: Path
) -> Iterator[tuple[Path, str]]:
    """Let each link that leads outside lead to an empty file or folder instead, so that nobody who follows it reads there."""
    outside = []
    for link, target in targets.items():
        real = Path(os.path.realpath(link))
        # What lies around a folder that is allowed is walked through; what is read in it is looked at then.
        passes = any(real.is_relative_to(each) for each in (*inside, *allowed)) or any(
            each.is_relative_to(real) for each in allowed
        )
        if not (link.is_symlink() and passes):
            outside.append((link, target, real.is_dir()))
    for number, (link, target, is_folder) in enumerate(outside):
        stand_in = aside / str(number)
        stand_in.parent.mkdir(exist_ok=True)
        if is_folder:
            stand_in.mkdir()
        else:
            stand_in.touch()
        link.unlink(missing_ok=True)
        link.symlink_to(stand_in)
        yield stand_in, target


def link_ignored(top: Path, folder: Path, path: str) -> None:
    """Let a revision see what git ignores, where nothing of its own stands there; not behind a link of its own."""
    target = folder / path
    if path.split("/")[0] in (".git", ".recipe") or os.path.lexists(target):
        return
    if target.parent.is_dir() and os.path.realpath(target.parent) == str(target.parent):
        target.symlink_to(top / path)


def split_names(listed: bytes) -> list[str]:
    """The names in a list that NUL separates."""
    return [os.fsdecode(name) for name in listed.split(b"\0") if name]
