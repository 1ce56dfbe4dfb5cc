"""The section `ablations`: variants of a recipe, each a patch of dotted keys, that are compared with one another."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from compiler.text.diagnostics import Diagnostic, Note, RecipeError, meant
from compiler.text.document import TextNode
from compiler.text.merge import apply_patch, dotted_keys
from compiler.text.spans import Span

ABLATIONS = "ablations"
#: What a recipe says of itself, and no variant of it says otherwise.
FIXED = ("format", "recipe", "extends", ABLATIONS)


class VariantName(NamedTuple):
    """Which variant of which ablation."""

    ablation: str
    variant: str

    @property
    def prefix(self) -> str:
        """What its outputs are called by, before their own names."""
        return f"{ABLATIONS}.{self.ablation}.{self.variant}."

    @property
    def option(self) -> str:
        """How a command names its ablation."""
        return f" --ablation {self.ablation}"


def ablations_schema() -> dict[str, Any]:
    """The schema of the section."""
    # Their names are parts of the names of files.
    named = {"propertyNames": {"pattern": "^[A-Za-z0-9_-]{1,40}$", "description": "A name is of letters, digits, `-` and `_`."}}
    choice = "`items`: scores are compared on the items that every variant was judged by."
    match = {"type": "string", "enum": ["items"], "description": choice}
    patch = {"type": "object", "description": "What it says otherwise: dotted keys as `--set` takes them, with their values."}
    variants = {"type": "object", "description": "The variants by name; `{}` is the recipe itself.", "minProperties": 1, **named}
    properties = {"match": match, "variants": {**variants, "additionalProperties": patch}}
    ablation = {"type": "object", "required": ["variants"], "additionalProperties": False, "properties": properties}
    said = {"type": "object", "description": "Variants of the recipe that are compared with one another, by name.", **named}
    return {**said, "additionalProperties": ablation}


@dataclass(frozen=True)
class PlacedAblation:
    """One ablation and its place."""

    name: str
    match: str | None
    """`items`: scores are compared on the items that every variant was judged by."""
    variants: Mapping[str, Span]

    @property
    def names(self) -> list[VariantName]:
        return [VariantName(self.name, each) for each in self.variants]


def ablations_of(node: TextNode) -> dict[str, PlacedAblation]:
    """The ablations of a recipe by name."""
    section = node.get(ABLATIONS)
    found = {}
    for name, entry in section.entries.items() if section is not None else ():
        match, variants = entry.node.get("match"), entry.node.get("variants")
        said = {} if variants is None else {each: one.key_span for each, one in variants.entries.items()}
        found[name] = PlacedAblation(name, None if match is None else str(match.value), said)
    return found


def patched(node: TextNode, chosen: VariantName) -> TextNode:
    """The recipe that a variant is; raises RecipeError with every mistake of its patch."""
    ablations = ablations_of(node)
    patch = node.at((ABLATIONS, chosen.ablation, "variants", chosen.variant))
    if chosen.ablation not in ablations:
        hint = meant(chosen.ablation, ablations, told("ablations", ablations) if ablations else "add `ablations:`")
        raise RecipeError(Diagnostic(f"there is no ablation `{chosen.ablation}`", None, hint))
    if patch is None:
        variants = ablations[chosen.ablation].variants
        hint = meant(chosen.variant, variants, told("variants", variants))
        raise RecipeError(Diagnostic(f"the ablation `{chosen.ablation}` has no variant `{chosen.variant}`", None, hint))
    problems = list[Diagnostic]()
    for written, entry in patch.entries.items():
        try:
            first, span = dotted_keys(written, entry.key_span)[0]
        except RecipeError as error:
            problems += error.diagnostics
            continue
        if first in FIXED:
            problems.append(Diagnostic(f"a variant cannot change `{first}`", span, "all variants are of one recipe"))
    if problems:
        raise RecipeError(problems)
    base = TextNode({key: entry for key, entry in node.entries.items() if key != ABLATIONS}, node.span, left=node.left)
    return apply_patch(base, patch)


def told(what: str, names: Iterable[str]) -> str:
    return f"the {what} are: " + ", ".join(f"`{name}`" for name in names)


def told_at_patch(problems: Iterable[Diagnostic], chosen: VariantName, node: TextNode) -> list[Diagnostic]:
    """The mistakes that a variant makes, at its patch: what it makes wrong elsewhere is a note."""
    patch = node.at((ABLATIONS, chosen.ablation, "variants", chosen.variant))
    if patch is None:
        return [*problems]
    place, found = ablations_of(node)[chosen.ablation].variants[chosen.variant], []
    for each in problems:
        if each.span is not None and not lies_in(each.span, patch):
            message = f"in the variant `{chosen.variant}` of `{chosen.ablation}`: {each.message}"
            each = Diagnostic(message, place, each.hint, (Note("it is met here", each.span), *each.notes))
        found.append(each)
    return found


def lies_in(span: Span, node: TextNode) -> bool:
    """Whether a place is one of a node."""
    whole = node.span
    inside = (whole.line, whole.column) <= (span.line, span.column) <= (whole.end_line, whole.end_column)
    return span.text.name == whole.text.name and inside
