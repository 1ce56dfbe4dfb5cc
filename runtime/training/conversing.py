"""A conversation as tokens and a loss mask: the chat template's rendering of all turns and tools, learnt turn by turn.

Loss falls on what a turn's speaker writes, from where a server would let it begin, to the token that ends the turn. A template
that marks what a model writes (`{% generation %}`) says it itself: then labels are those that TRL gives with it, but that tokens
are cut where a model begins to write, as a server cuts them.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from operators.conversations.canonical import THINKING, Turn
from runtime.training.applying import OWN, applied, marked
from runtime.training.rendering import Rendered
from runtime.training.spelling import Spelling, TemplateError, difference

MARKS = re.compile(r"\{%[-+]?\s*generation\s*[-+]?%\}")
#: What stands for a marker of the template's that a row's text spells, while it is rendered.
HOLE = re.compile("\ue000([0-9]+)\ue001")


class Learnt(NamedTuple):
    """Which turns loss falls on."""

    roles: tuple[str, ...]
    last: bool
    """Whether it is the last of them alone."""


class ConversationRenderer:
    """Renders conversations for one tokenizer and chat template."""

    def __init__(self, tokenizer: Any, template: str | None, tags: tuple[str, str] | None) -> None:
        """`template` is the tokenizer's own unless given; `tags` are those around thinking, which assistants may write."""
        self.tokenizer, self.tags = tokenizer, tags or ()
        try:
            self.template = str(tokenizer.get_chat_template(template))
        except (ValueError, AttributeError):
            raise TemplateError("the tokenizer has no chat template", OWN) from None
        self.generated = MARKS.search(self.template) is not None
        self.spelling = Spelling(tokenizer, [self.template], self.tags)
        # Text may be made to look like a hole, and would be read as one.
        self.held = re.compile(f"{HOLE.pattern}|{self.spelling.markers.pattern}")

    def render(self, turns: Sequence[Turn], tools: Sequence[Any] | None, learnt: Learnt) -> Rendered:
        """The tokens of a conversation. Raises TemplateError."""
        spelt: list[str] = []
        turns = [self._without_markers(turn, spelt, turn["role"] == "assistant") for turn in turns]
        tools = None if tools is None else [self._without_markers(each, spelt, False) for each in tools]
        turns, text, written = self._whole(turns, tools)
        places = [place for place, turn in enumerate(turns) if turn["role"] in learnt.roles]
        chosen = places[-1:] if learnt.last else places
        speaking = [place for place, turn in enumerate(turns) if turn["role"] == "assistant"]
        each_marked = len(written) == len(speaking) and set(chosen) <= {*speaking}
        by_turn = {place: [span] for place, span in zip(speaking, written, strict=False)} if each_marked else {}
        spans = {place: by_turn.get(place) or list(self._spans(text, turns, tools, place, written)) for place in chosen}
        if not spans:
            raise TemplateError(f"it has no turn of {' or '.join(learnt.roles)} to learn", "drop it, or say other `roles`")
        self._check_said(text, turns, tools, spans)
        return self._tokens(text, [span for place in chosen for span in spans[place]], spelt)

    def _whole(self, turns: Sequence[Turn], tools: Any) -> tuple[Sequence[Turn], str, list[tuple[int, int]]]:
        """(the turns as the template takes them, the text of all, what it marks as generated). Raises TemplateError."""
        bare = [turn for turn in turns if "content" not in turn]
        for given in (turns, [turn if "content" in turn else {**turn, "content": ""} for turn in turns])[: 2 if bare else 1]:
            try:
                return given, *marked(self.tokenizer, self.template, given, prompt=False, tools=tools, generated=self.generated)
            except TemplateError as error:
                failed = error  # some templates ask every turn for a content, also one that calls
        raise failed

    def _spans(
        self, text: str, turns: Sequence[Turn], tools: Any, place: int, written: Sequence[tuple[int, int]]
    ) -> Iterator[tuple[int, int]]:
        """What is learnt of one turn, in characters of the whole rendering. Raises TemplateError where it is not to be told."""
        assistant = turns[place]["role"] == "assistant"
        asked = assistant and not self.generated
        before = applied(self.tokenizer, self.template, turns[:place], prompt=asked, tools=tools) if place else ""
        after = applied(self.tokenizer, self.template, turns[: place + 1], prompt=False, tools=tools).rstrip()
        if not text.startswith(after):
            self._refuse(place, "otherwise once more turns follow", difference(after, text), "; or say `turns: last`")
        if assistant and self.generated:
            found = [span for span in written if len(before.rstrip()) <= span[0] < len(after)]
            if not found:
                self._refuse(place, "without a mark of what is generated", repr(text[len(before) : len(after)][:40]))
            yield from found
            return
        if not text.startswith(before):
            self._refuse(place, "otherwise than it is generated", difference(before, text))
        start, end = len(before), len(after)
        if not assistant:
            start = max(start, text.find((turns[place].get("content") or "").strip(), start, end))
        if not any(marker.end() == end for marker in self.spelling.markers.finditer(text, start, end)):
            self._refuse(place, "with no special token at its end", repr(text[max(start, end - 20) : end]))
        yield start, end

    def _refuse(self, place: int, how: str, where: str, more: str = "") -> None:
        raise TemplateError(f"the chat template writes turn {place + 1} {how}: {where}", OWN + more)

    def _check_said(self, text: str, turns: Sequence[Turn], tools: Any, spans: Mapping[int, list[tuple[int, int]]]) -> None:
        """Raises TemplateError where a template leaves out what was said, learnt thinking, a call or a tool."""
        for place, turn in enumerate(turns):
            shown = text[spans[place][0][0] : spans[place][-1][1]] if place in spans else text
            said = [turn.get("content"), *(call["function"]["name"] for call in turn.get("tool_calls", ()))]
            said += [turn.get(key) for key in THINKING] if place in spans else []
            if lost := next((each for each in said if each is not None and self._bare(each) not in shown), None):
                raise TemplateError(f"the chat template leaves out or rewrites what turn {place + 1} says: {lost[:40]!r}", OWN)
        for tool in tools or ():
            if tool["function"]["name"] not in text:
                raise TemplateError(f"the chat template leaves out the tool {tool['function']['name']!r}", OWN)

    def _bare(self, said: str) -> str:
        """What a template surely shows of what was said: the part behind thinking in tags, without the space around it."""
        return said.rpartition(self.tags[1])[2].strip() if self.tags else said.strip()

    def _without_markers(self, value: Any, spelt: list[str], assistant: bool) -> Any:
        """Plain data in whose text holes stand for the template's markers; what they were goes into `spelt`."""
        match value:
            case str():

                def hole(marker: re.Match[str]) -> str:
                    if assistant and marker[0] in self.tags:
                        return marker[0]
                    spelt.append(marker[0])
                    return f"\ue000{len(spelt) - 1}\ue001"

                return self.held.sub(hole, value)
            case dict():
                return {key: self._without_markers(each, spelt, assistant) for key, each in value.items()}
            case list():
                return [self._without_markers(each, spelt, assistant) for each in value]
        return value

    def _tokens(self, text: str, spans: Sequence[tuple[int, int]], spelt: Sequence[str]) -> Rendered:
        """The tokens of a rendering: a server's, but that each stretch is cut from what stands before it."""
        ids: list[int] = []
        loss: list[bool] = []
        cuts = [0, *(place for span in spans for place in span), len(text)]
        for number, (low, high) in enumerate(itertools.pairwise(cuts)):
            if low < high:
                tokens = self._encode(text[low:high], spelt, first=low == 0)
                ids, loss = ids + tokens, loss + [number % 2 == 1] * len(tokens)
        return Rendered(ids, loss)

    def _encode(self, text: str, spelt: Sequence[str], first: bool) -> list[int]:
        """The tokens of a part of a rendering, in which holes are text that is no marker."""
        if first and HOLE.search(text) is None:
            return self.spelling.tokens(text, special=True)
        parts = HOLE.split(text)
        pieces = [(spelt[int(part)], False) if place % 2 else (part, True) for place, part in enumerate(parts)]
        return [each for run in self.spelling.runs(pieces) for each in self.spelling.encode(run.text, special=run.special)]
