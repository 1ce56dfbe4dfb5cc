"""The recipe as typed values, each beside the place where it is written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from compiler.recipe.benchmarks import FEED, PlacedBenchmark
from compiler.recipe.evaluating import PlacedEvaluation, answer_tables, evaluate_of
from compiler.recipe.placed import Part, PlacedSource, PlacedStep, PlacedTable
from compiler.recipe.traces import PlacedCot, PlacedModel, cot_of, in_traces, models_of, translated_name
from compiler.recipe.training import TRAIN, PlacedTraining, trains_of
from compiler.recipe.triage import complain_dropped, triage_of
from compiler.recipe.typed import declared, gap, step_of, steps_of, typed
from compiler.text.diagnostics import Diagnostic, meant
from compiler.text.document import TextNode
from compiler.text.spans import Span
from operators.asks.asks import Budget
from operators.base.files import FileDigest
from operators.base.licence import join
from operators.declared.by_row import LicenceByRow, categories_of
from operators.declared.model import Model
from operators.declared.source import Source
from operators.declared.triage import Triage
from operators.measures.where import Where
from operators.text.sqltext import literal

FORMAT = 1
#: The sections that make the table `dataset`, in the order of their steps.
LAST = ("decontaminate", "mixture")


@dataclass(frozen=True)
class Recipe:
    """A whole recipe; sections are lowered to `tables`."""

    name: str
    description: str
    languages: Mapping[str, str]
    """Role (`target`, `anchor`) -> language code."""
    seed: int
    sources: Mapping[str, PlacedSource]
    tables: Mapping[str, PlacedTable]
    outputs: tuple[tuple[str, Span], ...]
    models: Mapping[str, PlacedModel]
    cot: PlacedCot | None
    trains: Mapping[str, PlacedTraining]
    benchmarks: Mapping[str, PlacedBenchmark]
    evaluate: PlacedEvaluation | None
    budget: Budget | None
    """What a build may spend on completions."""
    triage: Triage
    answer_tables: Mapping[tuple[str, str], PlacedTable]
    """(model, benchmark) -> the table of its answers and scores, of the benchmarks that have files."""
    tokenizers: dict[str, FileDigest]
    """Model -> the digest of its tokenizer's file, of those that say one; filled in when the files are read."""
    node: TextNode
    named: frozenset[str]
    """The names of all sources, also of those that are wrong."""
    categories: frozenset[str]
    """The categories of all sources, also of those that are wrong."""
    diagnostics: list[Diagnostic] = field(default_factory=list)

    def targets(self) -> dict[str, Span]:
        """Everything that can be an output, with the place that says it."""
        found = {name: table.span for name, table in self.tables.items()}
        found |= {training.label: self.node.find(("train", name), key=True) for name, training in self.trains.items()}
        section = self.node.find(("evaluate",), key=True)
        return found | dict.fromkeys(self.evaluate.outputs() if self.evaluate is not None else (), section)

    def names(self, section: str) -> frozenset[str]:
        """The names that a section says, also of what is wrong."""
        return frozenset((*(name for name, _ in members(self.node, section)), *left_of(self.node, section)))

    def spoilt(self, section: str, name: str | None = None) -> bool:
        """Whether a section is wrong as a whole, or in what it says of a name; that is reported already."""
        part = self.node.get(section)
        return section in self.node.left or (part is not None and name in part.left)

    @property
    def uncategorised(self) -> bool:
        """Whether the category of some source is not known, because it is wrong."""
        return bool(left_of(self.node, "sources")) or any("category" in each.left for _, each in members(self.node, "sources"))

    @property
    def untold(self) -> bool:
        """Whether the files of some source alone say its categories."""
        return any(categories_of(feed.operator.category) is None for feed in self.sources.values())

    def spared(self, source: str) -> bool:
        """Whether a source need not be here where no output reads it: a benchmark, or a site that the triage drops."""
        return source.startswith(FEED) or source in self.triage.dropped()

    def base_of(self, model: str) -> str:
        """The model that the weights of a model come from, through the trainings that made them."""
        while (label := self.models[model].model.from_) is not None:
            operator = self.trains[label.removeprefix(TRAIN)].operator
            model = operator.model or f"{TRAIN}{operator.init}"
        return model


