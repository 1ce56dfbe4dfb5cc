"""Parts of a recipe as the operators and declarations that they say, each mistake at its place."""

from __future__ import annotations

from typing import TypeVar

from pydantic import ValidationError

from compiler.recipe.placed import PlacedStep
from compiler.text.diagnostics import Diagnostic, suggest
from compiler.text.document import TextNode
from operators.base.declare import Declared, Measure, Operator
from operators.base.left_out import LeftOut
from operators.catalog import CATALOG, MEASURES
from operators.plugins import step_named

Kind = TypeVar("Kind", bound=Operator)
Any_ = TypeVar("Any_", bound=Declared)


def steps_of(steps: TextNode, problems: list[Diagnostic]) -> tuple[PlacedStep, ...]:
    """The steps of a list, typed; a step that is wrong leaves a gap, after which the columns are not known."""
    placed: list[PlacedStep] = []
    items = steps.items
    for at, step in enumerate(items):
        placed += [gap(step)] * steps.left.count(at)
        if isinstance(step.value, str):
            placed += step_of(step.value, step.value, step, problems)
        elif isinstance(step.value, dict):
            keys = [key for key in step.value if key != "name"]
            if len(keys) == 1:
                name = step.get("name")
                label = str(name.value) if name is not None else keys[0]
                placed += step_of(label, keys[0], step.value[keys[0]].node, problems)
                continue
            placed += misspelt(step)
            if not step.left:
                several = f", not {len(keys)}: " + ", ".join(f"`{key}`" for key in keys) if keys else ""
                problems.append(Diagnostic("a step has one operator" + several, step.span, "begin each step with `- `"))
    return (*placed, *[gap(steps)] * sum(at >= len(items) for at in steps.left if isinstance(at, int)))


def gap(node: TextNode, rows: bool = True) -> PlacedStep:
    """What stands for a step that is wrong: it may make columns, and `rows` too."""
    return PlacedStep(LeftOut.name, LeftOut(rows=rows), node)


def misspelt(step: TextNode) -> tuple[PlacedStep, ...]:
    """What stands for a step with an unknown operator: nothing, where one was probably meant that only drops rows."""
    meant = suggest(str(step.left[0]), CATALOG) if len(step.left) == 1 else None
    return () if meant is not None and issubclass(CATALOG[meant], Measure) else (gap(step),)


def step_of(label: str, operator: str, node: TextNode, problems: list[Diagnostic]) -> tuple[PlacedStep, ...]:
    """One step; `measure` holds several."""
    if operator == "measure":
        placed = [gap(node)] if node.left else []
        for column, entry in [(key, entry.node) for key, entry in node.entries.items()]:
            name = next(iter(entry.entries), "")
            kind = step_named(name) if len(entry.entries) == 1 else None
            if kind is not None and issubclass(kind, Measure):
                params = entry.entries[name].node
                made = typed(kind, params, problems)
                placed.append(gap(params) if made is None else PlacedStep(label, made, params, column))
                continue
            placed.append(gap(entry))
            if not entry.left and len(entry.entries) != 1:  # else it is of a package, and why it cannot be used is told
                hint = "measures: " + ", ".join(sorted(MEASURES))
                problems.append(Diagnostic(f"the column `{column}` needs one measure", entry.span, hint))
        return tuple(placed)
    if (step := step_named(operator)) is None:
        return (gap(node),)
    if (made_step := typed(step, node, problems)) is not None:
        return (PlacedStep(label, made_step, node),)
    return () if issubclass(step, Measure) else (gap(node),)


def typed(kind: type[Kind], node: TextNode, problems: list[Diagnostic], apart: tuple[str, ...] = ()) -> Kind | None:
    """The operator that a node says, or None with its mistakes in `problems`; the keys `apart` are no fields of it."""
    value = node.plain()
    if apart and isinstance(value, dict):
        value = {name: part for name, part in value.items() if name not in apart}
    if node.value is None or (isinstance(node.value, str) and node.value == kind.name):
        value = {}
    elif kind.main is not None and not (isinstance(value, dict) and set(value) & fields_of(kind)):
        value = {kind.main: value}
    return valid(kind, value, node, problems)


def declared(kind: type[Any_], node: TextNode, problems: list[Diagnostic]) -> Any_ | None:
    """A declaration that is no operator, or None with its mistakes in `problems`."""
    return valid(kind, node.plain(), node, problems)


def valid(kind: type[Any_], value: object, node: TextNode, problems: list[Diagnostic], subject: str | None = None) -> Any_ | None:
    """What a value declares; `subject` is what needs what is missing.

    Where something of the node was left out, what is missing is no mistake.
    """
    if subject is None and issubclass(kind, Operator):
        subject = f"`{kind.name}`"
    lacks = node.lacks
    try:
        return kind.model_validate(value)
    except ValidationError as error:
        found = [(place_of(problem["loc"]), problem) for problem in error.errors(include_url=False)]
        refused = [path for path, problem in found if problem["type"] == "value_error"]
        for path, problem in found:
            if problem["type"].endswith("_type") and any(each[: len(path)] == path for each in refused):
                continue  # of a form that was not meant: the one that was says what is wrong
            missing = problem["type"] == "missing" and bool(path)
            if lacks and (missing or not node.has(path)):
                continue
            if missing and subject is None and problems:
                continue  # the schema told what is missing
            message = problem["msg"].removeprefix("Value error, ").removeprefix("Input should be ").strip()
            problems.append(Diagnostic(f"{subject} needs `{path[-1]}`" if missing and subject else message, node.find(path)))
        return None


def place_of(loc: tuple[int | str, ...]) -> tuple[int | str, ...]:
    """The place in a recipe of what pydantic calls one."""
    return tuple(part for part in loc if not str(part).startswith(BRANCHES))


#: Parts of pydantic's places that are no parts of a recipe's.
BRANCHES = (
    "function-",
    "str",
    "tuple",
    "dict",
    "literal",
    "Cell",
    "Listed",
    "LicenceByRow",
    "CategoryByRow",
    "Picked",
    "Said",
    "Taken",
)


def fields_of(kind: type[Operator]) -> set[str]:
    """The names of an operator's fields, as recipes write them."""
    return {info.alias or name for name, info in kind.model_fields.items()}
