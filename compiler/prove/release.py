"""Release licences: what a checkpoint may be published under, the join of its base's licence and its data's."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from compiler.graph.nodes import Graph
from compiler.graph.stages import AttachStage, TrainStage, of_kind, stage_at
from compiler.recipe.sections import Recipe
from compiler.text.diagnostics import Diagnostic, Note
from compiler.text.spans import Span
from operators.base.release import Conflict, released


@dataclass(frozen=True)
class Term:
    """One licence that a checkpoint inherits, and where the recipe says it."""

    name: str
    why: str
    span: Span


def terms_of(graph: Graph, index: int, recipe: Recipe) -> list[Term]:
    """Every licence that goes into a checkpoint: of its base, and of the models that wrote its rows."""
    found: dict[str, Term] = {}
    for at in below(graph, index):
        stage = stage_at(graph, at) if graph.nodes[at].cut else None
        if isinstance(stage, TrainStage) and stage.operator.model is not None:
            model = recipe.models[stage.operator.model]
            if model.model.license:
                term = Term(model.model.license, f"the base `{model.model.id}`", model.node.find(("license",)))
                found.setdefault(f"base {stage.operator.model}", term)
        elif isinstance(stage, AttachStage) and stage.operator.model in recipe.models:
            model = recipe.models[stage.operator.model]
            if model.model.terms is not None and model.model.from_ is None:
                term = Term(model.model.terms, f"what `{model.model.id}` writes", model.node.find(("terms",)))
                found.setdefault(f"teacher {stage.operator.model}", term)
    return list(found.values())


def below(graph: Graph, index: int) -> Iterator[int]:
    """A node and all that it is made from."""
    seen, queue = set(), [index]
    while queue:
        at = queue.pop()
        if at not in seen:
            seen.add(at)
            yield at
            queue += graph.nodes[at].inputs


def release_of(graph: Graph, index: int, recipe: Recipe) -> str:
    """The licence that a checkpoint is released under. Raises Conflict where there is none."""
    return released([(term.name, term.why) for term in terms_of(graph, index, recipe)])


def complain_releases(graph: Graph, recipe: Recipe) -> Iterator[Diagnostic]:
    """A checkpoint that inherits licences which no licence satisfies at once."""
    for stage in of_kind(TrainStage, graph):
        node, terms = stage.node, terms_of(graph, stage.index, recipe)
        try:
            released([(term.name, term.why) for term in terms])
        except Conflict as conflict:
            notes = tuple(Note(f"{term.why}: {term.name}", term.span) for term in terms if term.why in conflict.between)
            hint = "take another base, or another teacher"
            yield Diagnostic(f"`{node.label}` can be released under no licence: {conflict}", node.span, hint, notes)
