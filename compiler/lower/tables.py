"""Lower a recipe to its operator graph: sections become tables, tables become nodes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from compiler.graph.nodes import Graph, Made, Node
from compiler.lower.asking import asked
from compiler.lower.contamination import complain_contaminated, resolved
from compiler.lower.expanding import expanded
from compiler.lower.judging import lower_aggregates
from compiler.lower.learning import knows, lower_asked, lower_training
from compiler.lower.state import Lowering, Rows, at_table, complain_names, lose, loses_columns, promises
from compiler.prove.licenses import complain_licenses
from compiler.prove.release import complain_releases
from compiler.recipe.profiles import Profiles
from compiler.recipe.said import Said, TableSaid
from compiler.recipe.sections import Recipe
from compiler.text.diagnostics import Diagnostic, Note, suggest
from compiler.text.spans import Span
from operators.asks.asks import Asks
from operators.base.cut import Cut
from operators.base.declare import COSTS, LABELS, RESERVED, Map, Measure, SetDecision, mapped
from operators.base.left_out import LeftOut
from operators.base.licence import join
from operators.base.scope import ColumnType, DecidesNothing, Scope
from operators.grow.expand import Expand
from operators.maps.select import Select
from operators.measures.decontaminate import Decontaminate
from operators.sets.combine import Combine
from operators.sets.keep import Keep
from operators.sets.output import Output
from operators.sets.preview import Preview


def lower(
    recipe: Recipe, profiles: Profiles, fields: Mapping[str, frozenset[str] | None], items: int | None = None
) -> tuple[Graph, list[Diagnostic]]:
    """The graph of a recipe, and every mistake; `fields` are the columns of sources' files, None where they are not known."""
    state = Lowering(recipe, profiles, items)
    sources: dict[str, Rows] = {}
    for name, feed in sorted(recipe.sources.items()):
        known = fields.get(name)
        scope = Scope({}, frozenset(), frozenset())
        complaints = list(feed.operator.complain(scope)) + ([] if known is None else list(feed.operator.complain_fields(known)))
        state.complain(complaints, feed, feed.node.lacks)
        span, made = recipe.node.find(("sources", name), key=True), dict(feed.operator.made())
        complain_names(state, made, feed.span(("columns",)))
        node = Node(feed.operator, "table", (), name, name, span, columns=made, license=feed.operator.license)
        state.feeds[name] = index = state.add(node)
        sources[name] = replace(at_table(state, index), open=loses_columns(feed.node))
    if items is not None:
        preview(state, sources, items)
    tables: dict[str, Rows] = {}
    for table in recipe.tables.values():
        lower_asked(state, table, sources | tables)
        tables[table.name] = lower_table(state, table, sources | tables)
    for name in recipe.trains:
        lower_training(state, name, tables)
    judged = {}
    for pair, table in recipe.judged.items():
        if knows(state, pair[0]):
            judged[pair] = lower_table(state, table, sources)
    outputs = {name: state.checkpoints[name] for name, _ in recipe.outputs if name in state.checkpoints}
    if recipe.evaluate is not None:
        outputs |= lower_aggregates(state, recipe.evaluate, judged, dict(recipe.outputs))
    for name, span in recipe.outputs:
        if name in tables:
            rows = tables[name]
            outputs[name] = state.add(
                Node(
                    Output(output=name),
                    "table",
                    (rows.base,),
                    name,
                    name,
                    span,
                    columns=rows.columns,
                    carried=rows.made,
                    license=rows.license,
                )
            )
    graph = Graph(tuple(state.nodes), outputs)
    state.found += [*complain_licenses(graph, recipe), *complain_releases(graph, recipe)]
    if not state.found and not recipe.node.lacks:
        state.found += complain_contaminated(graph, recipe)
    return graph, state.found


def preview(state: Lowering, sources: dict[str, Rows], items: int) -> None:
    """Put a preview behind each source: its rows whose items are lowest-ranked among those of all sources."""
    heads = {name: rows.base for name, rows in sources.items()}
    for name, rows in list(sources.items()):
        node = state.nodes[rows.base]
        index = state.add(
            replace(
                node,
                operator=Preview(items=items),
                inputs=(rows.base, *heads.values()),
                seed=state.recipe.seed,
                carried=dict(rows.made),
            )
        )
        state.previews.append(index)
        sources[name] = replace(at_table(state, index), open=rows.open)


