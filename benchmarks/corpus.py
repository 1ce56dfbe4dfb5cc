"""The corpus that two checkouts are compared by: what ships, real data, edits, traces, a training and an evaluation."""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent.parent

TRACED = {
    "recipe": "corpus/traces",
    "models": {"teacher": {"id": "test/teacher", "license": "mit", "terms": "mit", "endpoint": "lab"}},
    "sources": {"a": {"file": "a.jsonl", "category": "one", "license": "A"}},
    "prompts": [{"length": {"min": 3}}, "unique"],
    "cot": {"teacher": {"model": "teacher", "temperature": 0.6, "max_tokens": 64, "samples": 2}},
}
JUDGED = {
    "recipe": "corpus/judged",
    "models": {
        name: {"id": f"test/{name}", "license": "mit", "terms": "mit", "endpoint": "lab"} for name in ("teacher", "translator")
    },
    "sources": {"a": {"file": "a.jsonl", "category": "one", "license": "A"}},
    "prompts": [{"length": {"min": 3}}],
    "benchmarks": {
        "sums": {
            "items": {"file": "sums.jsonl", "columns": {"prompt": "question", "gold_answer": "answer"}},
            "task": "math",
            "extract": "first_boxed",
            "language": "ko",
            "license": "A",
        }
    },
    "evaluate": {"held_in": ["sums"], "models": ["teacher", "translator"], "trials": 2, "max_tokens": 64},
}


@dataclass(frozen=True)
class Item:
    """One recipe of the corpus with the commands that are run on it, in order."""

    name: str
    recipe: str
    commands: tuple[tuple[str, ...], ...] = (("check",), ("plan",), ("build", "--allow-empty"), ("plan",))
    more: tuple[str, ...] = ()
    """Arguments of each command."""


def items_of(folder: Path, data: Path | None, edits: int) -> Iterator[Item]:
    """The corpus, laid out in a folder."""
    for name in ("quickstart", "tiny-sft", "yi-sang-hq"):
        commands = (("check",), ("plan",), *([("build", "--allow-empty")] if name == "quickstart" else []))
        yield Item(f"pkg:ko/{name}", f"pkg:ko/{name}", commands)
    few = ("--set", "mixture.take.sample=16")  # one step; all 15 take half an hour on two busy cores
    yield Item("training", "pkg:ko/tiny-sft", (("build", "--target", "train.sft", "--allow-empty"),), few)
    rows = [f"{n}번 문제: {n}에 {n % 7}을 더하면 얼마인가요?" for n in range(40)]
    write_lines(folder / "a.jsonl", [{"prompt": each} for each in rows])
    write_lines(folder / "sums.jsonl", [{"question": each, "answer": str(n + n % 7)} for n, each in enumerate(rows)])
    for name, said in (("traces", TRACED), ("judged", JUDGED)):
        write_recipe(folder / f"{name}.yaml", said)
        target = (("build", "--target", "evaluate"),) if name == "judged" else ()
        yield Item(name, f"{name}.yaml", (("check",), ("plan",), ("build", "--allow-empty"), *target, ("plan",)))
    if data is None:
        return
    # The recipes name their files from four folders up, as they stand in a checkout beside the data.
    shutil.copytree(HERE / "tests" / "recipes", folder / "tests" / "recipes")
    (folder.parent / "shared").symlink_to(data.parent)
    for path in sorted((folder / "tests" / "recipes").rglob("*.yaml")):
        if path.parent.name != "languages":
            yield Item(path.stem, str(path.relative_to(folder)), more=("--allow-path", str(data)))
    yield from edited(folder / "edits", data, edits)


def edited(folder: Path, data: Path, count: int) -> Iterator[Item]:
    """Random edits of one recipe, each compared with the one before and then built."""
    from tests.conftest import DATA
    from tests.predicting import Recipe

    def write(name: str) -> None:
        # Edits name their files where the data lies beside this checkout.
        text = json.dumps(recipe.plain(), ensure_ascii=False).replace(str(DATA), str(data))
        (folder / f"{name}.yaml").write_text(text, "utf-8")

    folder.mkdir()
    recipe = Recipe(folder, random.Random(16), dear=False)
    allow = ("--allow-path", str(data))
    edits = sorted(name for name in dir(recipe) if name.startswith("edit_"))
    write("e000")
    yield Item("e000", "edits/e000.yaml", (("build", "--allow-empty"),), allow)
    for number in range(1, count + 1):
        getattr(recipe, recipe.chance.choice(edits))()
        name = f"e{number:03}"
        write(name)
        before = f"edits/e{number - 1:03}.yaml"
        yield Item(name, f"edits/{name}.yaml", (("diff", before), ("build", "--allow-empty")), allow)


def write_lines(path: Path, rows: list[dict[str, Any]]) -> None:
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), "utf-8")


def write_recipe(path: Path, said: dict[str, Any]) -> None:
    whole = {"format": 1, "language": {"target": "ko", "anchor": "en"}, "seed": 7, **said}
    path.write_text(json.dumps(whole, ensure_ascii=False), "utf-8")
