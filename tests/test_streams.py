"""Nothing that a name or a row holds ends a line, steers a screen or commands a workflow, on any stream of any command."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from compiler.text.diagnostics import cells, hides, printed, visible
from tests.conftest import Project, Ran

EVIL = "n\nPWNED\r\x1b[31m\u202e\x9b ##[error]x"
ROW = "::error::PWNED 물은 왜 끓나요\nPWNED \x1b[31m\u202e ##[add-mask]x"
SAID = json.dumps(EVIL)
WHERE = f"""\"{EVIL}\" is null or \"{EVIL}\" <> '{EVIL}x'"""

RECIPE = f"""
format: 1
recipe: test/streams
description: {SAID}
language: {{target: ko, anchor: en}}
sources:
  {SAID}:
    {{file: "data/*.jsonl", category: {SAID}, license: A, columns: {{prompt: prompt, {SAID}: {SAID}}}}}
  other: {{file: b.jsonl, category: other, license: A}}
prompts:
  - {{name: {SAID}, length: {{min: 3}}}}
  - {{where: {json.dumps(WHERE)}}}
  - unique
"""
BROKEN = {
    "a key that is none": RECIPE + f"{SAID}: 1\n",
    "a column that is none": RECIPE
    + f"  - {{repetition: {{in: {SAID}x, max: 0.5}}}}\n".replace(f"{SAID}x", json.dumps(EVIL + "x")),
    "a file that is none": RECIPE.replace("b.jsonl", json.dumps(EVIL)),
    "a profile that is none": RECIPE.replace("target: ko", f"target: {SAID}"),
    "a model that is none": RECIPE + f"  - {{judge: {{model: {SAID}, question: x, choices: [no, yes], as: {SAID}}}}}\n",
    "a table that is none": RECIPE + f"outputs: [{SAID}]\n",
    "a tag": RECIPE + f"x: !{re.sub('[^a-z]', '', EVIL)} ##[error]PWNED\n",
    "no YAML": RECIPE + "::error::PWNED [ ##[error]\n",
    "a base that is none": RECIPE + f"extends: {SAID}\n",
}
COMMANDS = [
    *(["check"], ["check", "--json"], ["check", "--github"], ["plan"], ["plan", "--json"], ["explain"], ["explain", "--json"]),
    *(
        ["build"],
        ["build", "--json"],
        ["build", "--sample", "2"],
        ["why", "--match", "물은"],
        ["why", "--match", "물은", "--json"],
    ),
    *(["show"], ["show", "--graph"], ["show", "--lowered"], ["show", "--json"], ["show", "--near", EVIL], ["verify"], ["lock"]),
    *(
        ["build", "--locked"],
        ["diff", "--set", "prompts.0.length.min=4"],
        ["diff", "--set", f"prompts.{EVIL}=4"],
        ["export", "--to", "out" + EVIL],
        ["report", "--json"],
        ["report", "--to", "page" + EVIL],
        ["report", "--what", EVIL],
    ),
    *(["build", "--target", EVIL], ["build", "--remake", EVIL], ["build", "--set", f"{EVIL}=1"], ["explain", EVIL]),
    *(["why", EVIL], ["why", "--match", EVIL + "x"], ["build", f"--{EVIL}"], ["plan", "--assume", f"{EVIL}=1"], ["build", EVIL]),
    *(["diff", "--set", "prompts.0.length.min=4", "--format", form] for form in ("markdown", "github", "json")),
]
WITHOUT = [
    *([EVIL], ["operators", EVIL], ["new", EVIL, "--language", "th"], ["status"], ["status", "--json"]),
    *(["check", EVIL], ["diff", EVIL]),
    *(
        ["store", "path", EVIL],
        ["store", "ls"],
        ["store", EVIL],
        ["store", "pull", EVIL],
        ["store", "completions", "import", EVIL],
    ),
]


