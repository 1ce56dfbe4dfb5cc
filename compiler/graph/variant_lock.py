"""The parts of a lock: what it pins of the recipe itself, and of each variant of its ablations, under the variant's prefix."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from dataclasses import replace
from typing import Any, TypeVar

from compiler.graph.lock import Lock
from compiler.recipe.ablations import ABLATIONS, VariantName

V = TypeVar("V")
#: What a variant has of its own; operators, profiles and packages are what they are in all of them.
OWN = ("sources", "prompts", "tables", "outputs", "weights")
#: Of these a variant writes only what is not as the recipe itself has it: a source may have ten thousand files.
AS_BASE = ("sources", "weights")
SHARED = ("profiles", "operators", "packages")


def of_recipe(lock: Lock) -> Lock:
    """What a lock pins of the recipe itself."""
    own: dict[str, Any] = {part: without_prefix(getattr(lock, part), f"{ABLATIONS}.") for part in OWN}
    return replace(lock, **own)


def of_variant(lock: Lock, chosen: VariantName, names: Container[str]) -> Lock | None:
    """What a lock pins of a variant with sources and models of these names; None where it was not locked."""
    own: dict[str, Any] = {part: under(getattr(lock, part), chosen.prefix) for part in OWN}
    if not own["outputs"]:
        return None
    for part in AS_BASE:
        base = {name: value for name, value in getattr(of_recipe(lock), part).items() if name in names}
        own[part] = base | own[part]
    return replace(lock, frozen={}, **own)


def kept_of(lock: Lock, chosen: VariantName) -> Lock:
    """What a lock pins of a variant, to be written again."""
    own: dict[str, Any] = {part: under(getattr(lock, part), chosen.prefix) for part in OWN}
    for part in AS_BASE:
        own[part] = {**getattr(of_recipe(lock), part), **own[part]}
    return replace(lock, **own)


def with_variants(base: Lock, parts: Mapping[VariantName, Lock]) -> Lock:
    """A lock of a recipe and of variants of it."""
    more: dict[str, Any] = {part: dict(getattr(base, part)) for part in (*OWN, *SHARED)}
    for chosen, lock in reversed([*parts.items()]):  # the last ones were made now
        for part in OWN:
            same = getattr(base, part) if part in AS_BASE else {}
            said = getattr(lock, part).items()
            more[part] |= {chosen.prefix + name: value for name, value in said if name not in same or same[name] != value}
        for part in SHARED:
            more[part] = {**getattr(lock, part), **more[part]}
    return replace(base, **more)


def without_prefix(values: Mapping[str, V], prefix: str) -> Mapping[str, V]:
    return {name: value for name, value in values.items() if not name.startswith(prefix)}


def under(values: Mapping[str, V], prefix: str) -> dict[str, V]:
    return {name.removeprefix(prefix): value for name, value in values.items() if name.startswith(prefix)}


def locked_variants(lock: Lock, declared: Iterable[VariantName]) -> list[VariantName]:
    """The variants that a recipe still has and that a lock pins."""
    return [each for each in declared if under(lock.outputs, each.prefix)]
