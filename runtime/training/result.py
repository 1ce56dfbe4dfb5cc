"""What a training leaves behind: a folder that any library loads, and beside it how it was made."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import torch
import transformers

from runtime.store.files import sync
from runtime.training import machine
from runtime.training.job import Job
from runtime.training.machine import Setup
from runtime.training.metrics import NAME, lines
from runtime.training.ranks import Ranks
from runtime.training.states import write_synced

SHARD = "5GB"


def whole_weights(model: Any, ranks: Ranks) -> dict[str, torch.Tensor]:
    """All weights, in the first process; the others only give their part."""
    if ranks.count == 1:
        weights: dict[str, torch.Tensor] = model.state_dict()
        return weights
    from torch.distributed.checkpoint.state_dict import StateDictOptions, get_model_state_dict

    options = StateDictOptions(full_state_dict=True, cpu_offload=True)
    gathered: dict[str, torch.Tensor] = get_model_state_dict(model, options=options)
    return gathered


def write_result(folder: Path, job: Job, weights: dict[str, torch.Tensor]) -> None:
    """Write the model beside its place; `put_result` is the last thing done.

    The configuration is that of the model that was trained, untouched by what a trainer sets in it for itself.
    """
    partial = folder / "result.tmp"
    if partial.exists():
        shutil.rmtree(partial)
    dtype = getattr(torch, job.settings.dtype)
    config = transformers.AutoConfig.from_pretrained(job.model)
    with torch.device("meta"):
        bare = transformers.AutoModelForCausalLM.from_config(config, dtype=dtype)
    if (job.model / "generation_config.json").exists():
        bare.generation_config = transformers.GenerationConfig.from_pretrained(job.model)
    cast = {name: value.detach().to(dtype if value.is_floating_point() else value.dtype) for name, value in weights.items()}
    bare.save_pretrained(partial, state_dict=cast, max_shard_size=SHARD)
    tokenizer = transformers.AutoTokenizer.from_pretrained(job.model)
    if job.template is not None:
        tokenizer.chat_template = job.template
    for name in ("is_local", "local_files_only"):
        tokenizer.init_kwargs.pop(name, None)  # where it was loaded from, and whether there was a network then
    tokenizer.save_pretrained(partial)
    for path in partial.iterdir():
        sync(path)
    sync(partial)


def put_result(folder: Path) -> None:
    """The training is done once this folder is there."""
    (folder / "result.tmp").rename(folder / "result")
    sync(folder)


def write_provenance(folder: Path, job: Job, setup: Setup, ranks: Ranks, peak: int) -> None:
    """How the result was made: nothing of it decides what the result is."""
    steps = lines(folder / NAME)
    tokens, seconds = sum(each["tokens"] for each in steps), sum(each["seconds"] for each in steps)
    provenance = {
        "versions": machine.versions(),
        "device": machine.device(),
        "processes": ranks.count,
        "threads": job.tuning.threads,
        "attention": setup.attention,
        "liger": setup.liger,
        "padding_free": setup.flat,
        "packing": job.settings.packing,
        "dtype": job.settings.dtype,
        "master_dtype": "float32",
        "sharding": "fsdp2" if ranks.count > 1 else "none",
        "trackers": list(setup.trackers),
        "steps": len(steps),
        "tokens": tokens,
        "trained_tokens": sum(each["trained_tokens"] for each in steps),
        "seconds": round(seconds, 3),
        "tokens_per_second": round(tokens / seconds, 1) if seconds else None,
        "peak_memory_bytes": peak,
        "first_loss": steps[0]["loss"],
        "last_loss": steps[-1]["loss"],
    }
    write_synced(folder / "result.json", provenance)
