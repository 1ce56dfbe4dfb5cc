"""The lock: the digests and facts that a recipe was last built with."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from compiler.diagnostics import Diagnostic, RecipeError

FORMAT = 3


@dataclass(frozen=True)
class LockedSource:
    """One source as it was read."""

    pattern: str
    """The `file` of the recipe."""
    digest: str
    """The digest of its files' bytes."""
    files: tuple[tuple[str, str, int], ...]
    """(path as shown, digest, bytes)."""
    fields: tuple[str, ...]
    """The columns of the files."""
    rows: int
    columns: Mapping[str, str]


@dataclass(frozen=True)
class Pin:
    """One result that the lock pins."""

    key: str
    digest: str
    rows: int


@dataclass(frozen=True)
class Lock:
    """A whole lock file; it holds no text of any row."""

    recipe: str
    sources: Mapping[str, LockedSource] = field(default_factory=dict)
    profiles: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """Language -> digest of each entry of its profile."""
    prompts: Mapping[str, str] = field(default_factory=dict)
    """Path as shown -> digest of each prompt that stands in a file of its own."""
    operators: Mapping[str, int] = field(default_factory=dict)
    tables: Mapping[str, Pin] = field(default_factory=dict)
    outputs: Mapping[str, Pin] = field(default_factory=dict)
    weights: Mapping[str, str] = field(default_factory=dict)
    """Model that is trained -> the digest of its weights."""
    frozen: Mapping[str, Pin] = field(default_factory=dict)
    """Datasets and checkpoints that are fixed, so that held-out benchmarks may be looked at."""

    def text(self) -> str:
        """The lock as it is written: sorted, one value a line, so that a reviewer reads its diff."""
        return json.dumps({"format": FORMAT, **asdict(self)}, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def read_lock(path: Path) -> Lock | None:
    """The lock at a path, or None where there is none; raises RecipeError for one that cannot be read."""
    if not path.is_file():
        return None
    hint = "write it anew with `recipe lock`"
    try:
        data: dict[str, Any] = json.loads(path.read_text("utf-8"))
        if data.pop("format") != FORMAT:
            raise RecipeError((Diagnostic(f"the lock `{path.name}` has another format", None, hint),))
        sources = {
            name: LockedSource(**{**part, "files": tuple(tuple(each) for each in part["files"]), "fields": tuple(part["fields"])})
            for name, part in data.pop("sources").items()
        }
        tables, outputs = ({each: Pin(**pin) for each, pin in data.pop(name).items()} for name in ("tables", "outputs"))
        frozen = {each: Pin(**pin) for each, pin in data.pop("frozen").items()}
        return Lock(sources=sources, tables=tables, outputs=outputs, frozen=frozen, **data)
    except (ValueError, KeyError, TypeError, AttributeError, UnicodeDecodeError) as error:
        raise RecipeError((Diagnostic(f"the lock `{path.name}` cannot be read: {error}", None, hint),)) from None
