"""Exports of checkpoints: the files as they were trained, under the licence that follows from all that went into them."""

from __future__ import annotations

import contextlib
import importlib.util
import json
from pathlib import Path

import pytest
import yaml

from operators.base.release import Conflict, released
from tests.conftest import Project
from tests.exporting import card, content, export, refusal

TRAIN = """
format: 1
recipe: test/learnt
description: A student.
language: {target: ko, anchor: en}
models:
  base: {id: some/base, license: gemma}
sources:
  open: {file: open.jsonl, category: one, license: A, columns: {prompt: prompt, completion: completion}}
  exams: {file: exams.jsonl, category: two, license: B, columns: {prompt: prompt, completion: completion}}
prompts: [unique]
train:
  sft: {objective: sft, model: base, data: prompts, system: none}
"""

#: The models of the paper with the licence of each base and that of its release; the data is under MIT (section A.3).
MODELS = [
    ("Gemma3-4B", "gemma", "gemma"),
    ("Gemma3-12B", "gemma", "gemma"),
    ("Llama-3.1-8B", "llama3", "llama3"),
    ("KONI-Llama-3.1-8B", "llama3", "llama3"),
    ("A.X-3.1-Light", "apache-2.0", "apache-2.0"),
    ("A.X-3.1", "apache-2.0", "apache-2.0"),
    ("Qwen2.5-7B", "apache-2.0", "apache-2.0"),
    ("Qwen2.5-14B", "apache-2.0", "apache-2.0"),
    ("Kanana1.5-8B", "apache-2.0", "apache-2.0"),
]


