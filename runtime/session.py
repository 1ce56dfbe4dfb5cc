"""One recipe opened on this machine: its text, graph, facts and store, each made when it is asked for."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from compiler.compile import Read, compile_recipe, read_recipe
from compiler.diagnostics import RecipeError
from compiler.facts import Facts
from compiler.graph import Graph
from compiler.lock import Lock, read_lock
from compiler.project import Place, find_place
from operators.model import Model
from runtime.probe import Found, find_files, gather_facts, known_fields
from runtime.project import store_of


@dataclass
class Session:
    """What the commands share. Everything that can be wrong in a recipe raises RecipeError."""

    named: str
    settings: tuple[str, ...] = ()
    allow: tuple[str, ...] = ()
    store_folder: str | None = None
    items: int | None = None
    targets: tuple[str, ...] = ()
    bounded: bool = False
    """Read no file to its end: a check looks only at how files begin."""
    at: Place | None = None
    """The recipe's place, where it is not the one that its name leads to."""

    @cached_property
    def read(self) -> Read:
        return read_recipe(self.at or find_place(self.named, self.allow), self.settings)

    @cached_property
    def lock(self) -> Lock | None:
        lock = self.read.place.lock
        return read_lock(self.read.place.reach(lock, self.read.place.show(lock)))

    def forget_broken_lock(self) -> None:
        """Go on without a lock that cannot be read: it is about to be written anew."""
        try:
            _ = self.lock
        except RecipeError:
            self.__dict__["lock"] = None

    @cached_property
    def found(self) -> Found:
        return find_files(self.read)

    @cached_property
    def fields(self) -> tuple[dict[str, frozenset[str] | None], dict[str, str]]:
        return known_fields(self.read, self.found, self.lock, self.remembered)

    @cached_property
    def remembered(self) -> dict[str, tuple[str, list[str]]]:
        """Source -> (digest of its bytes, their columns), as the last build of the recipe found them."""
        if self.bounded:
            return {}
        from runtime.store import Store

        last = Store(self.store_path).read_name(f"{self.read.recipe.name}/last-build.json") or {}
        return {name: (digest, fields) for name, (digest, fields) in last.get("fields", {}).items()}

    @cached_property
    def graph(self) -> Graph:
        """The checked graph of the targets, or of all outputs."""
        from dataclasses import replace

        from compiler.diagnostics import Diagnostic, suggest
        from compiler.evaluating import ALIASES
        from compiler.judging import complain_held_out, complain_unobtained
        from compiler.passes import drop_unused
        from compiler.release import complain_releases

        read = self.read
        known, targets = read.recipe.targets(), tuple(ALIASES.get(each, each) for each in self.targets)
        for target in targets:
            if target not in known:
                near = suggest(target, known)
                hint = f"did you mean `{near}`?" if near else "there is: " + ", ".join(known)
                raise RecipeError(Diagnostic(f"there is no table, checkpoint or evaluation `{target}` to build", None, hint))
        found = complain_unobtained(read.recipe, targets)
        if targets:
            read = replace(read, recipe=replace(read.recipe, outputs=tuple((each, known[each]) for each in targets)))
        graph = drop_unused(compile_recipe(read, self.fields[0], self.items))
        found += complain_held_out(graph, read.recipe, self.lock.frozen if self.lock is not None else None)
        found += complain_releases(graph, read.recipe)
        if found:
            raise RecipeError(tuple(found))
        return graph

    @property
    def models(self) -> dict[str, Model]:
        """The models that the recipe names."""
        return {name: said.model for name, said in self.read.recipe.models.items()}

    @cached_property
    def facts(self) -> Facts:
        return gather_facts(self.read, self.found, self.lock, self.fields[0])

    @cached_property
    def store_path(self) -> Path:
        """The store's folder: named, or from the environment, or `.recipe` in the project."""
        named = self.store_folder or os.environ.get("RECIPE_STORE")
        return Path(named).resolve() if named else store_of(self.read.place.root, self.read.place.allowed)
