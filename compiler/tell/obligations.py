"""What a recipe's people owe, before and after an edit: declared by operators, and by what licences join to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from compiler.compile import Read
from compiler.graph.facts import Facts
from compiler.graph.keys import locked_classes
from compiler.graph.nodes import Graph
from compiler.recipe.benchmarks import FEED
from compiler.text.spans import Span
from operators.base.licence import CLASSES, Licence, join
from operators.declared.by_row import classes_of

Compiled = tuple[Read, Graph, Facts]


@dataclass(frozen=True)
class Owed:
    """One obligation, and whether the edit brings it."""

    state: Literal["new", "standing", "gone"]
    kind: str
    message: str
    place: Span | None


@dataclass(frozen=True)
class Held:
    """The rows that an output may hold."""

    classes: frozenset[Licence]
    sources: frozenset[str]
    """Those whose rows, or rows that are born of them, may be there."""


def compare_obligations(
    before: tuple[Read, Graph, Facts] | None,
    after: tuple[Read, Graph, Facts],
    held: Mapping[str, tuple[Held | None, Held | None]],
) -> tuple[Owed, ...]:
    """Every obligation of the new recipe, the new ones first, and those of the old one that are gone.

    `held` is what each output holds, before and after.
    """
    old = {} if before is None else {(kind, message): place for kind, message, place in obligations(*before)}
    new = {(kind, message): place for kind, message, place in obligations(*after)}
    found = [Owed("standing" if each in old else "new", *each, place) for each, place in new.items()]
    found += [Owed("gone", *each, place) for each, place in old.items() if each not in new]
    found += [] if before is None else list(licences(before[0], after[:2], held))
    order = ["new", "standing", "gone"]
    return tuple(sorted(found, key=lambda owed: order.index(owed.state)))


def obligations(read: Read, graph: Graph, facts: Facts) -> Iterator[tuple[str, str, Span]]:
    """(kind, what is owed, the line that brings it) of every operator that an output depends on.

    Where rows of a source say their licence, by the counts of each class in the lock.
    """
    for index, node in graph:
        if node.label.startswith(FEED) and not node.inputs:
            continue  # nobody trains on a benchmark or gives it away: it is only looked for, or asked
        known = locked_classes(graph, index, facts) if not node.inputs and node.label in facts.leaves else {}
        for each in node.operator.owed(node.label, known or None):
            feed = read.recipe.sources.get(node.label) if not node.inputs else None
            yield each.kind, each.message, node.span if feed is None else feed.node.find(each.path)


def licences(before: Read, after: tuple[Read, Graph], held: Mapping[str, tuple[Held | None, Held | None]]) -> Iterator[Owed]:
    """Outputs whose rows may be of another licence class than before, with what was changed that brings it."""
    read, graph = after
    for name, (old, new) in held.items():
        if old is None or new is None or not old.classes or not new.classes or join(old.classes) == join(new.classes):
            continue
        was, now = join(old.classes), join(new.classes)
        sources, known = read.recipe.sources, before.recipe.sources
        opener = CLASSES.index(now) < CLASSES.index(was)
        if opener:  # what was more closed is left out now
            causes = sorted(
                each for each in old.sources - new.sources if each in known and was in classes_of(known[each].operator.license)
            )
        else:
            of_class = [
                each for each in sorted(new.sources) if each in sources and now in classes_of(sources[each].operator.license)
            ]
            changed = [each for each in of_class if each not in known or now not in classes_of(known[each].operator.license)]
            # A source that is as it was may come through now; what was edited is named before it.
            causes = changed or [each for each in of_class if each not in old.sources]
        listed = ", ".join(f"`{each}`" for each in causes)
        why = f", {'without' if opener else 'by'} {listed}" if causes else ""
        place = (
            sources[causes[0]].span(("license",)) if causes and causes[0] in sources else graph.nodes[graph.outputs[name]].span
        )
        yield Owed("new", "licence", f"the output `{name}` is of class {now} now, and was {was}{why}", place)
