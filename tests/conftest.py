"""A small project to build in, and the real data where it is present."""

from __future__ import annotations

import contextlib
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

# What one process has compiled the next need not: tests start many, of which each would compile what it imports.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

# What tests share holds none, and one of these files loads torch for those that are forked from it.
collect_ignore = [each.name for each in Path(__file__).parent.glob("*.py") if not each.name.startswith("test_")]

# The same inputs every time, so that what fails here fails there; `.ci/nightly` draws others with RECIPE_FREE_SEEDS.
settings.register_profile("fixed", deadline=None, derandomize=True, database=None)
settings.register_profile("free", deadline=None)
settings.load_profile("free" if os.environ.get("RECIPE_FREE_SEEDS") else "fixed")


MEMORY = Path("/dev/shm")
#: Bytes that have to be free there, of which the tests of every change fill less than a fifth.
ROOM = 4 << 30
#: What says that larger tests run, or where files are to lie.
ELSEWHERE = {"RECIPE_NIGHTLY", "RECIPE_LONG", "RECIPE_EVERYWHERE", "TMPDIR", "PYTEST_DEBUG_TEMPROOT"}


def pytest_configure(config: pytest.Config) -> None:
    """Tests make their files in memory, where there is room: on a disk each of a build takes ten times as long."""
    if not ELSEWHERE & {*os.environ} and MEMORY.is_dir():
        found = os.statvfs(MEMORY)
        if found.f_bavail * found.f_frsize >= ROOM and not found.f_flag & os.ST_NOEXEC:
            os.environ["PYTEST_DEBUG_TEMPROOT"] = str(MEMORY)


def pytest_itemcollected(item: pytest.Item) -> None:
    """What is marked `nightly` is told as skipped outside `.ci/nightly`; tests that share a fixture share a process."""
    if not os.environ.get("RECIPE_NIGHTLY") and item.get_closest_marker("nightly"):
        item.add_marker(pytest.mark.skip(reason="runs in .ci/nightly"))
    if not os.environ.get("RECIPE_EVERYWHERE") and item.get_closest_marker("everywhere"):
        item.add_marker(pytest.mark.skip(reason="runs in a step of .ci/nightly of its own"))
    made = getattr(item, "_fixtureinfo", None)
    shares = made is not None and any(each[-1].scope == "module" for each in made.name2fixturedefs.values())
    if shares and not item.get_closest_marker("xdist_group"):
        item.add_marker(pytest.mark.xdist_group(item.nodeid.partition("::")[0]))


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """A worker more than there are cores: some tests wait for a clock, of a server or of a worker that dies."""
    return (os.cpu_count() or 1) + 1


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Tell pytest of the groups: pytest-xdist 3.8 writes them where 9.2 no longer reads, and so would make each fixture twice."""
    for item in items if getattr(config.option, "loadgroup", False) else ():
        if item.get_closest_marker("xdist_group") and "@" not in item.nodeid.rpartition("]")[2]:
            item._id = type(item.id).parse(vars(item)["_nodeid"])  # type: ignore[attr-defined]


@pytest.fixture(scope="session", autouse=True)
def light_builds() -> Iterator[None]:
    """A test's own process syncs nothing, as that need not outlive the machine, and builds with one thread, as many run at once.

    Children sync: those that tests kill are all children. Tests of threads, and those that kill builds, say how many they want.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda handle: None)
        patch.setenv("RECIPE_THREADS", "1")
        patch.setenv("OMP_NUM_THREADS", "1")  # threads of a model turn in circles while they wait for each other
        yield


# Programs that are started where Ctrl-C is ignored, as behind `&` in a script, ignore it too; those that tests interrupt may not.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

ROOT = Path(__file__).resolve().parent.parent
DATA = ROOT.parent / "shared" / "data"

PLAIN = """
format: 1
recipe: test/plain
language: {target: ko, anchor: en}
seed: 7
sources:
  a: {file: a.jsonl, category: one, license: A}
prompts:
  - length: {min: 3}
"""

