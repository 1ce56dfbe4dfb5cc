"""A model as a recipe names it: which weights they are, and what its output may be used for."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from operators.base.declare import Declared
from operators.base.licence import CLASSES, NAMED, Licence

#: The class of rows that a model's output went into, by the terms of well-known licences; other terms are said as a class.
TERMS: dict[str, Licence] = {
    **NAMED,
    # What the providers' terms allow depends on who asks and what for: nobody but the recipe's owner can say `A` here.
    "proprietary": "unknown",
    "google-api": "unknown",
    "openai-api": "unknown",
    "anthropic-api": "unknown",
    "llama3": "unknown",
    "gemma": "unknown",
}


class Model(Declared):
    """A model that a recipe asks or trains: its weights, its licence, and the terms of its output."""

    id: str = ""
    """The model's public name, such as Qwen/Qwen3-32B."""
    license: str = ""
    """The licence of its weights."""
    terms: str | None = None
    """What its output may be used for: a licence that is known here, or a class: A, B, C or unknown. Needed where it is asked."""
    from_: str | None = Field(None, alias="from", pattern=r"^train\.[^.]+$")
    """A checkpoint that this recipe trains, such as train.sft, in the place of `id` and `license`."""
    revision: str | None = None
    """The revision of its weights, or their digest; part of every completion's address."""
    template: str | None = Field(None, pattern=r"^[0-9a-f]{64}$")
    """The SHA-256 of the chat template; part of every completion's address, and checked where the model runs here."""
    dtype: Literal["float32", "bfloat16", "float16"] | None = None
    """The number type that it is run in; part of every completion's address."""
    quantisation: str | None = None
    """How its weights are packed; part of every completion's address."""
    tokenizer: str | None = None
    """Its tokenizer.json, relative to the recipe, for measures that count its tokens; its bytes decide, not its name."""
    endpoint: str | None = None
    """The logical name of who runs it; address and key stand in your own configuration, never in a recipe."""

    @field_validator("license", "terms")
    @classmethod
    def in_one_case(cls, name: str | None) -> str | None:
        """A licence that is known is one licence in any case: `Apache-2.0` and `apache-2.0` do not clash."""
        return name.lower() if name is not None and name.lower() in TERMS and name not in CLASSES else name

    @model_validator(mode="after")
    def named_once(self) -> Model:
        if self.from_ is None and not (self.id and self.license):
            raise ValueError(f"a model needs `{'license' if self.id else 'id'}`")
        if self.from_ is not None and (self.id or self.license):
            raise ValueError("a checkpoint of this recipe has no `id` and no `license` of its own")
        return self

    @model_validator(mode="after")
    def known_terms(self) -> Model:
        if self.terms is not None and self.terms not in TERMS and self.terms not in CLASSES:
            raise ValueError(f"`{self.terms}` is neither a class (A, B, C, unknown) nor one of: " + ", ".join(sorted(TERMS)))
        return self

    @property
    def output(self) -> Licence:
        """The class of what it writes."""
        found = "unknown" if self.terms is None else TERMS.get(self.terms, self.terms)
        return next(each for each in CLASSES if each == found)

    def identity(self) -> dict[str, Any]:
        """What tells its completions from those of another model; who runs it is no part of it."""
        fields = {name: getattr(self, name) for name in ("id", "revision", "template", "dtype", "quantisation")}
        return {name: value for name, value in fields.items() if value is not None}
