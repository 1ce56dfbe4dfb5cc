"""Operators of other packages: a wheel that is installed joins like one of ours, and is missed by its name when it is gone."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

from operators.catalog import OPERATORS
from operators.plugins import FAMILIES, fault_of_fields, fault_of_settled
from tests.conftest import ROOT, Project, Ran

EXAMPLE = ROOT / "examples" / "plugin"
RECIPE = """
format: 1
recipe: test/plugin
sources: {a: {file: a.jsonl, category: one, license: A}}
prompts:
  - sentences: {max: 1}
  - measure: {counted: {sentences: {max: 0}}}
"""


def install(target: Path, folder: Path, **changes: str) -> None:
    """Build the example as a wheel, with texts of its pyproject.toml changed, and install it into a folder."""
    shutil.copytree(EXAMPLE, folder)
    said = (folder / "pyproject.toml").read_text("utf-8")
    for old, new in changes.items():
        assert old in said
        said = said.replace(old, new)
    (folder / "pyproject.toml").write_text(said, "utf-8")
    build = "import setuptools.build_meta as backend; print(backend.build_wheel('.'))"
    made = subprocess.run([sys.executable, "-c", build], cwd=folder, capture_output=True, text=True, check=True)
    options = ["--quiet", "--no-index", "--no-deps", "--no-compile", "--target", str(target)]
    subprocess.run([sys.executable, "-m", "pip", "install", *options, made.stdout.split()[-1]], cwd=folder, check=True)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which the example is installed, and nothing else."""
    if importlib.util.find_spec("pip") is None or int(metadata.version("setuptools").partition(".")[0]) < 77:
        pytest.skip("building and installing a wheel needs pip and setuptools 77")
    target = tmp_path_factory.mktemp("installed") / "site"
    install(target, tmp_path_factory.mktemp("source") / "plugin")
    return target


def call(project: Project, *arguments: str, site: Path | None = None) -> Ran:
    """A command in a process of its own, where the packages in a folder are installed besides."""
    paths = [str(ROOT), *([str(site)] if site is not None else [])]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(paths)}
    command = [sys.executable, "-m", "runtime.cli.main", *arguments]
    ran = subprocess.run(command, cwd=project.folder, env=environment, capture_output=True, text=True, check=False)
    return Ran(ran.returncode, ran.stdout, ran.stderr)


@pytest.fixture
def using(project: Project) -> Project:
    project.rows("a.jsonl", ["One.", "One. Two?", "하나. 둘! 셋", "no mark"])
    project.write("recipe.yaml", RECIPE)
    return project


def test_an_installed_operator_is_checked_built_told_and_diffed_like_ours(using: Project, wheel: Path) -> None:
    checked = call(using, "check", "recipe.yaml", site=wheel)
    assert checked.code == 0 and "counted" in checked.out
    built = call(using, "build", "recipe.yaml", "--json", site=wheel)
    assert built.code == 0 and built.json["outputs"][0]["rows"] == 2, built.err
    why = call(using, "why", "recipe.yaml", "--match", "둘", site=wheel)
    assert "sentences DROPPED: 3, wanted at most 1" in why.out
    diff = call(using, "diff", "recipe.yaml", "--set", "prompts.sentences.max=2", site=wheel)
    assert "~ prompts: sentences: max 1 -> 2" in diff.out and "1 enter" in diff.out
    wrong = call(using, "check", "recipe.yaml", "--set", "prompts.sentences.mox=2", site=wheel)
    assert wrong.code == 2 and "did you mean `max`?" in wrong.err


def test_its_page_and_schema_stand_among_those_of_ours(using: Project, wheel: Path) -> None:
    assert "sentences " in call(using, "operators", site=wheel).out
    page = call(using, "operators", "sentences", site=wheel).out
    assert "Version 1, of the package `recipe-sentences`." in page and "`max` (whole number, required)" in page
    assert "### Marks" in page and "The characters that end one" in page
    schema = call(using, "operators", "--schema", site=wheel).json
    assert schema["$defs"]["sentences"]["properties"]["max"]["description"] == "The most sentences kept."
    assert "sentences" in schema["$defs"]["step"]["anyOf"][0]["enum"]