@pytest.fixture
def learnt(project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A recipe that trains, whose base lies on this machine and whose rows are built."""
    base = tmp_path / "base"
    base.mkdir()
    (base / "config.json").write_text("{}")
    configuration = project.write("config.yaml", f"weights: {{some/base: {json.dumps(str(base))}}}\n")
    monkeypatch.setenv("RECIPE_CONFIG", str(configuration))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    for name in ("open", "exams"):
        project.rows(f"{name}.jsonl", [{"prompt": f"{name} {at}", "completion": f"<think>x</think>{at}"} for at in range(3)])
    project.write("recipe.yaml", TRAIN)
    return project


def train(project: Project, files: Path) -> None:
    """Record a checkpoint with these files, as a training would."""
    from compiler.graph.plan import Addresses, snapshot
    from compiler.text.canonical import digest_of
    from runtime.build.session import Session
    from runtime.store.record import CheckpointRecord
    from runtime.store.store import Store
    from runtime.training.stage import store_file

    project.build()
    with contextlib.chdir(project.folder):
        session = Session("recipe.yaml", store_folder="store", targets=("train.sft",))
        store, graph = Store(session.store_path), session.graph
        addresses = Addresses(graph, session.facts, store.result_of)
        index = graph.outputs["train.sft"]
        node, key = graph.nodes[index], addresses.key(index)
        data = store.find(addresses.key(node.inputs[0]) or "")
        assert key is not None and data is not None
        objects = {path.name: store_file(store, path) for path in sorted(files.iterdir())}
        settings = {name: str(value) for name, value in node.operator.settings().items()}  # type: ignore[attr-defined]
        manifest = {"recipe_key": key, "data": {"digest": data.digest, "rows": data.rows}, "settings": settings}
        record = CheckpointRecord(
            key=key,
            kind="sft",
            digest=digest_of(objects),
            ids=data.ids,
            columns={},
            rows=data.rows,
            table=data.table,
            files=objects,
            metrics=next(iter(objects.values())),
            manifest={**manifest, "weights": "0" * 64, "made": {}},
            counts={"in": data.rows, "born": 0, "out": data.rows, "dropped": []},
            made={"seconds": 0.0},
            snapshot=snapshot(addresses, index),
        )
        store.write_record(record)


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    """The files of a checkpoint that no library opens."""
    folder = tmp_path / "weights"
    folder.mkdir()
    for name in ("config.json", "model.safetensors", "tokenizer.json", "chat_template.jinja"):
        (folder / name).write_text(name)
    return folder


def test_a_checkpoint_is_released_under_what_its_base_asks_for(learnt: Project, weights: Path) -> None:
    train(learnt, weights)
    report = export(learnt, "--what", "train.sft")
    out = learnt.folder / "out"
    assert {path.name for path in weights.iterdir()} < set(report["files"]) and report["license"] == "gemma"
    assert all((out / path.name).read_bytes() == path.read_bytes() for path in weights.iterdir())
    assert json.loads((out / "training_manifest.json").read_text())["digest"] == report["digest"]
    front, prose = card(out)
    assert (front["license"], front["base_model"]) == ("gemma", "some/base")
    assert "Gemma License" in prose and "| exams | two | B | 3 |" in prose and "not part of this release" in prose
    assert "recipe build recipe.yaml --target train.sft" in prose and str(learnt.folder) not in prose


def test_the_same_checkpoint_is_the_same_bytes(learnt: Project, weights: Path) -> None:
    train(learnt, weights)
    export(learnt, "--what", "train.sft", to="one")
    export(learnt, "--what", "train.sft", to="two")
    assert content(learnt.folder / "one") == content(learnt.folder / "two")


def test_a_checkpoint_that_learnt_rows_of_unknown_terms_stays_here(learnt: Project, weights: Path) -> None:
    learnt.write("recipe.yaml", TRAIN.replace("license: B", "license: unknown"))
    train(learnt, weights)
    assert "trained on 3 rows of `exams`, the terms of which are not stated" in refusal(learnt, "--what", "train.sft")
    assert not (learnt.folder / "out").exists()


def test_terms_that_are_withdrawn_after_training_still_count(learnt: Project, weights: Path) -> None:
    train(learnt, weights)
    learnt.write("recipe.yaml", TRAIN.replace("license: B", "license: unknown"))
    learnt.build()
    assert "the terms of which are not stated" in refusal(learnt, "--what", "train.sft")


@pytest.mark.parametrize("licence", ["unknown", "B"])
def test_a_base_whose_terms_are_not_stated_is_not_released(learnt: Project, weights: Path, licence: str) -> None:
    learnt.write("recipe.yaml", TRAIN.replace("license: gemma", f"license: {licence}"))
    train(learnt, weights)
    assert f"its base `some/base` is under `{licence}`" in refusal(learnt, "--what", "train.sft")


def test_a_checkpoint_that_is_not_trained_is_not_exported(learnt: Project) -> None:
    learnt.build()
    told = export(learnt, "--what", "train.sft", code=1)
    assert "is not built" in told["error"] and "--target train.sft" in told["hint"]


def test_a_checkpoint_of_rows_that_drifted_from_the_lock_is_not_exported(learnt: Project, weights: Path) -> None:
    assert learnt.run("lock", "recipe.yaml", "--store", "store", "-q").code == 0
    train(learnt, weights)
    export(learnt, "--what", "train.sft")
    learnt.write("recipe.yaml", TRAIN.replace("[unique]", "[{length: {min: 7}}]"))
    train(learnt, weights)
    assert "not as the lock says" in refusal(learnt, "--what", "train.sft", to="again")


@pytest.mark.skipif(
    not all(importlib.util.find_spec(name) for name in ("torch", "transformers")), reason="torch or transformers is not installed"
)
def test_transformers_loads_an_exported_checkpoint(learnt: Project, tmp_path: Path) -> None:
    from transformers import AutoModelForCausalLM, AutoTokenizer, LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    from tests.tokenizing import BYTES

    (tmp_path / "tokenizer.json").write_text(BYTES, "utf-8")
    tokenizer = PreTrainedTokenizerFast(tokenizer_file=str(tmp_path / "tokenizer.json"))
    sizes = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2}
    made = tmp_path / "made"
    LlamaForCausalLM(LlamaConfig(vocab_size=len(tokenizer), **sizes)).save_pretrained(made)
    tokenizer.save_pretrained(made)
    train(learnt, made)
    export(learnt, "--what", "train.sft")
    model = AutoModelForCausalLM.from_pretrained(learnt.folder / "out", local_files_only=True)
    opened = AutoTokenizer.from_pretrained(learnt.folder / "out", local_files_only=True)
    assert model.config.vocab_size == len(opened) and opened.decode(opened("물은")["input_ids"]).strip() == "물은"


@pytest.mark.parametrize(("model", "base", "release"), MODELS, ids=[each[0] for each in MODELS])
def test_the_models_of_the_paper_have_the_licence_of_the_paper(model: str, base: str, release: str) -> None:
    assert released([(base, f"the base of {model}"), ("mit", "the data")]) == release


@pytest.mark.parametrize(
    ("base", "teacher", "wanted"),
    [
        ("gemma", "llama3", "`gemma`"),
        ("proprietary", "mit", "lets nothing be released"),
        ("gemma", "proprietary", "lets nothing be released"),
    ],
)
def test_licences_that_clash_are_a_mistake_at_their_place(project: Project, base: str, teacher: str, wanted: str) -> None:
    with pytest.raises(Conflict):
        released([(base, "the base"), (teacher, "the data")])
    said = yaml.safe_load(TRAIN)
    said["models"]["base"]["license"] = base
    said["models"]["teacher"] = {"id": "some/teacher", "license": "mit", "terms": teacher}
    del said["sources"]["exams"]
    said["cot"] = {
        "schema": "monolingual",
        "teacher": {"model": "teacher", "recorded": "open"},
        "think": {"blocks": 1},
        "solution": {"language": "target"},
    }
    said["sources"]["asked"] = {"file": "open.jsonl", "category": "one", "license": "A", "columns": {"prompt": "prompt"}}
    said["train"]["sft"]["data"] = "traces"
    project.rows("open.jsonl", [{"prompt": "a", "completion": "b"}])
    project.write("recipe.yaml", yaml.safe_dump(said, sort_keys=False))
    for command in (["build", "--target", "train.sft"], ["export", "--to", "out", "--what", "train.sft"]):
        ran = project.run(command[0], "recipe.yaml", *command[1:])
        assert ran.code == 2 and "can be released under no licence" in ran.err and wanted in ran.err, ran.err
        assert "recipe.yaml:" in ran.err and not (project.folder / "out").exists()
