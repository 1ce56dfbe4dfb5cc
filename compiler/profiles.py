"""Language profiles: the one beside the recipe comes before the one that ships with the project."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from compiler.diagnostics import Diagnostic, RecipeError
from compiler.document import Node, load_text, read_document
from compiler.keys import digest_of
from compiler.project import Place, package_root
from compiler.validate import validate
from operators.profile import LanguageProfile, PromptFile


@lru_cache(maxsize=4)
def shipped_schema(package: Path, name: str) -> dict[str, Any]:
    """The JSON Schema of recipes or profiles as it ships; a test keeps it equal to the declarations."""
    schema: dict[str, Any] = json.loads((package / f"{name}.schema.json").read_text("utf-8"))
    return schema


def find_profile(code: str, place: Place) -> Path | None:
    """The file of a language's profile: `languages/CODE.yaml` beside the recipe, above it, or in the package.

    Raises RecipeError for one that leads out of the project.
    """
    if not re.fullmatch(r"[A-Za-z0-9-]{1,100}", code):
        return None  # a code is no path: `../x` would read a file outside the project, and show its lines
    return place.find(f"languages/{code}.yaml")


@dataclass(frozen=True)
class Loaded:
    """One profile as it was read."""

    profile: LanguageProfile
    node: Node
    prompt_files: Mapping[str, str]
    """Path as shown -> digest of the text of each file that holds one of its prompts."""
    prompt_paths: tuple[Path, ...] = ()


def load_profile(path: Path, place: Place) -> Loaded:
    """One profile with the prompts that stand in files of their own; raises RecipeError with every mistake in it."""
    node = read_document(load_text(path, place.show(path)))
    found = validate(node, shipped_schema(package_root(), "profile"))
    if found:
        raise RecipeError(tuple(found))
    said = node.get("language")
    if said is not None and said.value != path.stem:
        raise RecipeError(
            (Diagnostic(f"the profile is called `{path.stem}`, and says `{said.value}`", said.span, "one of them is wrong"),)
        )
    try:
        profile, files = with_prompts(LanguageProfile.model_validate(node.plain()), node, path, place)
        return Loaded(profile, node, {place.show(each): digest for each, digest in files.items()}, tuple(files))
    except ValidationError as error:
        raise RecipeError(
            tuple(
                Diagnostic(problem["msg"].removeprefix("Value error, "), node.find(problem["loc"]))
                for problem in error.errors(include_url=False)
            )
        ) from None


def with_prompts(profile: LanguageProfile, node: Node, path: Path, place: Place) -> tuple[LanguageProfile, dict[Path, str]]:
    """(the profile with the text of its prompt files in their place, path -> digest of that text)."""
    said = {} if profile.prompts is None else dict(profile.prompts)
    texts, files = {}, {}
    for name, prompt in said.items():
        if isinstance(prompt, PromptFile):
            span = node.find(("prompts", name, "file"))
            target = place.reach(path.parent / prompt.file, prompt.file, span)
            try:
                content = load_text(target, place.show(target)).content
            except RecipeError as error:
                raise RecipeError([replace(each, span=each.span or span) for each in error.diagnostics]) from None
            texts[name] = content.removesuffix("\n")
            files[target] = digest_of(texts[name])
    if not texts or profile.prompts is None:
        return profile, {}
    return profile.model_copy(update={"prompts": profile.prompts.model_copy(update=texts)}), files