PROMPTS = [
    "물은 왜 끓나요?",
    "하늘은 왜 파란가요?",
    "why is the sky blue?",
    "물은  왜 끓나요? ",
    "짧",
    "수학 문제 하나 풀어 주세요 1+1",
    "물은 왜 끓나요?",
]


@dataclass
class Ran:
    """What a command printed, and its exit code."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@dataclass
class Project:
    """A folder with recipes and rows, and a store of its own."""

    folder: Path

    def write(self, name: str, text: str) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text), "utf-8")
        return path

    def rows(self, name: str, rows: list[Any]) -> Path:
        """JSON lines; a string is a row with that prompt."""
        said = [{"prompt": row} if isinstance(row, str) or row is None else row for row in rows]
        return self.write(name, "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in said))

    def run(self, *arguments: str) -> Ran:
        """Run a command in this process."""
        from runtime.cli.main import main

        out, err, code = io.StringIO(), io.StringIO(), 0
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err), contextlib.chdir(self.folder):
            try:
                main(list(arguments))
            except SystemExit as done:
                code = int(done.code or 0)
        return Ran(code, out.getvalue(), err.getvalue())

    def build(self, recipe: str = "recipe.yaml", *arguments: str, store: str = "store") -> dict[str, Any]:
        """Build and return the report; the build has to succeed, and may keep nothing."""
        ran = self.run("build", recipe, "--store", store, "--json", "--allow-empty", *arguments)
        assert ran.code == 0, ran.out + ran.err
        report: dict[str, Any] = ran.json
        return report

    def digest(self, recipe: str = "recipe.yaml", *arguments: str, store: str = "store") -> str:
        """The digest of the only output."""
        (output,) = self.build(recipe, *arguments, store=store)["outputs"]
        return str(output["digest"])

    def table(self, recipe: str = "recipe.yaml", *arguments: str, store: str = "store") -> list[dict[str, Any]]:
        """The rows of the only output."""
        import pyarrow.parquet as pq

        (output,) = self.build(recipe, *arguments, store=store)["outputs"]
        rows: list[dict[str, Any]] = pq.read_table(self.folder / output["path"]).to_pylist()
        return rows


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A project with one source `a.jsonl` and the recipe `recipe.yaml`."""
    made = Project(tmp_path)
    (tmp_path / ".recipe").mkdir()
    made.rows("a.jsonl", PROMPTS)
    made.write("recipe.yaml", PLAIN)
    return made


@pytest.fixture
def new_project(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Project]:
    """Makes empty projects."""

    def make() -> Project:
        made = Project(tmp_path_factory.mktemp("project"))
        (made.folder / ".recipe").mkdir()
        return made

    return make


@pytest.fixture(scope="session")
def data() -> Iterator[Path]:
    """The folder of real data; tests that need it skip where it is absent."""
    if not DATA.is_dir():
        pytest.skip("the folder ../shared/data with real data is not here")
    yield DATA


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Print what tests measured, as `record_property("shown", ...)` told it."""
    for report in terminalreporter.stats.get("passed", []):
        for name, value in report.user_properties:
            if name == "shown":
                terminalreporter.write_line(f"{report.nodeid}: {value}")


def loaded(program: str) -> set[str]:
    """The top-level modules that an interpreter of its own has loaded when `program` has run."""
    program += "\nimport json, sys\nprint()\nprint(json.dumps(sorted(sys.modules)))"
    ran = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return {name.partition(".")[0] for name in json.loads(ran.stdout.splitlines()[-1])}


@pytest.fixture
def mounted(tmp_path: Path) -> Iterator[Path]:
    """A disk of two megabytes."""
    if os.geteuid() or not shutil.which("mount"):
        pytest.skip("mounting a small disk needs root")
    place = tmp_path / "disk"
    place.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "none", str(place)], capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"a small disk cannot be mounted here: {done.stderr.strip()}")
    yield place
    subprocess.run(["umount", str(place)], check=True)