def lower_table(state: Lowering, table: TableSaid, known: Mapping[str, Rows]) -> Rows:
    """The rows of one table after its steps, settled into a cut; rows of an origin that is not known may have any column."""
    origins, recipe = [], state.recipe
    for name, span in table.origins:
        if name in known:
            origins.append((known[name], span))
        elif name in (order := list(recipe.tables)) and order.index(name) >= order.index(table.name):
            message = f"`{table.name}` reads {'itself' if name == table.name else f'`{name}`, which comes after it'}"
            state.found.append(Diagnostic(message, span, "a table reads sources and the tables before it"))
        elif name not in recipe.tables and name not in recipe.names("sources") and not recipe.spoilt("sources"):
            near = suggest(name, known)
            hint = f"did you mean `{near}`?" if near else None
            state.found.append(Diagnostic(f"there is no table or source `{name}` before `{table.name}`", span, hint))
    if not table.origins and not recipe.node.lacks and not any(isinstance(each.operator, LeftOut) for each in table.steps):
        message = f"`{table.name}` reads no rows: every source is one of recorded completions"
        state.found.append(Diagnostic(message, table.span, "add a source of prompts"))
    if not origins or len(origins) < len(table.origins):
        node = Node(Combine(), "table", (), table.name, table.name, table.span, columns=dict(LABELS))
        origins.append((replace(at_table(state, state.add(node)), open=True), table.span))
    rows = combine(state, table, origins) if len(origins) > 1 else origins[0][0]
    for said in table.steps:
        rows = step(state, table, rows, said)
    return settle(state, table, rows)


def combine(state: Lowering, table: TableSaid, origins: list[tuple[Rows, Span]]) -> Rows:
    """All rows of several tables; a column that one of them lacks is null there."""
    columns: dict[str, ColumnType] = {}
    first: dict[str, Span] = {}
    for rows, span in origins:
        for name, kind in rows.columns.items():
            if columns.setdefault(name, kind) != kind:
                state.found.append(
                    Diagnostic(
                        f"the column `{name}` is {kind} here, and {columns[name]} in another table",
                        span,
                        notes=(Note(f"it is {columns[name]} here", first[name]),),
                    )
                )
            first.setdefault(name, span)
    labels = {name: kind for name, kind in columns.items() if name in LABELS}
    content = {name: kind for name, kind in sorted(columns.items()) if name not in LABELS}
    complain_names(state, columns, origins[-1][1])
    index = state.add(
        Node(
            Combine(),
            "table",
            tuple(dict.fromkeys(rows.base for rows, _ in origins)),
            table.name,
            table.name,
            table.span,
            columns=content | labels,
            license=join(rows.license for rows, _ in origins),
        )
    )
    return replace(at_table(state, index), open=any(rows.open for rows, _ in origins))


def step(state: Lowering, table: TableSaid, rows: Rows, said: Said) -> Rows:
    """The rows after one step."""
    operator = said.operator
    if isinstance(operator, LeftOut):
        rows = replace(rows, open=True)
        return lose(state, table, rows, said) if operator.rows else rows
    complaints = list(operator.complain(state.scope(rows)))
    if said.column is not None:
        complaints = [each for each in complaints if not isinstance(each, DecidesNothing)]
    if complaints:
        state.complain(complaints, said, said.node.lacks)
        # What comes after is judged as if it were right, or one mistake would look like many.
        for name, kind in promises(operator, rows, said).items():
            rows = rows.having(name, Made(None, name, kind))
        rows = replace(rows, open=rows.open or isinstance(operator, Select))
        return lose(state, table, rows, said) if isinstance(operator, Asks | Expand) else rows
    match operator:
        case Select():
            made = {new: rows.made[old] for new, old in operator.renamed().items() if old in rows.made}
            rows = replace(rows, made=made, columns=dict(operator.made(rows.columns)))
            complain_names(state, rows.columns, said.span())
        case Measure():
            return measure(state, table, rows, said, operator)
        case Map():
            stored: dict[str, ColumnType] = {mapped(place): "text" for place in range(len(operator.makes()))}
            index = columns_node(state, table, rows, said, {"of": operator.of}, stored)
            for name, each in zip(operator.makes(), stored, strict=True):
                rows = rows.having(name, Made(index, each, "text"))
            complain_names(state, rows.columns, said.span())
        case Asks():
            return asked(state, table, settle(state, table, rows), said, operator)
        case Expand():
            return expanded(state, table, settle(state, table, rows), said, operator)
        case SetDecision():
            return settle(state, table, rows, said)
        case Cut():
            return cut(state, table, settle(state, table, rows), said, operator)
    return rows


