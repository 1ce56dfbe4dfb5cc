"""Operators of other packages: each joins by an entry point under its own name, and is imported when a recipe names it."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Any, get_args

from operators.asks.asks import Asks
from operators.base.cut import Cut
from operators.base.declare import Declared, Map, Measure, Operator, SetDecision, Step, role_of
from operators.catalog import CATALOG, OPERATORS
from operators.grow.expand import Expand

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

#: The group of entry points under which packages name their operators.
GROUP = "data_recipe.operators"
#: What the compiler and the runtime know how to lower and run; a `Cut` brings a kind of stage, and that is no operator alone.
FAMILIES: tuple[type[Step], ...] = (Measure, Map, SetDecision, Expand, Asks)

#: Keys of a step that are no operators of a package.
BESIDE = frozenset({"name", "before", "after", "drop", "measure"})


class Unusable(Exception):
    """An operator that a package offers and that cannot be used."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.hint = hint


@cache
def offers() -> Mapping[str, tuple[EntryPoint, ...]]:
    """Name -> the entry points of all installed packages that offer an operator under it, by the packages' names.

    It reads the metadata of every package, so nobody asks who has not met a name that is not one of ours.
    """
    from importlib.metadata import entry_points

    found: dict[str, tuple[EntryPoint, ...]] = {}
    for entry in sorted(entry_points(group=GROUP), key=bringing):
        found[entry.name] = (*found.get(entry.name, ()), entry)
    return found


def bringing(entry: EntryPoint) -> str:
    """The name of the package that an entry point is of."""
    return entry.dist.name if entry.dist is not None else entry.value


@cache
def plugin(name: str) -> type[Step]:
    """The operator that a package offers under a name; raises LookupError where none does, and Unusable."""
    if name not in offers():
        raise LookupError(name)
    entry, *others = offers()[name]
    shown = f"the operator `{name}` of the package `{bringing(entry)}`"
    if name in OPERATORS or name in BESIDE:
        raise Unusable(f"{shown} cannot join: its name is taken", "give it another name there")
    if others:
        packages = " and ".join(f"`{bringing(each)}`" for each in (entry, *others))
        raise Unusable(f"more than one package brings an operator `{name}`: {packages}", "uninstall all but one of them")
    try:
        kind = entry.load()
    except (Exception, SystemExit) as error:  # code of others may raise anything when it is imported
        reason = f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
        raise Unusable(f"{shown} cannot be imported: {reason}", f"its entry point is `{entry.value}`") from error
    if (fault := fault_of(kind, name)) is not None:
        raise Unusable(f"{shown} cannot join: {fault}", f"its entry point is `{entry.value}`")
    found: type[Step] = kind
    return found


def fault_of(kind: Any, name: str) -> str | None:
    """What an operator of ours has and this lacks, or None."""
    if not (inspect.isclass(kind) and issubclass(kind, FAMILIES)):
        cut = inspect.isclass(kind) and issubclass(kind, Cut)
        families = ", ".join(f"`{each.__name__}`" for each in FAMILIES)
        return "a kind of stage of its own cannot come from a package" if cut else f"it is no class below {families}"
    said = getattr(kind, "name", None)
    if said != name:
        return f"its entry point is called `{name}`, and its `name` is {said!r}"
    if not (type(kind.version) is int and kind.version >= 1):
        return f"its `version` is {kind.version!r}, and that is a whole number from 1"
    if not (vars(kind).get("__doc__") or "").strip():
        return "its class has no docstring, which is its page of the reference"
    try:
        [role_of(kind, each) for each in kind.model_fields]
        kind.model_json_schema(by_alias=True)
        inspect.getsource(kind)
    except Exception as error:  # noqa: BLE001 - a class of others may be wrong in any way, and that is told
        return f"its fields have no schema: {type(error).__name__}: {' '.join(str(error).split())[:200]}"
    return None


def step_named(name: str) -> type[Step] | None:
    """The operator that a step may name: ours, or that of another package if it can be used."""
    if name in CATALOG:
        return CATALOG[name]
    try:
        return plugin(name)
    except (LookupError, Unusable):
        return None


def package_of(kind: type[Operator]) -> str | None:
    """The package that an operator in use comes from; None where it is one of ours."""
    return None if kind.name in OPERATORS or kind.name not in offers() else bringing(offers()[kind.name][0])


def parts_of(kind: type[Declared]) -> tuple[type[Declared], ...]:
    """The declarations that stand inside the fields of one, at any depth, each once."""
    found: dict[type[Declared], None] = {}

    def walk(annotation: Any) -> None:
        if inspect.isclass(annotation) and issubclass(annotation, Declared) and annotation not in found:
            found[annotation] = None
            for info in annotation.model_fields.values():
                walk(info.annotation)
        for part in get_args(annotation):
            walk(part)

    for info in kind.model_fields.values():
        walk(info.annotation)
    return tuple(found)
