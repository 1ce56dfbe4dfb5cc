"""One row as tokens and a loss mask: the prompt as a server renders it, the completion to the letter, the end of the turn.

A row's text is the template's rendering of its messages with the generation prompt, the completion, and what the template
puts after an answer. Loss falls on the trained stretches and on the token that ends the turn (paper appendix B.2).
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from runtime.training.applying import OWN, applied
from runtime.training.spelling import Spelling, TemplateError, count_shared, difference, without_space

__all__ = ["Rendered", "Renderer", "TemplateError", "decode", "trained_stretches"]

ROLES: tuple[tuple[str, ...], ...] = (("user",), ("system", "user"))
PROBES = {"system": "'글'\n<b>1 < 2</b> & \"3\"", "user": "Is \"2024\" 윤년?\n\n<i>Why</i> & 'No'  {{ 1 }}"}
THINKING, ANSWER = "So **윤년**:\n\n  2024 % 4 = 0 & \"2024\" > '4'.", "윤년입니다.\n\n\\boxed{366}  <i>일</i>"


class Rendered(NamedTuple):
    """A row's tokens; `loss` says of each whether it is trained on."""

    ids: list[int]
    loss: list[bool]


class Frame(NamedTuple):
    """The template's own text in a conversation, for the contents to be put between."""

    own: tuple[str, ...]
    order: tuple[int, ...]
    """Which message stands behind each own text but the last."""
    opened: str
    """The opening tag at the end of the generation prompt, with the space after it; empty where it opens no thinking."""
    tail: str
    """What follows an answer, from the token on that ends the turn."""

    def pieces(self, contents: Sequence[str]) -> list[tuple[str, bool]]:
        """The prompt in pieces, each with whether it is the template's own."""
        behind = [((contents[place], False), (own, True)) for place, own in zip(self.order, self.own[1:], strict=True)]
        return [(self.own[0], True), *itertools.chain.from_iterable(behind)]

    def text(self, contents: Sequence[str]) -> str:
        return "".join(text for text, _ in self.pieces(contents))


