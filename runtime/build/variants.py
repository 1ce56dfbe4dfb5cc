"""The variants of a recipe's ablations, each opened as a recipe of its own on the same store; and what is wrong in them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from compiler.recipe.ablations import ABLATIONS, VariantName, ablations_of, told, told_at_patch
from compiler.text.diagnostics import Diagnostic, RecipeError, meant
from runtime.build.session import Session


def variant_of(targets: Iterable[str]) -> tuple[VariantName | None, tuple[str, ...]]:
    """(the variant whose outputs are named, their names in it); None for outputs of the recipe itself.

    Raises RecipeError for names that are of several, and for those that are no output of a variant.
    """
    found: dict[VariantName | None, list[str]] = {}
    for target in targets:
        if not target.startswith(f"{ABLATIONS}."):
            found.setdefault(None, []).append(target)
            continue
        _, name, variant, output = [*target.split(".", 3), "", "", ""][:4]
        if not output:
            hint = f"an output of a variant is `{ABLATIONS}.NAME.VARIANT.dataset`; --ablation NAME means all its variants"
            raise RecipeError(Diagnostic(f"`{target}` names no output of a variant", None, hint))
        found.setdefault(VariantName(name, variant), []).append(output)
    if len(found) > 1:
        raise RecipeError(Diagnostic("these are outputs of several variants", None, "name those of one, or say --ablation NAME"))
    return next(((chosen, tuple(names)) for chosen, names in found.items()), (None, ()))


def open_variants(session: Session, name: str | None = None) -> dict[VariantName, Session]:
    """Every variant of an ablation, or of all; raises RecipeError with every mistake of the recipe and of these variants.

    Their graphs are made on the way, of files that are looked at once.
    """
    problems: list[Diagnostic] = []
    try:
        _ = session.graph
    except RecipeError as error:
        problems += error.diagnostics
    node = session.text.node
    ablations = ablations_of(node)
    if name is not None and name not in ablations:
        hint = meant(name, ablations, told("ablations", ablations) if ablations else "add `ablations:`")
        raise RecipeError((*problems, Diagnostic(f"there is no ablation `{name}`", None, hint)))
    opened, known = {}, frozenset(problems)
    for chosen in (each for ablation in ablations.values() for each in ablation.names if name in (None, ablation.name)):
        opened[chosen] = variant = replace(session, variant=chosen)
        try:
            variant.__dict__["whole_lock"] = session.whole_lock  # which is read once
            variant.found.digests.update(session.found.digests)
            _ = variant.graph
        except RecipeError as error:
            problems += told_at_patch((each for each in error.diagnostics if each not in known), chosen, node)
        else:
            session.found.digests.update(variant.found.digests)
    if problems:
        raise RecipeError(tuple(dict.fromkeys(problems)))
    return opened
