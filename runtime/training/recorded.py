"""What every trainer does here besides training: it measures each step, keeps states, goes on from them, and stops."""

from __future__ import annotations

import dataclasses
import math
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import transformers
from torch.distributed.tensor import DTensor

from runtime.training.errors import JobError
from runtime.training.events import Events
from runtime.training.metrics import Metrics
from runtime.training.order import Order
from runtime.training.ranks import Ranks
from runtime.training.rows import FILLER, Layout
from runtime.training.states import Shard, States, random_numbers
from runtime.training.stopping import Stop

HINT = "a lower `learning_rate`, a longer warm-up, a lower `max_grad_norm`, or rows that are damaged; the last state is kept"


@dataclass(frozen=True)
class LoopContext:
    """What a training loop needs besides its model and rows."""

    folder: Path
    layout: Layout
    events: Events
    stop: Stop
    ranks: Ranks
    order: Order
    states: States
    metrics: Metrics | None
    """In the first process alone."""
    save_every: int
    began: int
    """The step that it goes on from."""


class Stopped(Exception):
    """The training stops between two batches; the weights are those of its last whole step."""


class RecordedTrainer(transformers.Trainer):
    """A mixin before a trainer of TRL. What it overrides are hooks of transformers' training loop."""

    context: LoopContext
    step_loss: torch.Tensor | float = 0.0
    sums: dict[str, torch.Tensor]
    """What else a trainer measures of the trained tokens of a step, summed over them."""
    means: dict[str, float]
    norm: float | None = None
    tokens = trained_tokens = 0
    seen = 0
    loss = 0.0
    random: dict[str, torch.Tensor]
    """Where the random numbers were after the last whole step."""

    def begin(self, context: LoopContext) -> None:
        """Give the trainer its context, before it trains."""
        self.context = context
        self.started = self.stepped = time.monotonic()
        self.add_callback(StepCallback(self))
        self.remove_callback(transformers.PrinterCallback)

    def _send_telemetry(self) -> None:
        """No telemetry."""

    def _get_train_sampler(self, dataset: Any = None) -> Order:
        return self.context.order

    def _get_num_items_in_batch(self, batch_samples: list[dict[str, Any]], device: torch.device) -> torch.Tensor:
        """Trained tokens of the step over all processes: what its loss is divided by."""
        trained = sum(int((batch["labels"][..., 1:] != -100).sum()) for batch in batch_samples)
        tokens = sum(int(batch.get("attention_mask", torch.ones_like(batch["input_ids"])).sum()) for batch in batch_samples)
        counts = self.context.ranks.gather((tokens, trained))
        self.trained_tokens = sum(each for _, each in counts)
        self.tokens = sum(each for each, _ in counts) - FILLER * self.context.order.fillers_of(self.state.global_step)
        self.step_loss, self.sums = 0.0, {}
        return torch.tensor(self.trained_tokens, device=device)

    def compute_loss(self, *args: Any, **kwargs: Any) -> torch.Tensor:
        self.stop_if_asked()
        loss: torch.Tensor = super().compute_loss(*args, **kwargs)
        self.step_loss = self.step_loss + loss.detach()
        return loss

    def _get_grad_norm(self, model: Any, grad_norm: Any = None) -> float:
        norm = super()._get_grad_norm(model, grad_norm)
        self.norm = float(norm.full_tensor() if isinstance(norm, DTensor) else norm)
        return self.norm

    def check_step(self) -> None:
        """Before weights change, sum up this step over all processes. Raises JobError where its loss is no number."""
        sums = {name: float(value) for name, value in self.sums.items()}
        measured = self.context.ranks.gather((float(self.step_loss), sums))
        self.loss = sum(loss for loss, _ in measured) / len(measured)
        self.means = {name: sum(each[name] for _, each in measured) / self.trained_tokens for name in sums}
        assert self.norm is not None, "the training loop measures the gradients before each step"
        if not (math.isfinite(self.loss) and math.isfinite(self.norm)):
            rate, step = self.optimizer.param_groups[0]["lr"], self.state.global_step + 1
            what = f"loss is {self.loss}" if not math.isfinite(self.loss) else f"length of the gradients is {self.norm}"
            raise JobError(f"at step {step}, at the learning rate {rate:.3g}, the {what}", HINT)

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        measured = "loss" in logs
        super().log(logs, start_time)
        self.state.log_history.clear()  # it would be written with each state, and is in the metrics
        if measured:
            self.measure(logs["learning_rate"])

    def measure(self, rate: float) -> None:
        """Write what a step measured, and send its event."""
        now = time.monotonic()
        seconds, self.stepped = now - self.stepped, now
        self.seen += self.tokens
        step, steps = self.state.global_step, self.state.max_steps
        line = {"step": step, "epoch": self.state.epoch, "loss": self.loss, "learning_rate": rate, "grad_norm": self.norm}
        line |= {"tokens": self.tokens, "trained_tokens": self.trained_tokens, "seconds": round(seconds, 4)}
        line |= self.means
        if self.context.metrics is not None:
            self.context.metrics.add(line)
        since = now - self.started
        eta = since / (step - self.context.began) * (steps - step)
        progress = {"step": step, "steps": steps, "loss": self.loss, "learning_rate": rate}
        self.context.events.tell("step", **progress, tokens_per_second=round(self.seen / since, 1), eta_seconds=round(eta, 1))

    def _save_checkpoint(self, model: Any, trial: Any) -> None:
        step = self.state.global_step
        if self.context.metrics is not None:
            self.context.metrics.sync()
        rates = [group["lr"] for group in self.optimizer.param_groups]
        fields = {"step": step, "learning_rates": rates, "scheduler": self.lr_scheduler.state_dict()}
        shard = Shard(self.model, self.optimizer, self.random)
        self.context.states.save(step, shard, fields, dataclasses.asdict(self.state))

    def run_to_end(self) -> bool:
        """Train from the step of the context; whether it came to its end. Where it is stopped it keeps a state."""
        began = self.context.began
        try:
            self.prepare()
            self.train(resume_from_checkpoint=str(self.context.states.path(began)) if began else None)
        except Stopped:
            if self.state.global_step > began and not self.context.ranks.once(self.is_saved):
                self._save_checkpoint(self.model, None)
            return False
        return True

    def prepare(self) -> None:
        """What has to be known before the first step."""

    def stop_if_asked(self) -> None:
        """Between two batches: raises Stopped where one of the processes has to stop."""
        if any(self.context.ranks.gather(self.context.stop.wanted)):
            raise Stopped

    def is_saved(self) -> bool:
        """Whether there is a state of the last whole step already."""
        return self.state.global_step in self.context.states.whole()

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: Any = None) -> None:
        """Weights come with what the optimizer knows of them, below."""

    def _load_optimizer_and_scheduler(self, checkpoint: str | None) -> None:
        if checkpoint is not None:
            self.context.states.load(self.context.began, Shard(self.model, self.optimizer, {}))
            self.lr_scheduler.load_state_dict(self.context.states.read(self.context.began)["scheduler"])

    def _load_rng_state(self, checkpoint: str | None) -> None:
        if checkpoint is not None:
            self.context.states.load_random(self.context.began)


class StepCallback(transformers.TrainerCallback):
    """Calls a recorded trainer at points of the training loop."""

    def __init__(self, trainer: RecordedTrainer) -> None:
        self.trainer = trainer

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        weights = {id(each) for each in self.trainer.model.parameters()}
        trained = {id(each) for group in self.trainer.optimizer.param_groups for each in group["params"]}
        assert weights == trained, "the optimizer trains the weights of the model, and no copies of them"
        self.trainer.started = self.trainer.stepped = time.monotonic()
        self.trainer.random = random_numbers()

    def on_epoch_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        self.trainer.context.order.start(state.global_step)

    def on_pre_optimizer_step(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        self.trainer.check_step()

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        done = state.global_step >= state.max_steps
        due = state.global_step % self.trainer.context.save_every == 0
        control.should_save = due and not done
        self.trainer.random = random_numbers()
