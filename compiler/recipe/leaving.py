"""What is left of a recipe when what is wrong in it is left out, so that the rest is looked at and nothing is told twice."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from compiler.recipe.validate import Mistake, mistakes
from compiler.text.diagnostics import Diagnostic
from compiler.text.document import Entry, Node
from compiler.text.places import Path

#: What is left out may make what holds it wrong, and that in turn: a step without its operator is no step.
ROUNDS = 12


def sound(node: Node, schema: Mapping[str, Any], torn: bool = False) -> tuple[Node | None, list[Diagnostic]]:
    """(the part of a recipe that a schema admits, every mistake in the rest); None where no such part was found.

    Of a recipe that is `torn` nothing is said to be missing.
    """
    wrong = mistakes(node, schema)
    found = [each.told for each in wrong if not (torn and each.missing)]
    for _ in range(ROUNDS):
        # A key that is misspelt is read as the one that was meant: what stands under it is looked at, too.
        read = as_meant(node, wrong)
        if read is node:
            break
        node, wrong = read, mistakes(read, schema)
        found += [each.told for each in wrong if not (torn and each.missing)]
    found = list(dict.fromkeys(found))
    for _ in range(ROUNDS):
        # The recipe itself cannot be left out: what goes on can do without any of its keys.
        paths = [each.path for each in wrong if each.path and not emptied(node, each.path)]
        if not paths:
            return node, found
        node = stood_in(without(node, paths))
        wrong = mistakes(node, schema)
    return None, found


def as_meant(node: Node, wrong: Iterable[Mistake]) -> Node:
    """A tree with each misspelt key under the name that was meant, where that is not there besides."""
    for each in wrong:
        if each.meant is not None:
            node = _renamed(node, tuple(each.path), each.meant)
    return node


def _renamed(node: Node, path: tuple[str | int, ...], meant: str) -> Node:
    step, rest = path[0], path[1:]
    if isinstance(node.value, dict) and isinstance(step, str) and step in node.value:
        if not rest:
            value = {meant if key == step else key: entry for key, entry in node.value.items()}
            return node if meant in node.value else replace(node, value=value)
        entry = node.value[step]
        inside = _renamed(entry.node, rest, meant)
        return node if inside is entry.node else replace(node, value={**node.value, step: replace(entry, node=inside)})
    if isinstance(node.value, list) and isinstance(step, int) and rest and 0 <= step < len(node.value):
        inside = _renamed(node.value[step], rest, meant)
        same = inside is node.value[step]
        return node if same else replace(node, value=[*node.value[:step], inside, *node.value[step + 1 :]])
    return node


def emptied(node: Node, path: Path) -> bool:
    """Whether a step has lost its operator: it stays, for what it lost tells what it was meant to be."""
    part = node.at(path)
    return isinstance(path[-1], int) and part is not None and part.value == {} and bool(part.left)


#: What stands for a required field of a source that is wrong, so that the rest of the source is looked at: a class that
#: forbids nothing, and a category that nobody names.
STAND_INS = {"license": "A", "category": "?"}


def stood_in(node: Node) -> Node:
    """A tree whose sources have something for each field that is wrong and that they cannot be without."""
    sources = node.get("sources")
    if sources is None or not isinstance(sources.value, dict) or not isinstance(node.value, dict):
        return node
    filled = {}
    for name, entry in sources.value.items():
        lacks = [key for key in STAND_INS if isinstance(entry.node.value, dict) and key not in entry.node.value]
        told = dict.fromkeys((*entry.node.left, *lacks))
        said = {key: Entry(entry.key_span, Node(STAND_INS[key], entry.key_span)) for key in lacks}
        value = {**entry.node.value, **said} if isinstance(entry.node.value, dict) else entry.node.value
        filled[name] = replace(entry, node=replace(entry.node, value=value, left=tuple(told)))
    return replace(node, value={**node.value, "sources": replace(node.value["sources"], node=replace(sources, value=filled))})


def without(node: Node, paths: Iterable[Path]) -> Node:
    """A tree without what stands at some paths; each place remembers that something is left out of it."""
    unique = {tuple(path) for path in paths}
    # From the back, so that no place in a list moves before it is left out.
    for path in sorted(unique, key=lambda each: [(isinstance(step, str), str(step).zfill(9)) for step in each], reverse=True):
        node = _without(node, path)
    return node


def _without(node: Node, path: tuple[str | int, ...]) -> Node:
    step, rest = path[0], path[1:]
    if isinstance(node.value, dict) and isinstance(step, str) and step in node.value:
        entry = node.value[step]
        if rest:
            return replace(node, value={**node.value, step: replace(entry, node=_without(entry.node, rest))})
        return replace(node, value={key: each for key, each in node.value.items() if key != step}, left=(*node.left, step))
    if isinstance(node.value, list) and isinstance(step, int) and 0 <= step < len(node.value):
        if rest:
            return replace(node, value=[*node.value[:step], _without(node.value[step], rest), *node.value[step + 1 :]])
        moved = (at - 1 if isinstance(at, int) and at > step else at for at in node.left)
        return replace(node, value=[*node.value[:step], *node.value[step + 1 :]], left=(*moved, step))
    return node
