"""From recipe text and facts to a checked graph: the compiler as one straight column."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from blake3 import blake3

from compiler.graph.lock import read_lock
from compiler.graph.nodes import Graph
from compiler.graph.stages import verify
from compiler.lower.conditions import complain_conditions
from compiler.lower.passes import PASSES
from compiler.lower.tables import lower
from compiler.recipe.ablations import VariantName, patched
from compiler.recipe.benchmarks import FEED, load_benchmarks, lost
from compiler.recipe.joining import advise_plugins, with_plugins
from compiler.recipe.leaving import sound_part, without
from compiler.recipe.placed import PlacedSource
from compiler.recipe.profiles import Loaded, Profiles, load_profile, shipped_schema
from compiler.recipe.sections import Recipe, type_recipe
from compiler.recipe.training import read_template
from compiler.text.diagnostics import Diagnostic, RecipeError
from compiler.text.document import TextNode, near_files
from compiler.text.merge import load_recipe
from compiler.text.project import Place, package_root
from compiler.text.spans import Span, Text
from operators.base.files import FileDigest
from operators.declared.profile import LanguageProfile

#: Bytes of a tokenizer's file, which is read whole.
MOST_TOKENIZER = 1 << 28


@dataclass(frozen=True)
class Read:
    """A recipe after its text was read: merged, validated, typed, with the language profiles it may use."""

    place: Place
    node: TextNode
    recipe: Recipe
    profiles: Profiles
    texts: tuple[Text, ...]
    """The recipe, all it extends, and every `--set`."""


def read_recipe(place: Place, settings: tuple[str, ...] = (), variant: VariantName | None = None) -> Read:
    """Read, merge, validate and type a recipe, or a variant of it.

    Its mistakes are in the recipe's `diagnostics`, and what is wrong is left out. Raises RecipeError with every mistake where
    so much of it is wrong that the rest says nothing.
    """
    merged = load_recipe(place, settings)
    problems = list(merged.problems)
    if variant is not None:
        merged = replace(merged, node=patched(merged.node, variant))
    schema = with_plugins(merged.node, shipped_schema(package_root(), "recipe"), partial(locked_packages, place), problems)
    node, wrong = sound_part(merged.node, schema, merged.torn)
    problems += advise_plugins(wrong, merged.node)
    if node is None or merged.torn:
        raise RecipeError(problems)
    benchmarks = load_benchmarks(node, place, problems)
    recipe = type_recipe(without(node, lost(node, benchmarks)), benchmarks, problems)
    templates = {name: read_template(training, place, problems) for name, training in recipe.trains.items()}
    # A variant has a name of its own in a store: what was last built of it, and what is shown of it.
    name = recipe.name if variant is None else f"{recipe.name}/{variant.prefix.rstrip('.')}"
    recipe = replace(recipe, trains=templates, name=name)
    loaded: dict[str, Loaded] = {}
    broken: set[str] = set()
    for code in sorted(languages_of(recipe)):
        try:
            path = place.find("languages", code)
            if path is None:
                continue
            loaded[code] = load_profile(path, place)
        except RecipeError as error:
            problems += error.diagnostics
            broken.add(code)
    read_tokenizers(recipe, place)
    recipe = replace(recipe, sources=label_sources(recipe, {code: each.profile for code, each in loaded.items()}))
    return Read(place, recipe.node, recipe, Profiles(loaded, frozenset(broken), place.names("languages")), merged.texts)


def locked_packages(place: Place) -> Mapping[str, str]:
    """Operator -> the package that brought it when the recipe was locked; what is wrong with a lock is told elsewhere."""
    try:
        lock = read_lock(place.reach(place.lock, place.show(place.lock)), place.show(place.lock))
    except RecipeError:
        return {}
    return {} if lock is None else lock.packages


def label_sources(recipe: Recipe, profiles: Mapping[str, LanguageProfile]) -> dict[str, PlacedSource]:
    """The sources, whose right options are read by the labels of their language: the target, or that of a benchmark."""
    found = {}
    for name, feed in recipe.sources.items():
        benchmark = recipe.benchmarks.get(name.removeprefix(FEED)) if name.startswith(FEED) else None
        code = recipe.languages.get("target", "") if benchmark is None else benchmark.benchmark.language
        gold = feed.operator.columns.gold
        if gold is not None and (known := gold.read_by(profiles.get(code))) != gold:
            columns = feed.operator.columns.model_copy(update={"gold": known})
            feed = replace(feed, operator=feed.operator.model_copy(update={"columns": columns}))
        found[name] = feed
    return found


def read_tokenizers(recipe: Recipe, place: Place) -> None:
    """Fill in the digest of each model's tokenizer file; a file that cannot be read is a mistake of the recipe."""
    for name, model in recipe.models.items():
        if model.model.tokenizer is not None:
            try:
                span = model.node.find(("tokenizer",))
                recipe.tokenizers[name] = digest_file(place.named(model.model.tokenizer, span), model.model.tokenizer, span)
            except RecipeError as error:
                recipe.diagnostics.extend(error.diagnostics)


def digest_file(path: Path, written: str, span: Span) -> FileDigest:
    """The digest of a file of at most MOST_TOKENIZER bytes; raises RecipeError."""
    try:
        if not path.is_file():
            raise RecipeError(Diagnostic(f"there is no file `{written}`", span, near_files(path)))
        if path.stat().st_size > MOST_TOKENIZER:
            raise RecipeError(Diagnostic(f"`{written}` is larger than 256 MB", span))
        return FileDigest(blake3(path.read_bytes()).hexdigest(), path)
    except OSError as error:
        raise RecipeError(Diagnostic(f"cannot read `{written}`: {(error.strerror or '').lower()}", span)) from None


def languages_of(recipe: Recipe) -> set[str]:
    """The codes of the languages that a recipe names anywhere."""
    codes = {
        recipe.languages.get(role, role)
        for table in (*recipe.tables.values(), *recipe.answer_tables.values())
        for step in table.steps
        for role, _ in step.operator.entries()
    }
    benchmarks = {each.benchmark.language for name, each in recipe.benchmarks.items() if FEED + name in recipe.sources}
    return (codes | benchmarks | set(recipe.languages.values())) - {"target", "anchor"}


def look_through(
    read: Read, fields: Mapping[str, frozenset[str] | None], items: int | None = None
) -> tuple[Graph, list[Diagnostic]]:
    """(the graph of what is right in a recipe, every mistake)."""
    problems = list(read.recipe.diagnostics)
    for role, code in read.recipe.languages.items():
        if code not in read.profiles.loaded and code not in read.profiles.broken:
            message = f"there is no language profile `{code}`"
            problems.append(Diagnostic(message, read.node.find(("language", role)), read.profiles.advise(code)))
    if large := complain_conditions(read.recipe):
        raise RecipeError(tuple((*problems, *large)))
    graph, more = lower(read.recipe, read.profiles, fields, items)
    return graph, list(dict.fromkeys((*problems, *more)))


def run_passes(graph: Graph) -> Graph:
    """The graph of a recipe without mistakes, after the passes."""
    verify(graph)
    for rewrite in PASSES:
        graph = rewrite(graph)
    verify(graph)
    return graph
