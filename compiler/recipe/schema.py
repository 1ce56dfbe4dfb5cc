"""The JSON Schema of recipes and profiles, generated from the operators' declarations."""

from __future__ import annotations

import ast
import inspect
import textwrap
from functools import cache, lru_cache
from typing import Any

from compiler.recipe.ablations import ablations_schema
from operators.asks.asks import Budget
from operators.asks.generate import Generate, Said
from operators.asks.translate import LengthRatio, Translate
from operators.base.declare import Declared, Only, Operator
from operators.catalog import MEASURES, OBJECTIVES, STEPS
from operators.declared.address import Hub
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
from operators.learn.loss import Loss

DRAFT = "https://json-schema.org/draft/2020-12/schema"
NAME = r"^[^\x00.]{1,200}$"

#: Declarations that stand inside others.
PARTS: tuple[type[Declared], ...] = (
    *(Only, CategoryByRow, LicenceByRow, Cell, Hub, Gold, Conversation, ToolList, Listed, Mapping),
    *(Crawl, Pages, Picked, Triage, Site),
    *(Budget, Said, LengthRatio, Loss),
    *(Think, Solution, LanguageBounds, Tags, Ending, Inner, Generate, Translate, Items, Taken),
)


@cache
def field_docs(declared: type[Declared]) -> dict[str, str]:
    """Field -> the docstring that stands under it in the class."""
    docs: dict[str, str] = {}
    for parent in reversed(declared.__mro__):
        if not issubclass(parent, Declared):
            continue
        body = ast.parse(textwrap.dedent(inspect.getsource(parent))).body[0]
        assert isinstance(body, ast.ClassDef)
        for statement, doc in zip(body.body, body.body[1:], strict=False):
            if not (isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name)):
                continue
            if isinstance(doc, ast.Expr) and isinstance(doc.value, ast.Constant):
                docs[statement.target.id] = inspect.cleandoc(str(doc.value.value))
    return docs


def summary(declared: type[Declared]) -> str:
    """The first paragraph of a class's docstring, on one line."""
    return " ".join((inspect.getdoc(declared) or "").split("\n\n")[0].split())


def object_schema(declared: type[Declared]) -> dict[str, Any]:
    """The schema of one declaration, with the words of its source as descriptions."""
    made = declared.model_json_schema(ref_template="#/$defs/{model}", by_alias=True)
    made.pop("$defs", None)
    docs = field_docs(declared)
    properties = {}
    for name, info in declared.model_fields.items():
        if info.exclude:
            continue
        alias = info.alias or name
        part = clean(made["properties"][alias])
        part.pop("title", None)
        part.pop("role", None)
        if name in docs:
            part["description"] = docs[name].split("\n")[0]
        properties[alias] = part
    schema: dict[str, Any] = {"type": "object", "description": summary(declared), "properties": properties}
    if "required" in made:
        schema["required"] = made["required"]
    schema["additionalProperties"] = clean(made["additionalProperties"]) if made.get("additionalProperties") else False
    if isinstance(declared, type) and issubclass(declared, Operator):
        schema = {"$comment": f"{declared.name} version {declared.version}", **schema}
    return schema


def clean(part: Any) -> Any:
    """Pydantic's schema without its titles, `null` branches of optional fields and empty defaults."""
    if isinstance(part, list):
        return [clean(each) for each in part]
    if not isinstance(part, dict):
        return part
    part = {key: clean(value) for key, value in part.items() if key not in ("title", "role")}
    if part.get("default", 0) is None:
        del part["default"]
    part |= {"additionalProperties": False} if "patternProperties" in part else {}
    branches = part.get("anyOf")
    # Null stands for a default that is not written, unless a field has another default and null says something.
    if branches and {"type": "null"} in branches and part.get("default") is None:
        branches = [branch for branch in branches if branch != {"type": "null"}]
        part.pop("anyOf")
        part = {**branches[0], **part} if len(branches) == 1 else {"anyOf": branches, **part}
    return part


