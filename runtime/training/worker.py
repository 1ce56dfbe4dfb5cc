"""A process that trains a model on rows of tokens, that can be killed at any moment and goes on where it was.

`python -m runtime.training.worker FOLDER`, or the same under `python -m torch.distributed.run` for several processes
that share the model. The folder has `job.json` and `rows.parquet`; it gets `metrics.jsonl`, `states/`, `result.json`
and, last of all, `result/`.
"""

from __future__ import annotations

import fcntl
import os
import sys
import time
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from runtime.training.environment import fix_environment, fix_order
from runtime.training.errors import JobError, explain, first_line
from runtime.training.events import Events
from runtime.training.job import Job, read_job
from runtime.training.stopping import Stop

if TYPE_CHECKING:
    from runtime.training.machine import Setup
    from runtime.training.ranks import Ranks

PAUSE = 0.2


def main(folder: Path) -> int:
    """Train, and send how it went; 0 where the result is there."""
    events, stop = Events(), Stop()
    stop.listen()
    try:
        done = prepare_and_train(folder, events, stop)
    except JobError as error:
        events.tell("error", message=error.message, hint=error.hint)
    except Exception as error:  # noqa: BLE001 - an event for the starter, with the whole of it on the error stream
        cause = explain(error)
        events.shout("error", message=cause.message, hint=cause.hint)
    else:
        return 0 if done else 1
    return 1


def prepare_and_train(folder: Path, events: Events, stop: Stop) -> bool:
    """Whether the training came to its end."""
    if (folder / "result").is_dir():
        return True
    job = read_job(folder)
    fix_environment(folder, job.tuning.threads, int(os.environ.get("WORLD_SIZE", "1")))
    fix_order(job.tuning.threads)
    from runtime.training.ranks import Ranks

    ranks = Ranks()
    with open(folder / "worker.lock", "a") as lock:
        ranks.once(lambda: lock_folder(lock, events, stop))
        if (folder / "result").is_dir():
            return True
        done = train(folder, job, ranks, events, stop)
    ranks.leave()
    return done


def lock_folder(lock: IO[str], events: Events, stop: Stop) -> None:
    """Be the only worker of a folder. One whose starter was killed may still be saving its state; two would mix their files."""
    announced = False
    while True:
        try:
            return fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if stop.wanted:
                raise JobError("it was stopped before it began", "run the same again") from None
            if not announced:
                events.tell("notice", message="another worker is still at this training; waiting for it to save and end")
                announced = True
            time.sleep(PAUSE)


def train(folder: Path, job: Job, ranks: Ranks, events: Events, stop: Stop) -> bool:
    """All of a training, in its order."""
    from blake3 import blake3

    from runtime.training.likelihood import open_likelihood
    from runtime.training.machine import choose_setup, peak_memory
    from runtime.training.metrics import Metrics
    from runtime.training.objectives import OBJECTIVES
    from runtime.training.order import Order
    from runtime.training.recorded import LoopContext
    from runtime.training.result import put_result, whole_weights, write_provenance, write_result
    from runtime.training.rows import lay_out
    from runtime.training.states import States

    accumulation = job.accumulation(ranks.count)
    setup = choose_setup(job)
    for name in setup.left_out:
        events.tell("notice", message=f"the tracker {name} is not installed, so nothing is told to it")
    tokenizer, model = load(job, setup, ranks)
    vocabulary, filler = model.config.get_text_config().vocab_size, tokenizer.pad_token_id
    numbered = OBJECTIVES[job.objective] is not None
    layout = ranks.once(lambda: lay_out(folder, job.settings, vocabulary, filler, numbered))
    identity = job.identity(ranks.once(lambda: blake3().update_mmap(folder / "rows.parquet").hexdigest()))
    order = Order(layout.items, job.tuning.micro_batch_size * ranks.count, job.settings.global_batch_size, job.settings.seed)
    trainer = open_likelihood(job, folder, model, tokenizer, setup, order, accumulation, layout)

    states = States(folder, identity, ranks)
    began = ranks.once(states.last) or 0
    metrics = ranks.together(lambda: Metrics(folder, began) if ranks.first else None)
    if began:
        events.tell("resumed", step=began)
        wrote = states.read(began)["processes"]
        if wrote != ranks.count:
            events.tell("notice", message=f"{wrote} processes wrote the state and {ranks.count} go on: dropout draws anew")
    trainer.begin(LoopContext(folder, layout, events, stop, ranks, order, states, metrics, job.tuning.save_every, began))
    if not trainer.run_to_end():
        events.tell("stopped", step=max(trainer.state.global_step, began))
        return False

    weights = whole_weights(trainer.model, ranks)
    peak = max(ranks.gather(peak_memory()))
    ranks.once(lambda: write_result(folder, job, weights))
    ranks.once(lambda: write_provenance(folder, job, setup, ranks, peak))
    ranks.once(lambda: put_result(folder))
    (folder / "items.arrow").unlink(missing_ok=True)
    return True


def load(job: Job, setup: Setup, ranks: Ranks) -> tuple[Any, Any]:
    """The tokenizer and the weights; where several processes share them, each holds its part of them alone.

    Weights are kept as float32 whatever they are computed in: what a step adds to one is often too little for bfloat16.
    """
    import torch
    import transformers

    if not (job.model / "config.json").is_file():
        raise JobError(f"there is no model in {job.model}", "it is a folder with config.json, a tokenizer and *.safetensors")
    shared: dict[str, Any] = {}
    if ranks.count > 1:
        from transformers.distributed import DistributedConfig

        mixed = job.settings.dtype == "bfloat16"
        shared["distributed_config"] = DistributedConfig(fsdp_size=ranks.count, fsdp_mixed_precision=mixed)
    try:
        tokenizer = transformers.AutoTokenizer.from_pretrained(job.model, trust_remote_code=False)
        model = transformers.AutoModelForCausalLM.from_pretrained(
            job.model,
            dtype=torch.float32,
            use_safetensors=True,
            trust_remote_code=False,
            attn_implementation=setup.attention,
            **shared,
        )
    except (OSError, ValueError) as error:
        raise JobError(f"the model in {job.model} cannot be loaded: {first_line(error)}", "look at its folder") from None
    if tokenizer.pad_token_id is None:
        # A token is needed where batches are padded; whichever it is, nothing attends to it and nothing is learnt from it.
        tokenizer.pad_token_id = 0 if tokenizer.eos_token_id is None else tokenizer.eos_token_id
    return tokenizer, model


if __name__ == "__main__":
    code = main(Path(sys.argv[1]))
    sys.stdout.flush()
    sys.stderr.flush()
    # Threads of libraries that still hold a process group have been seen to abort a plain exit, after all work was done.
    os._exit(code)
