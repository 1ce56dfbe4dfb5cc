"""The job of a training's worker: a file in its folder, read and checked before anything heavy is loaded."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from runtime.training.errors import JobError


class Strict(BaseModel):
    """A key that is not known is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Settings(Strict):
    """What decides the weights that come out."""

    epochs: float = Field(gt=0)
    learning_rate: float = Field(ge=0)
    global_batch_size: int = Field(ge=1)
    """Rows of one optimizer step over all processes; with `packing`, packs of rows."""
    warmup_ratio: float = Field(ge=0, le=1)
    scheduler: Literal["cosine", "linear", "constant"]
    weight_decay: float = Field(ge=0)
    adam_beta1: float = Field(ge=0, lt=1)
    adam_beta2: float = Field(ge=0, lt=1)
    adam_epsilon: float = Field(ge=0)
    max_grad_norm: float = Field(ge=0)
    """0 cuts no gradient."""
    packing: bool
    max_length: int = Field(ge=2)
    seed: int = Field(ge=0, lt=2**32)
    dtype: Literal["float32", "bfloat16"]
    max_weight: float = Field(16.0, ge=0)


class Tuning(Strict):
    """What makes a training faster, or fit, and changes no more than the last bits."""

    micro_batch_size: int = Field(1, ge=1)
    save_every: int = Field(200, ge=1)
    gradient_checkpointing: bool = False
    padding_free: Literal["auto"] | bool = "auto"
    attention: Literal["auto", "sdpa", "eager", "flash_attention_2"] = "auto"
    liger: Literal["auto"] | bool = "auto"
    threads: int = Field(1, ge=1)


class Job(Strict):
    """The whole of `job.json`."""

    objective: Literal["sft", "iw_sft"]
    model: Path
    template: str | None = None
    """The chat template that the result carries, in the place of the model's own."""
    tags: tuple[str, ...] | None = None
    """The tags around the thinking; rows were rendered with them before."""
    conversations: bool = False
    """Whether the rows are conversations; they were rendered as such before."""
    settings: Settings
    tuning: Tuning
    trackers: tuple[Literal["tensorboard", "trackio", "wandb"], ...] = ()

    def identity(self, rows: str) -> str:
        """What a state belongs to: the objective, the settings and the digest of the rows. Tuning may change on the way."""
        decides = {"objective": self.objective, "settings": self.settings.model_dump(), "rows": rows}
        return hashlib.sha256(json.dumps(decides, sort_keys=True).encode()).hexdigest()

    def accumulation(self, processes: int) -> int:
        """Micro batches of one process in a step. Raises JobError where they do not make the global batch."""
        whole, micro = self.settings.global_batch_size, self.tuning.micro_batch_size
        steps, left = divmod(whole, micro * processes)
        if not left:
            return steps
        among = f"{processes} processes" if processes > 1 else "one process"
        if whole % processes:
            fitting = [each for each in range(1, processes) if not whole % each]
            hint = f"processes: {', '.join(map(str, fitting))}; or a `global_batch_size` that is a multiple of {processes}"
        else:
            share = whole // processes
            hint = f"micro_batch_size: {', '.join(str(each) for each in range(1, share + 1) if not share % each)}"
        message = f"`global_batch_size` {whole} cannot be made of micro batches of {micro} on {among}"
        raise JobError(message, f"what divides it: {hint}")


def read_job(folder: Path) -> Job:
    """The job of a folder. Raises JobError with every mistake in it."""
    path = folder / "job.json"
    try:
        return Job.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        raise JobError(f"there is no job.json in {folder}", "name the folder of a job") from None
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(map(str, each['loc'])) or 'job.json'}: {each['msg']}" for each in error.errors())
        raise JobError(f"job.json: {wrong}", "the job is written for another version of the worker: build again") from None