def type_recipe(node: TextNode, benchmarks: Mapping[str, PlacedBenchmark], problems: list[Diagnostic]) -> Recipe:
    """The typed recipe; mistakes go into `problems`, which are its `diagnostics`, and what is wrong is left out."""
    top = node.value
    assert isinstance(top, dict)
    read = ((name, typed(Source, entry, problems), entry) for name, entry in members(node, "sources"))
    sources = {name: PlacedSource(operator, entry) for name, operator, entry in read if operator is not None}
    tables: dict[str, PlacedTable] = {}
    trains = trains_of(members(node, "train"), problems)
    models, cot = models_of(members(node, "models"), problems), cot_of(node.get("cot"), problems)
    models |= {each.label: PlacedModel(Model.model_validate({"from": each.label}), each.node) for each in trains.values()}
    triage = triage_of(node, {*(name for name, _ in members(node, "sources")), *left_of(node, "sources")}, problems)
    dropped = triage.dropped()
    for name, feed in sorted(sources.items()):
        if name in dropped:
            continue
        license = feed.operator.license
        if isinstance(license, LicenceByRow) and license.drop:
            # In front of all that reads the source: nothing looks at rows that are left out for what they may be used for.
            left = ", ".join(literal(each) for each in license.drop)
            part = feed.node.get("license") or feed.node
            step = PlacedStep("license", Where(that=f"license NOT IN ({left})"), part)
            span = feed.node.find(("license", "drop"), key=True)
            tables[allowed_name(name)] = PlacedTable(allowed_name(name), ((name, span),), (step,), span, join(license.kept()))
        if feed.operator.translate is not None:
            step = PlacedStep("translate", feed.operator.translate, feed.node.get("translate") or feed.node)
            span = feed.node.find(("translate",), key=True)
            tables[translated_name(name)] = PlacedTable(
                translated_name(name), ((allowed_as(name, sources), span),), (step,), span
            )
    wrong = {*(name for name, _ in members(node, "sources") if name not in sources), *left_of(node, "sources")}
    if "prompts" in (*top, *node.left):
        # A source of recorded completions is asked for them, and is no prompt itself.
        recorded = {cot.cot.teacher.recorded} if cot is not None else set()
        origins = tuple(
            (read_as(name, sources), node.find(("sources", name), key=True))
            for name in sorted({*sources, *wrong})
            if name not in recorded and name not in dropped
        )
        steps = steps_in(node, "prompts", problems)
        tables["prompts"] = PlacedTable("prompts", origins, steps, node.find(("prompts",), key=True))
    for name in left_of(node, "tables"):
        tables[name] = PlacedTable(name, (), (gap(node),), node.find(("tables",), key=True))
    for name, entry in members(node, "tables"):
        if name in sources or name in tables or (name == "dataset" and any(node.get(each) is not None for each in LAST)):
            problems.append(Diagnostic(f"there are two tables called `{name}`", node.find(("tables", name), key=True)))
            continue
        if "/" in name or len(name.encode()) > 200:
            # An output is found under its table's name, so `/tmp/x` would be a link outside the store.
            message = f"the table `{name}` cannot be a folder's name"
            hint = "choose a name without `/`, of at most 200 bytes"
            problems.append(Diagnostic(message, node.find(("tables", name), key=True), hint))
        origins = tuple((read_as(each, sources), at) for each, at in origins_of(entry))
        own = steps_in(entry, "steps", problems)
        tables[name] = PlacedTable(name, origins, own, node.find(("tables", name), key=True))
    if cot is not None:
        traces_table(node, cot, tables, problems)
    elif "cot" in (*node.left, *top):
        # What a wrong one makes of its prompts is not known, and its steps are looked at all the same.
        tables["traces"] = PlacedTable("traces", (), (gap(node), *trace_steps(node, problems)), node.find(("cot",), key=True))
    elif node.get("traces") is not None:
        message = "`traces` are steps on the completions that `cot` asks for"
        problems.append(Diagnostic(message, node.find(("traces",), key=True), "add `cot:`, or write the steps under `tables:`"))
    feeds = dict(sources)
    for name, benchmark in benchmarks.items():
        if (rows := benchmark.benchmark.source()) is not None:
            feeds[FEED + name] = PlacedSource(rows, benchmark.items)
    evaluate = evaluate_of(node, trains, models, benchmarks, problems)
    last = [name for name in LAST if name in (*top, *node.left)]
    if last:
        span = node.find((last[-1],), key=True)
        parts = {name: node.get(name) for name in last}
        listed = [(gap(node),) if part is None else step_of(name, name, part, problems) for name, part in parts.items()]
        own_steps = tuple(each for steps in listed for each in steps)
        origin = "traces" if "traces" in tables else "prompts" if "prompts" in tables else list(tables)[-1] if tables else ""
        if not origin:
            problems.append(Diagnostic(f"a `{last[-1]}` needs rows to choose from", span, "add `prompts:` or `tables:`"))
        else:
            tables["dataset"] = PlacedTable("dataset", ((origin, span),), own_steps, span)
    complain_dropped(triage, tables, problems)
    outputs = outputs_of(node, tables, problems)
    return Recipe(
        name=text_at(node, "recipe"),
        description=text_at(node, "description"),
        languages={role: str(entry.value) for role, entry in members(node, "language")},
        seed=seed.value if (seed := node.get("seed")) is not None and isinstance(seed.value, int) else 0,
        sources=feeds,
        tables=tables,
        outputs=outputs,
        models=models,
        cot=cot,
        trains=trains,
        benchmarks=benchmarks,
        evaluate=evaluate,
        budget=declared(Budget, limit, problems) if (limit := node.get("budget")) is not None else None,
        triage=triage,
        answer_tables={} if evaluate is None else answer_tables(node, evaluate),
        tokenizers={},
        node=node,
        named=frozenset((*(name for name, _ in members(node, "sources")), *left_of(node, "sources"))),
        categories=frozenset(
            (
                *(text_at(entry, "category") for _, entry in members(node, "sources")),
                *(each for feed in sources.values() for each in categories_of(feed.operator.category) or ()),
            )
        ),
        diagnostics=problems,
    )


