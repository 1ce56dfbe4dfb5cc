"""The shape of the code: which way imports go, how long files are, and what a check leaves alone."""

from __future__ import annotations

import ast
import json
import re
import subprocess
from pathlib import Path

import pytest

from tests.conftest import PLAIN, ROOT, Project, loaded

LAYERS = ("operators", "compiler", "runtime")
FILES = sorted(path for layer in (*LAYERS, "recipes", "tests", "benchmarks") for path in (ROOT / layer).rglob("*.py"))
HEAVY = {"torch", "vllm", "pandas", "kiwipiepy", "pyarrow", "duckdb", "numpy", "transformers", "ray"}
OUT_OF_DATE = "out of date: run `python -m compiler.docs --write`"


def tracked() -> list[Path]:
    """The files of the repository, and those that wait to be added; all files where there is no repository."""
    found = subprocess.run(["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"], cwd=ROOT, capture_output=True)
    names = found.stdout.decode().split("\0") if found.returncode == 0 else []
    return [ROOT / name for name in names if name and (ROOT / name).is_file()] or FILES


def imported(path: Path) -> set[str]:
    """The first parts of all modules that a file imports anywhere in it."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            names |= {each.name.partition(".")[0] for each in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute"
            names.add(str(node.module).partition(".")[0])
    return names


def named(paths: list[Path]) -> list[str]:
    return [path.relative_to(ROOT).as_posix() for path in paths]


@pytest.mark.parametrize("place", range(len(LAYERS)))
def test_a_layer_imports_only_what_is_below_it(place: int) -> None:
    above = {*LAYERS[place + 1 :], "tests", "benchmarks"}
    wrong = [path for path in sorted((ROOT / LAYERS[place]).rglob("*.py")) if imported(path) & above]
    assert named(wrong) == []


def test_no_module_but_one_reaches_another_through_importlib() -> None:
    """A command's file is imported by its name when the command is called; nothing else is."""
    found = [path for path in FILES if path.parts[-2] != "tests" and "import_module(" in path.read_text("utf-8")]
    assert named(found) == ["runtime/cli/main.py"]


def test_no_file_is_longer_than_300_lines() -> None:
    product = [path for path in FILES if path.relative_to(ROOT).parts[0] != "tests"]
    assert named([path for path in product if len(path.read_text("utf-8").splitlines()) > 300]) == []


def test_every_file_opens_with_one_sentence() -> None:
    wrong = []
    for path in FILES:
        source = path.read_text("utf-8")
        doc = ast.get_docstring(ast.parse(source))
        first = doc.split("\n\n")[0] if doc else ""
        if source and not re.fullmatch(r"\S[^\n]*[.]", first):
            wrong.append(path)
    assert named(wrong) == []


@pytest.mark.parametrize(
    "command", [["--help"], ["check", "recipes/ko/quickstart.yaml"], ["check", "recipes/ko/quickstart.yaml", "--json"]]
)
def test_a_check_imports_nothing_heavy(command: list[str]) -> None:
    program = f"""
from runtime.cli.main import main
try:
    main({command!r})
except SystemExit as done:
    assert not done.code, done.code
"""
    assert HEAVY & loaded(program) == set()


def test_a_build_of_nothing_imports_nothing_heavy(project: Project) -> None:
    project.rows("a.jsonl", ["물은 왜 끓나요?"])
    project.write("recipe.yaml", PLAIN)
    project.build("recipe.yaml")
    program = f"""
from runtime.cli.main import main
try:
    main(["build", {str(project.folder / "recipe.yaml")!r}, "--store", {str(project.folder / "store")!r}, "-q"])
except SystemExit as done:
    assert not done.code, done.code
"""
    assert (HEAVY | {"numpy"}) & loaded(program) == set()


@pytest.mark.parametrize("name", ["recipe", "profile"])
def test_the_schemas_are_those_of_the_declarations(name: str) -> None:
    from compiler import schema

    made = {"recipe": schema.recipe_schema, "profile": schema.profile_schema}[name]()
    assert json.loads((ROOT / f"recipes/{name}.schema.json").read_text("utf-8")) == made, OUT_OF_DATE


def test_the_reference_is_that_of_the_declarations() -> None:
    from compiler.docs import reference

    assert (ROOT / "docs/operators.md").read_text("utf-8") == reference(), OUT_OF_DATE


def test_every_operator_of_the_catalog_is_documented_and_has_a_description() -> None:
    from operators.catalog import CATALOG
    from operators.source import Source

    for operator in (Source, *CATALOG.values()):
        assert (operator.__doc__ or "").strip(), operator
        for name, field in json.loads((ROOT / "recipes/recipe.schema.json").read_text("utf-8"))["$defs"][operator.name][
            "properties"
        ].items():
            assert field.get("description"), f"{operator.name}.{name}"


def test_no_file_names_a_machine() -> None:
    """Absolute paths of a home or workspace, and hosts of package mirrors, belong to one machine only."""
    machine = re.compile(
        rb"/(?:home|Users|root|work|mnt|workspace)/[A-Za-z0-9_.-]+/|(?:index-url|extra-index-url|find-links)\s*[ =]|"
        rb"https?://(?:localhost|127\.|10\.|192\.168\.|[a-z0-9.-]*(?:artifactory|nexus|devpi|registry|\.internal|\.local|\.corp))"
    )
    wrong = [
        path
        for path in tracked()
        if "data" not in path.parts and path != Path(__file__).resolve() and machine.search(path.read_bytes())
    ]
    assert named(wrong) == []


def test_the_wheel_has_every_package() -> None:
    import tomllib

    listed = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["setuptools"]["packages"]
    packages = [path.parent.relative_to(ROOT) for layer in LAYERS for path in (ROOT / layer).rglob("__init__.py")]
    found = {".".join(package.parts) for package in packages}
    assert found <= set(listed)