class Renderer:
    """Renders rows for one tokenizer and chat template; raises TemplateError before the first row where they do not fit."""

    def __init__(self, tokenizer: Any, template: str | None, tags: tuple[str, str] | None) -> None:
        """`template` is the tokenizer's own unless given; `tags` are those around the thinking, where there is some."""
        self.tokenizer, self.tags = tokenizer, tags
        try:
            self.template = str(tokenizer.get_chat_template(template))
        except (ValueError, AttributeError):
            raise TemplateError("the tokenizer has no chat template", OWN) from None
        frames = {roles: attempt(self._frame, roles) for roles in ROLES}
        own = [text for frame in frames.values() if isinstance(frame, Frame) for text in (*frame.own, frame.tail)]
        self.spelling = Spelling(tokenizer, own, tags or ())
        self.frames = {
            roles: frame if isinstance(frame, TemplateError) else attempt(self._check_end, frame)
            for roles, frame in frames.items()
        }
        if all(isinstance(frame, TemplateError) for frame in self.frames.values()):
            self.frame(ROLES[0])

    def render(self, messages: Sequence[tuple[str, str]], stretches: Sequence[tuple[str, bool]]) -> Rendered:
        """The tokens of a row from its messages and the consecutive stretches of its completion; raises TemplateError."""
        frame = self.frame(tuple(role for role, _ in messages))
        ids = self._prompt(frame, messages)
        loss = [False] * len(ids)
        completion = "".join(text for text, _ in stretches)
        start = self._count_opened(frame, completion)
        marks, high = self._marks(completion, start), 0
        for trained, group in itertools.groupby((each for each in stretches if each[0]), key=lambda each: each[1]):
            low, high = max(high, start), high + sum(len(text) for text, _ in group)
            cuts = sorted({low, high, *(place for mark in marks if low <= mark[0] and mark[1] <= high for place in mark)})
            for begin, end in itertools.pairwise(cuts if low < high else []):
                tokens = self.spelling.encode(completion[begin:end], special=(begin, end) in marks)
                ids, loss = ids + tokens, loss + [trained] * len(tokens)
        tail = self.spelling.tokens(frame.tail, special=True)
        return Rendered(ids + tail, loss + [True] + [False] * (len(tail) - 1))

    def frame(self, roles: tuple[str, ...]) -> Frame:
        """The frame of a conversation; raises the error that it is."""
        frame = self.frames.get(roles)
        if isinstance(frame, Frame):
            return frame
        if frame is None:
            raise TemplateError(f"a row is a user message behind at most one system message, and this is {', '.join(roles)}")
        raise TemplateError(frame.message, frame.hint)

    def text(self, messages: Sequence[tuple[str, str]], *, prompt: bool) -> str:
        """What the template makes of messages, with the generation prompt or without."""
        conversation = [{"role": role, "content": content} for role, content in messages]
        return applied(self.tokenizer, self.template, conversation, prompt=prompt)

    def _frame(self, roles: tuple[str, ...]) -> Frame:
        """The frame of a conversation, proven on probes."""
        # Letters of no case and no space come through what templates do to text.
        holes = [f"\ue000{place}\ue001" for place in range(len(roles) + 1)]
        messages = list(zip(roles, holes, strict=False))
        rest = self.text(messages, prompt=True)
        for role, hole in messages:
            if rest.count(hole) != 1:
                raise TemplateError(f"the chat template {'repeats' if hole in rest else 'leaves out'} the {role} message", OWN)
        order, own = sorted(range(len(roles)), key=lambda place: rest.index(holes[place])), []
        for place in order:
            before, _, rest = rest.partition(holes[place])
            own.append(before)
        turn = self.text([*messages, ("assistant", holes[-1])], prompt=False)
        if turn.count(holes[-1]) != 1:
            raise TemplateError("the chat template leaves out or repeats an assistant message", OWN)
        opens = self.tags is not None and rest.rstrip().endswith(self.tags[0])
        opened = rest[len(rest.rstrip()) - len(self.tags[0]) :] if self.tags is not None and opens else ""
        # A model that ends its turn right behind its answer is never asked to write space before the end.
        frame = Frame((*own, rest), tuple(order), opened, turn.partition(holes[-1])[2].lstrip())
        self._prove(roles, frame)
        return frame

    def _prove(self, roles: tuple[str, ...], frame: Frame) -> None:
        """Raises TemplateError where an assistant message is not the generation prompt, the completion and an end.

        Space is left out of account: a model is trained on what it sees and writes when it generates, and a template that
        puts other space around tags or contents changes what later turns see, and nothing else.
        """
        messages = [(role, PROBES[role]) for role in roles]
        completion = ANSWER if self.tags is None else f"{self.tags[0]}\n{THINKING}\n{self.tags[1]}\n\n{ANSWER}"
        turn = self.text([*messages, ("assistant", completion)], prompt=False)
        if self.tags is not None and THINKING not in turn:
            raise TemplateError("the chat template drops or rewrites the thinking of an assistant message", OWN)
        rest = completion[self._count_opened(frame, completion) :]
        times = (frame.own[-1] + rest).count(self.tags[0]) if self.tags is not None else 1
        if self.tags is not None and times != 1:
            raise TemplateError(f"behind the chat template's prompt the tag {self.tags[0]} is there {times} times", OWN)
        contents = self._trim_contents(frame, messages)
        wanted = frame.text(contents) + rest + frame.tail
        if ANSWER not in turn or without_space(turn) != without_space(wanted):
            where = difference(without_space(wanted), without_space(turn))
            raise TemplateError(f"the chat template writes an assistant message otherwise than it is generated: {where}", OWN)

    def _check_end(self, frame: Frame) -> Frame:
        """The frame, if a special token ends an answer: a model trained on another would never stop."""
        ids = self.spelling.tokens(frame.tail, special=True)
        if not ids or ids[0] not in self.spelling.ids:
            message = f"the chat template ends an assistant message with {frame.tail[:40]!r}, and that is no special token"
            raise TemplateError(message, OWN)
        return frame

    def _trim_contents(self, frame: Frame, messages: Sequence[tuple[str, str]]) -> tuple[str, ...]:
        """The contents as the template trims them, with which the frame is to the letter what a server renders."""
        whole = self.text(messages, prompt=True)
        for contents in itertools.product(*(trims(content) for _, content in messages)):
            if frame.text(contents) == whole:
                return contents
        plain = frame.text([content for _, content in messages])
        raise TemplateError(f"the chat template rewrites the contents of a message: {difference(plain, whole)}", OWN)

    def _count_opened(self, frame: Frame, completion: str) -> int:
        """The characters at a completion's start that stand in the generation prompt already: thinking is opened exactly once."""
        if self.tags is None:
            return 0
        (opening, closing), lead = self.tags, len(completion) - len(completion.lstrip())
        opens = completion.startswith(opening, lead)
        if not frame.opened:
            if closing in completion and not opens:
                message = f"a completion closes its thinking with {closing}, and neither it nor the chat template opens it"
                raise TemplateError(message, f"give `train` a `template:` whose generation prompt ends with {opening}")
            return 0
        cut = lead + count_shared(frame.opened, completion[lead:]) if opens else 0
        if closing not in completion or completion[cut:].lstrip().startswith(opening):
            does = "does not close it" if closing not in completion else "opens it again"
            raise TemplateError(f"the chat template's prompt opens the thinking, and a completion {does}", OWN)
        return cut

    def _marks(self, completion: str, start: int) -> list[tuple[int, int]]:
        """Where the tags around the thinking are that are special tokens; in other places a completion speaks of them."""
        if self.tags is None or self.tags[1] not in completion:
            return []
        lead = len(completion) - len(completion[start:].lstrip())
        places = (lead if completion.startswith(self.tags[0], lead) else None, completion.rindex(self.tags[1]))
        spans = [(at, at + len(tag)) for at, tag in zip(places, self.tags, strict=True) if at is not None]
        return [(low, high) for low, high in spans if self.spelling.markers.fullmatch(completion, low, high)]

    def _prompt(self, frame: Frame, messages: Sequence[tuple[str, str]]) -> list[int]:
        """The tokens of a prompt: a server's very own, unless a content spells a marker, which a server would obey."""
        contents, spelling = self._trim_contents(frame, messages), self.spelling
        whole = frame.text(contents)
        ids = spelling.tokens(whole, special=True)
        own = [each for text in frame.own for each in spelling.marked(spelling.tokens(text, special=True))]
        if spelling.marked(ids) != own:
            runs = spelling.runs(frame.pieces(contents))
            ids = [each for run in runs for each in spelling.encode(run.text, special=run.special)]
        # Special tokens swallow the space beside them and some tokenizers put one before; a server's do so too.
        spelling.compare(without_space(whole), without_space(spelling.decoded(ids)))
        return ids


def attempt(frame: Callable[..., Frame], *arguments: Any) -> Frame | TemplateError:
    """A frame, or why there is none: what rows without a system message need not know stops only those with one."""
    try:
        return frame(*arguments)
    except TemplateError as error:
        return error


def trims(content: str) -> list[str]:
    """A content, and what templates leave of the space around it."""
    return list(dict.fromkeys((content, content.strip(), content.lstrip(), content.rstrip(), content.strip("\n"))))


def decode(tokenizer: Any, ids: Sequence[int]) -> str:
    """The text of tokens to the letter, special ones included."""
    return str(tokenizer.decode(list(ids), skip_special_tokens=False, clean_up_tokenization_spaces=False))


def trained_stretches(tokenizer: Any, rendered: Rendered) -> list[tuple[str, bool]]:
    """The text of consecutive tokens that are trained on, or are not, for printing a row with its mask."""
    stretches, place, before = [], 0, ""
    for trained, group in itertools.groupby(rendered.loss):
        place += len(list(group))
        # From the start each time: tokenizers strip the space before the first token that they are given.
        text = decode(tokenizer, rendered.ids[:place])
        stretches.append((text[len(before) :], trained))
        before = text
    return stretches
