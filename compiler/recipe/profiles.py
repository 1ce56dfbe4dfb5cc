"""Language profiles: the one beside the recipe comes before the one that ships with the project."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from compiler.recipe.leaving import sound
from compiler.recipe.typed import declared
from compiler.text.canonical import digest_of
from compiler.text.composing import read_document
from compiler.text.diagnostics import Diagnostic, RecipeError, suggest
from compiler.text.document import TextNode, load_text
from compiler.text.project import Place, package_root
from compiler.text.spans import Text
from operators.declared.profile import LanguageProfile, PromptFile


@lru_cache(maxsize=4)
def shipped_schema(package: Path, name: str) -> dict[str, Any]:
    """The JSON Schema of recipes or profiles as it ships; a test keeps it equal to the declarations."""
    schema: dict[str, Any] = json.loads((package / f"{name}.schema.json").read_text("utf-8"))
    return schema


@lru_cache(maxsize=16)  # a diff reads those of both its recipes, and one of a repository those of all
def read_text(text: Text, kind: str) -> tuple[TextNode | None, tuple[Diagnostic, ...]]:
    """(what a text says by its schema, what is wrong with it)."""
    node, found = sound(read_document(text), shipped_schema(package_root(), kind))
    return node, tuple(found)


def read_own(path: Path, place: Place, kind: str, head: str, noun: str) -> tuple[TextNode | None, list[Diagnostic]]:
    """(what a file of one profile or benchmark says, its mistakes); it says its own name under `head`."""
    node, told = read_text(load_text(path, place.show(path)), kind)
    found = list(told)
    said = node.get(head) if node is not None else None
    if said is not None and said.value != path.stem:
        message = f"the {noun} is called `{path.stem}`, and says `{said.value}`"
        found.append(Diagnostic(message, said.span, "one of them is wrong"))
    return node, found


@dataclass(frozen=True)
class Loaded:
    """One profile as it was read."""

    profile: LanguageProfile
    node: TextNode
    prompt_files: Mapping[str, str]
    """Path as shown -> digest of the text of each file that holds one of its prompts."""
    prompt_paths: tuple[Path, ...] = ()


@dataclass(frozen=True)
class Profiles:
    """The language profiles that a recipe uses."""

    loaded: Mapping[str, Loaded]
    """Those that are right, by code."""
    broken: frozenset[str]
    """The codes of those whose mistakes are told."""
    known: tuple[str, ...]
    """The codes of all that a recipe there could use."""

    @property
    def by_code(self) -> dict[str, LanguageProfile]:
        return {code: each.profile for code, each in self.loaded.items()}

    @property
    def nodes(self) -> dict[str, TextNode]:
        return {code: each.node for code, each in self.loaded.items()}

    @property
    def prompt_files(self) -> dict[str, str]:
        """Path as shown -> digest of every prompt that stands in a file of its own."""
        return {shown: digest for each in self.loaded.values() for shown, digest in each.prompt_files.items()}

    def get(self, code: str) -> LanguageProfile | None:
        """The profile of a language."""
        return self.loaded[code].profile if code in self.loaded else None

    def advise(self, code: str) -> str:
        """What to do where a language has no profile."""
        near = suggest(code, self.known)
        there = f"did you mean `{near}`? there is: " if near else "there is: "
        return f"{there}{', '.join(self.known)}; or write languages/{code}.yaml beside the recipe"

    def advise_entry(self, code: str, said: str) -> str:
        """What to do where a profile has no entry: `said` is how it would begin."""
        shown = self.loaded[code].node.span.text.name
        if shown.startswith("pkg:"):
            return f"copy {shown} to languages/{code}.yaml beside the recipe, and add `{said}` there"
        return f"add `{said}` to {shown}"


def load_profile(path: Path, place: Place) -> Loaded:
    """One profile with the prompts that stand in files of their own; raises RecipeError with every mistake in it."""
    node, found = read_own(path, place, "profile", "language", "profile")
    profile = declared(LanguageProfile, node, found) if node is not None else None
    if found or profile is None or node is None:
        raise RecipeError(found)
    profile, files = with_prompts(profile, node, place)
    return Loaded(profile, node, {place.show(each): digest for each, digest in files.items()}, tuple(files))


def with_prompts(profile: LanguageProfile, node: TextNode, place: Place) -> tuple[LanguageProfile, dict[Path, str]]:
    """(the profile with the text of its prompt files in their place, path -> digest of that text)."""
    files: dict[Path, str] = {}

    def text_of(said: Any, *at: str) -> Any:
        if isinstance(said, dict):
            return {anchor: text_of(each, *at, anchor) for anchor, each in said.items()}
        if not isinstance(said, PromptFile):
            return said
        file = place.read(said.file, node.find(("prompts", *at, "file")))
        assert file.path is not None
        text = file.content.removesuffix("\n")
        files[file.path] = digest_of(text)
        return text

    texts = {} if profile.prompts is None else {name: text_of(said, name) for name, said in profile.prompts}
    if not files or profile.prompts is None:
        return profile, {}
    return profile.model_copy(update={"prompts": profile.prompts.model_copy(update=texts)}), files
