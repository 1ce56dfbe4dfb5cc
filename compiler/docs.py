"""Reference pages, generated from the operators' declarations."""

from __future__ import annotations

import inspect
from typing import Any

from compiler.language.entries import entries
from compiler.recipe.schema import object_schema
from operators.asks.asks import Budget
from operators.base.declare import Declared, Operator, role_of
from operators.catalog import PUBLIC
from operators.declared.benchmark import Benchmark, Items, Taken
from operators.declared.by_row import CategoryByRow, LicenceByRow
from operators.declared.conversation import Conversation, ToolList
from operators.declared.cot import Cot, Ending, Inner, LanguageBounds, Solution, Tags, Think
from operators.declared.crawl import Crawl
from operators.declared.evaluate import Evaluate
from operators.declared.mapping import Cell, Gold, Listed, Mapping
from operators.declared.model import Model
from operators.declared.pages import Pages, Picked
from operators.declared.personal import CheckDigit, Number, PersonalNumbers
from operators.declared.profile import Behaviours, LabelWords, LanguageProfile, Ngrams, PromptFile, Prompts, Segmenter
from operators.declared.source import Source
from operators.declared.triage import Site, Triage
from operators.plugins import package_of, parts_of

#: The declarations inside an operator's parameters.
PARTS: dict[type[Operator], tuple[type[Declared], ...]] = {
    Source: (Mapping, Cell, Listed, Gold, Conversation, ToolList, LicenceByRow, CategoryByRow, Pages, Picked, Crawl)
}


def operator_page(operator: type[Operator]) -> str:
    """One operator: what it does, its parameters, and its example."""
    schema = object_schema(operator)
    package = package_of(operator)
    version = f"Version {operator.version}{f', of the package `{package}`' if package else ''}."
    lines = [f"## {operator.name}", "", inspect.getdoc(operator) or "", "", version, ""]
    lines += parameter_lines(schema, operator)
    parts = PARTS.get(operator, ()) if package is None else parts_of(operator)
    return "\n".join([*lines, *(line for part in parts for line in part_lines(part))])


#: Sections that are no operators: name -> its declaration, and those of its parts.
SECTIONS: dict[str, tuple[type[Declared], ...]] = {
    "models": (Model,),
    "cot": (Cot, Think, LanguageBounds, Solution, Tags, Ending, Inner),
    "benchmarks": (Benchmark, Items, Taken),
    "evaluate": (Evaluate,),
    "budget": (Budget,),
    "triage": (Triage, Site),
}


def section_page(name: str, section: type[Declared], *parts: type[Declared]) -> str:
    """One section of a recipe, with its parts."""
    lines = [f"## {name}", "", inspect.getdoc(section) or "", "", *parameter_lines(object_schema(section), None)]
    return "\n".join([*lines, *(line for part in parts for line in part_lines(part))])


def profile_page() -> str:
    """The language profile: each entry, and which steps read it."""
    schema = object_schema(LanguageProfile)
    readers = {entry.name: entry.readers for entry in entries()}
    lines = ["## profile", "", inspect.getdoc(LanguageProfile) or "", ""]
    for name, line in zip(schema["properties"], parameter_lines(schema, None), strict=True):
        lines.append(f"{line.rstrip('.')}; {readers[name]}." if readers[name] else line)
    parts = (Segmenter, Ngrams, LabelWords, PersonalNumbers, Number, CheckDigit, Behaviours, Prompts, PromptFile)
    return "\n".join([*lines, *(line for part in parts for line in part_lines(part))])


def part_lines(part: type[Declared]) -> list[str]:
    """A declaration that stands inside another."""
    return ["", f"### {part.__name__}", "", inspect.getdoc(part) or "", "", *parameter_lines(object_schema(part), None)]


def parameter_lines(schema: dict[str, Any], operator: type[Operator] | None) -> list[str]:
    """A line for each parameter: name, type, default, whether it bears on the result, and its words."""
    lines = []
    for name, part in schema["properties"].items():
        fields = operator.model_fields.items() if operator is not None else ()
        field = next((each for each, info in fields if (info.alias or each) == name), None)
        notes = [type_words(part)]
        if name in schema.get("required", ()):
            notes.append("required")
        elif "default" in part:
            notes.append(f"default `{part['default']}`" if part["default"] not in ((), [], "") else "default empty")
        if operator is not None and field is not None and role_of(operator, field) == "tuning":
            notes.append("tuning: never changes the result")
        lines.append(f"- `{name}` ({', '.join(notes)}): {part.get('description', '')}")
    return lines


def type_words(part: dict[str, Any]) -> str:
    """A schema's type in words."""
    if "enum" in part:
        return " | ".join(f"`{value}`" for value in part["enum"])
    if "anyOf" in part:
        return " or ".join(dict.fromkeys(type_words(each) for each in part["anyOf"]))
    if "$ref" in part:
        return str(part["$ref"]).rpartition("/")[2]
    words = {
        "integer": "whole number",
        "number": "number",
        "string": "text",
        "boolean": "true or false",
        "array": "list",
        "object": "map",
    }
    return words.get(part.get("type", ""), "value")


def reference() -> str:
    """The whole reference, as it stands in docs/operators.md."""
    pages = [operator_page(operator) for operator in PUBLIC]
    pages += [*(section_page(name, *parts) for name, parts in SECTIONS.items()), profile_page()]
    head = "# Operators\n\nWhat a recipe may say. Generated from the declarations: `python -m compiler.docs --write`.\n\n"
    return head + "\n\n".join(pages) + "\n"


if __name__ == "__main__":
    import json
    import sys
    from pathlib import Path

    from compiler.recipe.schema import benchmark_schema, profile_schema, recipe_schema
    from compiler.text.project import package_root

    if "--write" in sys.argv:
        Path("docs/operators.md").write_text(reference())
        for name, schema in (
            ("recipe", recipe_schema()),
            ("profile", profile_schema()),
            ("benchmark", benchmark_schema()),
        ):
            (package_root() / f"{name}.schema.json").write_text(json.dumps(schema, indent=1, ensure_ascii=False) + "\n")
