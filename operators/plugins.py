"""Operators of other packages: each joins by an entry point under its own name, and is imported when a recipe names it."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Mapping
from decimal import Decimal
from functools import cache
from pathlib import PurePath
from traceback import walk_tb
from types import UnionType
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_args, get_origin

from operators.asks.asks import Asks
from operators.base.cut import Cut
from operators.base.declare import (
    COSTS,
    Declared,
    Map,
    Measure,
    Operator,
    Repeats,
    Role,
    SetDecision,
    Step,
    role_of,
)
from operators.catalog import CATALOG, OPERATORS
from operators.grow.expand import Expand

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

#: The group of entry points under which packages name their operators.
GROUP = "data_recipe.operators"
#: What the compiler and the runtime know how to lower and run; a `Cut` brings a kind of stage, and that is no operator alone.
FAMILIES: tuple[type[Step], ...] = (Measure, Map, SetDecision, Expand, Asks)

#: The types whose values have a form that a key can hold.
KEYED = (bool, int, str, type(None), Decimal, tuple, list, dict, Mapping, Declared)
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
    if (fault := fault_of_settled(kind) or fault_of_fields(kind)) is not None:
        return fault
    try:
        kind.model_json_schema(by_alias=True)
        inspect.getsource(kind)
    except Exception as error:  # noqa: BLE001 - a class of others may be wrong in any way, and that is told
        return f"its fields have no schema: {type(error).__name__}: {' '.join(str(error).split())[:200]}"
    return None


def fault_of_settled(kind: type[Step]) -> str | None:
    """What is wrong with what a class says of itself beside its fields, or None."""
    wrong = {
        "cost": issubclass(kind, Measure) and kind.cost not in COSTS,
        "repeats": kind.repeats not in get_args(Repeats),
        "rests_on": not are_names(kind.rests_on),
        "may_lack": not are_names(kind.may_lack),
        "values": issubclass(kind, Measure) and not (are_names(getattr(kind, "values", None)) and kind.values),
    }
    found = next((name for name, is_wrong in wrong.items() if is_wrong), None)
    wanted = {"cost": f"one of {', '.join(COSTS)}", "repeats": f"one of {', '.join(get_args(Repeats))}"}
    return found and f"its `{found}` is {getattr(kind, found, None)!r}, and that is {wanted.get(found, 'a tuple of names')}"


def are_names(said: Any) -> bool:
    """Whether it is a tuple of texts, none of them twice."""
    return isinstance(said, tuple) and all(isinstance(each, str) for each in said) and len({*said}) == len(said)


def fault_of_fields(kind: type[Step]) -> str | None:
    """What is wrong with its fields, or None: whatever decides its result has to enter its key."""
    for name, info in kind.model_fields.items():
        # Without `ClassVar` a `version` is a parameter, and that of the class stays what it was.
        if any(name in vars(base) for base in kind.__mro__[1:]):
            return f"its field `{name}` hides what every operator has; is it to be a `ClassVar`?"
        if (role := role_of(kind, name)) not in get_args(Role):
            return f"its field `{name}` is marked {role!r}, and that is one of {', '.join(get_args(Role))}"
        if role not in ("tuning", "label") and (odd := without_form(info.annotation)) is not None:
            return f"its field `{name}` holds a `{odd}`, which no key can hold: take `int`, `str`, `Decimal` or a tuple"
    return None


def without_form(annotation: Any) -> str | None:
    """The name of a type in an annotation that no key can hold, at any depth; None where there is none."""
    origin, parts = get_origin(annotation), get_args(annotation)
    if origin is Literal:
        return None
    if origin is Annotated:
        return without_form(parts[0])
    kind = annotation if origin is None else origin
    if inspect.isclass(kind) and kind is not UnionType and not issubclass(kind, KEYED):
        return kind.__name__
    if is_declared(kind):
        parts = tuple(info.annotation for info in kind.model_fields.values())
    return next((odd for part in parts if (odd := without_form(part)) is not None), None)


def is_declared(annotation: Any) -> bool:
    return inspect.isclass(annotation) and issubclass(annotation, Declared)


def at_fault(error: BaseException) -> tuple[str, str] | None:
    """(what failed, where and what that means) of a failure inside the code of a package; None of any other.

    It has no memory: packages that were asked for are known, and so are the modules that their entry points name.
    """
    if not offers.cache_info().currsize:
        return None
    roots = {entry.module.partition(".")[0]: entry for each in offers().values() for entry in each if entry.module in sys.modules}
    for frame, line in reversed([*walk_tb(error.__traceback__)]):
        if (entry := roots.get(str(frame.f_globals.get("__name__")).partition(".")[0])) is not None:
            kind = type(frame.f_locals.get("self"))
            name = f"the operator `{kind.name}` of " if issubclass(kind, Operator) else ""
            reason = f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
            place = f"{PurePath(frame.f_code.co_filename).name}:{line}, in `{frame.f_code.co_name}`"
            hint = f"{place}; this is a mistake in the operator, not in the recipe; nothing was recorded of the step"
            return f"{name}the package `{bringing(entry)}` failed: {reason}", hint
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
