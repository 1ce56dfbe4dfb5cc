"""What an edit means for the variants of a recipe: which came, went, or are patched otherwise."""

from __future__ import annotations

from collections.abc import Iterator

from compiler.recipe.ablations import ABLATIONS, ablations_of
from compiler.tell.change import Change, Kind
from compiler.text.document import TextNode
from operators.base.changes import UNSET, differences, render_value


def compare_ablations(before: TextNode, after: TextNode) -> Iterator[Change]:
    """The variants of two recipes; what an edit of the rest means, it means for those that do not patch it, too."""
    ablations = [ablations_of(each) for each in (before, after)]
    for name in dict.fromkeys([*ablations[0], *ablations[1]]):
        sides = [each.get(name) for each in ablations]
        for variant in dict.fromkeys(each for side in sides if side is not None for each in side.variants):
            yield from compare_variant(name, variant, before, after)
        if None not in sides and (match := [each.match or UNSET for each in sides if each is not None])[0] != match[1]:
            path, what = (ABLATIONS, name, "match"), f"ablation {name}: match {match[0]} -> {match[1]}"
            yield Change("changed", (ABLATIONS, name), what, before.find(path), after.find(path))


def compare_variant(name: str, variant: str, before: TextNode, after: TextNode) -> Iterator[Change]:
    """One variant, by its patches."""
    path, what = (ABLATIONS, name, "variants", variant), f"ablation {name}: {variant}"
    old, new = before.at(path), after.at(path)
    if old is not None and new is not None:
        for each in differences(old.plain(), new.plain(), path):
            said = f"{what}: {'.'.join(map(str, each.path[len(path) :]))} {each.before} -> {each.after}"
            yield Change("changed", path, said, before.find(each.path), after.find(each.path))
    elif (patch := old or new) is not None:
        kind: Kind = "added" if old is None else "removed"
        places = [None if each.at(path) is None else each.find(path, key=True) for each in (before, after)]
        yield Change(kind, path, f"{what}: {render_value(patch.plain())}", *places)
