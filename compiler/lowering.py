"""The state of lowering: the graph as it grows, and the rows at one point of a table."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from compiler.diagnostics import Diagnostic
from compiler.graph import Made, Node
from compiler.recipe import Recipe
from compiler.spans import Span
from operators.declare import Measure, Operator
from operators.licence import Licence
from operators.profile import BY_ANCHOR, LanguageProfile
from operators.scope import ColumnType


class Placed(Protocol):
    """Something of the recipe whose fields have places."""

    def span(self, path: tuple[str | int, ...] = (), key: bool = False) -> Span:
        """Where a field of it stands."""


@dataclass
class Rows:
    """The rows at one point of a table: their base table, the run of decisions since, the columns in sight."""

    base: int
    columns: dict[str, ColumnType]
    made: dict[str, Made]
    license: Licence
    proven: bool
    run: list[tuple[int, Node]] = field(default_factory=list)
    """(cost, decision whose first input is open) in recipe order."""


@dataclass
class Lowering:
    """The graph as it grows, with the mistakes met on the way."""

    recipe: Recipe
    profiles: Mapping[str, LanguageProfile]
    items: int | None
    nodes: list[Node] = field(default_factory=list)
    found: list[Diagnostic] = field(default_factory=list)
    previews: list[int] = field(default_factory=list)
    feeds: dict[str, int] = field(default_factory=dict)
    """Source -> its node."""
    checkpoints: dict[str, int] = field(default_factory=dict)
    """`train.NAME` -> its node, of the trainings that were asked for so far."""

    def add(self, node: Node) -> int:
        self.nodes.append(node)
        return len(self.nodes) - 1

    def entries(self, operator: Operator, said: Placed) -> dict[str, Any]:
        """The profile entries an operator reads; one that is missing is a mistake.

        An entry that it reads of several languages is a value for each of them: role -> value.
        """
        read: dict[str, Any] = {}
        named = [entry for _, entry in operator.entries()]
        for role, entry in operator.entries():
            code = self.recipe.languages.get(role, role)
            span = said.span(("of",))
            anchor = self.recipe.languages.get("anchor")
            value = None if (profile := self.profiles.get(code)) is None else profile.entry(entry, anchor)
            value = None if value is None else operator.heard(entry, value)
            if value is None and entry in operator.may_lack:
                continue
            if code == role and role in ("target", "anchor"):
                self.found.append(Diagnostic(f"the recipe names no {role} language", span, "add it under `language:`"))
            elif profile is None:
                self.found.append(
                    Diagnostic(
                        f"there is no language profile `{code}`",
                        span,
                        f"write languages/{code}.yaml beside the recipe; there is: " + ", ".join(sorted(self.profiles)),
                    )
                )
            elif value is None and entry in BY_ANCHOR:
                self.complain_anchor(code, entry, anchor, span)
            elif value is None:
                self.found.append(
                    Diagnostic(
                        f"the language profile `{code}` has no `{entry}`, which `{operator.name}` needs",
                        span,
                        f"add `{entry}:` to languages/{code}.yaml",
                    )
                )
            elif named.count(entry) > 1:
                read.setdefault(entry, {})[role] = value
            else:
                read[entry] = value
        for entry, name in operator.files().items() if isinstance(operator, Measure) else ():
            model = self.recipe.models.get(name)
            if model is not None and name in self.recipe.tokenizers:
                read[entry] = self.recipe.tokenizers[name]
            elif model is not None:
                hint = f"add `{entry}: path/to/{entry}.json` to the model"
                self.found.append(Diagnostic(f"the model `{name}` says no `{entry}`", said.span((entry,)), hint))
        return read

    def complain_anchor(self, code: str, entry: str, anchor: str | None, span: Span) -> None:
        """A prompt that a profile does not say for the language that is reasoned in."""
        if anchor is None:
            message = f"`{entry}` is said for each language that is reasoned in, and the recipe names no anchor"
            self.found.append(Diagnostic(message, span, "add `anchor: CODE` under `language:`"))
        elif anchor in self.profiles:
            said = self.profiles[code].entry(entry.rpartition(".")[0], None) or {}
            known = ", ".join(f"`{each}`" for each in said.get(entry.rpartition(".")[2], ())) or "none"
            section, _, name = entry.partition(".")
            message = f"the language profile `{code}` has no prompt to reason in `{anchor}`: `{entry}` is there for {known}"
            hint = f"write it in languages/{code}.yaml beside the recipe: `{section}: {{{name}: {{{anchor}: ...}}}}`"
            self.found.append(Diagnostic(message, self.recipe.node.find(("language", "anchor")), hint))


def at_table(state: Lowering, index: int) -> Rows:
    """The rows of a table as it is made."""
    node = state.nodes[index]
    return Rows(
        index, dict(node.columns), {name: Made(None, name, kind) for name, kind in node.columns.items()}, node.license, True
    )


def complain_names(state: Lowering, names: Iterable[str], span: Span, what: str = "columns") -> None:
    """A mistake where two names are one to SQL, which would read the one for the other."""
    known: dict[str, str] = {}
    for name in names:
        if known.setdefault(name.lower(), name) != name:
            state.found.append(
                Diagnostic(f"the {what} `{known[name.lower()]}` and `{name}` differ only in case", span, "rename one of them")
            )


def copied(rows: Rows) -> Rows:
    return replace(rows, columns=dict(rows.columns), made=dict(rows.made), run=[])
