"""What the JSON Schema finds in a recipe, in words for people and at the right place."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
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


def validate(node: TextNode, schema: Mapping[str, Any]) -> list[Diagnostic]:
    """Check a recipe against a schema; give every mistake once."""
    return list(dict.fromkeys(mistake.diagnostic for mistake in mistakes(node, schema)))


class Mistake(NamedTuple):
    """One thing that a schema finds, and what is to be left out so that it is right."""

    path: Path
    diagnostic: Diagnostic
    missing: bool
    """Whether it is that something is not there."""
    meant: str | None = None
    """The key that was probably meant, where it is that a key is not known."""


#: The hint of an unknown key that is like a known one.
MEANT = re.compile(r"did you mean `([^`]+)`\?")


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
    words = list(_word_all(node, errors))
    misspelt = {(tuple(path), hint) for path, key, _, hint in words if key is not None}
    found: dict[tuple[object, ...], Mistake] = {}
    for path, key, message, hint in words:
        # `licence` for `license` is one mistake, not a key too many and a key too few.
        missing = message.rpartition(" needs ")[2]
        if key is None and (tuple(path), f"did you mean {missing}?") in misspelt:
            continue
        # One scalar is wrong in one way: its type, before its pattern or length.
        place = (*path, key, "" if is_scalar(node, path) else message)
        span = node.find(path if key is None else [*path, key], key=key is not None or is_shown_by_key(node, path))
        if not path and key is None:
            message = message.replace("the recipe", f"the {schema.get('title', 'recipe')}", 1)
        whole = list(path) if key is None else [*path, key]
        lacks = key is None and (" needs " in message or message.endswith("has no value"))
        meant = MEANT.fullmatch(hint or "") if key is not None else None
        found.setdefault(place, Mistake(whole, Diagnostic(message, span, hint), lacks, meant and meant[1]))
    return list(found.values())


Word = tuple[Path, str | None, str, str | None]
"""Path of the node, the key in it that is meant, message, hint."""


def _word_all(root: TextNode, errors: Iterable[Any]) -> Iterable[Word]:
    for error in sorted(errors, key=lambda one: (one.validator != "type", one.validator != "enum")):
        yield from _word(root, error)


def _word(root: TextNode, error: Any) -> Iterable[Word]:
    path, kind, wanted, value = (
        list(error.absolute_path),
        error.validator,
        error.validator_value,
        error.instance,
    )
    name, shown = name_of(path), f"`{written(root, path)}`"
    description = _first(error.schema.get("description"))
    if "propertyNames" in error.relative_schema_path:
        yield path, value, f"`{value}` cannot be a name here", _describe_pattern(error.schema)
    elif kind in ("anyOf", "oneOf") and error.context:
        yield from _word_branches(root, error)
    elif kind in ("additionalProperties", "unevaluatedProperties") and isinstance(value, dict):
        yield from _unknown_keys(path, value, error.schema)
    elif kind == "required":
        for missing in wanted:
            if missing not in value:
                part = error.schema.get("properties", {}).get(missing, {})
                yield path, None, f"{address_of(path)} needs `{missing}`", _first(part.get("description"))
    elif kind == "type":
        wanted = [wanted] if isinstance(wanted, str) else wanted
        yield path, None, _word_type(root, path, wanted), _hint_type(root, path, wanted) or description
    elif kind in ("enum", "const"):
        word = _word_choice(root, path, wanted if kind == "enum" else [wanted])
        yield word if word[3] else (*word[:3], description)
    elif kind in _BOUNDS:
        yield path, None, f"{name} must be {_BOUNDS[kind]} {wanted}, not {shown}", description
    elif kind == "minLength" and not value:
        yield path, None, f"{name} must not be empty", description
    elif kind in _SIZES:
        limit, one, many = _SIZES[kind]
        message = f"{name} needs {limit} {wanted} {one if wanted == 1 else many}, not {len(value)}"
        yield path, None, message.replace("needs at most", "takes at most"), description
    elif kind == "uniqueItems":
        seen: set[str] = set()
        for index, item in enumerate(value):
            before = len(seen)
            seen.add(as_written(item))
            if len(seen) == before:
                yield (
                    [*path, index],
                    None,
                    f"`{written(root, [*path, index])}` stands in {name} twice",
                    "remove one",
                )
    elif kind == "pattern":
        yield path, None, f"{name} cannot be {shown}", description or f"it must match `{wanted}`"
    elif kind == "format":
        near = suggest(str(value), NAMED)
        hint = f"did you mean `{near}`? else say the class: {description}" if near else description
        yield path, None, f"{name} is a class ({', '.join(CLASSES)}) or a licence that is known here, not {shown}", hint
    elif kind == "not":
        yield path, None, description or f"{name} is not allowed here", None
    else:
        yield path, None, f"{name} is not valid: {error.message[:200]}", description


def _unknown_keys(path: Path, value: dict[str, Any], schema: Mapping[str, Any]) -> Iterable[Word]:
    known = schema.get("properties", {})
    patterns = schema.get("patternProperties", {})
    for key in value:
        if key not in known and not any(re.search(pattern, key) for pattern in patterns):
            hint = _first(schema.get("description")) if patterns and not known else _hint_known(key, known, "known keys")
            yield path, key, f"unknown key `{key}`", hint


def _word_choice(root: TextNode, path: Path, choices: Sequence[Any]) -> Word:
    words = [str(choice) if isinstance(choice, str) else as_written(choice) for choice in choices]
    text = written(root, path)
    if len(words) == 1:
        return path, None, f"{name_of(path)} must be `{words[0]}`, not `{text}`", None
    close = suggest(text, words)
    hint = f"did you mean `{close}`?" if close and close != text else None
    if close == text:  # `1` where 1 is meant
        hint = f"write {text} without quotes" if node_at(root, path).quoted else f'put it in quotes: "{text}"'
    shown = ", ".join(words[:20]) + (", ..." if len(words) > 20 else "")
    return path, None, f"{name_of(path)} is one of {shown}, not `{text}`", hint


def _word_branches(root: TextNode, error: Any) -> Iterable[Word]:
    """Of several forms, speak about the one that the person probably meant."""
    here = list(error.absolute_path)
    branches: dict[int, list[Any]] = {}
    for inner in error.context:
        branches.setdefault(inner.relative_schema_path[0], []).append(inner)
    apart = [[one for one in inside if list(one.absolute_path) == here] for inside in branches.values()]
    types = [one for inside in apart for one in inside if one.validator == "type"]
    if all(any(one.validator == "type" for one in inside) for inside in apart):
        wanted = [
            kind
            for one in types
            for kind in ([one.validator_value] if isinstance(one.validator_value, str) else one.validator_value)
        ]
        wanted = [kind for kind in dict.fromkeys(wanted) if kind != "null"] or ["null"]
        hint = _hint_type(root, here, wanted) or _first(error.schema.get("description"))
        yield here, None, _word_type(root, here, wanted), hint
        return
    chosen = _same_choice(branches.values())
    if chosen is not None:
        path, choices = chosen
        yield _word_choice(root, path, choices)
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


def _same_choice(branches: Iterable[list[Any]]) -> tuple[Path, list[Any]] | None:
    """The key that every form fixes to another value, with those values."""
    found: dict[tuple[str | int, ...], list[list[Any]]] = {}
    count = 0
    for inside in branches:
        count += 1
        for one in inside:
            if one.validator in ("const", "enum"):
                values = [one.validator_value] if one.validator == "const" else list(one.validator_value)
                found.setdefault(tuple(one.absolute_path), []).append(values)
    for path, lists in found.items():
        if len(lists) == count:
            return path, [value for values in lists for value in values]
    return None


def _misfit(inside: list[Any], here: Path) -> tuple[int, int, int, int]:
    top = [one for one in inside if list(one.absolute_path) == here]
    return (
        sum(one.validator == "type" or (one.validator in ("enum", "const") and not _same_kind(one)) for one in top),
        sum(one.validator in ("enum", "const") for one in inside),
        sum(one.validator in ("required", "additionalProperties") for one in top),
        len(inside),
    )


def _same_kind(error: Any) -> bool:
    values = [error.validator_value] if error.validator == "const" else error.validator_value
    return any(type(value) is type(error.instance) for value in values)


def _word_type(root: TextNode, path: Path, wanted: Sequence[str]) -> str:
    kinds = [_KINDS[kind] for kind in wanted if not (kind == "integer" and "number" in wanted)]
    words = kinds[0] if len(kinds) == 1 else f"{', '.join(kinds[:-1])} or {kinds[-1]}"
    node = node_at(root, path)
    if node.value is None:
        return f"{name_of(path)} takes {words}, but has no value"
    if isinstance(node.value, dict | list):
        kind = "object" if isinstance(node.value, dict) else "array"
        return f"{name_of(path)} takes {words}, not {_KINDS[kind]}"
    quote = '"' if node.quoted and isinstance(node.value, str) else ""
    return f"{name_of(path)} takes {words}, not `{quote}{written(root, path)}{quote}`"


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


def _hint_known(word: str, known: Iterable[str], kind: str) -> str | None:
    words = list(known)
    close = suggest(word, words)
    if close:
        return f"did you mean `{close}`?"
    shown = ", ".join(words[:20]) + (", ..." if len(words) > 20 else "")
    return f"{kind}: {shown}" if words else "no keys are taken here"


def _describe_pattern(schema: Mapping[str, Any]) -> str | None:
    description = _first(schema.get("description"))
    return description or (f"a name matches `{schema['pattern']}`" if "pattern" in schema else None)


def _first(description: Any) -> str | None:
    return description.split("\n")[0] if isinstance(description, str) and description else None