def step_parameters(step: type[Operator]) -> dict[str, Any]:
    """What may follow an operator's name: its parameters, nothing, or the value of its main field."""
    main: dict[str, Any] = {"type": "null"} if step.main is None else object_schema(step)["properties"][step.main]
    other = {key: part for key, part in main.items() if key != "description"}
    return {"anyOf": [reference(step.name), other], "description": summary(step)}


def value_of(kind: str, description: str, **more: Any) -> dict[str, Any]:
    """The schema of a value of one type."""
    return {"type": kind, **more, "description": description}


def list_of(part: dict[str, Any], description: str, **more: Any) -> dict[str, Any]:
    return value_of("array", description, items=part, **more)


def map_of(part: dict[str, Any], description: str, **more: Any) -> dict[str, Any]:
    """The schema of parts by names that people choose."""
    return value_of("object", description, propertyNames={"pattern": NAME}, **more, additionalProperties=part)


def reference(name: str) -> dict[str, Any]:
    return {"$ref": f"#/$defs/{name}"}


def step_schema() -> dict[str, Any]:
    """One step: an operator's name, or a map of it to its parameters, with its own name and place."""
    measure = {
        "type": "object",
        "properties": {name: step_parameters(kind) for name, kind in MEASURES.items()},
        "additionalProperties": False,
        "minProperties": 1,
        "maxProperties": 1,
    }
    properties = {
        "name": value_of("string", "What the step is called; its operator's name unless said.", pattern=NAME),
        "before": value_of("string", "The step of the base that this one is placed before."),
        "after": value_of("string", "The step of the base that this one is placed after."),
        "drop": {"description": "The step, or steps, of the base that are left out."},
        "measure": {
            "type": "object",
            "description": "Columns of measured values, by name.",
            "propertyNames": {"pattern": NAME},
            "minProperties": 1,
            "additionalProperties": measure,
        },
        **{step.name: step_parameters(step) for step in STEPS},
    }
    step = {"type": "object", "properties": properties, "additionalProperties": False, "minProperties": 1}
    return {"anyOf": [{"type": "string", "enum": [each.name for each in STEPS]}, step]}


def table_schema() -> dict[str, Any]:
    """A table: where its rows come from, and what is done with them."""
    text = {"type": "string"}
    properties = {
        "from": {
            "anyOf": [text, {"type": "array", "items": text, "minItems": 1, "uniqueItems": True}],
            "description": "The source or table whose rows these are, or a list of them.",
        },
        "steps": list_of(reference("step"), "What is done with the rows, in order."),
    }
    return {"type": "object", "required": ["from"], "additionalProperties": False, "properties": properties}


