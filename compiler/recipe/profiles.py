"""Language profiles: the one beside the recipe comes before the one that ships with the project."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from compiler.recipe.leaving import sound_part
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
    node, problems = sound_part(read_document(text), shipped_schema(package_root(), kind))
    return node, tuple(problems)


def read_own(path: Path, place: Place, kind: str, head: str, noun: str) -> tuple[TextNode | None, list[Diagnostic]]:
    """(what a file of one profile or benchmark says, its mistakes); it says its own name under `head`."""
    node, mistakes = read_text(load_text(path, place.show(path)), kind)
    problems = list(mistakes)
    own_name = node.get(head) if node is not None else None
    if own_name is not None and own_name.value != path.stem:
        message = f"the {noun} is called `{path.stem}`, and says `{own_name.value}`"
        problems.append(Diagnostic(message, own_name.span, "one of them is wrong"))
    return node, problems


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
    """The codes of those that are wrong, which is reported already."""
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
        nearest = suggest(code, self.known)
        there = f"did you mean `{nearest}`? there is: " if nearest else "there is: "
        return f"{there}{', '.join(self.known)}; or write languages/{code}.yaml beside the recipe"

    def advise_entry(self, code: str, written: str) -> str:
        """What to do where a profile has no entry: `said` is how it would begin."""
        shown = self.loaded[code].node.span.text.name
        if shown.startswith("pkg:"):
            return f"copy {shown} to languages/{code}.yaml beside the recipe, and add `{written}` there"
        return f"add `{written}` to {shown}"


def load_profile(path: Path, place: Place) -> Loaded:
    """One profile with the prompts that stand in files of their own; raises RecipeError with every mistake in it."""
    node, problems = read_own(path, place, "profile", "language", "profile")
    profile = declared(LanguageProfile, node, problems) if node is not None else None
    if problems or profile is None or node is None:
        raise RecipeError(problems)
    profile, files = with_prompts(profile, node, place)
    return Loaded(profile, node, {place.show(each): digest for each, digest in files.items()}, tuple(files))


def with_prompts(profile: LanguageProfile, node: TextNode, place: Place) -> tuple[LanguageProfile, dict[Path, str]]:
    """(the profile with the text of its prompt files in their place, path -> digest of that text)."""
    files: dict[Path, str] = {}

    def text_of(prompt: Any, *at: str) -> Any:
        if isinstance(prompt, dict):
            return {anchor: text_of(each, *at, anchor) for anchor, each in prompt.items()}
        if not isinstance(prompt, PromptFile):
            return prompt
        file = place.read(prompt.file, node.find(("prompts", *at, "file")))
        assert file.path is not None
        text = file.content.removesuffix("\n")
        files[file.path] = digest_of(text)
        return text

    texts = {} if profile.prompts is None else {name: text_of(prompt, name) for name, prompt in profile.prompts}
    if not files or profile.prompts is None:
        return profile, {}
    return profile.model_copy(update={"prompts": profile.prompts.model_copy(update=texts)}), files
