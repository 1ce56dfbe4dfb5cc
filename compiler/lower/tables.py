"""Lower a recipe to its operator graph: sections become tables, tables become nodes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from compiler.graph.nodes import Graph, Made, Node
from compiler.lower.asking import lower_asks
from compiler.lower.contamination import complain_contaminated, resolve
from compiler.lower.expanding import lower_expand
from compiler.lower.judging import lower_aggregates
from compiler.lower.learning import has_model, lower_asked_trainings, lower_training
from compiler.lower.state import Lowering, Rows, complain_names, kind_of, loses_columns, lower_left_out, promised_columns
from compiler.lower.turns import with_turns, without_turns
from compiler.prove.licenses import complain_licenses
from compiler.prove.release import complain_releases
from compiler.recipe.placed import PlacedStep, PlacedTable
from compiler.recipe.profiles import Profiles
from compiler.recipe.sections import Recipe
from compiler.text.diagnostics import Diagnostic, Note, meant
from compiler.text.spans import Span
from operators.asks.asks import Asks
from operators.base.cut import Cut
from operators.base.declare import COSTS, LABELS, RESERVED, Map, Measure, SetDecision
from operators.base.left_out import LeftOut
from operators.base.licence import join
from operators.base.mapped import mapped
from operators.base.naming import Naming
from operators.base.pairs import NEAR, Pairwise
from operators.base.scope import ColumnType, DecidesNothing, Scope
from operators.declared.by_row import closest
from operators.grow.expand import Expand
from operators.measures.decontaminate import Decontaminate
from operators.sets.combine import Combine
from operators.sets.keep import Keep
from operators.sets.preview import Preview


def lower(
    recipe: Recipe, profiles: Profiles, fields: Mapping[str, frozenset[str] | None], items: int | None = None
) -> tuple[Graph, list[Diagnostic]]:
    """The graph of a recipe, and every mistake; `fields` are the columns of sources' files, None where they are not known."""
    state = Lowering(recipe, profiles)
    sources: dict[str, Rows] = {}
    for name, source in sorted(recipe.sources.items()):
        operator, known = source.operator, fields.get(name)
        complaints = [*operator.complain(Scope({}, frozenset(), frozenset()))]
        complaints += operator.complain_fields(known) if known is not None else ()
        state.complain(complaints, source, source.node.lacks)
        span, made = recipe.node.find(("sources", name), key=True), dict(operator.made())
        complain_names(state, made, source.span(("columns",)))
        state.feeds[name] = index = state.add_table(name, span, operator, columns=made, license=closest(operator.license))
        sources[name] = replace(state.rows_of(index), open=loses_columns(source.node))
    if items is not None:
        lower_preview(state, sources, items)
    state.complain_script()
    tables: dict[str, Rows] = {}
    for table in recipe.tables.values():
        lower_asked_trainings(state, table, sources | tables)
        tables[table.name] = lower_table(state, table, sources | tables)
        if table.license is not None:
            # Whoever names the source from here on means the rows of it that are not left out for their licence.
            sources |= {name: tables[table.name] for name, _ in table.origins}
    for name in recipe.trains:
        lower_training(state, name, tables)
    answers = {}
    for pair, table in recipe.answer_tables.items():
        if has_model(state, pair[0]):
            answers[pair] = lower_table(state, table, sources)
    outputs = {name: state.checkpoints[name] for name, _ in recipe.outputs if name in state.checkpoints}
    if recipe.evaluate is not None:
        outputs |= lower_aggregates(state, recipe.evaluate, answers, dict(recipe.outputs))
    for name, span in recipe.outputs:
        if name in tables:
            outputs[name] = state.add_output(name, span, tables[name])
    graph = Graph(tuple(state.nodes), outputs)
    state.problems += [*complain_licenses(graph, recipe), *complain_releases(graph, recipe)]
    if not state.problems and not recipe.node.lacks:
        state.problems += complain_contaminated(graph, recipe)
    return graph, state.problems


def lower_preview(state: Lowering, sources: dict[str, Rows], items: int) -> None:
    """Put a preview behind each source: its rows whose items are lowest-ranked among those of all sources."""
    heads = {name: rows.base for name, rows in sources.items()}
    for name, rows in list(sources.items()):
        more: dict[str, Any] = {"operator": Preview(items=items), "seed": state.recipe.seed, "carried": dict(rows.made)}
        index = state.add(replace(state.nodes[rows.base], inputs=(rows.base, *heads.values()), **more))
        state.previews.append(index)
        sources[name] = state.rows_of(index, rows)


