"""Decontamination: what a step looks for, and where, and the proof that no benchmark reaches a training unlooked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from compiler.graph.nodes import Graph, Made, Node
from compiler.lower.state import Lowering, Rows
from compiler.lower.turns import looked_through
from compiler.recipe.benchmarks import FEED
from compiler.recipe.placed import PlacedStep
from compiler.recipe.sections import Recipe
from compiler.text.diagnostics import Diagnostic, Note, meant
from operators.asks.asks import Asks
from operators.asks.attach import Attach
from operators.grow.expand import Expand
from operators.learn.train import Train
from operators.measures.decontaminate import BY_TURN, Decontaminate
from operators.sets.combine import Combine

TEXT = ("text", "list of text", "messages", "tools")

Clean = Mapping[str, frozenset[str]]
"""Column with text -> the benchmarks that were looked for in it and in all it was made of."""


def evaluated(recipe: Recipe) -> tuple[str, ...]:
    """Every benchmark that models are judged by, held-in and held-out, and every set that one of them is parallel to."""
    evaluation = recipe.evaluate
    found = dict.fromkeys(evaluation.listed if evaluation is not None else ())
    waiting = list(found)
    while waiting:
        each = recipe.benchmarks.get(waiting.pop())
        for name in each.benchmark.parallel_to if each is not None else ():
            if name not in found:
                found[name] = None
                waiting.append(name)
    return tuple(found)


def wanted_benchmarks(operator: Decontaminate, recipe: Recipe) -> tuple[str, ...]:
    """The benchmarks that a step is to look for."""
    return evaluated(recipe) if operator.against == "evaluated" else operator.named()


def declared_step(node: Node, recipe: Recipe) -> Decontaminate:
    """The step of a decision as it is written in the recipe, before its names were resolved."""
    operator = next(step.operator for step in recipe.tables[node.table].steps if step.span() == node.span)
    assert isinstance(operator, Decontaminate)
    return operator


def resolve(
    state: Lowering, rows: Rows, step: PlacedStep, operator: Decontaminate
) -> tuple[Decontaminate, tuple[int, ...]] | None:
    """The step with its columns, benchmarks and segmenter by name, and the tables it reads; None where it is wrong."""
    recipe, before = state.recipe, len(state.problems)
    names = wanted_benchmarks(operator, recipe)
    for place, name in enumerate(names):
        if name not in recipe.benchmarks:
            hint = meant(name, recipe.benchmarks, "declare it under `benchmarks:`")
            state.report(f"there is no benchmark `{name}`", step.span(("against", place)), hint)
    if not names and recipe.node.lacks:
        return None
    if not names:
        message = "it looks for what is evaluated, and the recipe evaluates nothing"
        state.report(message, step.span(), "add `evaluate:`, or name benchmarks with `against:`")
    columns = operator.in_ or tuple(name for name, kind in rows.columns.items() if kind in ("text", "list of text"))
    obtained = tuple(name for name in names if FEED + name in state.feeds)
    if operator.languages and len(operator.languages) != len(names):
        message = f"it names {len(operator.languages)} languages for {len(names)} benchmarks"
        state.report(message, step.span(("languages",)), "leave it out: each benchmark declares its own")
    if len(state.problems) > before:
        return None
    codes = operator.languages or (recipe.benchmarks[name].benchmark.language for name in names)
    languages = {name: own_language(state, operator, code) for name, code in zip(names, codes, strict=True)}
    own = operator.language
    operator = operator.model_copy(update={"languages": tuple(languages[name] for name in obtained)})
    ngrams = state.entries(operator, step).get("ngrams")
    cut = ngrams if ngrams is None or len(operator.roles()) == 1 else ngrams.get(own)
    if len(state.problems) > before or cut is None:
        return None
    shown = operator.options or ("options" if rows.columns.get("options") == "list of text" else None)
    update = {"in_": columns, "against": obtained, "segmenter": operator.segmenter or cut["segments"], "options": shown}
    update["talk"] = next((name for name in rows.columns if name.endswith(BY_TURN)), None)
    return operator.model_copy(update=update), tuple(state.feeds[FEED + name] for name in obtained)


def own_language(state: Lowering, operator: Decontaminate, code: str) -> str:
    """The language by whose profile a benchmark is looked for too; that of the rows where it has no n-grams of its own."""
    profile = state.profiles.get(code)
    same = code == state.recipe.languages.get(operator.language, operator.language)
    return operator.language if same or profile is None or profile.ngrams is None else code


def complain_unobtained(graph: Graph, recipe: Recipe) -> list[Diagnostic]:
    """A benchmark that is to be looked for and whose files are not declared."""
    problems = []
    for _, node in graph:
        if not isinstance(node.operator, Decontaminate) or node.aspect != "decision":
            continue
        for name in wanted_benchmarks(declared_step(node, recipe), recipe):
            benchmark = recipe.benchmarks[name].benchmark
            if name not in node.operator.named():
                hint = benchmark.obtain or "say them under `benchmarks:`"
                message = f"the benchmark `{name}` has no files here, so overlap with it cannot be looked for"
                how = f"{hint}; then `benchmarks: {{{name}: {{items: {{file: ..., columns: ...}}}}}}`"
                problems.append(Diagnostic(message, node.span, how))
    return problems


def complain_contaminated(graph: Graph, recipe: Recipe) -> Iterator[Diagnostic]:
    """A training that may learn text of a benchmark which nobody looked for, with its path."""
    required, clean = evaluated(recipe), dict[int, Clean]()
    for index, node in graph:
        if node.aspect == "table":
            clean[index] = clean_columns(graph, index, clean, recipe)
        if not isinstance(node.operator, Train) or not required:
            continue
        table = node.inputs[0]
        for column in node.carried:
            lacks = [name for name in required if name not in clean[table].get(column, frozenset())]
            if lacks:
                listed = ", ".join(f"`{name}`" for name in lacks)
                way = " -> ".join(dict.fromkeys([*path(graph, table, column, lacks[0], clean), node.label]))
                message = f"`{node.label}` learns `{column}`, in which nobody looked for {listed}"
                hint = f"add `decontaminate: {{against: evaluated}}` before the mixture: {way}"
                notes = tuple(
                    Note("it is judged by it here", recipe.evaluate.place(name))
                    for name in lacks[:1]
                    if recipe.evaluate is not None
                )
                yield Diagnostic(message, node.span, hint, notes)
                break


def clean_columns(graph: Graph, index: int, clean: Mapping[int, Clean], recipe: Recipe) -> Clean:
    """What is known of the columns of a table."""
    node = graph.nodes[index]
    text = [name for name, kind in node.columns.items() if kind in TEXT]
    if not node.inputs or isinstance(node.operator, Asks):
        return dict.fromkeys(text, frozenset())
    if isinstance(node.operator, Combine):
        parts = [clean[source] for source in node.inputs]
        return {name: frozenset.intersection(*(part[name] for part in parts if name in part)) for name in text}
    if isinstance(node.operator, Attach):
        made = graph.nodes[node.inputs[1]].columns
        return {name: frozenset() if name in made else clean[node.inputs[0]][name] for name in text}
    if isinstance(node.operator, Expand):
        changed = node.operator.changes()
        return {name: frozenset() if name in changed else clean[node.inputs[0]].get(name, frozenset()) for name in text}
    base, searched = graph.base(node.inputs[0]), dict[tuple[int | None, str], frozenset[str]]()
    for at in graph.run(node.inputs[0]):
        operator, reads = graph.nodes[at].operator, graph.nodes[graph.nodes[at].inputs[-1]].carried
        if isinstance(operator, Decontaminate) and operator.only is None and operator.on_hit == "drop":
            # What has no files here is proven too: a build without them is refused.
            names = wanted_benchmarks(declared_step(graph.nodes[at], recipe), recipe)
            # A conversation whose turns are looked through is not looked through as a whole.
            for made_by in (looked_through(graph, each) for role, each in reads.items() if role != "talk"):
                place = (made_by.node, made_by.name)
                searched[place] = searched.get(place, frozenset()) | set(names)
    return {
        name: searched.get((made_by.node, made_by.name), frozenset()) | before(clean[base], made_by)
        for name in text
        if (made_by := node.carried.get(name, Made(None, name, "text")))
    }


def before(clean: Clean, made: Made) -> frozenset[str]:
    """What was known of a column in the table below; of one that a map made, nothing."""
    return clean.get(made.name, frozenset()) if made.node is None else frozenset()


def path(graph: Graph, index: int, column: str, benchmark: str, clean: Mapping[int, Clean]) -> list[str]:
    """The way of a column's text to a table, from where it came in."""
    node = graph.nodes[index]
    changed = isinstance(node.operator, Expand) and column in node.operator.changes()
    if not node.inputs or changed or isinstance(node.operator, Asks):
        return [node.label]
    if isinstance(node.operator, Combine):
        source = next(each for each in node.inputs if benchmark not in clean[each].get(column, frozenset([benchmark])))
        return [*path(graph, source, column, benchmark, clean), node.label]
    if isinstance(node.operator, Attach):
        source = node.inputs[1 if column in graph.nodes[node.inputs[1]].columns else 0]
        return [*path(graph, source, column, benchmark, clean), node.table]
    made = node.carried.get(column, Made(None, column, "text"))
    if made.node is not None:
        return [graph.nodes[made.node].label, node.table]
    return [*path(graph, graph.base(node.inputs[0]), made.name, benchmark, clean), node.table]
