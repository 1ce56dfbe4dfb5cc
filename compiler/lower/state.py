"""The state of lowering: the graph as it grows, and the rows at one point of a table."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from compiler.graph.nodes import Aspect, Made, Node
from compiler.recipe.placed import Placed, PlacedStep, PlacedTable
from compiler.recipe.profiles import Profiles
from compiler.recipe.sections import Recipe
from compiler.recipe.typed import fields_of
from compiler.text.diagnostics import Diagnostic, Note, suggest
from compiler.text.document import TextNode
from compiler.text.spans import Span
from compiler.text.yaml_text import NOWHERE
from operators.asks.asks import Asks
from operators.base.declare import Map, Measure, Operator
from operators.base.left_out import LeftOut
from operators.base.licence import Licence
from operators.base.naming import Naming
from operators.base.scope import ColumnType, Complaint, Kind, Scope
from operators.conversations.looks import LOOKS
from operators.declared.profile import BY_ANCHOR
from operators.declared.source import Source
from operators.sets.output import Output

#: What the rows of a source go through: nothing.
NO_TABLE = PlacedTable("", (), (), NOWHERE)


@dataclass(frozen=True)
class Rows:
    """The rows at one point of a table: their base table, the run of decisions since, the columns in sight."""

    base: int
    columns: Mapping[str, ColumnType]
    made: Mapping[str, Made]
    license: Licence
    table: PlacedTable = NO_TABLE
    """The table whose steps they go through."""
    open: bool = False
    """Whether there may be further columns, of a step or a source that is left out because it is wrong."""
    run: tuple[tuple[int, Node], ...] = ()
    """(cost, decision whose first input is open) in recipe order."""

    def having(self, name: str, made: Made) -> Rows:
        """The same rows with one column more, or another in its place."""
        return replace(self, columns={**self.columns, name: made.kind}, made={**self.made, name: made})


@dataclass
class Lowering:
    """The graph as it grows, with the mistakes met on the way."""

    recipe: Recipe
    profiles: Profiles
    nodes: list[Node] = field(default_factory=list)
    problems: list[Diagnostic] = field(default_factory=list)
    previews: list[int] = field(default_factory=list)
    feeds: dict[str, int] = field(default_factory=dict)
    """Source -> its node."""
    checkpoints: dict[str, int] = field(default_factory=dict)
    """`train.NAME` -> its node, of the trainings that were asked for so far."""

    def add(self, node: Node) -> int:
        self.nodes.append(node)
        return len(self.nodes) - 1

    def add_step(
        self, step: PlacedStep, rows: Rows, operator: Operator, inputs: Iterable[int], aspect: Aspect = "table", **more: Any
    ) -> int:
        """Add a node of a step that these rows go through."""
        return self.add(Node(operator, aspect, tuple(inputs), step.label, rows.table.name, step.span(), **more))

    def add_table(self, name: str, span: Span, operator: Operator, inputs: Iterable[int] = (), **more: Any) -> int:
        """Add the node of a table that is made by no step."""
        return self.add(Node(operator, "table", tuple(inputs), name, name, span, **more))

    def add_output(self, name: str, span: Span, rows: Rows) -> int:
        """Add the node of a named output."""
        more: dict[str, Any] = {"columns": rows.columns, "carried": rows.made, "license": rows.license}
        return self.add_table(name, span, Output(output=name), (rows.base,), **more)

    def seed_of(self, operator: Operator) -> int:
        """The seed that decides an operator's result; 0 where none does."""
        return self.recipe.seed if operator.seeded else 0

    def rows_of(self, index: int, before: Rows | None = None) -> Rows:
        """The rows of a table as it is made; made of others, they go through the same steps and are as open as those."""
        node = self.nodes[index]
        made = {name: Made(None, name, kind) for name, kind in node.columns.items()}
        rows = Rows(index, dict(node.columns), made, node.license)
        return rows if before is None else replace(rows, table=before.table, open=before.open)

    def report(self, message: str, span: Span, hint: str | None = None, notes: tuple[Note, ...] = ()) -> None:
        self.problems.append(Diagnostic(message, span, hint, notes))

    def scope(self, rows: Rows) -> Scope:
        """What an operator may read and name where these rows are."""
        recipe = self.recipe
        kinds: dict[Kind, bool] = {
            "column": rows.open,
            "source": recipe.spoilt("sources"),
            "category": recipe.spoilt("sources") or recipe.uncategorised,
            "model": recipe.spoilt("models"),
        }
        declared = {name for section in ("sources", "models") for name in recipe.names(section)}
        sources = recipe.named & set(recipe.sources)
        return Scope(
            rows.columns,
            sources,
            recipe.categories,
            frozenset(recipe.models),
            frozenset(declared - (sources | set(recipe.models))),
            LOOKS if "messages" in rows.columns.values() else (),
            frozenset(kind for kind, is_open in kinds.items() if is_open),
            frozenset({"category"} if recipe.untold else ()),
        )

    def complain(self, complaints: Iterable[Complaint], placed: Placed, lacks: bool) -> None:
        """Report the mistakes of an operator; where parts of it were left out, only those in fields that are written."""
        for each in complaints:
            if not each.silent and not (lacks and not placed.has(each.path)):
                self.report(each.message, placed.span(each.path, each.key), each.hint)

    def entries(self, operator: Operator, placed: Placed) -> dict[str, Any]:
        """The profile entries an operator reads; one that is missing is a mistake.

        An entry that it reads of several languages is a value for each of them: role -> value.
        """
        values: dict[str, Any] = {}
        names = [entry for _, entry in operator.entries()]
        if untold := {entry.partition(".")[0] for entry in names} - {*operator.may_read}:
            raise TypeError(f"{type(operator).__name__}.may_read has no {sorted(untold)}, which its `entries` gives")
        for role, entry in operator.entries():
            code = self.recipe.languages.get(role, role)
            span = placed.span(("of",))
            anchor = self.recipe.languages.get("anchor")
            value = None if (profile := self.profiles.get(code)) is None else profile.entry(entry, anchor)
            value = None if value is None else operator.narrow(entry, value)
            if value is None and entry in operator.may_lack:
                continue
            if code == role and role in ("target", "anchor"):
                if self.recipe.spoilt("language", role):
                    continue
                self.report(f"the recipe names no {role} language", span, "add it under `language:`")
            elif profile is None:
                if code not in self.profiles.broken:
                    message = f"there is no language profile `{code}`"
                    span = self.recipe.node.find(("language", role)) if code != role else span
                    self.report(message, span, self.profiles.advise(code))
            elif value is None and entry in BY_ANCHOR:
                self.complain_anchor(code, entry, anchor, span)
            elif value is None:
                message = f"the language profile `{code}` has no `{entry}`, which `{operator.name}` needs"
                self.report(message, span, self.profiles.advise_entry(code, written_entry(entry)))
            elif (unfit := operator.unfit(entry, value)) is not None:
                self.report(unfit, span)
            elif names.count(entry) > 1:
                values.setdefault(entry, {})[role] = value
            else:
                values[entry] = value
        for entry, name in operator.files().items() if isinstance(operator, Measure) else ():
            model = self.recipe.models.get(name)
            if model is not None and name in self.recipe.tokenizers:
                values[entry] = self.recipe.tokenizers[name]
            elif model is not None and model.model.tokenizer is None:
                hint = f"add `{entry}: path/to/{entry}.json` to the model"
                self.report(f"the model `{name}` says no `{entry}`", placed.span((entry,)), hint)
        return values

    def complain_anchor(self, code: str, entry: str, anchor: str | None, span: Span) -> None:
        """A prompt that a profile does not say for the language that is reasoned in."""
        if anchor is None and not self.recipe.spoilt("language", "anchor"):
            message = f"`{entry}` is said for each language that is reasoned in, and the recipe names no anchor"
            self.report(message, span, "add `anchor: CODE` under `language:`")
        elif anchor in self.profiles.loaded:
            section, _, name = entry.partition(".")
            prompts = self.profiles.loaded[code].profile.entry(section) or {}
            known = ", ".join(f"`{each}`" for each in prompts.get(name, ())) or "none"
            message = f"the language profile `{code}` has no prompt to reason in `{anchor}`: `{entry}` is there for {known}"
            hint = self.profiles.advise_entry(code, written_entry(f"{entry}.{anchor}"))
            self.report(message, self.recipe.node.find(("language", "anchor")), hint)

    def complain_script(self) -> None:
        """A mixed trace is told by the target's script, which tells nothing where the anchor is written in the same."""
        cot = self.recipe.cot
        if cot is None or not cot.cot.mixed_by_script():
            return
        target, anchor = (self.profiles.get(self.recipe.languages.get(role, "")) for role in ("target", "anchor"))
        if target is not None and anchor is not None and (shared := {*(target.scripts or ())} & {*(anchor.scripts or ())}):
            message = f"{target.name} and {anchor.name} are both written in {min(shared)}, by whose share a mixed trace is told"
            hint = "say `think: {language_share: {min: 0}}`, and `own_letters: {in: think, min: 0.01, max: 0.04}` under `traces:`"
            self.report(message, self.recipe.node.find(("language", "anchor")), hint)


