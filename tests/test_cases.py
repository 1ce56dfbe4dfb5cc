"""The cases: documentation that runs. `python -m tests.test_cases --write` writes what the commands print today.

A case is a Markdown file on one topic. A block ```` ```yaml recipe.yaml ```` is a file; a block ```` ```text ```` that
begins with `$ recipe` is a command with all that it prints, and its exit code where it is not 0.
"""

from __future__ import annotations

import importlib.util
import re
import shlex
import sys
import tempfile
import textwrap
from pathlib import Path

import pytest

from tests.conftest import Project

CASES = Path(__file__).resolve().parent / "cases"
#: What a case cannot be played without.
NEEDS = {
    "merge-options": ("bm25s", "scipy"),
    "merge-options-refused": ("bm25s", "scipy", "kiwipiepy"),
    "near-duplicates": ("rensa",),
}
BLOCK = re.compile(r"^```(\w+)(?: (\S+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)

#: Progress and times differ from run to run. Ids of rows and digests of tables stay the same everywhere: that is a promise.
SECONDS = re.compile(r"\d+\.\d\d s last time")
PROGRESS = re.compile(r"^(\w+ +\S.* \d+\.\d\d s| +\S.* of [\d,]+ rows, [\d.,]+/s.*)$\n?", re.MULTILINE)


def ran(project: Project, line: str) -> str:
    """The text of a command block: the command, what it prints, and how it ended where that is not well."""
    done = project.run(*shlex.split(line.removeprefix("$ recipe ")))
    printed = SECONDS.sub("0.01 s last time", done.out) + PROGRESS.sub("", done.err)
    lines = [text.rstrip() for text in printed.strip("\n").splitlines()]
    return "\n".join([line, *lines, *([f"exit code {done.code}"] if done.code else [])]) + "\n"


def played(case: str, folder: Path) -> str:
    """The case with what its commands print now, each file written where it stands in the text."""
    project = Project(folder)
    (folder / ".recipe").mkdir()

    def play(found: re.Match[str]) -> str:
        kind, name, body = found.groups()
        if name is not None:
            project.write(name, body)
        elif body.startswith("$ recipe "):
            body = ran(project, body.split("\n")[0])
        return f"```{kind}{' ' + name if name else ''}\n{body}```"

    return BLOCK.sub(play, case)


def cases() -> list[Path]:
    return sorted(CASES.glob("*.md"))


@pytest.mark.parametrize("path", cases(), ids=lambda path: path.stem)
def test_a_case_is_told_as_it_happens(path: Path, tmp_path: Path) -> None:
    if missing := [name for name in NEEDS.get(path.stem, ()) if importlib.util.find_spec(name) is None]:
        pytest.skip(f"not installed: {' and '.join(missing)}")
    said = path.read_text("utf-8")
    assert played(said, tmp_path) == said, "look at the difference; if it is right: python -m tests.test_cases --write"


@pytest.mark.parametrize("path", cases(), ids=lambda path: path.stem)
def test_a_case_has_a_title_a_file_and_a_command(path: Path) -> None:
    said = path.read_text("utf-8")
    blocks = BLOCK.findall(said)
    assert said.startswith("# ") and "\n# " not in BLOCK.sub("", said)
    assert any(name for _, name, _ in blocks) and any(body.startswith("$ recipe ") for _, _, body in blocks)


def test_a_changed_answer_is_noticed(tmp_path: Path) -> None:
    case = textwrap.dedent("""
        ```yaml recipe.yaml
        format: 1
        ```
        ```text
        $ recipe check recipe.yaml
        ok
        ```
        """)
    assert "exit code 2" in played(case, tmp_path)


if __name__ == "__main__" and "--write" in sys.argv:
    for each in cases():
        with tempfile.TemporaryDirectory() as made:
            each.write_text(played(each.read_text("utf-8"), Path(made)), "utf-8")
