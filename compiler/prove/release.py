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
            said = recipe.models[stage.operator.model]
            if said.model.license:
                term = Term(said.model.license, f"the base `{said.model.id}`", said.node.find(("license",)))
                found.setdefault(f"base {stage.operator.model}", term)
        elif isinstance(stage, AttachStage) and stage.operator.model in recipe.models:
            said = recipe.models[stage.operator.model]
            if said.model.terms is not None and said.model.from_ is None:
                term = Term(said.model.terms, f"what `{said.model.id}` writes", said.node.find(("terms",)))
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


def complain_releases(graph: Graph, recipe: Recipe) -> list[Diagnostic]:
    """A checkpoint that inherits licences which no licence satisfies at once."""
    found = []
    for stage in of_kind(TrainStage, graph):
        node, terms = stage.node, terms_of(graph, stage.index, recipe)
        try:
            released([(term.name, term.why) for term in terms])
        except Conflict as conflict:
            notes = tuple(Note(f"{term.why}: {term.name}", term.span) for term in terms if term.why in conflict.between)
            hint = "take another base, or another teacher"
            found.append(Diagnostic(f"`{node.label}` can be released under no licence: {conflict}", node.span, hint, notes))
    return found