@lru_cache(maxsize=1)
def recipe_schema() -> dict[str, Any]:
    """The schema of a resolved recipe."""
    name = r"^[A-Za-z0-9][A-Za-z0-9_-]*(/[A-Za-z0-9][A-Za-z0-9_-]*)*$"
    base = "The recipe this one adds to: a file, or pkg: for one that ships with the project."
    checkpoints = "Models that are trained, by name; each makes the checkpoint train.NAME."
    benchmarks = "Benchmarks of your own, or what is said otherwise of those that ship."
    outputs = "The tables that are named outputs; the last one unless said."
    languages = {
        "type": "object",
        "additionalProperties": False,
        "required": ["target"],
        "description": "The languages, by role.",
        "properties": {
            "target": value_of("string", "The language of the prompts and answers."),
            "anchor": value_of("string", "The language that is reasoned in."),
        },
    }
    return {
        "$schema": DRAFT,
        "$id": "recipe.schema.json",
        "title": "recipe",
        "type": "object",
        "required": ["format", "recipe", "sources"],
        "additionalProperties": False,
        "properties": {
            "format": {"const": 1, "description": "The version of the recipe language: 1."},
            "recipe": value_of("string", "The name of the recipe, such as ko/quickstart.", pattern=name, maxLength=200),
            "description": value_of("string", "What it makes, in a sentence."),
            "extends": value_of("string", base),
            "language": languages,
            "seed": value_of("integer", "What every choice by rank starts from.", minimum=0),
            "sources": map_of(reference("source"), "Files of rows, by name.", minProperties=1),
            "triage": {**reference("Triage"), "description": "Which sites are kept, and why."},
            "models": map_of(reference("model"), "The models that are asked, by name."),
            "prompts": list_of(reference("step"), "Steps on the rows of all sources."),
            "tables": map_of(reference("table"), "Tables of your own, by name."),
            "cot": reference("cot"),
            "traces": list_of(reference("step"), "Steps on the completions of `cot`."),
            "decontaminate": reference("decontaminate"),
            "mixture": reference("mixture"),
            "train": map_of(training_schema(), checkpoints),
            "benchmarks": map_of(partial_schema(Benchmark), benchmarks),
            "evaluate": reference("evaluate"),
            "budget": {**reference("Budget"), "description": "What a build may spend on new completions, in all of its stages."},
            "outputs": list_of({"type": "string"}, outputs, minItems=1, uniqueItems=True),
            "ablations": ablations_schema(),
        },
        "$defs": {
            "source": object_schema(Source),
            "step": step_schema(),
            "table": table_schema(),
            "model": object_schema(Model),
            "cot": object_schema(Cot),
            "evaluate": object_schema(Evaluate),
            **{name: objective_schema(kind) for name, kind in OBJECTIVES.items()},
            **{part.__name__: object_schema(part) for part in PARTS},
            **{each.name: object_schema(each) for each in STEPS},
        },
    }


def objective_schema(kind: type[Operator]) -> dict[str, Any]:
    """What may be said of a training with one objective."""
    made = object_schema(kind)
    objective = {"const": kind.name, "description": "What the model is taught by."}
    return {**made, "properties": {"objective": objective, **made["properties"]}}


def training_schema() -> dict[str, Any]:
    """A training: its objective says which further fields there are."""
    objective = value_of("string", "What the model is taught by.", enum=list(OBJECTIVES))
    cases = [
        {"if": {"properties": {"objective": {"const": name}}, "required": ["objective"]}, "then": reference(name)}
        for name in OBJECTIVES
    ]
    return {"type": "object", "required": ["objective"], "properties": {"objective": objective}, "allOf": cases}


def partial_schema(declared: type[Declared]) -> dict[str, Any]:
    """A declaration of which any part may be left out: what is missing is said elsewhere, or found later."""
    return {name: part for name, part in object_schema(declared).items() if name != "required"}


@lru_cache(maxsize=1)
def benchmark_schema() -> dict[str, Any]:
    """The schema of a benchmark's own file."""
    made = object_schema(Benchmark)
    head = {
        "format": {"const": 1, "description": "The version of the language of benchmarks: 1."},
        "benchmark": {"type": "string", "description": "Its name, which is the file's."},
    }
    return {
        "$schema": DRAFT,
        "$id": "benchmark.schema.json",
        "title": "benchmark",
        **made,
        "required": ["format", "benchmark", *made["required"]],
        "properties": {**head, **made["properties"]},
        "$defs": {
            part.__name__: object_schema(part)
            for part in (Items, Hub, Mapping, Cell, Gold, Listed, Conversation, ToolList, Said, Taken)
        },
    }


@lru_cache(maxsize=1)
def profile_schema() -> dict[str, Any]:
    """The schema of a language profile."""
    return {
        "$schema": DRAFT,
        "$id": "profile.schema.json",
        "title": "language profile",
        **object_schema(LanguageProfile),
        "$defs": {
            model.__name__: object_schema(model)
            for model in (Segmenter, Ngrams, LabelWords, PersonalNumbers, Number, CheckDigit, Behaviours, PromptFile, Prompts)
        },
    }
