"""What each command may load, by list: a module more is a person waiting, or a promise broken, and is told here first."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.conftest import PLAIN, Project

#: What a recipe is read and checked with.
READS = frozenset(
    {"annotated_types", "blake3", "click", "pydantic", "pydantic_core", "typing_extensions", "typing_inspection", "yaml"}
)
#: Arrow loads `dateutil`, where that is installed, to know its durations.
TABLES = READS | {"duckdb", "numpy", "pyarrow", "dateutil", "six"}
OURS = ("operators", "compiler", "runtime", "recipes")

COMPILES = frozenset(f"compiler.{room}" for room in ("text", "recipe", "graph", "prove", "lower", "compile"))
OPENS = COMPILES | {"runtime.cli", "runtime.build", "runtime.sources", "runtime.store"}
LOOKS = OPENS | {"runtime.completions", "runtime.life", "runtime.tables"}


class May(NamedTuple):
    """What a command may load of others and of the rooms of compiler and runtime."""

    arguments: str
    others: frozenset[str]
    rooms: frozenset[str]


#: Of a project whose recipe is built and locked; every one of them is called as a person calls it.
TABLE = (
    May("--help", frozenset({"click"}), frozenset({"runtime.cli"})),
    May("check recipe.yaml", READS, OPENS),
    May("check recipe.yaml --json", READS, OPENS),
    May("check recipe.yaml --set prompts.length.min=9", READS, OPENS),
    May("build recipe.yaml", READS, OPENS | {"runtime.stages"}),
    May("build --help", READS, OPENS),
    May("plan recipe.yaml", READS, OPENS | {"runtime.completions"}),
    May("plan recipe.yaml --set prompts.length.min=9", READS, OPENS | {"runtime.completions"}),
    May("explain recipe.yaml", READS, OPENS | {"runtime.completions", "runtime.stages", "compiler.tell"}),
    May("sources recipe.yaml", TABLES, OPENS | {"runtime.tables"}),
    May("status", READS, OPENS | {"runtime.completions"}),
    May("show recipe.yaml", READS, OPENS),
    May("operators", READS, OPENS | {"compiler.docs", "compiler.language"}),
    May("operators length", READS, OPENS | {"compiler.docs", "compiler.language"}),
    May("store ls", READS, OPENS),
    May(
        "report recipe.yaml --json",
        TABLES,
        LOOKS | {"compiler.tell", "runtime.export", "runtime.report", "runtime.stages", "runtime.training"},
    ),
    May("why recipe.yaml --match 물", TABLES, LOOKS | {"runtime.stages"}),
    May(
        "diff recipe.yaml --set prompts.length.min=9",
        TABLES,
        LOOKS | {"compiler.tell", "runtime.forecast", "runtime.review", "runtime.stages"},
    ),
)

PROGRAM = """
import atexit, json, sys
atexit.register(lambda: print("\\n" + json.dumps(sorted(sys.modules)), file=sys.stderr))
from runtime.cli.main import main
main()
"""


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project that is built and locked, so that nothing of it has to run."""
    project = Project(tmp_path_factory.mktemp("light"))
    project.rows("a.jsonl", ["물은 왜 끓나요?", "짧은 글", "하늘은 왜 파란가요, 그리고 밤에는?"])
    project.write("recipe.yaml", PLAIN)
    (project.folder / ".recipe").mkdir()
    assert project.run("build", "recipe.yaml", "--quiet").code == 0
    assert project.run("lock", "recipe.yaml").code == 0
    return project.folder


def loaded_by(folder: Path, arguments: list[str], code: int = 0) -> set[str]:
    """All modules that a process of its own has loaded when the command has ended."""
    command = [sys.executable, "-c", PROGRAM, *arguments]
    ran = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert ran.returncode == code, ran.stdout + ran.stderr
    return set(json.loads(ran.stderr.splitlines()[-1]))


@pytest.mark.parametrize("may", TABLE, ids=lambda may: may.arguments)
def test_a_command_loads_what_stands_in_its_list(built: Path, may: May) -> None:
    modules = loaded_by(built, may.arguments.split())
    tops = {name.partition(".")[0] for name in modules}
    others = {name for name in tops if not name.startswith("_")} - sys.stdlib_module_names - {*OURS, "cython_runtime"}
    rooms = {".".join(name.split(".")[:2]) for name in modules if name.startswith(("compiler.", "runtime."))}
    assert (others - may.others, rooms - may.rooms) == (set(), set())


def test_what_words_a_mistake_is_loaded_where_there_is_one(built: Path) -> None:
    (built / "wrong.yaml").write_text("format: 1\nrecipe: wrong\nsources: {}\n", "utf-8")
    assert "jsonschema" in loaded_by(built, ["check", "wrong.yaml"], code=2)
