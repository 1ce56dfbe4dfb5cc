"""What all training objectives share: which model learns which rows, and how; a subclass says what it is taught by."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import ClassVar, Literal

from pydantic import Field, field_validator

from operators.asks.asks import Amount
from operators.asks.generate import Said
from operators.base.declare import Count, Operator, Repeats, Share, field, tuning
from operators.base.scope import Columns, Complaint, Scope
from operators.learn.loss import Loss


class Train(Operator):
    """A model trained on a table; its result is a checkpoint, addressed like a dataset.

    A row's text is the chat template's rendering of its prompt and completion, or of its conversation; loss falls on thinking,
    solution, calls and the token that ends the turn alone (paper appendix B.2).
    """

    repeats: ClassVar[Repeats] = "numeric"

    model: str | None = field("label", None)
    """The model that is trained, by its name under `models`."""
    init: str | None = field("label", None)
    """The training of this recipe whose checkpoint it starts from, in the place of `model`."""
    data: str = field("label")
    """The table that is trained on, such as `dataset`."""
    system: str | Said
    """The rows' system prompt: `none`, `teacher` (what it was told), a prompt of the profile by name, or `{text: ...}`."""
    prompt: str = field("column", "prompt")
    """The column with the prompt."""
    completion: str = field("column", "completion")
    """The column with the completion."""
    messages: str | None = field("column", None)
    """The column with conversations, in the place of prompt and completion."""
    tools: str = field("column", "tools")
    """The column with the tools of conversations, which the chat template is handed where there is one."""
    loss: Loss | None = None
    """Which turns of conversations are learnt: those of the assistant, all of them, unless said."""
    template: str | None = field("label", None)
    """A chat template in a file, relative to the recipe, in the place of the model's own."""
    epochs: Amount = Decimal(5)
    """How often each row is seen (paper section B.2: 5)."""
    global_batch_size: int = Field(512, ge=1)
    """Rows of one step, over all devices (paper section B.2: 512, and 128 in ablations)."""
    learning_rate: Amount = Decimal("2e-5")
    """The highest learning rate of AdamW (paper section B.2)."""
    scheduler: Literal["cosine", "linear", "constant"] = "cosine"
    """How the learning rate falls after the warm-up."""
    warmup_ratio: Share = Decimal("0.1")
    """The share of steps in which it rises (paper section B.2)."""
    weight_decay: Amount = Decimal("1e-5")
    """AdamW's weight decay (paper section B.2)."""
    adam_beta1: Share = Decimal("0.9")
    """AdamW's first moment."""
    adam_beta2: Share = Decimal("0.999")
    """AdamW's second moment."""
    adam_epsilon: Amount = Decimal("1e-8")
    """What keeps AdamW from dividing by nothing."""
    max_grad_norm: Amount = Decimal(1)
    """The length that gradients are cut to; 0 cuts none."""
    max_length: int = Field(16384, ge=2)
    """The longest row in tokens; a longer one stops the run before it begins (paper section 5.3: such rows are dropped)."""
    packing: bool = False
    """Several rows in one sequence; the paper keeps it off, for it costs accuracy (section B.3)."""
    dtype: Literal["bfloat16", "float32"] = "bfloat16"
    """The number type that is computed in (paper section B.2)."""
    seed: Count = 0
    """What the order of rows starts from; the recipe's own `seed` has no part in it."""
    micro_batch_size: int = tuning(1, ge=1)
    """Rows that one device computes at a time."""
    save_every: int = tuning(200, ge=1)
    """Steps between two states from which a run that was stopped goes on."""
    gradient_checkpointing: bool = tuning(False)
    """Compute activations twice in the place of keeping them."""
    padding_free: Literal["auto"] | bool = tuning("auto")
    """Rows of a batch one after another without padding; `auto` does so where attention over rows of many lengths exists."""
    attention: Literal["auto", "sdpa", "eager", "flash_attention_2"] = tuning("auto")
    """How attention is computed."""
    liger: Literal["auto"] | bool = tuning("auto")
    """Liger kernels; `auto` takes them where they are installed and there is a GPU."""

    @field_validator("loss")
    @classmethod
    def usual(cls, loss: Loss | None) -> Loss | None:
        """None for what is learnt in any case: it is in no key."""
        return None if loss == Loss() else loss

    def complain(self, scope: Scope) -> Iterator[Complaint]:
        if (self.model is None) == (self.init is None):
            yield Complaint((), "it starts from exactly one of `model` and `init`", "name the model under `models`")
        if self.model is not None:
            message = f"there is no model `{self.model}` under `models`"
            yield from scope.complain_name("model", self.model, ("model",), message)
        if self.messages is None:
            yield from scope.complain_column(self.prompt, ("prompt",), "text")
            yield from scope.complain_column(self.completion, ("completion",), "text")
        else:
            yield from scope.complain_column(self.messages, ("messages",), "messages")
        if "tools" in self.model_fields_set:
            yield from scope.complain_column(self.tools, ("tools",), "tools")
        for name in ("tools", "loss") if self.messages is None else ():
            if name in self.model_fields_set:
                yield Complaint((name,), f"`{name}` is for conversations", "say their column with `messages:`")
        if self.messages is not None and self.system != "none":
            yield Complaint(("system",), "conversations have system turns of their own", "say `system: none`")
        if self.epochs <= 0:
            yield Complaint(("epochs",), "it sees no row: `epochs` has to be above 0")

    def reads(self, columns: Columns) -> tuple[str, ...]:
        """The columns that decide what is learnt."""
        if self.messages is not None:
            return (self.messages, self.tools) if columns.get(self.tools) == "tools" else (self.messages,)
        listed = ("options",) if columns.get("options") == "list of text" else ()
        return (self.prompt, *listed, self.completion)

    def settings(self) -> dict[str, object]:
        """What the trainer is told, in plain values; tuning apart."""
        shared = {name: getattr(self, name) for name in SETTINGS}
        own = {name: getattr(self, name) for name in type(self).model_fields if name not in Train.model_fields}
        return {name: float(value) if isinstance(value, Decimal) else value for name, value in {**shared, **own}.items()}

    def tuned(self) -> dict[str, object]:
        """The fields that make a run faster and never another."""
        return {name: getattr(self, name) for name in TUNED}


SETTINGS = (
    *("epochs", "global_batch_size", "learning_rate", "scheduler", "warmup_ratio", "weight_decay", "adam_beta1", "adam_beta2"),
    *("adam_epsilon", "max_grad_norm", "max_length", "packing", "dtype", "seed"),
)
TUNED = ("micro_batch_size", "save_every", "gradient_checkpointing", "padding_free", "attention", "liger")
