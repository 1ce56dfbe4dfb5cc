"""What a stage does, in words and in the very SQL that a build runs."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from compiler.graph.keys import roles_of
from compiler.graph.nodes import Graph, Node
from compiler.graph.plan import stage_name
from compiler.graph.sql import decide_sql
from compiler.recipe.said import Said
from compiler.recipe.sections import LAST, Recipe
from compiler.text.canonical import canonical
from compiler.text.diagnostics import visible
from operators.asks.asks import Asks
from operators.asks.generate import Generate
from operators.base.declare import Measure, SetDecision
from operators.declared.source import Source
from operators.grow.expand import Expand
from operators.learn.train import Train

#: A name or a text in SQL, whose line ends are no line ends of the SQL.
QUOTED = re.compile(r'"[^"]*"|\'[^\']*\'')


def explain(graph: Graph, index: int) -> list[str]:
    """One cut, in lines: what it reads, the kernels that make its columns, and its SQL."""
    node = graph.nodes[index]
    lines = [f"# {stage_name(graph, index)}  ({node.operator.name} version {node.operator.version})"]
    match node.operator:
        case Source():
            lines += [f"read {node.operator.file}", *source_lines(node.operator)]
        case Asks():
            lines += asked_lines(graph, index, node.operator)
        case SetDecision():
            wanted = [graph.nodes[at].inputs[-1] for at in graph.run(node.inputs[0])]
            wanted += graph.beside(index)
            lines += [kernel_line(graph, at) for at in graph.with_below(wanted)]
            lines += [
                f"column {name} = {made.name}" for name, made in node.carried.items() if made.node is None and made.name != name
            ]
            lines += ["", *QUOTED.sub(lambda found: visible(found[0]), decide_sql(graph, index)).split("\n")]
        case Expand():
            lines += [kernel_line(graph, at) for at in graph.with_below(list(node.inputs[1:]))]
            lines += expanded_lines(graph, index, node.operator)
        case Train():
            start = f"checkpoint {node.operator.init}" if node.operator.init is not None else f"model {node.operator.model}"
            lines.append(f"{start}, trained on {stage_name(graph, node.inputs[0])}: {', '.join(node.carried)}")
            lines += f"system {node.entries['system'] or '(none)'}".split("\n")
            lines += [f"{name} {value}" for name, value in {**node.operator.settings(), **node.operator.tuned()}.items()]
        case _:
            lines.append(f"{node.operator.name} " + ", ".join(stage_name(graph, source) for source in node.inputs))
    return lines


def asked_lines(graph: Graph, index: int, operator: Asks) -> list[str]:
    """The model, what is sampled, and what each request is made of."""
    node = graph.nodes[index]
    told = node.entries["model"] or {"checkpoint": operator.model}
    lines = ["model " + ", ".join(f"{name} {value}" for name, value in told.items())]
    lines.append("sampling " + ", ".join(f"{name} {value}" for name, value in operator.sampling().items()))
    lines.append(f"{operator.samples} of each row of {stage_name(graph, node.inputs[0])}, made of {', '.join(node.carried)}")
    said = [f"profile {name}: {value}" for name, value in node.entries.items() if name != "model" and isinstance(value, str)]
    lines += [line for each in said for line in each.split("\n")]
    if isinstance(operator, Generate) and operator.recorded is not None:
        lines.append(f"looked up in {stage_name(graph, node.inputs[1])} by prompt; nothing is sent")
    return [*lines, "completions: " + ", ".join(node.columns)]


def expanded_lines(graph: Graph, index: int, operator: Expand) -> list[str]:
    """Which rows have children, what these are made of, and what they inherit."""
    node = graph.nodes[index]
    parameters: Mapping[str, Any] = canonical(operator.parameters("result", "column"))
    said = "".join(f"{name}: {shown(value)}; " for name, value in parameters.items() if name != "only")
    whose = "every row" if operator.only is None else f"each row where {operator.only.sql()}"
    licence = "the join of the parent's and of all donors' licences" if operator.mixes else "the parent's licence"
    children = operator.children(node.entries)
    many = f"{children.low}" if children.exact else f"{children.low} to {children.high}"
    return [
        f"kernel {operator.name}({', '.join(operator.reads())}; {said}seed {node.seed}) -> {', '.join(operator.changes())}",
        f"children: {many} of {whose} of {stage_name(graph, node.inputs[0])}; all rows stay",
        *(f"profile {name}: {value}" for name, value in node.entries.items()),
        f"a child inherits item_id, source, category and the other columns, and has {licence}",
        "row_id = H(parent, operator, digests of the changed cells, copy); sorted by row_id",
    ]


def source_lines(source: Source) -> list[str]:
    """How the columns of the files become those of the table."""
    lines = [f"column {name} = {cell.field} as {cell.as_}" for name, cell in source.columns.cells().items()]
    if source.columns.options is not None:
        options = source.columns.options
        lines.append("column options = " + (options if isinstance(options, str) else "[" + ", ".join(options) + "]"))
    if source.columns.gold is not None:
        lines.append("column gold = index of the {} in {}".format(*source.columns.gold.form()))
    lines.append(f"every row: category {source.category}, licence {source.license}")
    lines.append("item_id = H(prompt, options); row_id = H(source, all columns, copy); sorted by row_id")
    return lines


def kernel_line(graph: Graph, index: int) -> str:
    """`kernel length(prompt) -> length.characters`, or the SQL of a condition."""
    node = graph.nodes[index]
    reads = ", ".join(
        f"{made.name}" if made.node is None else f"{graph.nodes[made.node].label}.{made.name}" for made in node.carried.values()
    )
    if node.form is not None:
        makes = node.form
    elif isinstance(node.operator, Measure):
        makes = ", ".join(f"{node.label}.{value}" for value in node.operator.values)
    else:
        makes = ", ".join(node.columns)
    parameters: Mapping[str, Any] = canonical(node.operator.parameters(*roles_of(node)))
    said = ", ".join(f"{name}: {shown(value)}" for name, value in parameters.items())
    entries = "".join(f"; profile {name}" for name in node.entries)
    cost = " [dear: kept in the measure memo]" if isinstance(node.operator, Measure) and node.operator.cost == "dear" else ""
    return f"kernel {node.operator.name}({reads}{'; ' + said if said else ''}{entries}) -> {makes}{cost}"


def shown(value: Any) -> str:
    return str(value["decimal"]) if isinstance(value, dict) and set(value) == {"decimal"} else str(value)


def lowered(recipe: Recipe) -> dict[str, Any]:
    """The recipe in its general form, with every section as a table: plain data that is a recipe again."""
    plain: dict[str, Any] = dict(recipe.node.plain())
    sections = {name: plain.pop(name, None) for name in ("prompts", "decontaminate", "mixture", "cot", "traces")}
    tables: dict[str, Any] = {}
    for name, table in recipe.tables.items():
        origins = [origin for origin, _ in table.origins]
        said = (plain.get("tables") or {}).get(name)
        if said:
            steps = said.get("steps", [])
        elif name == "prompts":
            steps = sections["prompts"]
        elif name == "dataset":
            steps = [{each: sections[each]} for each in LAST if sections[each] is not None]
        else:  # what follows from the type of a trace, or from a source that is translated
            steps = [written_out(each) for each in table.steps]
        tables[name] = {"from": origins if len(origins) > 1 else origins[0], "steps": steps}
    return {**plain, "tables": tables, "outputs": [name for name, _ in recipe.outputs]}


def written_out(said: Said) -> dict[str, Any]:
    """A step as a recipe would write it."""
    operator = said.operator
    parameters = plain(operator.model_dump(by_alias=True, exclude_defaults=True))
    if said.column is not None:
        return {"name": f"measure {said.column}", "measure": {said.column: {operator.name: parameters}}}
    return {**({} if said.label == operator.name else {"name": said.label}), operator.name: parameters}


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
    return [node_line(graph, index, node) for index, node in graph]


def node_line(graph: Graph, index: int, node: Node) -> dict[str, Any]:
    return {
        "id": index,
        "aspect": node.aspect,
        "operator": f"{node.operator.name}@{node.operator.version}",
        "name": stage_name(graph, index) if node.cut else f"{node.table}/{node.label}",
        "inputs": list(node.inputs),
    }
