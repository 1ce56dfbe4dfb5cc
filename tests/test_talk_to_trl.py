"""A conversation with tool calls from its source to an export and to its labels: `datasets` loads it, TRL tokenises it alike."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from tests.conftest import ROOT, Project
from tests.templates import table as real
from tests.test_conversing import FOUND, TALK, TOOLS

ABSENT = [*real.needed(), *(name for name in ("trl", "datasets", "torch") if importlib.util.find_spec(name) is None)]
TEMPLATE = FOUND.get(("trl", "qwen2_5_training"))
pytestmark = [
    pytest.mark.nightly,  # torch and TRL take longer to load than all else here
    pytest.mark.skipif(bool(ABSENT), reason=f"this compares with what is not installed: {', '.join(ABSENT)}"),
    pytest.mark.skipif(TEMPLATE is None, reason="this TRL has no template to train Qwen2.5 with"),
]
RECIPE = """
format: 1
recipe: test/talks
models: {student: {id: HuggingFaceTB/SmolLM2-135M-Instruct, license: apache-2.0, terms: apache-2.0}}
sources: {talks: {file: talks.jsonl, category: daily, license: A, columns: {messages: messages, tools: tools}}}
prompts: [{length: {in: user.last, min: 2}}, {unique: {by: messages}}]
train:
  sft: {objective: sft, model: student, data: prompts, system: none, messages: messages, template: mine.jinja}
"""
#: What TRL itself makes of the export: the tokens and labels of each row, without a model worth the name.
TRAINER = """
import json, sys
from datasets import load_dataset
from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM
from trl import SFTConfig, SFTTrainer
folder, tokenizer, template = sys.argv[1:]
data = load_dataset(folder, split="train").remove_columns(["item_id", "source", "category", "license"])
tokenizer = AutoTokenizer.from_pretrained(tokenizer)
tokenizer.chat_template = open(template).read()
size = dict(hidden_size=8, intermediate_size=8, num_hidden_layers=1, num_attention_heads=1, num_key_value_heads=1)
model = LlamaForCausalLM(LlamaConfig(vocab_size=len(tokenizer), **size))
said = SFTConfig(folder + "-trl", assistant_only_loss=True, max_length=None, report_to=[], use_cpu=True, bf16=False)
made = SFTTrainer(model, args=said, train_dataset=data, processing_class=tokenizer).train_dataset
for row, known in zip(made, data):
    labels = row["labels"] if "labels" in row else [
        token if learnt else -100 for token, learnt in zip(row["input_ids"], row["assistant_masks"])
    ]
    print(json.dumps([known["row_id"], row["input_ids"], labels]))
"""


def test_trl_tokenises_an_export_to_the_labels_that_are_trained_on_here(tmp_path: Path) -> None:
    from compiler.graph.stages import TrainStage, of_kind
    from runtime.build.session import Session
    from runtime.tables.table import open_table
    from runtime.training.prepare import open_renderer, rendered
    from runtime.training.process import Start, TrainingRun
    from runtime.training.stage import job_of, texts_of

    assert TEMPLATE is not None
    project = Project(tmp_path)
    other = [{"role": "user", "content": "안녕? <b>1 < 2</b>"}, {"role": "assistant", "content": "안녕하세요 😀"}]
    project.rows("talks.jsonl", [{"messages": TALK, "tools": TOOLS}, {"messages": other}, {"messages": other, "tools": []}])
    project.write("mine.jinja", TEMPLATE)
    project.write("recipe.yaml", RECIPE)
    assert len(project.table("recipe.yaml", "--target", "prompts")) == 2
    assert project.run("export", "recipe.yaml", "--store", "store", "--what", "prompts", "--to", "out").code == 0

    session = Session(str(project.folder / "recipe.yaml"), store_folder=str(project.folder / "store"), targets=("train.sft",))
    (stage,) = of_kind(TrainStage, session.graph)
    store = session.open_store()
    record = store.find(session.addresses(store).key(stage.rows))
    assert record is not None
    weights = Path(real.smollm().name_or_path)
    job = job_of(stage.operator, stage.node, TrainingRun("", "train.sft", Start(weights, ""), ""))
    ours = {}
    for row in texts_of(stage.operator, stage.node.entries, open_table(store, record.table)):
        made = rendered(open_renderer(job), row)
        labels = [token if loss else -100 for token, loss in zip(made.ids, made.loss, strict=True)]
        ours[row["row_id"]] = (made.ids, labels)
    assert version("trl") and len(ours) == 2 and any(token != -100 for _, labels in ours.values() for token in labels)

    offline = {"HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path / "cache"), "CUDA_VISIBLE_DEVICES": "", "WANDB_DISABLED": "true"}
    command = [sys.executable, "-c", TRAINER, str(project.folder / "out"), str(weights), str(project.folder / "mine.jinja")]
    done = subprocess.run(command, env=os.environ | offline, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    theirs = {name: (ids, labels) for name, ids, labels in map(json.loads, done.stdout.splitlines()[-2:])}
    assert theirs == ours

    shown = project.run("explain", "recipe.yaml", "train.sft", "--row", next(iter(ours)), "--store", "store", "--show-restricted")
    lines = shown.out.splitlines()
    assert shown.code == 0 and lines[0].startswith("row "), shown.err
    assert any(line.startswith("+ ") for line in lines) and not any(line.startswith("+ ") and "SECRET" in line for line in lines)
