"""The sound part of a recipe: what is wrong is left out, so that the rest is checked and no mistake is reported twice."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from compiler.recipe.validate import Mistake, mistakes
from compiler.text.diagnostics import Diagnostic
from compiler.text.document import Entry, TextNode
from compiler.text.places import Path
from compiler.text.spans import Span

#: What is left out may make what holds it wrong, and that in turn: a step without its operator is no step.
ROUNDS = 12


def sound_part(node: TextNode, schema: Mapping[str, Any], torn: bool = False) -> tuple[TextNode | None, list[Diagnostic]]:
    """(the part of a recipe that a schema admits, every mistake in the rest); None where no such part was found.

    Of a recipe that is `torn` nothing is said to be missing.
    """
    wrong = mistakes(node, schema)
    problems = [each.diagnostic for each in wrong if not (torn and each.missing)]
    for _ in range(ROUNDS):
        # A key that is misspelt is read as the one that was meant: what stands under it is looked at, too.
        corrected = correct_keys(node, wrong)
        if corrected is node:
            break
        node, wrong = corrected, mistakes(corrected, schema)
        problems += [each.diagnostic for each in wrong if not (torn and each.missing)]
    problems = list(dict.fromkeys(problems))
    if any(each.missing and [*each.path[:1]] == ["sources"] for each in wrong):
        node = fill_in(node)  # a source without a licence has files that are looked at
        wrong = mistakes(node, schema)
    for _ in range(ROUNDS):
        # The recipe itself cannot be left out: what goes on can do without any of its keys.
        paths = [each.path for each in wrong if each.path and not is_emptied(node, each.path)]
        if not paths:
            return node, problems
        node = fill_in(without(node, paths))
        wrong = mistakes(node, schema)
    return None, problems


def correct_keys(node: TextNode, wrong: Iterable[Mistake]) -> TextNode:
    """A tree with each misspelt key under the name that was meant, where that is not there besides."""
    for each in wrong:
        if each.meant is not None:
            node = node.changed(each.path[:-1], partial(_renamed, written=str(each.path[-1]), meant=each.meant))
    return node


def _renamed(node: TextNode, written: str, meant: str) -> TextNode:
    if written not in node.entries or meant in node.entries:
        return node
    return replace(node, value={meant if key == written else key: entry for key, entry in node.entries.items()})


def is_emptied(node: TextNode, path: Path) -> bool:
    """Whether a step has lost its operator: it stays, for what it lost tells what it was meant to be."""
    part = node.at(path)
    return isinstance(path[-1], int) and part is not None and part.value == {} and bool(part.left)


#: What stands for a required field of a source that is wrong, so that the rest of the source is looked at: a class that
#: forbids nothing, and a category that nobody names.
STAND_INS = {"license": "A", "category": "?"}


def fill_in(node: TextNode) -> TextNode:
    """A tree whose sources have something for each field that is wrong and that they cannot be without."""
    sources = node.get("sources")
    for name, entry in sources.entries.items() if sources is not None else ():
        node = node.changed(("sources", name), partial(_filled, place=entry.key_span))
    return node


def _filled(source: TextNode, place: Span) -> TextNode:
    if not isinstance(source.value, dict):
        return source
    lacks = [key for key in STAND_INS if key not in source.value]
    entries = {key: Entry(place, TextNode(STAND_INS[key], place)) for key in lacks}
    return replace(source, value={**source.value, **entries}, left=tuple(dict.fromkeys((*source.left, *lacks))))


def without(node: TextNode, paths: Iterable[Path]) -> TextNode:
    """A tree without what stands at some paths; each place remembers that something is left out of it."""
    unique = {tuple(path) for path in paths}
    # From the back, so that no place in a list moves before it is left out.
    for path in sorted(unique, key=lambda each: [(isinstance(step, str), str(step).zfill(9)) for step in each], reverse=True):
        node = node.changed(path[:-1], partial(_without, step=path[-1]))
    return node


def _without(node: TextNode, step: str | int) -> TextNode:
    if node.get(step) is None:
        return node
    if isinstance(step, str):
        return replace(node, value={key: each for key, each in node.entries.items() if key != step}, left=(*node.left, step))
    moved = (at - 1 if isinstance(at, int) and at > step else at for at in node.left)
    return replace(node, value=[*node.items[:step], *node.items[step + 1 :]], left=(*moved, step))
