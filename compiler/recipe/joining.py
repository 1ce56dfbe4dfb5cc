"""Operators of other packages in a recipe: its schema with those that it names, and what is wrong with them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from compiler.text.diagnostics import Diagnostic, suggest
from compiler.text.document import TextNode
from compiler.text.spans import Span
from operators.base.declare import Measure
from operators.catalog import CATALOG
from operators.plugins import BESIDE, GROUP, Unusable, offers, package_of, parts_of, plugin

Schema = Mapping[str, Any]


def strangers(node: TextNode) -> dict[str, list[Span]]:
    """Name -> its places, of every operator that the steps of a recipe name and that is none of ours."""
    found: dict[str, list[Span]] = {}
    for name, span in named_in(node):
        if name not in CATALOG and name not in BESIDE:
            found.setdefault(name, []).append(span)
    return found


def named_in(node: TextNode) -> Iterator[tuple[str, Span]]:
    """The operators that steps name, wherever steps may stand."""
    for section, entry in node.entries.items():
        lists = [entry.node] if section != "outputs" else []
        if section == "tables":
            lists = [
                each.node for table in entry.node.entries.values() for key, each in table.node.entries.items() if key != "from"
            ]
        for item in (item for each in lists for item in each.items):
            if isinstance(item.value, str):
                yield item.value, item.span
            for key, part in item.entries.items():
                if key != "measure":
                    yield key, part.key_span
                    continue
                for column in part.node.entries.values():
                    yield from ((kind, inner.key_span) for kind, inner in column.node.entries.items())


def with_plugins(node: TextNode, schema: Schema, locked: Callable[[], Mapping[str, str]], problems: list[Diagnostic]) -> Schema:
    """The schema of a recipe with the operators of other packages that it names.

    `locked` says which package brought an operator when the recipe was locked. What cannot be used goes into `problems`, and
    is no mistake of the schema besides.
    """
    for name, spans in strangers(node).items():
        try:
            schema = join(schema, name)
            continue
        except Unusable as error:
            message, hint = str(error), error.hint
        except LookupError:
            if (package := locked().get(name)) is None:
                continue
            message = f"the operator `{name}` is of the package `{package}`, which is not installed"
            hint = f"pip install {package}"
        schema = widened(schema, name, {}, measure=True, defined={})
        problems += [Diagnostic(message, span, hint) for span in spans]
    return schema


def join(schema: Schema, name: str) -> Schema:
    """A schema with the operator that a package offers under a name; raises LookupError where none does, and Unusable."""
    from compiler.recipe.schema import PARTS, object_schema, step_parameters

    kind = plugin(name)
    parts = {each.__name__: each for each in parts_of(kind) if each not in PARTS}
    for taken in (each for each in (name, *parts) if each in schema["$defs"]):
        what = "its name" if taken == name else f"the name of its part `{taken}`"
        raise Unusable(
            f"the operator `{name}` of the package `{package_of(kind)}` cannot join: {what} is taken",
            "give it another name there",
        )
    defined = {name: object_schema(kind), **{each: object_schema(part) for each, part in parts.items()}}
    return widened(schema, name, step_parameters(kind), issubclass(kind, Measure), defined)


def widened(schema: Schema, name: str, parameters: Schema, measure: bool, defined: Mapping[str, Any]) -> Schema:
    """A recipe's schema in which a step may have one name more."""
    text, step = schema["$defs"]["step"]["anyOf"]
    properties = {**step["properties"], name: parameters}
    if measure:
        column = properties["measure"]["additionalProperties"]
        more = {**column, "properties": {**column["properties"], name: parameters}}
        properties["measure"] = {**properties["measure"], "additionalProperties": more}
    steps = {"anyOf": [{**text, "enum": [*text["enum"], name]}, {**step, "properties": properties}]}
    return {**schema, "$defs": {**schema["$defs"], "step": steps, **defined}}


def complete_schema(schema: Schema) -> tuple[Schema, dict[str, Unusable]]:
    """(a recipe's schema with every operator of every installed package, those that cannot join)."""
    unusable: dict[str, Unusable] = {}
    for name in offers():
        try:
            schema = join(schema, name)
        except Unusable as error:
            unusable[name] = error
    return schema, unusable


def advise_plugins(problems: list[Diagnostic], node: TextNode) -> list[Diagnostic]:
    """The same mistakes; of an operator that is like none of ours, it is said how one of another package would join."""
    unknown = {span: name for name, spans in strangers(node).items() for span in spans}
    return [
        replace(each, hint=advice(unknown[each.span]) or each.hint) if each.span in unknown and told_unknown(each) else each
        for each in problems
    ]


def advice(name: str) -> str | None:
    """What to do about an operator that nobody brings; None where it is like one of ours."""
    if suggest(name, (*CATALOG, *BESIDE)) is not None:
        return None
    if (nearest := suggest(name, offers())) is not None:
        return f"did you mean `{nearest}`?"
    return f"`recipe operators` lists all that there are; no installed package brings it (entry points `{GROUP}`)"


def told_unknown(problem: Diagnostic) -> bool:
    """Whether a mistake is that a name is not known."""
    return problem.message.startswith("unknown key") or " is one of " in problem.message
