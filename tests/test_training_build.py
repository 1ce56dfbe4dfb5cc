"""A checkpoint from a recipe: the same bytes from the same rows, learnt once, whoever is killed or builds beside."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Project
from tests.test_faults_together import wait_until
from tests.test_teacher_kills import killed, started
from tests.training_runs import tiny_model
from tests.warm import TRAINING, python

ABSENT = [name for name in ("torch", "transformers", "trl") if importlib.util.find_spec(name) is None]
pytestmark = [
    pytest.mark.xdist_group("transformers"),  # which takes 7 s to load
    pytest.mark.skipif(bool(ABSENT), reason=f"a training needs what is not installed: {', '.join(ABSENT)}"),
]

RECIPE: dict[str, Any] = {
    "format": 1,
    "recipe": "test/taught",
    "language": {"target": "ko", "anchor": "en"},
    "models": {"student": {"id": "test/student", "license": "mit", "terms": "mit"}},
    "sources": {
        "a": {"file": "a.jsonl", "category": "one", "license": "A", "columns": {"prompt": "prompt", "completion": "completion"}}
    },
    "tables": {"t": {"from": "a"}},
    "train": {
        "sft": {
            "objective": "sft", "model": "student", "data": "t", "system": "none", "template": "chat.jinja", "epochs": 2,
            "global_batch_size": 2, "micro_batch_size": 2, "dtype": "float32", "max_length": 256, "save_every": 1,
        }
    },
}  # fmt: skip
TEMPLATE = (
    "{% for m in messages %}[{{ m.role }}]{{ m.content }}{% if m.role == 'assistant' %}<end>{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}[assistant]{% endif %}"
)
ROWS = [{"prompt": f"물음 {at}", "completion": f"<think>생각 {at}</think>답 {at}"} for at in range(6)]
TARGET = ("--target", "train.sft")


@pytest.fixture
def school(project: Project, monkeypatch: pytest.MonkeyPatch) -> Project:
    from transformers import PreTrainedTokenizerFast

    project.rows("a.jsonl", ROWS)
    project.write("recipe.yaml", json.dumps(RECIPE))
    project.write("chat.jinja", TEMPLATE)
    weights = tiny_model(project.folder / "weights")
    tokenizer = PreTrainedTokenizerFast.from_pretrained(weights)
    tokenizer.add_special_tokens({"eos_token": "<end>"})
    tokenizer.save_pretrained(weights)
    config = {"weights": {"test/student": str(weights)}, "training": {"threads": 1, "python": python(TRAINING)}}
    monkeypatch.setenv("RECIPE_CONFIG", str(project.write("config.yaml", json.dumps(config))))
    return project


def checkpoint(project: Project, store: str) -> str:
    """The digest of the checkpoint, built where it is not there."""
    report = project.build("recipe.yaml", *TARGET, store=store)
    return next(str(each["digest"]) for each in report["outputs"] if each["output"] == "train.sft")


def states(folder: Path) -> list[Path]:
    """The states that a training in a store can go on from."""
    return [path for path in folder.glob("v*/training/*/states/*") if not path.name.endswith(".tmp")]


def test_one_recipe_is_one_checkpoint_and_a_changed_row_is_another(school: Project) -> None:
    first, second = checkpoint(school, "one"), checkpoint(school, "two")
    school.rows("a.jsonl", [*ROWS[:-1], {**ROWS[-1], "completion": "<think>생각</think>다른 답"}])
    assert first == second != checkpoint(school, "one")


def test_a_build_that_is_killed_while_it_trains_ends_with_the_same_checkpoint(school: Project) -> None:
    build = started(school, *TARGET, store="store")
    wait_until(build, lambda: bool(states(school.folder / "store")))
    killed(build)
    assert checkpoint(school, "store") == checkpoint(school, "undisturbed")


def test_two_builds_at_once_train_once(school: Project) -> None:
    builds = [started(school, *TARGET, store="store") for _ in range(2)]
    told = [build.communicate()[1] for build in builds]
    assert [build.returncode for build in builds] == [0, 0], told
    assert sum("rendering rows" in each for each in told) == 1, told


def test_a_training_on_conversations_is_one_checkpoint(school: Project) -> None:
    said = json.loads(json.dumps(RECIPE))
    said["sources"]["a"]["columns"] = {"messages": "messages"}
    said["train"]["sft"] |= {"messages": "messages", "loss": {"turns": "last"}}
    school.write("recipe.yaml", json.dumps(said))
    talks = [[("user", f"물음 {at}"), ("assistant", "답"), ("user", "또?"), ("assistant", f"답 {at}")] for at in range(4)]
    school.rows("a.jsonl", [{"messages": [{"role": role, "content": text} for role, text in talk]} for talk in talks])
    assert checkpoint(school, "one") == checkpoint(school, "two")


def test_a_diff_tells_what_changed_of_a_training(school: Project) -> None:
    school.write("before.yaml", json.dumps(RECIPE))
    said = json.loads(json.dumps(RECIPE))
    said["train"]["sft"]["epochs"] = 3
    school.write("recipe.yaml", json.dumps(said))
    ran = school.run("diff", "before.yaml", "recipe.yaml", "--store", "store")
    assert "epochs 2 -> 3" in ran.out, ran.out + ran.err
