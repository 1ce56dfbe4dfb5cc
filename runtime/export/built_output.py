"""What an export is made from: the recorded result of one output, up to date and as locked."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from blake3 import blake3

from compiler.graph.lock import Lock
from compiler.graph.nodes import Graph
from compiler.graph.plan import Addresses, make_plan
from compiler.graph.stages import AttachStage, OutputStage, S, TrainStage, of_kind, stage_at
from compiler.prove.release import below
from compiler.recipe.evaluating import ALIASES
from compiler.recipe.sections import Recipe
from compiler.recipe.training import TRAIN
from runtime.build.built import Built, take_recorded
from runtime.build.drift import drifted_leaves, drifted_outputs, refuse
from runtime.build.session import Session
from runtime.store.record import Record
from runtime.store.store import Store, StoreError
from runtime.tables.table import open_table

Counts = dict[tuple[str, str, str], int]
"""(source, category, licence class) -> rows."""


@dataclass(frozen=True)
class BuiltOutput:
    """One output with all that it is made from, each of its results in the store."""

    session: Session
    store: Store
    what: str
    graph: Graph
    built: Built

    @property
    def recipe(self) -> Recipe:
        return self.session.read.recipe

    @property
    def index(self) -> int:
        return self.graph.outputs[self.what]

    @property
    def record(self) -> Record:
        return self.built.records[self.index]

    @property
    def lock(self) -> str | None:
        """The digest of the lock's bytes, or None where there is none."""
        return None if self.session.lock is None else blake3(self.session.read.place.lock.read_bytes()).hexdigest()

    @property
    def summary(self) -> dict[str, Any]:
        """What a marker and an answer in JSON begin with."""
        return {"recipe": self.recipe.name, "what": self.what, "digest": self.record.digest, "lock": self.lock}

    def stages(self, kind: type[S]) -> Iterator[S]:
        """The stages of one kind that it is made by, first to last."""
        return of_kind(kind, self.graph, sorted(below(self.graph, self.index)))

    def operators(self) -> list[tuple[str, int]]:
        """The operators that took part, with their versions."""
        operators = (self.graph.nodes[at].operator for at in below(self.graph, self.index))
        return sorted({(operator.name, operator.version) for operator in operators})

    def writers(self) -> list[tuple[str, str, str]]:
        """(model, its terms, their class) of the models that wrote what the rows hold."""
        attached = [stage.operator for stage in self.stages(AttachStage)]
        models = set()
        for each in attached:
            model = self.recipe.models[each.model].model
            terms = model.terms or ("those of the checkpoint" if model.from_ is not None else "not stated")
            models.add((model.id or each.model, terms, each.terms))
        return sorted(models)

    def commands(self) -> list[str]:
        """What makes it again, as seen from the project's folder."""
        place = self.session.read.place
        named = shlex.quote(place.shorten(place.path))
        options = "".join(f" --set {shlex.quote(each)}" for each in self.session.settings)
        # Folders outside the project are another machine's own.
        options += " --allow-path DIR" * len(self.session.allow)
        named_output = self.what in dict(self.recipe.outputs)
        target = "" if named_output else f" --target {shlex.quote(self.what)}"
        # A lock pins the named outputs alone: another one is no part of a locked build.
        locked = " --locked" if self.session.lock is not None and named_output else ""
        what = f" --what {shlex.quote(self.what)}" if self.what != default_of(self.recipe) else ""
        return [f"recipe build {named}{options}{target}{locked}", f"recipe export {named}{options}{what} --to DIR"]


def default_of(recipe: Recipe) -> str | None:
    """The recipe's dataset: the last of its named outputs."""
    return recipe.outputs[-1][0] if recipe.outputs else None


