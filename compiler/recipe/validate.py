"""What the JSON Schema finds in a recipe, in words for people and at the right place."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from compiler.recipe.fits import FORMATS, fits
from compiler.text.diagnostics import Diagnostic, suggest
from compiler.text.document import TextNode
from compiler.text.places import (
    Path,
    address_of,
    as_written,
    is_scalar,
    is_shown_by_key,
    name_of,
    node_at,
    written,
)
from compiler.text.scalars import hint_number
from operators.base.licence import CLASSES, NAMED

_KINDS = {
    "integer": "a whole number",
    "number": "a number",
    "string": "text",
    "boolean": "`true` or `false`",
    "array": "a list",
    "object": "a map of keys",
    "null": "nothing",
}
_BOUNDS = {
    "minimum": "at least",
    "maximum": "at most",
    "exclusiveMinimum": "more than",
    "exclusiveMaximum": "less than",
    "multipleOf": "a multiple of",
}
_SIZES = {
    "minItems": ("at least", "item", "items"),
    "maxItems": ("at most", "item", "items"),
    "minLength": ("at least", "character", "characters"),
    "maxLength": ("at most", "character", "characters"),
    "minProperties": ("at least", "key", "keys"),
    "maxProperties": ("at most", "key", "keys"),
}


class Mistake(NamedTuple):
    """One thing that a schema finds, and what is to be left out so that it is right."""

    path: Path
    diagnostic: Diagnostic
    missing: bool
    """Whether it is that something is not there."""
    meant: str | None = None
    """The key that was probably meant, where it is that a key is not known."""


class Fault(NamedTuple):
    """One thing that a schema finds, in words."""

    path: Path
    """That of the node."""
    message: str
    hint: str | None
    key: str | None = None
    """The key in the node that is wrong, where not the node is."""
    missing: bool = False
    lacks: str | None = None
    """The key that is missing."""
    meant: str | None = None
    """The key that was probably meant by one that is not known."""

    @property
    def whole(self) -> Path:
        """The path of what is wrong."""
        return self.path if self.key is None else [*self.path, self.key]


def mistakes(node: TextNode, schema: Mapping[str, Any]) -> list[Mistake]:
    """Every mistake of a recipe against a schema, once."""
    plain = node.plain()
    if fits(plain, schema):
        return []
    import jsonschema  # ten start-ups of an interpreter, for recipes that have a mistake

    formats = jsonschema.FormatChecker(())
    for name, admits in FORMATS.items():
        formats.checks(name)(admits)
    errors = jsonschema.Draft202012Validator(dict(schema), format_checker=formats).iter_errors(plain)
    faults = list(_word_all(node, errors))
    misspelt = {(*fault.path, fault.meant) for fault in faults if fault.meant is not None}
    found: dict[tuple[object, ...], Mistake] = {}
    for fault in faults:
        path, message, hint, key = fault[:4]
        # `licence` for `license` is one mistake, not a key too many and a key too few.
        if (*path, fault.lacks) in misspelt:
            continue
        # One scalar is wrong in one way: its type, before its pattern or length.
        place = (*path, key, "" if is_scalar(node, path) else message)
        span = node.find(fault.whole, key=key is not None or is_shown_by_key(node, path))
        if not path and key is None:
            message = message.replace("the recipe", f"the {schema.get('title', 'recipe')}", 1)
        found.setdefault(place, Mistake(fault.whole, Diagnostic(message, span, hint), fault.missing, fault.meant))
    return list(found.values())


def _word_all(root: TextNode, errors: Iterable[Any]) -> Iterable[Fault]:
    for error in sorted(errors, key=lambda one: (one.validator != "type", one.validator != "enum")):
        yield from _word(root, error)


def _word(root: TextNode, error: Any) -> Iterable[Fault]:
    path, kind = list(error.absolute_path), error.validator
    wanted, value = error.validator_value, error.instance
    name, shown = name_of(path), f"`{written(root, path)}`"
    around = error.parent.schema if error.parent is not None and list(error.parent.absolute_path) == path else {}
    description = _first(error.schema.get("description") or around.get("description"))  # one form of several has none of its own
    if "propertyNames" in error.relative_schema_path:
        yield Fault(path, f"`{value}` cannot be a name here", _describe_pattern(error.schema), value)
    elif kind in ("anyOf", "oneOf") and error.context:
        yield from _word_branches(root, error)
    elif kind in ("additionalProperties", "unevaluatedProperties") and isinstance(value, dict):
        yield from _unknown_keys(path, value, error.schema)
    elif kind == "required":
        for lacks in (each for each in wanted if each not in value):
            part = error.schema.get("properties", {}).get(lacks, {})
            message = f"{address_of(path)} needs `{lacks}`"
            yield Fault(path, message, _first(part.get("description")), missing=True, lacks=lacks)
    elif kind == "type":
        yield _word_type(root, path, _listed(wanted), description)
    elif kind in CHOICES:
        fault = _word_choice(root, path, _choices(error))
        yield fault._replace(hint=fault.hint or description)
    elif kind in _BOUNDS:
        yield Fault(path, f"{name} must be {_BOUNDS[kind]} {wanted}, not {shown}", description)
    elif kind == "minLength" and not value:
        yield Fault(path, f"{name} must not be empty", description)
    elif kind in _SIZES:
        limit, one, many = _SIZES[kind]
        few = limit == "at least"
        message = f"{name} {'needs' if few else 'takes'} {limit} {wanted} {one if wanted == 1 else many}, not {len(value)}"
        yield Fault(path, message, description, missing=few)
    elif kind == "uniqueItems":
        first: dict[str, int] = {}
        for place, item in enumerate(map(as_written, value)):
            if first.setdefault(item, place) != place:
                yield Fault([*path, place], f"`{written(root, [*path, place])}` stands in {name} twice", "remove one")
    elif kind == "pattern":
        yield Fault(path, f"{name} cannot be {shown}", description or f"it must match `{wanted}`")
    elif kind == "format":
        nearest = suggest(str(value), NAMED)
        hint = f"did you mean `{nearest}`? else say the class: {description}" if nearest else description
        yield Fault(path, f"{name} is a class ({', '.join(CLASSES)}) or a licence that is known here, not {shown}", hint)
    elif kind == "not":
        yield Fault(path, description or f"{name} is not allowed here", None)
    else:
        yield Fault(path, f"{name} is not valid: {error.message[:200]}", description)


def _unknown_keys(path: Path, value: dict[str, Any], schema: Mapping[str, Any]) -> Iterable[Fault]:
    known = schema.get("properties", {})
    patterns = schema.get("patternProperties", {})
    for key in value:
        if key not in known and not any(re.search(pattern, key) for pattern in patterns):
            nearest = None if patterns and not known else suggest(key, known)
            hint = _first(schema.get("description")) if patterns and not known else _hint_known(nearest, known)
            yield Fault(path, f"unknown key `{key}`", hint, key, meant=nearest)


def _word_choice(root: TextNode, path: Path, choices: Sequence[Any]) -> Fault:
    words = [str(choice) if isinstance(choice, str) else as_written(choice) for choice in choices]
    text = written(root, path)
    if len(words) == 1:
        return Fault(path, f"{name_of(path)} must be `{words[0]}`, not `{text}`", None)
    nearest = suggest(text, words)
    hint = f"did you mean `{nearest}`?" if nearest else None
    if nearest == text:  # `1` where 1 is meant
        hint = f"write {text} without quotes" if node_at(root, path).quoted else f'put it in quotes: "{text}"'
    return Fault(path, f"{name_of(path)} is one of {_some(words)}, not `{text}`", hint)


def _some(words: list[str]) -> str:
    """Words as a sentence has them, no more than twenty."""
    return ", ".join(words[:20]) + (", ..." if len(words) > 20 else "")


#: What fixes a value, or lists those that it may have.
CHOICES = ("const", "enum")


def _choices(error: Any) -> list[Any]:
    return [error.validator_value] if error.validator == "const" else list(error.validator_value)


def _listed(types: str | list[str]) -> list[str]:
    return [types] if isinstance(types, str) else types


def _word_branches(root: TextNode, error: Any) -> Iterable[Fault]:
    """Of several forms, speak about the one that the person probably meant."""
    here = list(error.absolute_path)
    branches: dict[int, list[Any]] = {}
    for inner in error.context:
        branches.setdefault(inner.relative_schema_path[0], []).append(inner)
    apart = [[one for one in inside if list(one.absolute_path) == here] for inside in branches.values()]
    if all(any(one.validator == "type" for one in inside) for inside in apart):
        types = [one.validator_value for inside in apart for one in inside if one.validator == "type"]
        wanted = [kind for kind in dict.fromkeys(kind for each in types for kind in _listed(each)) if kind != "null"]
        yield _word_type(root, here, wanted or ["null"], _first(error.schema.get("description")))
        return
    chosen = _same_choice(branches.values())
    if chosen is not None:
        yield _word_choice(root, *chosen)
        return
    if isinstance(error.instance, dict) and all(
        any(one.validator == "additionalProperties" for one in inside) for inside in apart
    ):
        known = {key: None for inside in apart for one in inside for key in one.schema.get("properties", {})}
        strange = list(_unknown_keys(here, error.instance, {"properties": known}))
        if strange:
            yield from strange
            return
    best = min(branches.values(), key=lambda inside: _misfit(inside, here))
    yield from _word_all(root, best)


def _same_choice(branches: Collection[list[Any]]) -> tuple[Path, list[Any]] | None:
    """The key that every form fixes to another value, with those values."""
    found: dict[tuple[str | int, ...], list[list[Any]]] = {}
    for one in (one for inside in branches for one in inside if one.validator in CHOICES):
        found.setdefault(tuple(one.absolute_path), []).append(_choices(one))
    shared = (path for path, lists in found.items() if len(lists) == len(branches))
    return next(((path, [value for values in found[path] for value in values]) for path in shared), None)


def _misfit(inside: list[Any], here: Path) -> tuple[int, int, int, int]:
    top = [one for one in inside if list(one.absolute_path) == here]
    return (
        sum(one.validator == "type" or (one.validator in CHOICES and not _same_kind(one)) for one in top),
        sum(one.validator in CHOICES for one in inside),
        sum(one.validator in ("required", "additionalProperties") for one in top),
        len(inside),
    )


def _same_kind(error: Any) -> bool:
    return any(type(value) is type(error.instance) for value in _choices(error))


def _word_type(root: TextNode, path: Path, wanted: Sequence[str], description: str | None) -> Fault:
    kinds = [_KINDS[kind] for kind in wanted if not (kind == "integer" and "number" in wanted)]
    takes = f"{name_of(path)} takes " + (kinds[0] if len(kinds) == 1 else f"{', '.join(kinds[:-1])} or {kinds[-1]}")
    node, hint = node_at(root, path), _hint_type(root, path, wanted) or description
    if node.value is None:
        return Fault(path, f"{takes}, but has no value", hint, missing=True)
    if isinstance(node.value, dict | list):
        return Fault(path, f"{takes}, not {_KINDS['object' if isinstance(node.value, dict) else 'array']}", hint)
    quote = '"' if node.quoted and isinstance(node.value, str) else ""
    return Fault(path, f"{takes}, not `{quote}{written(root, path)}{quote}`", hint)


def _hint_type(root: TextNode, path: Path, wanted: Sequence[str]) -> str | None:
    node = node_at(root, path)
    text = node.text or ""
    if isinstance(node.value, str) and ("integer" in wanted or "number" in wanted) and (hint := hint_number(text)):
        return hint
    if "boolean" in wanted and isinstance(node.value, str | int):
        return "write true or false"
    if "string" in wanted and isinstance(node.value, bool | int | float):
        return f'put it in quotes: "{text}"'
    if "array" in wanted and not isinstance(node.value, dict) and node.text and len(text) < 40:
        return f"write a list: [{text}]"
    return None


def _hint_known(nearest: str | None, known: Collection[str]) -> str:
    if nearest is not None:
        return f"did you mean `{nearest}`?"
    return f"known keys: {_some([*known])}" if known else "no keys are taken here"


def _describe_pattern(schema: Mapping[str, Any]) -> str | None:
    description = _first(schema.get("description"))
    return description or (f"a name matches `{schema['pattern']}`" if "pattern" in schema else None)


def _first(description: Any) -> str | None:
    return description.split("\n")[0] if isinstance(description, str) and description else None