def test_its_author_tries_it_by_its_example(using: Project, wheel: Path, tmp_path: Path) -> None:
    ran = call(using, "operators", "sentences", "--try", site=wheel)
    assert ran.code == 0 and "sentences: its example gives the rows that it says, 1 of 2" in ran.out and "odd texts" in ran.out, (
        ran.err
    )
    wrong = call(using, "operators", "sentences", "--try", site=broken_by(wheel, tmp_path, "with: {max: 1}", "with: {max: 2}"))
    assert wrong.code == 1 and "the example of `sentences` gives [" in wrong.err and "its docstring says [" in wrong.err


def test_its_version_is_in_keys_and_that_of_its_package_is_not(using: Project, wheel: Path, tmp_path: Path) -> None:
    assert call(using, "build", "recipe.yaml", site=wheel).code == 0
    newer = tmp_path / "newer"
    install(newer, tmp_path / "source", **{'version = "1.0"': 'version = "2.0"'})
    states = [each["state"] for each in call(using, "plan", "recipe.yaml", "--json", site=newer).json["stages"]]
    assert states and set(states) == {"reuse"}
    file = newer / "recipe_sentences" / "sentences.py"
    said = file.read_text("utf-8")
    file.write_text(said.replace("    max: Count", "    version: ClassVar[int] = 2\n\n    max: Count"), "utf-8")
    stages = {each["name"]: each["state"] for each in call(using, "plan", "recipe.yaml", "--json", site=newer).json["stages"]}
    assert stages["a"] == "reuse" and stages["prompts"] != "reuse"


def test_taken_away_the_recipe_names_the_package_at_its_place(using: Project, wheel: Path) -> None:
    bare = call(using, "check", "recipe.yaml")
    assert bare.code == 2 and "recipe.yaml:6:5" in bare.err and "data_recipe.operators" in bare.err
    assert call(using, "lock", "recipe.yaml", site=wheel).code == 0
    assert json.loads((using.folder / "recipe.lock").read_text("utf-8"))["packages"] == {"sentences": "recipe-sentences"}
    assert call(using, "build", "recipe.yaml", "--locked", site=wheel).code == 0
    gone = call(using, "check", "recipe.yaml")
    assert gone.code == 2 and gone.err.count("is of the package `recipe-sentences`, which is not installed") == 2
    assert "recipe.yaml:6:5" in gone.err and "recipe.yaml:7:25" in gone.err and "2 errors" in gone.err


def test_two_packages_with_one_name_are_both_named(using: Project, wheel: Path, tmp_path: Path) -> None:
    both = tmp_path / "both"
    shutil.copytree(wheel, both)
    install(both, tmp_path / "source", **{'name = "recipe-sentences"': 'name = "other-sentences"'})
    ran = call(using, "check", "recipe.yaml", site=both)
    assert ran.code == 2 and "recipe.yaml:6:5" in ran.err
    assert "more than one package brings an operator `sentences`: `other-sentences` and `recipe-sentences`" in ran.err


BROKEN = {
    "from typing": ("raise SystemExit(3)\nfrom typing", "cannot be imported: SystemExit: 3"),
    "import Mapping": ("import Mopping", "cannot be imported: ImportError"),
    '= "sentences"': ('= "phrases"', "cannot join: its entry point is called `sentences`, and its `name` is 'phrases'"),
    "Marks": ("Only", "cannot join: the name of its part `Only` is taken"),
    "Sentences(Measure)": ("Sentences(Declared)", "cannot join: it is no class below `Measure`"),
    "max: Count": ("max: float", "cannot join: its field `max` holds a `float`, which no key can hold"),
    "Count = decided(...)": ("Count = field('deciding', ...)", "cannot join: its field `max` is marked 'deciding'"),
    "    max: Count": ("    version: int = 2\n    max: Count", "cannot join: its field `version` hides what every operator has"),
    "    max: Count = ": ("    cost = 'free'\n    max: Count = ", "cannot join: its `cost` is 'free'"),
    '("sentences",)': ('("sentences", "sentences")', "cannot join: its `values` is ('sentences', 'sentences')"),
}


