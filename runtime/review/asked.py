"""What is to be compared: two recipes, or those of two revisions."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from compiler.text.diagnostics import Diagnostic, RecipeError
from compiler.text.project import stands_in, with_ending
from runtime.build.session import Session
from runtime.review.compare import Comparison, compare
from runtime.review.revisions import Revision, is_revision, lay_out_revision, work_tree
from runtime.review.sides import open_side
from runtime.review.tree import Tree, recipes_of
from runtime.store.store import StoreError


def compare_sessions(recipe: str, before: Session | None, after: Session | None) -> Comparison:
    """Two recipes, or one with what it would be."""
    old = open_side(before) if before is not None else None
    return compare(recipe, old, open_side(after, old) if after is not None else None)


def between_revisions(
    stack: ExitStack, revisions: list[str], recipes: list[str], options: dict[str, Any]
) -> Iterator[Comparison]:
    """Recipes as they were and as they are. Raises RecipeError with the mistakes of every new one that is wrong."""
    files = [with_ending(Path(each)) for each in recipes]
    places = [Path(os.path.realpath(stands_in(each)), each.name) for each in files]
    top = work_tree(places[0].parent if recipes else Path.cwd())
    for name in revisions:
        if not is_revision(top, name):
            raise StoreError(
                f"`{name}` is neither a recipe nor a revision that git knows", "`git log` shows the revisions there are"
            )
    allow = options["allow"]
    old: Revision = stack.enter_context(lay_out_revision(top, revisions[0] if revisions else "HEAD", allow))
    new: Revision | None = stack.enter_context(lay_out_revision(top, revisions[1], allow)) if len(revisions) == 2 else None
    tree = Tree(top, old, new, options)
    named = [os.path.relpath(each, top) for each in places] or sorted(recipes_of(tree))
    wrong: list[Diagnostic] = []
    for recipe in named:
        try:
            comparison = tree.compare(recipe, only_reached=not recipes)
        except RecipeError as error:
            wrong += error.diagnostics
            continue
        if comparison is not None:
            yield comparison
    if wrong:
        raise RecipeError(tuple(dict.fromkeys(wrong)))
