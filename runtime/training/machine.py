"""What the machine has, and how a training is computed on it."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import platform
import resource
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from runtime.training.errors import JobError
from runtime.training.job import Job

LIBRARIES = ("torch", "transformers", "trl", "accelerate", "liger-kernel", "flash-attn")
FLASH = "flash_attention_2"


@dataclass(frozen=True)
class Setup:
    """How a training is computed here; a result's provenance, and nothing of its identity."""

    cuda: bool
    attention: str
    liger: bool
    flat: bool
    """Rows of a batch lie one after another, without padding."""
    trackers: tuple[str, ...]
    left_out: tuple[str, ...]
    """Trackers that the job names and that are not installed."""


def choose_setup(job: Job) -> Setup:
    """How a job is computed here. Raises JobError where it asks for what is not here."""
    cuda, tuning = torch.cuda.is_available(), job.tuning
    flash = cuda and job.settings.dtype == "bfloat16" and installed("flash_attn")
    if tuning.attention == FLASH and not flash:
        wants = "a GPU, `dtype: bfloat16` and the package flash-attn"
        raise JobError(f"`attention: {FLASH}` needs {wants}", "attention: auto takes it wherever it can")
    if tuning.liger is True and not (cuda and installed("liger_kernel")):
        raise JobError("`liger: true` needs a GPU and the package liger-kernel", "liger: auto takes it wherever it can")
    if job.settings.packing and tuning.padding_free is False:
        raise JobError("`packing` lays rows one after another, and `padding_free: false` forbids it", "padding_free: auto")
    attention = tuning.attention if tuning.attention != "auto" else FLASH if flash else "sdpa"
    flat = job.settings.packing or tuning.padding_free is True
    trackers = tuple(each for each in job.trackers if installed(each))
    return Setup(
        cuda=cuda,
        attention=attention,
        liger=tuning.liger is not False and cuda and installed("liger_kernel"),
        flat=flat or (tuning.padding_free == "auto" and attention == FLASH),
        trackers=trackers,
        left_out=tuple(each for each in job.trackers if each not in trackers),
    )


def installed(module: str) -> bool:
    return importlib.util.find_spec(module) is not None


def versions() -> dict[str, str | None]:
    """The version of each library that a result depends on."""
    libraries: dict[str, str | None] = {"python": platform.python_version()}
    for name in LIBRARIES:
        try:
            libraries[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            libraries[name] = None
    return libraries


def device() -> dict[str, Any]:
    """What computes: its name, and how many there are for each process to share."""
    if torch.cuda.is_available():
        return {"name": torch.cuda.get_device_name(), "kind": "cuda", "count": torch.cuda.device_count()}
    return {"name": cpu_name(), "kind": "cpu", "count": os.cpu_count()}


def cpu_name() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    except FileNotFoundError:
        return platform.processor() or platform.machine()
    named = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return named[0] if named else platform.machine()


def peak_memory() -> int:
    """The most bytes that this process held on its device."""
    if torch.cuda.is_available():
        return int(torch.cuda.max_memory_allocated())
    used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return used if sys.platform == "darwin" else used * 1024