def cut(state: Lowering, table: TableSaid, rows: Rows, said: Said, operator: Cut) -> Rows:
    """A table of its own kind, made of settled rows."""
    reads = {name: Made(None, name, rows.columns[name]) for name in operator.reads()}
    columns, seed = dict(operator.makes(rows.columns)), state.recipe.seed if operator.seeded else 0
    more = {"columns": columns, "carried": reads, "seed": seed, "license": rows.license}
    entries = state.entries(operator, said)
    return at_table(state, state.put(said, table, operator, "table", (rows.base,), entries=entries, **more))


def columns_node(
    state: Lowering,
    table: TableSaid,
    rows: Rows,
    said: Said,
    reads: Mapping[str, str],
    columns: dict[str, ColumnType],
    form: str | None = None,
    against: tuple[int, ...] = (),
) -> int:
    """A node that makes columns beside the base table, reading the columns in sight and the tables `against`."""
    carried = {role: rows.made[name] for role, name in reads.items()}
    inputs = dict.fromkeys([rows.base, *(made.node for made in carried.values() if made.node is not None)])
    entries = state.entries(said.operator, said)
    more = {"entries": entries, "columns": columns, "carried": carried, "form": form}
    return state.put(said, table, said.operator, "columns", (*inputs, *against), **more)


def measure(state: Lowering, table: TableSaid, rows: Rows, said: Said, operator: Measure) -> Rows:
    """A measure as a column of its own, or with its decision."""
    against: tuple[int, ...] = ()
    if isinstance(operator, Decontaminate):
        if (named := resolved(state, rows, said, operator)) is None:
            return rows
        operator, against = named
    said = replace(said, operator=operator)
    index = columns_node(state, table, rows, said, operator.read(), dict.fromkeys(operator.values, "integer"), against=against)
    if said.column is not None:
        share = operator.values == ("part", "whole")
        kind: ColumnType = "number" if share else "integer"
        if said.column in (*RESERVED, *LABELS):
            hint = "choose another name"
            state.found.append(Diagnostic(f"`{said.column}` is a column of the project's own", said.span(), hint))
        rows = rows.having(said.column, Made(index, "/".join(operator.values) if share else operator.values[-1], kind))
        complain_names(state, [name for name in rows.columns if name.lower() == said.column.lower()], said.span())
        return rows
    same = [each.label for _, each in rows.run if each.label.lower() == said.label.lower()]
    complain_names(state, [*same[-1:], said.label], said.span(), "steps")
    decision = Node(operator, "decision", (index,), said.label, table.name, said.span(), license=rows.license)
    return replace(rows, run=(*rows.run, (COSTS.index(operator.cost), decision)))


def settle(state: Lowering, table: TableSaid, rows: Rows, said: Said | None = None) -> Rows:
    """End the run of decisions with a set decision, or by keeping what it keeps; the rows' base is then a cut."""
    moved = any(made.moved(name) for name, made in rows.made.items()) or set(rows.made) != set(state.nodes[rows.base].columns)
    if said is None and not rows.run and not moved:
        return rows
    head = rows.base
    # Cheap decisions first, then recipe order: static, so that the ledger never depends on timings.
    for _, decision in sorted(rows.run, key=lambda pair: pair[0]):
        head = state.add(replace(decision, inputs=(head, *decision.inputs)))
    operator = said.operator if said is not None else Keep()
    assert isinstance(operator, SetDecision)
    # By name: the order of the keys of a map, such as that of `measure`, decides nothing.
    inputs = [head, *(made.node for _, made in sorted(rows.made.items()) if made.node is not None)]
    if said is not None:
        for form, column in operator.forms().items():
            inputs.append(columns_node(state, table, rows, said, {"of": column}, {form: "label"}, form))
    if said is not None and state.previews and operator.name in ("mixture", "sample"):
        # Amounts shrink by what a preview leaves out, and that is not in its own digest: the sources' are.
        inputs += [*state.previews, *(state.nodes[each].rows for each in state.previews)]
    index = state.add(
        Node(
            operator,
            "table",
            tuple(dict.fromkeys(inputs)),
            said.label if said else table.name,
            table.name,
            said.span() if said else table.span,
            seed=state.recipe.seed if operator.seeded else 0,
            columns=dict(rows.columns),
            carried=dict(rows.made),
            license=rows.license,
        )
    )
    return replace(at_table(state, index), open=rows.open)
