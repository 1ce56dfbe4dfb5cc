"""One recipe opened on this machine: its text, graph, facts and store, each made when it is first needed."""

from __future__ import annotations

import os
import shlex
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from compiler.compile import Read, look_through, read_recipe, run_passes
from compiler.graph.facts import Facts
from compiler.graph.forgotten import Forgotten, read_forgotten
from compiler.graph.lock import Lock, read_lock
from compiler.graph.nodes import Graph
from compiler.graph.plan import Addresses
from compiler.graph.stages import SourceStage, of_kind
from compiler.graph.variant_lock import of_recipe, of_variant
from compiler.lower.judging import complain_held_out, complain_unobtained
from compiler.lower.passes import drop_unused
from compiler.prove.amounts import complain_short
from compiler.recipe.ablations import VariantName
from compiler.recipe.evaluating import ALIASES, HELD_OUT
from compiler.text.diagnostics import Diagnostic, RecipeError, meant
from compiler.text.project import Place, find_place
from operators.declared.model import Model
from runtime.sources.probe import Found, complain_misspelt, find_files, gather_facts, known_fields, most_rows
from runtime.store.location import Location, is_url, shared_at
from runtime.store.project import store_of

if TYPE_CHECKING:
    from runtime.store.store import Store


@dataclass
class Session:
    """A recipe as a command opens it. Everything that can be wrong in it raises RecipeError."""

    named: str
    settings: tuple[str, ...] = ()
    allow: tuple[str, ...] = ()
    store_folder: str | None = None
    items: int | None = None
    targets: tuple[str, ...] = ()
    memory: int | None = None
    """Bytes that a build may take; half of the machine unless said."""
    engine: str | None = None
    """What tasks run on, `local`, `ray` or `ray://HOST:PORT`; as the user's configuration says unless said."""
    show_restricted: bool = False
    """Whether text that may not be redistributed may go into a shared store."""
    cache: int | None = None
    """Bytes that the cache before a shared store may hold."""
    bounded: bool = False
    """Read no file to its end: a check looks only at how files begin."""
    foretold: bool = False
    """A source that is read and whose folder holds no such file is a mistake, as it is to a check."""
    opened: tuple[str, ...] = ()
    """HOST:PORT of the private servers that files may be fetched from."""
    moved: frozenset[str] | None = frozenset()
    """Sources whose files are those that were fetched last, and not those of the lock; None for all."""
    at: Place | None = None
    """The recipe's place, where it is not the one that its name leads to."""
    variant: VariantName | None = None
    """The variant of an ablation that is opened, where not the recipe itself is."""

    @cached_property
    def text(self) -> Read:
        """The recipe as far as its text is right."""
        return read_recipe(self.at or find_place(self.named, self.allow), self.settings, self.variant)

    @cached_property
    def read(self) -> Read:
        """The recipe, whose text is right."""
        if self.text.recipe.diagnostics:
            _ = self.graph  # it raises with what is wrong in the text, the files and the meaning of the rest
        return self.text

    @cached_property
    def lock(self) -> Lock | None:
        """What the lock pins of the recipe, or of the variant of it that is opened."""
        if (whole := self.whole_lock) is None or self.variant is None:
            return None if whole is None else of_recipe(whole)
        return of_variant(whole, self.variant, {*self.text.recipe.sources, *self.text.recipe.models})

    @cached_property
    def whole_lock(self) -> Lock | None:
        """The lock with all its variants."""
        place = self.text.place
        shown = place.show(place.lock)
        return read_lock(place.reach(place.lock, shown), shown)

    @cached_property
    def forgotten(self) -> Forgotten:
        """The rows that the list beside the recipe names. Raises RecipeError."""
        place = self.text.place
        shown = place.show(place.forgotten)
        sources = {*self.text.recipe.sources}
        if self.variant is not None:  # which may lack a source of the recipe's
            sources |= {*replace(self, variant=None).text.recipe.sources}
        return read_forgotten(place.reach(place.forgotten, shown), shown, sources)

    def forget_broken_lock(self) -> str | None:
        """Go on without a lock that cannot be read, since it is written anew; returns what is wrong with it."""
        _ = self.read
        try:
            _ = self.lock
        except RecipeError as error:
            self.__dict__["lock"] = self.__dict__["whole_lock"] = None
            first = error.diagnostics[0]
            return f"{first.span.label}: {first.message}" if first.span is not None else first.message
        return None

    @cached_property
    def found(self) -> Found:
        return find_files(self.text, self.lock, self.newest)

    def newest(self, source: str) -> bool:
        """Whether the files of a source that were fetched last come before those of the lock."""
        return self.moved is None or source in self.moved

    def look_again(self) -> None:
        """Look at the files anew: some have come."""
        for name in ("found", "fields", "graph", "facts"):
            self.__dict__.pop(name, None)

    @cached_property
    def fields(self) -> tuple[dict[str, frozenset[str] | None], dict[str, str], list[Diagnostic]]:
        return known_fields(self.text, self.found, self.lock, self.remembered)

    @cached_property
    def remembered(self) -> dict[str, tuple[str, list[str]]]:
        """Source -> (digest of its bytes, their columns), as the last build of the recipe found them."""
        if self.bounded:
            return {}
        return self.open_store().last_build(self.text.recipe.name).fields

    @cached_property
    def graph(self) -> Graph:
        """The checked graph of the targets, or of all outputs."""
        read, diagnostics = self.text, list[Diagnostic]()
        targets, wanted = read.recipe.targets(), tuple(ALIASES.get(each, each) for each in self.targets)
        for target in wanted:
            if target not in targets:
                hint = meant(target, targets, "there is: " + ", ".join(targets))
                diagnostics.append(Diagnostic(f"there is no table, checkpoint or evaluation `{target}` to build", None, hint))
        if self.variant is not None and HELD_OUT in wanted:
            message, hint = "variants are compared by held-in benchmarks alone", "what is held out may not choose between them"
            diagnostics.append(Diagnostic(message, targets.get(HELD_OUT), hint))
        diagnostics += complain_unobtained(read.recipe, wanted)
        if wanted:
            outputs = tuple((each, targets[each]) for each in wanted if each in targets)
            read = replace(read, recipe=replace(read.recipe, outputs=outputs))
        fields, origins, unreadable = self.fields
        graph, mistakes = look_through(read, fields, self.items)
        diagnostics += [*mistakes, *self.found.wrong, *unreadable]
        if not mistakes:
            try:
                _ = self.forgotten
            except RecipeError as error:
                diagnostics += error.diagnostics
        if self.bounded:
            diagnostics += complain_misspelt(read, self.found, origins, read.recipe.sources)
            diagnostics += complain_short(graph, read.recipe, most_rows(read, self.found, origins))
        if not mistakes:
            graph = drop_unused(run_passes(graph))
            if self.foretold:
                used = {stage.node.label for stage in of_kind(SourceStage, graph)}
                diagnostics += complain_misspelt(read, self.found, origins, used)
            diagnostics += complain_held_out(graph, read.recipe, self.lock.frozen if self.lock is not None else None)
        if diagnostics:
            raise RecipeError(tuple(diagnostics))
        return graph

    @property
    def models(self) -> dict[str, Model]:
        """The models that the recipe names."""
        return {name: section.model for name, section in self.read.recipe.models.items()}

    @cached_property
    def facts(self) -> Facts:
        return gather_facts(self.read, self.found, self.lock, self.fields[0], self.forgotten)

    @property
    def store_path(self) -> Path:
        """The store's folder: named, or from the environment, or `.recipe` in the project."""
        return self.location.folder

    @cached_property
    def location(self) -> Location:
        """The store's place: a URL may be named too, and then a folder is the cache before it."""
        named = self.store_folder or os.environ.get("RECIPE_STORE")
        if named and is_url(named):
            return shared_at(named, self.cache)
        return Location(Path(named).resolve() if named else store_of(self.text.place.root, self.text.place.allowed))

    def open_store(self) -> Store:
        """Raises StoreError for a store that this version cannot read."""
        from runtime.store.opening import open_at

        return open_at(self.location)

    def addresses(self, store: Store) -> Addresses:
        """The keys and digests of the graph's nodes, by what is in the store."""
        return Addresses(self.graph, self.facts, store.result_of)

    def folder_options(self) -> str:
        """The options of the command line that name folders, as they were given."""
        allow = "".join(f" --allow-path {shlex.quote(folder)}" for folder in self.allow)
        allow += "".join(f" --allow-address {shlex.quote(each)}" for each in self.opened)
        return allow + (f" --store {shlex.quote(self.store_folder)}" if self.store_folder is not None else "")

    def command(self) -> str:
        """The command that goes on where this one stopped."""
        settings = "".join(f" --set {shlex.quote(each)}" for each in self.settings)
        sample = f" --sample {self.items}" if self.items is not None else ""
        prefix = "" if self.variant is None else self.variant.prefix
        names = self.targets if self.variant is None else self.targets or tuple(self.graph.outputs)
        targets = "".join(f" --target {shlex.quote(prefix + each)}" for each in names)
        memory = f" --memory {self.memory >> 20}MB" if self.memory is not None else ""
        engine = f" --engine {self.engine}" if self.engine is not None else ""
        memory += " --show-restricted" * self.show_restricted
        memory += f" --cache {self.cache >> 20}MB" if self.cache is not None else ""
        return f"recipe build {shlex.quote(self.named)}{settings}{self.folder_options()}{targets}{sample}{memory}{engine}"