def lower_table(state: Lowering, table: PlacedTable, known: Mapping[str, Rows]) -> Rows:
    """The rows of one table after its steps, settled into a cut; rows of an origin that is not known may have any column."""
    origins, recipe = [], state.recipe
    for name, span in table.origins:
        if name in known:
            origins.append((known[name], span))
        elif name in (order := list(recipe.tables)) and order.index(name) >= order.index(table.name):
            message = f"`{table.name}` reads {'itself' if name == table.name else f'`{name}`, which comes after it'}"
            state.report(message, span, "a table reads sources and the tables before it")
        elif name not in recipe.tables and name not in recipe.names("sources") and not recipe.spoilt("sources"):
            state.report(f"there is no table or source `{name}` before `{table.name}`", span, meant(name, known))
    if not table.origins and not recipe.node.lacks and not any(isinstance(each.operator, LeftOut) for each in table.steps):
        message = f"`{table.name}` reads no rows: every source is one of recorded completions"
        state.report(message, table.span, "add a source of prompts")
    if not origins or len(origins) < len(table.origins):
        index = state.add_table(table.name, table.span, Combine(), columns=dict(LABELS))
        origins.append((replace(state.rows_of(index), open=True), table.span))
    rows = lower_combine(state, table, origins) if len(origins) > 1 else origins[0][0]
    rows = replace(rows, table=table, license=table.license or rows.license)
    for step in table.steps:
        rows = lower_step(state, rows, step)
    return settle(state, rows)


def lower_combine(state: Lowering, table: PlacedTable, origins: list[tuple[Rows, Span]]) -> Rows:
    """All rows of several tables; a column that one of them lacks is null there."""
    columns: dict[str, ColumnType] = {}
    first: dict[str, Span] = {}
    for rows, span in origins:
        for name, kind in rows.columns.items():
            if columns.setdefault(name, kind) != kind:
                message = f"the column `{name}` is {kind} here, and {columns[name]} in another table"
                state.report(message, span, notes=(Note(f"it is {columns[name]} here", first[name]),))
            first.setdefault(name, span)
    labels = {name: kind for name, kind in columns.items() if name in LABELS}
    content = {name: kind for name, kind in sorted(columns.items()) if name not in LABELS}
    complain_names(state, columns, origins[-1][1])
    inputs = dict.fromkeys(rows.base for rows, _ in origins)
    more: dict[str, Any] = {"columns": content | labels, "license": join(rows.license for rows, _ in origins)}
    index = state.add_table(table.name, table.span, Combine(), inputs, **more)
    return replace(state.rows_of(index), open=any(rows.open for rows, _ in origins))


def lower_step(state: Lowering, rows: Rows, step: PlacedStep) -> Rows:
    """The rows after one step."""
    operator = step.operator
    if isinstance(operator, LeftOut):
        rows = replace(rows, open=True)
        return lower_left_out(state, rows, step) if operator.rows else rows
    rows = settle(state, rows) if isinstance(operator, Pairwise) else rows
    seen = with_turns(state, rows, step)
    complaints = list(operator.complain(state.scope(seen)))
    if step.column is not None:
        complaints = [each for each in complaints if not isinstance(each, DecidesNothing)]
    if complaints:
        state.complain(complaints, step, step.node.lacks)
        # What comes after is looked at as if this were right, or one mistake would look like many.
        for name, kind in promised_columns(step, rows).items():
            rows = rows.having(name, Made(None, name, kind))
        rows = replace(rows, open=rows.open or isinstance(operator, Naming))
        return lower_left_out(state, rows, step) if isinstance(operator, Asks | Expand) else rows
    match operator:
        case Naming():
            made = {new: rows.made[old] for new, old in operator.renamed(rows.columns).items() if old in rows.made}
            rows = replace(rows, made=made, columns=dict(operator.made(rows.columns)))
            complain_names(state, rows.columns, step.span())
        case Measure():
            return without_turns(lower_measure(state, seen, step, operator), seen, rows)
        case Map():
            kinds = promised_columns(step, rows)
            stored = {mapped(place): kind for place, kind in enumerate(kinds.values())}
            index = add_columns(state, seen, step, operator.reads(), stored)
            for name, each in zip(kinds, stored, strict=True):
                rows = rows.having(name, Made(index, each, stored[each]))
            complain_names(state, rows.columns, step.span())
        case Asks():
            return lower_asks(state, settle(state, rows), step, operator)
        case Expand():
            return lower_expand(state, settle(state, rows), step, operator)
        case SetDecision():
            return settle(state, rows, step, seen)
        case Cut():
            return lower_cut(state, settle(state, rows), step, operator)
    return rows


