"""The trainer of objectives that raise the likelihood of a row's trained tokens, on TRL's trainer for that."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import datasets
import torch
import trl
from safetensors.torch import load_file, save_file
from torch.distributed.fsdp import FSDPModule

from runtime.store.files import replacing
from runtime.training.job import Job
from runtime.training.machine import Setup
from runtime.training.objectives import OBJECTIVES, Weigh
from runtime.training.order import Collator, Order
from runtime.training.recorded import RecordedTrainer
from runtime.training.rows import Layout
from runtime.training.separation import complain_leaks

SCHEDULERS = {"cosine": "cosine", "linear": "linear", "constant": "constant_with_warmup"}


class LikelihoodTrainer(RecordedTrainer, trl.SFTTrainer):
    """TRL's trainer on rows that are tokenised already, with the log-probabilities weighted by the objective."""

    weigh: Weigh | None
    job: Job
    reference: torch.Tensor | None = None
    """The start's mean log-probability of each row, where the objective asks for it."""

    def compute_loss(self, model: Any, inputs: dict[str, Any], *args: Any, **kwargs: Any) -> torch.Tensor:
        row = inputs.pop("row", None)
        loss: torch.Tensor = super().compute_loss(self.weighted(model, row), inputs, *args, **kwargs)
        return loss

    def weighted(self, model: Any, row: torch.Tensor | None) -> Any:
        """The model with its log-probabilities weighted by the objective; TRL sums and divides them as it does its own."""
        weigh = self.weigh
        if weigh is None:
            return model
        assert row is not None and self.reference is not None

        def call(**kwargs: Any) -> Any:
            outputs = model(**kwargs)
            trained = outputs.label_mask
            log_probs = outputs.log_probs[trained]
            weights = weigh(log_probs, row[:, 1:][trained], self.reference, self.job.settings)
            outputs.log_probs = outputs.log_probs.new_zeros(trained.shape).masked_scatter(trained, weights * log_probs)
            # A weighted loss rises where weights do; what people look for is beside it.
            for name, each in (("nll", -log_probs), ("weight", weights)):
                self.sums[name] = self.sums.get(name, 0.0) + each.detach().sum()
            return outputs

        return call

    def prepare(self) -> None:
        """Raises JobError where the model mixes the rows of a flattened batch."""
        if self.data_collator.flat:
            self.check_separation()
        if self.weigh is not None:
            self.load_reference()

    def check_separation(self) -> None:
        """Raises JobError where the rows after the first change with it."""

        def inputs(rows: list[list[int]]) -> dict[str, Any]:
            batch: dict[str, Any] = self._prepare_inputs(self.data_collator.inner([{"input_ids": each} for each in rows]))
            return batch

        with self.accelerator.autocast():
            complain_leaks(self.model, inputs, self.model.config.get_text_config().vocab_size)
        reshard(self.model)

    def load_reference(self) -> None:
        """Compute the reference before the model learns, or read the one that an earlier run computed."""
        ranks, path, identity = self.context.ranks, self.context.folder / "reference.safetensors", self.context.states.identity
        if not ranks.once(lambda: path.exists() and identity in load_file(path)):
            self.context.events.tell("notice", message="reading all rows once, for what the model finds of them before it learns")
            means = self.mean_log_probs()

            def save() -> None:
                with replacing(path) as partial:
                    save_file({identity: means.cpu()}, partial)

            ranks.once(save)
        self.reference = load_file(path)[identity].to(self.args.device)

    @torch.no_grad()
    def mean_log_probs(self) -> torch.Tensor:
        """The mean log-probability of the trained tokens of each row."""
        totals = torch.zeros(2, self.context.layout.rows, dtype=torch.float64, device=self.args.device)
        self.model.eval()
        for batch in self.micro_batches():
            self.stop_if_asked()
            inputs = self._prepare_inputs(self.data_collator([self.train_dataset[item] for item in batch]))
            row = inputs.pop("row")[:, 1:]
            with self.accelerator.autocast():
                outputs = self.model(**inputs, fused_lm_head=True, use_cache=False)
            trained = outputs.label_mask
            log_probs = outputs.log_probs[trained].double()
            totals.index_add_(1, row[trained].long(), torch.stack([log_probs, torch.ones_like(log_probs)]))
        self.model.train()
        reshard(self.model)
        total, count = self.context.ranks.sum(totals)
        return (total / count).float()

    def micro_batches(self) -> Iterator[list[int]]:
        """All items in micro batches, those of this process; each process has as many, so that none waits for another."""
        ranks, layout, size = self.context.ranks, self.context.layout, self.args.per_device_train_batch_size
        for start in range(0, layout.items, size * ranks.count):
            mine = start + size * ranks.number
            yield [min(item, layout.items) for item in range(mine, mine + size)]


def reshard(model: Any) -> None:
    """Let go of weights that were gathered to compute with: an optimizer made while they are there would train copies."""
    for module in model.modules():
        if isinstance(module, FSDPModule):
            module.reshard()


def open_likelihood(
    job: Job, folder: Path, model: Any, tokenizer: Any, setup: Setup, order: Order, accumulation: int, layout: Layout
) -> LikelihoodTrainer:
    """The trainer of a job, which `begin` makes ready."""
    settings, tuning = job.settings, job.tuning
    steps = math.ceil(settings.epochs * order.steps)
    config = trl.SFTConfig(
        output_dir=str(folder / "states"),
        num_train_epochs=settings.epochs,
        per_device_train_batch_size=tuning.micro_batch_size,
        gradient_accumulation_steps=accumulation,
        learning_rate=settings.learning_rate,
        lr_scheduler_type=SCHEDULERS[settings.scheduler],
        warmup_steps=math.ceil(steps * settings.warmup_ratio),
        weight_decay=settings.weight_decay,
        adam_beta1=settings.adam_beta1,
        adam_beta2=settings.adam_beta2,
        adam_epsilon=settings.adam_epsilon,
        max_grad_norm=settings.max_grad_norm,
        optim="adamw_torch_fused",
        seed=settings.seed,
        bf16=settings.dtype == "bfloat16",
        use_cpu=not setup.cuda,
        gradient_checkpointing=tuning.gradient_checkpointing,
        use_liger_kernel=setup.liger,
        # Rows are cut, packed and put in order before; the trainer takes them as they are.
        dataset_kwargs={"skip_prepare_dataset": True},
        max_length=None,
        packing=False,
        padding_free=setup.flat,
        remove_unused_columns=False,
        save_strategy="no",
        logging_steps=1,
        # Else the mean of earlier steps stands in the place of a loss that is no number.
        logging_nan_inf_filter=False,
        report_to=list(setup.trackers) or "none",
        run_name=folder.name,
        disable_tqdm=True,
        log_level="error",
        dataloader_pin_memory=setup.cuda,
    )
    rows = datasets.Dataset.from_file(str(layout.path))
    trainer = LikelihoodTrainer(model=model, args=config, train_dataset=rows, processing_class=tokenizer)
    trainer.data_collator = Collator(trainer.data_collator, setup.flat)
    trainer.weigh, trainer.job = OBJECTIVES[job.objective], job
    return trainer
