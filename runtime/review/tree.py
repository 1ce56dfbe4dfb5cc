"""The recipes of a project at two points of its history, and which of them a change reaches."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from compiler.compile import Read
from compiler.text.diagnostics import RecipeError
from compiler.text.project import find_place
from runtime.build.session import Session
from runtime.review.compare import Comparison, compare
from runtime.review.revisions import TEXTS, Revision, git, split_names
from runtime.review.sides import open_side
from runtime.store.project import recipes_under


@dataclass(frozen=True)
class Tree:
    """A project before and after."""

    top: Path
    old: Revision
    new: Revision | None
    """None: the work tree."""
    options: dict[str, Any]
    """Of each session: the folders that are allowed, and the store."""

    @cached_property
    def changed(self) -> frozenset[str]:
        """The files, relative to `top`, that differ between the two."""
        if self.new is None:
            others = git(self.top, "ls-files", "--others", "--exclude-standard", "-z", "--full-name", ":/")
            return self.old.changed | frozenset(split_names(others))
        listed = git(self.top, "diff", "--name-only", "--no-renames", "--no-ext-diff", "-z", self.old.name, self.new.name, "--")
        return frozenset(split_names(listed))

    def sessions(self, recipe: str) -> tuple[Session | None, Session | None]:
        """The recipe before and after, where it is there."""
        allow = self.options["allow"]
        now = find_place(self.shown(recipe), allow) if (self.top / recipe).is_file() else None
        root = now.root if now is not None else self.top
        old = self.old.place(recipe, root, allow)
        new = now if self.new is None else self.new.place(recipe, root, allow)
        before, after = (None if place is None else Session(place.shown, at=place, **self.options) for place in (old, new))
        return before, after

    def shown(self, recipe: str) -> str:
        """A recipe as one names it from here."""
        return os.path.relpath(self.top / recipe)

    def compare(self, recipe: str, only_reached: bool) -> Comparison | None:
        """One recipe; None where the change does not reach it. Raises RecipeError where the new one is wrong."""
        before, after = self.sessions(recipe)
        if before is None and after is None:
            find_place(self.shown(recipe))  # raises that there is none
        broken, old, unlocked = None, None, None
        if before is not None:
            try:
                if only_reached and after is not None and not self.reaches(before, after):
                    return None
                unlocked = before.forget_broken_lock()
                old = open_side(before)
            except RecipeError as error:
                if after is None:
                    raise
                if only_reached and not any(path.endswith(TEXTS) for path in self.changed):
                    return None  # it was wrong before, and nothing that it could be made from is another
                broken = f"{before.named} does not compile ({len(error.diagnostics)} mistakes), so nothing of it is compared"
        new = open_side(after, old) if after is not None else None
        notes = () if unlocked is None else (f"{unlocked}; what it pins is not compared",)
        comparison = compare(self.shown(recipe), old, new, broken, notes)
        return None if only_reached and comparison.empty else comparison

    def reaches(self, before: Session, after: Session) -> bool:
        """Whether a file that either recipe is made from differs: its texts, profiles, prompts, lock or data."""
        return any(files_of(session, self.folders()) & self.changed for session in (before, after))

    def folders(self) -> tuple[Path, ...]:
        return (self.top, self.old.folder, *([self.new.folder] if self.new is not None else []))


def files_of(session: Session, folders: tuple[Path, ...]) -> set[str]:
    """All files that a recipe is made from, relative to the project."""
    read: Read = session.read
    data: list[Path] = []
    with suppress(RecipeError):  # files that it may not read are an error when it is compared
        packed = session.found.packed
        data = [packed[path][0] if path in packed else path for found in session.found.files.values() for path in found]
    paths = [text.path for text in read.texts if text.path is not None]
    paths += [node.span.text.path for node in read.profiles.nodes.values() if node.span.text.path is not None]
    paths += [path for loaded in read.profiles.loaded.values() for path in loaded.prompt_paths]
    paths += [*data, read.place.lock, read.place.forgotten]
    return {path.relative_to(folder).as_posix() for path in paths for folder in folders if path.is_relative_to(folder)}


def recipes_of(tree: Tree) -> set[str]:
    """Every recipe of either side, relative to the project."""
    recipes = set()
    for folder in (tree.old.folder, tree.top if tree.new is None else tree.new.folder):
        roots = (tree.top, *(Path(each) for each in tree.options["allow"]))
        recipes |= {path.relative_to(folder).as_posix() for path in recipes_under(folder, roots)}
    return recipes