def named_badly(project: Project) -> Project:
    """A project in which whatever may have a name has a bad one."""
    rows = [{"prompt": f"{ROW} {number}", EVIL: EVIL} for number in range(8)]
    project.rows(f"data/{EVIL}.jsonl", rows)
    project.rows("b.jsonl", ["하늘은 왜 파란가요?", "why is the sky blue?"])
    project.write(f"{EVIL}.yaml", RECIPE)
    return project


@pytest.fixture
def place(project: Project) -> Project:
    return named_badly(project)


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The same, built; nobody may change it."""
    made = named_badly(Project(tmp_path_factory.mktemp("streams")))
    ran = made.run("build", f"{EVIL}.yaml")
    assert ran.code == 0, ran.err
    harmless(ran)
    return made


def harmless(ran: Ran, said: object = "") -> str:
    """What was printed, once it is seen to be as lines as we wrote it. Workflow commands are ours alone."""
    printed = ran.out + "\n" + ran.err
    assert "Traceback" not in printed
    assert [char for char in printed if hides(char) and char not in "\n\u200b"] == [], said
    for line in printed.split("\n"):
        assert not line.lstrip().startswith("PWNED"), (said, printed)
        assert "##[" not in line, (said, line)
        if line.lstrip().startswith("::"):
            assert re.match(
                r"::(error|warning|notice) (file=[^:,]*,line=\d+,endLine=\d+,(col=\d+,endColumn=\d+,)?)?title=Recipe ", line
            )
    return printed


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: visible(" ".join(command))[:60])
def test_names_and_rows_stay_in_their_lines(built: Project, tmp_path: Path, command: list[str]) -> None:
    place = Project(shutil.copytree(built.folder, tmp_path / "project", symlinks=True))
    ran = place.run(command[0], f"{EVIL}.yaml", *command[1:])
    said = harmless(ran, command)
    assert ran.code in (0, 1, 2) and said.strip()


@pytest.mark.parametrize("command", WITHOUT, ids=lambda command: visible(" ".join(command))[:60])
def test_arguments_stay_in_their_lines(place: Project, command: list[str]) -> None:
    assert harmless(place.run(*command), command).strip()


@pytest.mark.parametrize("form", [[], ["--json"], ["--github"]], ids=["text", "json", "github"])
@pytest.mark.parametrize("broken", BROKEN.values(), ids=BROKEN)
def test_mistakes_stay_in_their_lines(place: Project, broken: str, form: list[str]) -> None:
    place.write(f"{EVIL}.yaml", broken)
    ran = place.run("check", f"{EVIL}.yaml", *form)
    harmless(ran, broken)
    assert ran.code in (0, 2), ran.out + ran.err


@pytest.mark.parametrize("form", [[], ["--json"]], ids=["text", "json"])
def test_rows_that_cannot_be_read_stay_in_their_lines(place: Project, form: list[str]) -> None:
    with open(place.folder / "data" / f"{EVIL}.jsonl", "a") as file:
        file.write(f'{{"prompt": {ROW!r}}}\n{{"prompt": 7}}\n["::error::PWNED"]\n')
    ran = place.run("build", f"{EVIL}.yaml", *form)
    assert ran.code == 1 and "PWNED" in harmless(ran)
    place.write(f"{EVIL}.yaml", RECIPE.replace("license: A, columns", "license: A, on_bad_row: quarantine, columns"))
    ran = place.run("build", f"{EVIL}.yaml", *form)
    assert ran.code == 0, ran.err
    harmless(ran)
    harmless(place.run("why", f"{EVIL}.yaml", "--match", "PWNED"))


@pytest.mark.parametrize("form", ["text", "markdown", "github"])
def test_a_review_of_a_pull_request_stays_in_its_lines(place: Project, form: str) -> None:
    def git(*arguments: str) -> None:
        who = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
        subprocess.run(["git", *who, *arguments], cwd=place.folder, check=True, capture_output=True)

    git("init", "-q")
    git("add", "-A")
    git("commit", "-qm", "first")
    assert place.run("build", f"{EVIL}.yaml").code == 0
    place.write(f"{EVIL}.yaml", RECIPE.replace("min: 3", "min: 60").replace("category: other", "category: another"))
    for arguments in (["--all"], [f"{EVIL}.yaml"], ["HEAD", f"{EVIL}.yaml"], [EVIL + "x"], ["HEAD", "--all"]):
        harmless(place.run("diff", *arguments, "--format", form), arguments)
    place.write(f"{EVIL}.yaml", RECIPE + f"{SAID}: 1\n")
    harmless(place.run("diff", "--all", "--format", form))


def test_an_annotation_of_a_file_with_a_bad_name_is_one_line(place: Project) -> None:
    place.write(f"{EVIL}.yaml", BROKEN["a key that is none"])
    ran = place.run("check", f"{EVIL}.yaml", "--github")
    assert ran.code == 2 and len(ran.out.strip().split("\n")) == 1


def test_a_progress_line_stays_one_line(place: Project) -> None:
    ran = place.run("build", f"{EVIL}.yaml")
    assert r"built   n\nPWNED\r\x1b[31m\u202e\x9b \x23#[error]x  " in ran.err


# -- what is shown


JOINED = "می\u200cخواهم 👩\u200d🔬"


@pytest.mark.parametrize("command", [["why", "--match", "می"], ["show", "--near", "length"], ["build"], ["build", "--json"]])
def test_joiners_are_printed_as_they_are(project: Project, command: list[str]) -> None:
    project.rows("a.jsonl", [JOINED, f"{JOINED} x"])
    project.write(
        "recipe.yaml",
        RECIPE.split("description")[0]
        + "language: {target: ko, anchor: en}"
        + f"""