def lower_cut(state: Lowering, rows: Rows, step: PlacedStep, operator: Cut) -> Rows:
    """A table of its own kind, made of settled rows."""
    reads = {name: Made(None, name, rows.columns[name]) for name in operator.reads()}
    columns, entries = dict(operator.makes(rows.columns)), state.entries(operator, step)
    more: dict[str, Any] = {
        "entries": entries,
        "columns": columns,
        "carried": reads,
        "seed": state.seed_of(operator),
        "license": rows.license,
    }
    return replace(state.rows_of(state.add_step(step, rows, operator, (rows.base,), **more), rows), open=False)


def add_columns(
    state: Lowering,
    rows: Rows,
    step: PlacedStep,
    reads: Mapping[str, str],
    columns: dict[str, ColumnType],
    form: str | None = None,
    against: tuple[int, ...] = (),
) -> int:
    """Add a node that makes columns beside the base table, reading the columns in sight and the tables `against`."""
    carried = {role: rows.made[name] for role, name in reads.items()}
    inputs = dict.fromkeys([rows.base, *(made.node for made in carried.values() if made.node is not None)])
    more: dict[str, Any] = {"entries": state.entries(step.operator, step), "columns": columns, "carried": carried, "form": form}
    more["seed"] = state.seed_of(step.operator) if form is not None else 0
    return state.add_step(step, rows, step.operator, (*inputs, *against), "columns", **more)


def lower_measure(state: Lowering, rows: Rows, step: PlacedStep, operator: Measure) -> Rows:
    """A measure as a column of its own, or with its decision."""
    against: tuple[int, ...] = ()
    if isinstance(operator, Decontaminate):
        if (resolved := resolve(state, rows, step, operator)) is None:
            return rows
        operator, against = resolved
    step = replace(step, operator=operator)
    index = add_columns(state, rows, step, operator.reads(), dict.fromkeys(operator.values, "integer"), against=against)
    if step.column is not None:
        if step.column in (*RESERVED, *LABELS):
            state.report(f"`{step.column}` is a column of the project's own", step.span(), "choose another name")
        kind = kind_of(operator)
        value = "/".join(operator.values) if kind == "number" else operator.values[-1]
        rows = rows.having(step.column, Made(index, value, kind))
        complain_names(state, [name for name in rows.columns if name.lower() == step.column.lower()], step.span())
        return rows
    same = [each.label for _, each in rows.run if each.label.lower() == step.label.lower()]
    complain_names(state, [*same[-1:], step.label], step.span(), "steps")
    decision = Node(operator, "decision", (index,), step.label, rows.table.name, step.span(), license=rows.license)
    return replace(rows, run=(*rows.run, (COSTS.index(operator.cost), decision)))


def settle(state: Lowering, rows: Rows, step: PlacedStep | None = None, seen: Rows | None = None) -> Rows:
    """End the run of decisions with a set decision, or by keeping what it keeps; the rows' base is then a cut.

    `seen` are the rows as the step sees them, with turns of conversations besides.
    """
    moved = any(made.moved(name) for name, made in rows.made.items()) or set(rows.made) != set(state.nodes[rows.base].columns)
    if step is None and not rows.run and not moved:
        return rows
    head, table = rows.base, rows.table
    # Cheap decisions first, then recipe order: static, so that the ledger never depends on timings.
    for _, decision in sorted(rows.run, key=lambda pair: pair[0]):
        head = state.add(replace(decision, inputs=(head, *decision.inputs)))
    # By name: the order of the keys of a map, such as that of `measure`, decides nothing.
    inputs = [head, *(made.node for _, made in sorted(rows.made.items()) if made.node is not None)]
    more: dict[str, Any] = {"columns": dict(rows.columns), "carried": dict(rows.made), "license": rows.license}
    if step is None:
        return state.rows_of(state.add_table(table.name, table.span, Keep(), dict.fromkeys(inputs), **more), rows)
    operator = step.operator
    assert isinstance(operator, SetDecision)
    for form, column in operator.forms().items():
        inputs.append(add_columns(state, seen or rows, step, {"of": column}, {form: "label"}, form))
    if isinstance(operator, Pairwise):
        inputs.append(add_columns(state, seen or rows, step, {"of": operator.compared()}, dict(operator.beside()), NEAR))
    if operator.name in ("mixture", "sample"):
        # Amounts shrink by what a preview leaves out, and that is not in its own digest: the sources' are.
        inputs += [*state.previews, *(state.nodes[each].rows for each in state.previews)]
    seed = state.seed_of(operator)
    return state.rows_of(state.add_step(step, rows, operator, dict.fromkeys(inputs), seed=seed, **more), rows)