def written_entry(entry: str) -> str:
    """How an entry of a profile is written: `scripts:`, or `prompts: {short: ...}`."""
    first, *inner = entry.split(".")
    return f"{first}: " + "".join(f"{{{name}: " for name in inner) + "..." + "}" * len(inner) if inner else f"{first}:"


def complain_names(state: Lowering, names: Iterable[str], span: Span, what: str = "columns") -> None:
    """A mistake where two names are one to SQL, which would read the one for the other."""
    known: dict[str, str] = {}
    for name in names:
        if known.setdefault(name.lower(), name) != name:
            state.report(f"the {what} `{known[name.lower()]}` and `{name}` differ only in case", span, "rename one of them")


def kind_of(measure: Measure) -> ColumnType:
    """The type of a measure as a column."""
    return "number" if measure.values == ("part", "whole") else "integer"


def promised_columns(step: PlacedStep, rows: Rows) -> dict[str, ColumnType]:
    """The columns that a step would make if it were right."""
    match operator := step.operator:
        case Asks():
            return dict(operator.made())
        case Map():
            kept = rows.columns.get(operator.of, "text")
            return {name: kept if name == operator.of and kept in operator.changes else "text" for name in operator.makes()}
        case Naming():
            return dict(operator.made(rows.columns))
        case Measure() if step.column is not None:
            return {step.column: kind_of(operator)}
    return {}


def loses_columns(source: TextNode) -> bool:
    """Whether something of a source was left out that may say its columns, such as `colums`."""
    fields = fields_of(Source)
    strange = [str(key) for key in source.left if key not in fields or key in ("columns", "translate")]
    part = source.get("columns")
    return any(suggest(key, fields) in ("columns", None) for key in strange) or (part is not None and part.lacks)


def lower_left_out(state: Lowering, rows: Rows, step: PlacedStep) -> Rows:
    """Go on from a step that is left out: how many rows it would make of one is not known."""
    more: dict[str, Any] = {"columns": dict(rows.columns), "license": rows.license}
    return state.rows_of(state.add_step(step, rows, LeftOut(), (rows.base,), **more), rows)
