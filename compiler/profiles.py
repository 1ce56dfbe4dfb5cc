"""Language profiles: the one beside the recipe comes before the one that ships with the project."""

from __future__ import annotations

import json
import re
from functools import lru_cache
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from compiler.diagnostics import Diagnostic, RecipeError
from compiler.document import load_text, read_document
from compiler.validate import validate
from operators.profile import LanguageProfile


@lru_cache(maxsize=4)
def shipped_schema(package: Path, name: str) -> dict[str, Any]:
    """The JSON Schema of recipes or profiles as it ships; a test keeps it equal to the declarations."""
    schema: dict[str, Any] = json.loads((package / f"{name}.schema.json").read_text("utf-8"))
    return schema


def find_profile(code: str, beside: Path, package: Path, allowed: tuple[Path, ...]) -> Path | None:
    """The file of a language's profile: `languages/CODE.yaml` beside the recipe, above it, or in the package."""
    if not re.fullmatch(r"[A-Za-z0-9-]{1,100}", code):
        return None  # a code is no path: `../x` would read a file outside the project, and show its lines
    for folder in (beside, beside.parent, package):
        path = folder / "languages" / f"{code}.yaml"
        if path.is_file() and any(path.resolve().is_relative_to(root) for root in allowed):
            return path
    return None


def load_profile(path: Path, shown: str, package: Path) -> LanguageProfile:
    """One profile; raises RecipeError with every mistake in it."""
    node = read_document(load_text(path, shown))
    found = validate(node, shipped_schema(package, "profile"))
    if found:
        raise RecipeError(tuple(found))
    said = node.get("language")
    if said is not None and said.value != path.stem:
        raise RecipeError(
            (Diagnostic(f"the profile is called `{path.stem}`, and says `{said.value}`", said.span, "one of them is wrong"),)
        )
    try:
        return LanguageProfile.model_validate(node.plain())
    except ValidationError as error:
        raise RecipeError(
            tuple(
                Diagnostic(problem["msg"].removeprefix("Value error, "), node.find(problem["loc"]))
                for problem in error.errors(include_url=False)
            )
        ) from None