sources: {{{json.dumps(JOINED, ensure_ascii=False)}: {{file: a.jsonl, category: one, license: A}}}}
prompts: [{{length: {{min: 3}}}}]
""",
    )
    assert project.run("build", "recipe.yaml").code == 0
    ran = project.run(command[0], "recipe.yaml", *command[1:])
    assert ran.code == 0 and JOINED in ran.out, ran.out + ran.err


def test_joiners_of_a_file_name_are_printed_in_a_diagnostic(project: Project) -> None:
    project.write(
        "recipe.yaml",
        f"format: 1\nrecipe: a\nlanguage: {{target: ko, anchor: en}}\n{json.dumps(JOINED, ensure_ascii=False)}: 1\n",
    )
    for form in ([], ["--json"], ["--github"]):
        ran = project.run("check", "recipe.yaml", *form)
        assert ran.code == 2 and JOINED in ran.out + ran.err


def test_one_line_is_one_line() -> None:
    assert visible("a\nb\r\x85\u2028\x0bc") == r"a\nb\r\x85\u2028\x0bc"
    assert printed("  ::error::x") == r"  \x3a:error::x" and printed("a ::b") == "a ::b"
    assert visible("x ##[error]y ##[") == r"x \x23#[error]y \x23#["
    assert visible(JOINED) == JOINED and visible("\u200e\u2066\u202e\u061c") == r"\u200e\u2066\u202e\u061c"
    assert cells(visible("\u202e")) == 6 and cells(JOINED) == 12


def test_no_other_function_decides_what_can_be_seen() -> None:
    """There is one, so that no screen is forgotten."""
    root = Path(__file__).parent.parent
    found = [
        os.path.relpath(path, root)
        for folder in ("compiler", "runtime")
        for path in (root / folder).rglob("*.py")
        if "unicode_escape" in path.read_text("utf-8")
    ]
    assert found == []


def test_what_differs_from_the_lock_is_told_line_by_line(place: Project) -> None:
    assert place.run("lock", f"{EVIL}.yaml").code == 0
    place.rows(f"data/{EVIL}.jsonl", [{"prompt": ROW, EVIL: EVIL}])
    ran = place.run("build", f"{EVIL}.yaml", "--locked")
    harmless(ran)
    assert ran.code == 1 and r"  the files of the source `n\nPWNED" in ran.err
    harmless(place.run("export", f"{EVIL}.yaml", "--to", "out"))