def read_as(name: str, sources: Mapping[str, PlacedSource]) -> str:
    """The table with the rows of a source: the source itself, those that may be used, or its translation."""
    translated = name in sources and sources[name].operator.translate is not None
    return translated_name(name) if translated else allowed_as(name, sources)


def allowed_as(name: str, sources: Mapping[str, PlacedSource]) -> str:
    """The table with the rows of a source that are not left out for their licence: the source itself, where none is."""
    license = sources[name].operator.license if name in sources else None
    return allowed_name(name) if isinstance(license, LicenceByRow) and license.drop else name


def allowed_name(source: str) -> str:
    """The table of a source's rows whose licence class is not dropped; no name that a recipe may give has a dot."""
    return f"{source}.allowed"


def traces_table(node: TextNode, cot: PlacedCot, tables: dict[str, PlacedTable], problems: list[Diagnostic]) -> None:
    """Add the table of traces: what follows from the type of a trace, then the steps that are written."""
    span = node.find(("cot",), key=True)
    origin = cot.cot.of or ("prompts" if "prompts" in tables else list(tables)[-1] if tables else "")
    if not origin:
        problems.append(Diagnostic("a `cot` needs rows to ask about", span, "add `prompts:` or `tables:`"))
        return
    anchor = dict(members(node, "language")).get("anchor")
    code = None if anchor is None else str(anchor.value)
    steps = tuple(PlacedStep(each.label, each.operator, Part(node, ("cot", *each.path))) for each in cot.cot.steps(code))
    teacher = cot.node.get("teacher")
    steps = (*steps, gap(cot.node, rows=teacher is None or teacher.lacks)) if cot.node.lacks else steps
    steps = (*steps, *trace_steps(node, problems))
    tables["traces"] = PlacedTable("traces", ((origin, cot.node.find(("of",))),), steps, span)


def trace_steps(node: TextNode, problems: list[Diagnostic]) -> tuple[PlacedStep, ...]:
    """The steps that a recipe writes under `traces`."""
    return tuple(replace(each, operator=in_traces(each.operator)) for each in steps_in(node, "traces", problems))


def steps_in(node: TextNode, section: str, problems: list[Diagnostic]) -> tuple[PlacedStep, ...]:
    """The steps of a section; a gap where all of it is wrong."""
    part = node.get(section)
    return steps_of(part, problems) if part is not None else (gap(node),) * (section in node.left)


def left_of(node: TextNode, section: str) -> tuple[str, ...]:
    """The names in a section whose parts were left out."""
    part = node.get(section)
    return () if part is None else tuple(str(each) for each in part.left)


def members(node: TextNode, section: str) -> list[tuple[str, TextNode]]:
    """The named parts of a section that is a map."""
    part = node.get(section)
    return [] if part is None else [(name, entry.node) for name, entry in part.entries.items()]


def text_at(node: TextNode, key: str) -> str:
    part = node.get(key)
    return part.value if part is not None and isinstance(part.value, str) else ""


def origins_of(table: TextNode) -> tuple[tuple[str, Span], ...]:
    """The names after `from`: one or a list."""
    origin = table.get("from")
    if origin is None:
        return ()
    parts = origin.value if isinstance(origin.value, list) else [origin]
    return tuple((str(part.value), part.span) for part in parts)


def outputs_of(node: TextNode, tables: Mapping[str, PlacedTable], problems: list[Diagnostic]) -> tuple[tuple[str, Span], ...]:
    """The named outputs: those listed, else the last table."""
    listed = node.get("outputs")
    if listed is None or not isinstance(listed.value, list):
        if not tables and "tables" not in node.left:
            problems.append(Diagnostic("the recipe makes no table", node.span, "add `prompts:` or `tables:`"))
        if not tables:
            return ()
        last = "dataset" if "dataset" in tables else list(tables)[-1]
        return ((last, tables[last].span),)
    outputs = tuple((str(part.value), part.span) for part in listed.value)
    for name, span in outputs:
        if name not in tables and "tables" not in node.left:
            hint = meant(name, tables, "the tables are: " + ", ".join(f"`{table}`" for table in tables))
            if name.startswith((TRAIN, "evaluate")):
                hint = f"checkpoints and scores are built when they are asked for: recipe build --target {name}"
            problems.append(Diagnostic(f"there is no table `{name}`", span, hint))
    return tuple((name, span) for name, span in outputs if name in tables)