@pytest.mark.parametrize("old", BROKEN)
def test_one_that_cannot_be_used_is_told_where_a_recipe_names_it(using: Project, wheel: Path, tmp_path: Path, old: str) -> None:
    new, message = BROKEN[old]
    broken = broken_by(wheel, tmp_path, old, new)
    ran = call(using, "check", "recipe.yaml", site=broken)
    assert ran.code == 2 and "recipe.yaml:6:5" in ran.err and f"of the package `recipe-sentences` {message}" in ran.err, ran.err


FAILING = {
    "return [np": ("raise ValueError('odd'); return [np", "the package `recipe-sentences` failed: ValueError: odd"),
    "return [np.where": ("raise SystemExit(7); return [np.where", "the package `recipe-sentences` failed: SystemExit: 7"),
    "return [": ("return 3, [", "`sentences` has to give 1 arrays of whole numbers: 2 of them"),
    "return [np.": ("return [0.5 + np.", "`sentences` has to give 1 arrays of whole numbers: Float value"),
    "<= {self.max}": ("<= nothing", "the SQL of `prompts` does not run"),
}


@pytest.mark.parametrize("old", FAILING)
def test_what_fails_inside_one_is_told_in_a_sentence(using: Project, wheel: Path, tmp_path: Path, old: str) -> None:
    new, message = FAILING[old]
    ran = call(using, "build", "recipe.yaml", site=broken_by(wheel, tmp_path, old, new))
    assert ran.code == 1 and message in ran.err and "this is a mistake" in ran.err and "Traceback" not in ran.err, ran.err


def test_a_measures_field_without_a_mark_enters_its_key(using: Project, wheel: Path, tmp_path: Path) -> None:
    bare = broken_by(wheel, tmp_path, 'field("measured", Marks())', "Marks()")
    assert call(using, "build", "recipe.yaml", site=bare).code == 0
    using.write("recipe.yaml", RECIPE.replace("{max: 1}", "{max: 1, marks: {ends: '~'}}"))
    built = call(using, "build", "recipe.yaml", "--json", site=bare)
    assert built.code == 0 and built.json["outputs"][0]["rows"] == 4, built.err


def test_ours_have_no_fault_that_others_are_refused_for() -> None:
    operators = (kind for kind in OPERATORS.values() if issubclass(kind, FAMILIES))
    assert [fault for kind in operators if (fault := fault_of_settled(kind) or fault_of_fields(kind))] == []


def test_one_that_cannot_be_used_hinders_nothing_else(using: Project, wheel: Path, tmp_path: Path) -> None:
    broken = broken_by(wheel, tmp_path, "import Mapping", "import Mopping")
    listed = call(using, "operators", site=broken)
    assert listed.code == 0 and "cannot be imported: ImportError" in listed.err and "length " in listed.out


def broken_by(wheel: Path, folder: Path, old: str, new: str) -> Path:
    """A copy of the installed example, in whose code a text is changed."""
    shutil.copytree(wheel, folder / "broken")
    file = folder / "broken" / "recipe_sentences" / "sentences.py"
    file.write_text(file.read_text("utf-8").replace(old, new), "utf-8")
    return folder / "broken"


def test_a_recipe_without_one_reads_no_package_and_imports_none(using: Project, wheel: Path) -> None:
    (using.folder / "plain.yaml").write_text(RECIPE.replace("sentences", "length"), "utf-8")
    program = """
import sys
from runtime.cli.main import main
main(["check", sys.argv[1]])
from operators.plugins import offers
print("recipe_sentences" in sys.modules, offers.cache_info().misses)
"""
    for name, loaded in (("plain.yaml", "False 0"), ("recipe.yaml", "True 1")):
        environment = os.environ | {"PYTHONPATH": f"{ROOT}{os.pathsep}{wheel}"}
        command = [sys.executable, "-c", program, name]
        ran = subprocess.run(command, cwd=using.folder, env=environment, capture_output=True, text=True, check=True)
        assert ran.stdout.splitlines()[-1] == loaded
