"""What a graph and its kernels are, in lines, and a recipe in its general form."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from compiler.graph.keys import roles_of
from compiler.graph.nodes import Graph, stage_name
from compiler.recipe.ablations import ABLATIONS
from compiler.recipe.placed import PlacedStep
from compiler.recipe.sections import LAST, Recipe
from compiler.text.canonical import canonical
from operators.base.declare import Measure


def kernel_line(graph: Graph, index: int) -> str:
    """`kernel length(prompt) -> length.characters`, or the SQL of a condition."""
    node = graph.nodes[index]
    reads = ", ".join(
        f"{made.name}" if made.node is None else f"{graph.nodes[made.node].label}.{made.name}" for made in node.carried.values()
    )
    if node.form is not None:
        makes = ", ".join(node.columns)
    elif isinstance(node.operator, Measure):
        makes = ", ".join(f"{node.label}.{value}" for value in node.operator.values)
    else:
        makes = ", ".join(node.columns)
    parameters: Mapping[str, Any] = canonical(node.operator.parameters(*roles_of(node)))
    rendered = ", ".join(f"{name}: {shown(value)}" for name, value in parameters.items())
    entries = "".join(f"; profile {name}" for name in node.entries)
    cost = " [dear: kept in the measure memo]" if isinstance(node.operator, Measure) and node.operator.cost == "dear" else ""
    return f"kernel {node.operator.name}({reads}{'; ' + rendered if rendered else ''}{entries}) -> {makes}{cost}"


def shown(value: Any) -> str:
    return str(value["decimal"]) if isinstance(value, dict) and set(value) == {"decimal"} else str(value)


def general_form(recipe: Recipe) -> dict[str, Any]:
    """The recipe in its general form, with every section as a table: plain data that is a recipe again."""
    plain: dict[str, Any] = dict(recipe.node.plain())
    plain.pop(ABLATIONS, None)  # their patches are of the sections
    sections = {name: plain.pop(name, None) for name in ("prompts", "decontaminate", "mixture", "cot", "traces")}
    tables: dict[str, Any] = {}
    for name, table in recipe.tables.items():
        origins = [origin for origin, _ in table.origins]
        declared = (plain.get("tables") or {}).get(name)
        if declared:
            steps = declared.get("steps", [])
        elif name == "prompts":
            steps = sections["prompts"]
        elif name == "dataset":
            steps = [{each: sections[each]} for each in LAST if sections[each] is not None]
        else:  # what follows from the type of a trace, or from a source that is translated
            steps = [step_data(each) for each in table.steps]
        tables[name] = {"from": origins if len(origins) > 1 else origins[0], "steps": steps}
    return {**plain, "tables": tables, "outputs": [name for name, _ in recipe.outputs]}


def step_data(step: PlacedStep) -> dict[str, Any]:
    """A step as a recipe would write it."""
    operator = step.operator
    parameters = plain(operator.model_dump(by_alias=True, exclude_defaults=True))
    if step.column is not None:
        return {"name": f"measure {step.column}", "measure": {step.column: {operator.name: parameters}}}
    return {**({} if step.label == operator.name else {"name": step.label}), operator.name: parameters}


def plain(value: Any) -> Any:
    """Values as YAML has them."""
    match value:
        case Decimal():
            return int(value) if value == value.to_integral() else float(value)
        case dict():
            return {name: plain(part) for name, part in value.items()}
        case tuple() | list():
            return [plain(part) for part in value]
    return value


def graph_lines(graph: Graph) -> list[dict[str, Any]]:
    """The operator graph as plain data."""
    return [
        {
            "id": index,
            "aspect": node.aspect,
            "operator": f"{node.operator.name}@{node.operator.version}",
            "name": stage_name(graph, index) if node.cut else f"{node.table}/{node.label}",
            "inputs": list(node.inputs),
        }
        for index, node in graph
    ]