@contextmanager
def open_output(session: Session, what: str | None, as_locked: bool = True) -> Iterator[BuiltOutput]:
    """An output that is built, up to date and as locked, kept from gc meanwhile.

    Raises StoreError, and RecipeError for a wrong recipe.
    """
    recipe = session.read.recipe
    name = default_of(recipe) if what is None else what
    scores = set(recipe.targets()) - set(recipe.tables)
    if name is not None and not name.startswith(TRAIN) and ALIASES.get(name, name) in scores:
        raise StoreError(
            f"`{name}` is a table of scores, which is neither a dataset nor a checkpoint", "`recipe build` prints it"
        )
    session.targets = (name,) if name is not None else ()
    graph = session.graph
    assert name is not None, "a recipe without a table is wrong, and was told so"
    if as_locked and session.lock is not None:
        refuse(session, list(drifted_leaves(session)))
    store = session.open_store()
    if not store.exists:
        raise StoreError(f"`{name}` is not built: there is no store yet", f"build first: {build_command(session, name)}")
    with store.building():
        addresses = Addresses(graph, session.facts, store.result_of)
        built = take_recorded(store, graph, addresses)
        if built is None:
            raise StoreError(
                f"`{name}` is not built as the recipe is now: {describe_unmade(addresses, store, recipe.name)}",
                f"build first: {build_command(session, name)}",
            )
        if as_locked and session.lock is not None:
            complain_drifted(session, graph, built, name)
        yield BuiltOutput(session, store, name, graph, built)


def build_command(session: Session, name: str) -> str:
    """The command that makes what is to be exported."""
    outputs = dict(session.read.recipe.outputs)
    session.targets = () if name in outputs else (name,)
    return session.command()


def describe_unmade(addresses: Addresses, store: Store, recipe: str) -> str:
    """The first stage that would run, and why."""
    last = store.last_build(recipe)
    stages = make_plan(addresses, last.snapshots)
    running = [stage for stage in stages if stage.state != "reuse"]
    if not running:
        return "a file of it is missing or damaged"
    return f"{len(running)} of {len(stages)} stages would run, the first is `{running[0].stage.name}` ({running[0].cause})"


def complain_drifted(session: Session, graph: Graph, built: Built, name: str) -> None:
    """Raises StoreError for a result that is not what the lock pins."""
    lock = session.lock
    assert lock is not None
    if name in lock.outputs or name in dict(session.read.recipe.outputs):
        refuse(session, list(drifted_outputs(session, built)))
        return
    drifts = list(drifted_stages(graph, built, lock))
    if drifts:
        lines = [*drifts[:5], *([f"and {len(drifts) - 5} more"] if len(drifts) > 5 else [])]
        hint = f"accept it with `recipe lock {session.named}`, or undo the change"
        raise StoreError("it is made from what is not as the lock says:", hint, lines)


def drifted_stages(graph: Graph, built: Built, lock: Lock) -> Iterator[str]:
    """What an output that the lock does not pin is made from, as far as it is not what the lock pins."""
    for index, record in built.records.items():
        stage = stage_at(graph, index)
        if isinstance(stage, OutputStage):
            continue
        pins, name, table = lock.frozen if isinstance(stage, TrainStage) else lock.tables, stage.name, stage.node.table
        if name in pins and pins[name].digest != record.digest:
            yield f"`{name}` is {record.digest[:12]}, and {pins[name].digest[:12]} in the lock"
        elif name not in pins and any(each == table or each.startswith(table + "/") for each in lock.tables):
            yield f"the stage `{name}` is not in the lock, and others of `{table}` are"


def count_rows(store: Store, tree: dict[str, Any]) -> Counts:
    """The rows of a stored table by where they come from and what they may be used for."""
    table = open_table(store, tree)
    labels = {name: table.frame(name).cast(pa.string()) for name in ("source", "category", "license")}
    groups = pa.table(labels).group_by(list(labels)).aggregate([([], "count_all")]).to_pylist()
    return {
        (str(each["source"]), str(each["category"]), str(each["license"])): int(each["count_all"])
        for each in sorted(groups, key=lambda each: tuple(str(each[name]) for name in labels))
    }


def redistributable(column: pa.Array) -> pa.Array:
    """Whether each row may be redistributed; a row without a class may not."""
    return pc.fill_null(pc.equal(column, "A"), False)
