"""From recipe text and facts to a checked graph: the compiler as one straight column."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from blake3 import blake3

from compiler.benchmarks import FEED, load_benchmarks
from compiler.conditions import complain_conditions
from compiler.diagnostics import Diagnostic, RecipeError
from compiler.document import Node
from compiler.graph import Graph, verify
from compiler.lower import lower
from compiler.merge import load_recipe
from compiler.passes import PASSES
from compiler.profiles import Loaded, find_profile, load_profile, shipped_schema
from compiler.project import Place, package_root
from compiler.recipe import Recipe, type_recipe
from compiler.said import Feed
from compiler.spans import Text
from compiler.training import read_template
from compiler.validate import validate
from operators.profile import LanguageProfile
from operators.token_length import TOKENIZERS

#: Bytes of a tokenizer's file, which is read whole.
MOST_TOKENIZER = 1 << 28


@dataclass(frozen=True)
class Read:
    """A recipe after its text was read: merged, validated, typed, with the language profiles it may use."""

    place: Place
    node: Node
    recipe: Recipe
    loaded: Mapping[str, Loaded]
    """The language profiles, by code."""
    texts: tuple[Text, ...]
    """The recipe, all it extends, and every `--set`."""

    @property
    def profiles(self) -> dict[str, LanguageProfile]:
        return {code: each.profile for code, each in self.loaded.items()}

    @property
    def profile_texts(self) -> dict[str, Node]:
        return {code: each.node for code, each in self.loaded.items()}

    @property
    def prompt_files(self) -> dict[str, str]:
        """Path as shown -> digest of every prompt that stands in a file of its own."""
        return {shown: digest for each in self.loaded.values() for shown, digest in each.prompt_files.items()}


def read_recipe(place: Place, settings: tuple[str, ...] = ()) -> Read:
    """Read, merge, validate and type a recipe; raises RecipeError with every mistake in its text."""
    node, texts = load_recipe(place, settings)
    found = validate(node, shipped_schema(package_root(), "recipe"))
    if found:
        raise RecipeError(tuple(found))
    recipe = type_recipe(node, load_benchmarks(node, place))
    templates = {name: read_template(said, place, recipe.diagnostics) for name, said in recipe.trains.items()}
    recipe = replace(recipe, trains=templates)
    loaded: dict[str, Loaded] = {}
    for code in sorted(languages_of(recipe)):
        try:
            path = find_profile(code, place)
            if path is None:
                continue
            loaded[code] = load_profile(path, place)
        except RecipeError as error:
            recipe.diagnostics.extend(error.diagnostics)
            raise RecipeError(tuple(recipe.diagnostics)) from None
    read_tokenizers(recipe, place)
    recipe = replace(recipe, sources=labelled_sources(recipe, {code: each.profile for code, each in loaded.items()}))
    return Read(place, node, recipe, loaded, texts)


def labelled_sources(recipe: Recipe, profiles: Mapping[str, LanguageProfile]) -> dict[str, Feed]:
    """The sources, whose right options are read by the labels of their language: the target, or that of a benchmark."""
    found = {}
    for name, feed in recipe.sources.items():
        judged = recipe.benchmarks.get(name.removeprefix(FEED)) if name.startswith(FEED) else None
        code = recipe.languages.get("target", "") if judged is None else judged.benchmark.language
        gold = feed.operator.columns.gold
        if gold is not None and (known := gold.read_by(profiles.get(code))) != gold:
            columns = feed.operator.columns.model_copy(update={"gold": known})
            feed = replace(feed, operator=feed.operator.model_copy(update={"columns": columns}))
        found[name] = feed
    return found


def read_tokenizers(recipe: Recipe, place: Place) -> None:
    """Fill in the digest of each model's tokenizer file; a file that cannot be read is a mistake of the recipe."""
    for name, said in recipe.models.items():
        if said.model.tokenizer is None:
            continue
        span = said.node.find(("tokenizer",))
        base = span.text.path.parent if span.text.path is not None else place.path.parent
        try:
            path = place.reach(base / said.model.tokenizer, said.model.tokenizer, span)
            if not path.is_file():
                recipe.diagnostics.append(Diagnostic(f"there is no file `{said.model.tokenizer}`", span))
                continue
            if path.stat().st_size > MOST_TOKENIZER:
                recipe.diagnostics.append(Diagnostic(f"`{said.model.tokenizer}` is larger than 256 MB", span))
                continue
            digest = blake3(path.read_bytes()).hexdigest()
        except RecipeError as error:
            recipe.diagnostics.extend(error.diagnostics)
            continue
        except OSError as error:
            recipe.diagnostics.append(Diagnostic(f"cannot read `{said.model.tokenizer}`: {(error.strerror or '').lower()}", span))
            continue
        recipe.tokenizers[name] = digest
        TOKENIZERS[digest] = path


def languages_of(recipe: Recipe) -> set[str]:
    """The codes of the languages that a recipe names anywhere."""
    said = {
        recipe.languages.get(role, role)
        for table in (*recipe.tables.values(), *recipe.judged.values())
        for step in table.steps
        for role, _ in step.operator.entries()
    }
    benchmarks = {each.benchmark.language for name, each in recipe.benchmarks.items() if FEED + name in recipe.sources}
    return (said | benchmarks | set(recipe.languages.values())) - {"target", "anchor"}


def compile_recipe(read: Read, fields: Mapping[str, frozenset[str] | None], items: int | None = None) -> Graph:
    """The checked graph of a recipe; raises RecipeError with every mistake."""
    found = list(read.recipe.diagnostics)
    for role, code in read.recipe.languages.items():
        if code not in read.profiles:
            found.append(
                Diagnostic(
                    f"there is no language profile `{code}`",
                    read.node.find(("language", role)),
                    f"write languages/{code}.yaml beside the recipe",
                )
            )
    if large := complain_conditions(read.recipe):
        raise RecipeError(tuple((*found, *large)))
    graph, more = lower(read.recipe, read.profiles, fields, items)
    if any(each.severity == "error" for each in (*found, *more)):
        raise RecipeError(tuple(dict.fromkeys((*found, *more))))
    verify(graph)
    for rewrite in PASSES:
        graph = rewrite(graph)
    verify(graph)
    return graph
