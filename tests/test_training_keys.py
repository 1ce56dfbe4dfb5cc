"""Keys of trainings: what decides a checkpoint is in its key, and nothing else is; a twin that leaves it out is noticed."""

from __future__ import annotations

import copy
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from compiler.graph.plan import Addresses
from operators.base.declare import Operator, role_of
from operators.catalog import OBJECTIVES
from operators.learn.train import SETTINGS, TUNED, Train
from runtime.build.run import Wishes, run_build
from runtime.build.session import Session
from runtime.store.store import Store
from tests.conftest import Project

RECIPE: dict[str, Any] = {
    "format": 1,
    "recipe": "test/keys",
    "language": {"target": "ko", "anchor": "en"},
    "models": {name: {"id": f"test/{name}", "license": "mit", "terms": "mit"} for name in ("student", "other")},
    "sources": {
        "a": {
            "file": "a.jsonl",
            "category": "one",
            "license": "A",
            "columns": {"prompt": "prompt", "completion": "completion", "asked": "prompt", "said": "said"},
        },
        "talks": {
            "file": "talks.jsonl",
            "category": "two",
            "license": "A",
            "columns": {"messages": "messages", "tools": "tools"},
        },
    },
    "tables": {
        "t": {"from": "a"},
        "v": {"from": "talks", "steps": [{"select": ["messages"]}]},
        "w": {"from": "talks"},
        "u": {"from": "a", "steps": [{"length": {"max": 3}}]},
    },
    "train": {"sft": {"objective": "sft", "model": "student", "data": "t", "system": "none"}},
}
ROWS = [
    {"prompt": f"물음 {at}" * (at + 1), "completion": f"<think>생각 {at}</think>답 {at}", "said": f"말 {at}"} for at in range(3)
]
OTHER: dict[str, Any] = {
    "model": "other",
    "data": "u",
    "system": "system",
    "prompt": "asked",
    "completion": "said",
    "template": "mine.jinja",
    "scheduler": "linear",
    "packing": True,
    "dtype": "float32",
    "gradient_checkpointing": True,
    "padding_free": False,
    "attention": "eager",
    "liger": False,
}
TALKED = ("messages", "tools", "loss")
KINDS = [
    (objective, name) for objective, kind in OBJECTIVES.items() for name in kind.model_fields if name not in ("init", *TALKED)
]


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project whose tables are built, which nobody may change."""
    made = Project(tmp_path_factory.mktemp("training-keys"))
    made.rows("a.jsonl", ROWS)
    turns = [{"role": "user", "content": "물음"}, {"role": "assistant", "content": "답"}]
    made.rows("talks.jsonl", [{"messages": turns, "tools": [{"name": "f"}]}])
    made.write("mine.jinja", "{{ messages }}")
    for name in ("student", "other"):
        made.write(f"weights-{name}/model.safetensors", name)
    path = made.write("recipe.yaml", json.dumps(RECIPE, ensure_ascii=False))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RECIPE_CONFIG", str(made.folder / "none.yaml"))
        patch.setenv("XDG_CACHE_HOME", str(made.folder / "cache"))
        run_build(Session(str(path), store_folder=str(made.folder / "store"), targets=("t", "u", "v", "w")), Wishes(quiet=True))
    return made


@pytest.fixture
def bed(built: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    project = Project(shutil.copytree(built.folder, tmp_path / "project", symlinks=True))
    weights = {f"test/{name}": str(project.folder / f"weights-{name}") for name in ("student", "other")}
    project.write("config.yaml", json.dumps({"weights": weights}))
    monkeypatch.setenv("RECIPE_CONFIG", str(project.folder / "config.yaml"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return project


def key_of(project: Project, objective: str = "sft", target: str = "train.sft", **fields: Any) -> str:
    """The key of the training, whose table is built."""
    said = copy.deepcopy(RECIPE)
    said["train"]["sft"] |= {"objective": objective, **fields}
    said["train"]["later"] = said["train"]["sft"] | {"model": None, "init": "sft"}
    said["train"]["later"] = {name: value for name, value in said["train"]["later"].items() if value is not None}
    path = project.write("recipe.yaml", json.dumps(said, ensure_ascii=False))
    store = str(project.folder / "store")
    run_build(Session(str(path), store_folder=store, targets=("t", "u", "v", "w")), Wishes(quiet=True))
    session = Session(str(path), store_folder=store, targets=(target,))
    key = Addresses(session.graph, session.facts, Store(session.store_path).result_of).key(session.graph.outputs[target])
    assert key is not None
    return key


def another(kind: type[Train], name: str) -> Any:
    """Another value of a field."""
    if name in OTHER:
        return OTHER[name]
    default = kind.model_fields[name].default
    return int(default) + 1 if isinstance(default, int) else float(default) / 2


@pytest.mark.parametrize(("objective", "name"), KINDS)
def test_a_field_is_in_the_key_where_it_decides(bed: Project, objective: str, name: str) -> None:
    value = another(OBJECTIVES[objective], name)
    same = key_of(bed, objective) == key_of(bed, objective, **{name: value})
    # A label stands for something else, whose own digest decides: the weights, the rows, the text of the template.
    assert same == (role_of(OBJECTIVES[objective], name) == "tuning")


@pytest.mark.parametrize("name", SETTINGS)
def test_a_key_without_a_field_is_noticed(bed: Project, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = Operator.parameters
    monkeypatch.setattr(Operator, "parameters", lambda self, *roles: {k: v for k, v in whole(self, *roles).items() if k != name})
    assert key_of(bed) == key_of(bed, **{name: another(OBJECTIVES["sft"], name)})


def test_what_is_learnt_of_conversations_is_in_the_key(bed: Project) -> None:
    talked: dict[str, Any] = {"data": "v", "messages": "messages"}
    loss = ({"turns": "last"}, {"roles": ["assistant", "user"]})
    more = [{}, {"data": "w"}, *({"loss": each} for each in loss)]
    assert len({key_of(bed, **talked | each) for each in more}) == len(more)
    assert key_of(bed, **talked, loss={"turns": "all", "roles": ["assistant"]}) == key_of(bed, **talked)


def test_another_objective_is_another_key(bed: Project) -> None:
    assert key_of(bed) != key_of(bed, "iw_sft")


def test_every_field_is_a_setting_or_tuning_or_says_what_is_read() -> None:
    read = {"model", "init", "data", "system", "prompt", "completion", "template", *TALKED}
    assert {*SETTINGS, *TUNED} | read == set(Train.model_fields)


def test_a_changed_row_is_another_key_and_a_relabelled_licence_is_none(bed: Project) -> None:
    before = key_of(bed)
    said = RECIPE["sources"]["a"]
    try:
        said["license"] = "B"
        assert key_of(bed) == before
    finally:
        said["license"] = "A"
    bed.rows("a.jsonl", [*ROWS[:2], ROWS[2] | {"completion": "anders"}])
    assert key_of(bed) != before


def test_changed_weights_are_another_key(bed: Project) -> None:
    before = key_of(bed)
    bed.write("weights-student/README.md", "decides nothing")
    assert key_of(bed) == before
    bed.write("weights-student/model.safetensors", "changed")
    assert key_of(bed) != before


def test_a_training_waits_for_the_checkpoint_it_starts_from(bed: Project) -> None:
    with pytest.raises(AssertionError):
        key_of(bed, target="train.later")


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"model": "nobody"}, "no model `nobody`"),
        ({"data": "nothing"}, "no such table"),
        ({"init": "sft"}, "exactly one of `model` and `init`"),
        ({"epoch": 3}, "epoch"),
        ({"objective": "dpo"}, "dpo"),
        ({"system": "teacher"}, "has no `cot`"),
        ({"completion": "missing"}, "no column `missing`"),
        ({"template": "../../x.jinja"}, "out of the project"),
        ({"learning_rate": "fast"}, "learning_rate"),
    ],
)
def test_a_wrong_training_is_told_at_its_place(bed: Project, fields: dict[str, Any], told: str) -> None:
    said = copy.deepcopy(RECIPE)
    said["train"]["sft"] |= fields
    bed.write("recipe.yaml", json.dumps(said, ensure_ascii=False, indent=1))
    ran = bed.run("check", "recipe.yaml")
    assert ran.code == 2 and told in ran.err and "recipe.yaml:" in ran.err, ran.err
