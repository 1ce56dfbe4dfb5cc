"""The number of tokens of a text, by a model's own tokenizer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache, partial
from typing import Any, ClassVar

from operators.base.declare import Cost, Count, decided, field
from operators.base.files import FileDigest
from operators.base.ranged import Ranged
from operators.base.scope import Complaint, Scope
from operators.base.values import Texts, Values


class TokenLength(Ranged):
    """Keep rows whose text has between `min` and `max` tokens.

    The paper drops instances of more than 16k tokens (section 5.3). A dear measure: a text is tokenised once, whatever
    recipe, source or row it stands in. The model says its tokenizer under `models`, as a `tokenizer.json` file. Special
    tokens that stand in the text are counted as plain text. Needs the distribution `tokenizers`.
    """

    name: ClassVar[str] = "token_length"
    cost: ClassVar[Cost] = "dear"
    values: ClassVar[tuple[str, ...]] = ("tokens",)
    units: ClassVar[tuple[str, str]] = ("tokens", "tokens")
    rests_on: ClassVar[tuple[str, ...]] = ("unicode", "tokenizers")

    in_: str = field("column", "completion", alias="in")
    """The column that is measured."""
    tokenizer: str = field("label")
    """The model whose tokenizer counts; the digest of its file is part of the value's key."""
    min: Count | None = decided()
    """The fewest tokens kept."""
    max: Count | None = decided()
    """The most tokens kept."""

    def files(self) -> Mapping[str, str]:
        return {"tokenizer": self.tokenizer}

    def complain(self, scope: Scope) -> Iterator[Complaint]:
        yield from super().complain(scope)
        message = f"there is no model `{self.tokenizer}` under `models`"
        yield from scope.complain_name("model", self.tokenizer, ("tokenizer",), message)

    def measure(self, texts: Texts, entries: Mapping[str, Any]) -> Values:
        return [texts.counted(partial(tokenizer_of(entries["tokenizer"]).encode_batch_fast, add_special_tokens=False))]


@lru_cache(maxsize=4)
def tokenizer_of(file: FileDigest) -> Any:
    """The tokenizer of this file; special tokens in the text are no special tokens. Raises ValueError where the file changed."""
    from blake3 import blake3
    from tokenizers import Tokenizer

    data = file.path.read_bytes()
    if blake3(data).hexdigest() != file:
        raise ValueError(f"the tokenizer `{file.path.name}` changed while it was used")
    made = Tokenizer.from_buffer(data)
    made.encode_special_tokens = True
    made.no_truncation()
    made.no_padding()
    return made
