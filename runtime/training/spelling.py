"""A tokenizer that makes special tokens of the chat template's markers alone, never of contents that spell them."""

from __future__ import annotations

import json
import re
import unicodedata
import uuid
from collections.abc import Sequence
from functools import lru_cache
from itertools import takewhile
from typing import Any, NamedTuple

BRACKETED = re.compile(r"[^\w\s].*\w.*[^\w\s]", re.DOTALL)
"""What an added token looks like that marks turns, whether it is declared special or not."""


class TemplateError(Exception):
    """A template, or a row in it, that cannot be trained on; `hint` says what to do."""

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.message, self.hint = message, hint


class Stretch(NamedTuple):
    """A stretch of a prompt: one special token of the template's, or text without any."""

    text: str
    special: bool


class Spelling:
    """Encodes on private copies of a fast tokenizer, so that no setting leaks into the caller's or out of it."""

    def __init__(self, tokenizer: Any, own: Sequence[str], tags: Sequence[str]) -> None:
        """`own` are the template's texts, whose markers contents must not become, `tags` none of them; raises TemplateError."""
        from tokenizers import Tokenizer

        backend = getattr(tokenizer, "backend_tokenizer", None)
        if not isinstance(backend, Tokenizer):
            message = f"the tokenizer is a {type(tokenizer).__name__}, which has no tokenizer.json"
            raise TemplateError(message, "save it as a fast tokenizer beside the model")
        self.copies, self.cut, added = copies_of(backend.to_str())
        mine = {name for name in set(added).difference(tags) if BRACKETED.fullmatch(name) and any(name in text for text in own)}
        names = {name for name, each in added.items() if each["special"]} | mine
        self.added, self.ids = added, {added[name]["id"] for name in names}
        self.markers = re.compile("|".join(map(re.escape, sorted(names, key=len, reverse=True))) or "(?!)")
        self.anchor = self.tokens(".", special=False)

    def tokens(self, text: str, *, special: bool) -> list[int]:
        """The tokens of a text as a server makes them, or, without special ones, as those of text that goes on."""
        # Cut in two behind its first character, a marker is text like any other.
        spelt = text if special else self.markers.sub(lambda marker: marker[0][0] + self.cut + marker[0][1:], text)
        copy = self.copies[special]
        cut = copy.token_to_id(self.cut)
        return [each for each in copy.encode(spelt, add_special_tokens=False).ids if each != cut]

    def encode(self, text: str, *, special: bool) -> list[int]:
        """The same; raises TemplateError where text without special tokens does not come back from its tokens."""
        ids = self.tokens(text, special=special)
        if not special:
            # Behind another token, for decoders strip the space from the first.
            self.compare(text, self.decoded([*self.anchor, *ids]).removeprefix(self.decoded(self.anchor)))
            if self.marked(ids):
                raise TemplateError("the tokenizer makes a special token of a row's text, and it cannot be taken apart")
        return ids

    def runs(self, pieces: Sequence[tuple[str, bool]]) -> list[Stretch]:
        """The runs of a prompt: the template's special tokens, and all text between two of them, whoever wrote it."""
        runs = [Stretch("", False)]
        for text, own in pieces:
            place = 0
            for marker in self.markers.finditer(text) if own else ():
                runs[-1] = Stretch(runs[-1].text + text[place : marker.start()], False)
                runs += [Stretch(marker[0], True), Stretch("", False)]
                place = marker.end()
            runs[-1] = Stretch(runs[-1].text + text[place:], False)
        for place in range(1, len(runs), 2):
            # Some special tokens swallow the space beside them, whoever wrote it.
            if self.added[runs[place].text]["lstrip"]:
                runs[place - 1] = Stretch(runs[place - 1].text.rstrip(), False)
            if self.added[runs[place].text]["rstrip"]:
                runs[place + 1] = Stretch(runs[place + 1].text.lstrip(), False)
        return [run for run in runs if run.text]

    def marked(self, ids: Sequence[int]) -> list[int]:
        """The markers among tokens."""
        return [each for each in ids if each in self.ids]

    def decoded(self, ids: Sequence[int]) -> str:
        """The text of tokens, special ones included."""
        return str(self.copies[True].decode(list(ids), skip_special_tokens=False))

    def compare(self, text: str, back: str) -> None:
        """Raises TemplateError where a text does not come back from its tokens; text that is canonically equal is the same."""
        wanted, found = unicodedata.normalize("NFC", text), unicodedata.normalize("NFC", back)
        if wanted != found:
            lost = sorted(set(wanted) - set(found))[:5]
            names = ", ".join(f"{each!r} (U+{ord(each):04X})" for each in lost)
            lacks = names or f"it gives {difference(wanted, found)}"
            hint = "drop such rows with `where`, or train a model whose tokenizer knows all bytes"
            raise TemplateError(f"the tokenizer cannot write a row's text: {lacks}", hint)


@lru_cache(maxsize=1)
def copies_of(text: str) -> tuple[dict[bool, Any], str, dict[str, dict[str, Any]]]:
    """Copies of a tokenizer.json as servers use it and for text that goes on, what cuts markers, and the added tokens.

    Kept, for parsing takes a second and templates are many.
    """
    from tokenizers import AddedToken, Tokenizer

    settings = json.loads(text) | {"truncation": None, "padding": None}
    bare = settings | {part: without_prefix(settings[part]) for part in ("normalizer", "pre_tokenizer")}
    server = Tokenizer.from_str(json.dumps(settings))
    copies = {True: server, False: server if bare == settings else Tokenizer.from_str(json.dumps(bare))}
    # No content can hold it, for it is drawn anew each time; no row's tokens have it.
    cut = f"\ue000{uuid.uuid4().hex}\ue001"
    for copy in copies.values():
        copy.add_tokens([AddedToken(cut, normalized=False)])
    return copies, cut, {each["content"]: each for each in settings["added_tokens"]}


def without_prefix(part: Any) -> Any:
    """A normalizer or pre-tokenizer that puts no space before a text: a completion goes on where the prompt ends."""
    if part is None or part["type"] == "Prepend":
        return None
    if part["type"] == "Sequence":
        steps = {name: [without_prefix(each) for each in value] for name, value in part.items() if isinstance(value, list)}
        return part | {name: [each for each in value if each is not None] for name, value in steps.items()}
    none = {"prepend_scheme": "never", "add_prefix_space": False}
    return part | {name: value for name, value in none.items() if name in part}


def without_space(text: str) -> str:
    """A text without its space."""
    return "".join(text.split())


def difference(wanted: str, found: str, shown: int = 40) -> str:
    """Where two texts part."""
    place = count_shared(wanted, found)
    return f"{found[place : place + shown]!r} in the place of {wanted[place : place + shown]!r}"


def count_shared(left: str, right: str) -> int:
    """The characters with which two texts begin alike."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(left, right, strict=False)))
