"""What lies under the name of a recipe: its last build, and the looks at held-out benchmarks."""

import json
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any, TypedDict

from runtime.store.parts import Sealed, Unsound, each, each_of, having, is_count, is_digest, is_map, is_text

LAST, LOOKS = "last-build.json", "held-out.jsonl"
PUSHED = "pushed"
"""The folder of what was pushed into a shared store beside a last build that stayed."""


class BuiltStage(TypedDict):
    """What a stage made."""

    key: str
    digest: str
    snapshot: dict[str, Any]


class NamedOutput(TypedDict):
    """What is shown under the name of an output."""

    digest: str
    rows: int
    key: str


def are_fields(value: Any) -> bool:
    """The digest of a source's files, and the columns they have."""
    return isinstance(value, list | tuple) and len(value) == 2 and is_digest(value[0]) and each(is_text)(value[1])


def output_name(recipe: str, output: str) -> str:
    """What people call an output: `RECIPE/dataset`, and `RECIPE/ablations.NAME.VARIANT.dataset` of a variant."""
    return f"{recipe}{'.' if recipe.rpartition('/')[2].startswith('ablations.') else '/'}{output}"


class LastBuild(Sealed):
    """What the last build of a recipe was: for the causes of the next plan, and for what gc keeps."""

    order = "recipe stages beside fields outputs"
    recipe: Annotated[str, is_text]
    stages: Annotated[dict[str, BuiltStage], each_of(having(key=is_digest, digest=is_digest, snapshot=is_map))] = {}
    beside: Annotated[list[str], each(is_digest)] = []
    """The keys of the columns beside the tables."""
    fields: Annotated[dict[str, tuple[str, list[str]]], each_of(are_fields)] = {}
    """Source -> the digest of its files, and the columns they have."""
    outputs: Annotated[dict[str, NamedOutput], each_of(having(digest=is_digest, key=is_digest, rows=is_count))] = {}

    @property
    def snapshots(self) -> dict[str, dict[str, Any]]:
        """Stage -> what decided its key."""
        return {name: stage["snapshot"] for name, stage in self.stages.items()}


class Look(Sealed):
    """One time that a model was judged by a held-out benchmark; a line of its own, without a seal."""

    order = "benchmark model key time"
    benchmark: Annotated[str, is_text]
    model: Annotated[str, is_text]
    key: Annotated[str, is_digest]
    time: Annotated[int, is_count]


def read_looks(lines: str) -> list[Look]:
    """The looks that stand in lines; one that was cut short gave no score."""
    looks = []
    for line in lines.splitlines():
        with suppress(ValueError, Unsound):
            body = json.loads(line)
            looks += [Look.read(body)] if isinstance(body, dict) else []
    return looks


def append_line(path: Path, line: str) -> None:
    """Write a line at the end of a file, so that it outlives a power cut."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "a", encoding="utf-8") as file:
        file.write(line + "\n")
        file.flush()
        os.fsync(file.fileno())


def read_last_build(recipe: str, data: bytes) -> LastBuild | None:
    """The last build of a recipe that a file holds, or None where it is damaged or another's."""
    build = LastBuild.unseal(data)
    return build if build is not None and build.recipe == recipe else None


def last_builds(root: Path) -> Iterator[tuple[Path, str, LastBuild | None]]:
    """(file, recipe, its last build; None where that is damaged) of all recipes, in the folder of a format."""
    for path in sorted((root / "names").rglob(LAST)):
        recipe = path.parent.relative_to(root / "names").as_posix()
        yield path, recipe, read_last_build(recipe, path.read_bytes())
