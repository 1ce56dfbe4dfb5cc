"""The messages of a completion in harmony channels."""

from __future__ import annotations

import re
from typing import NamedTuple

#: How the thinking opens and the solution begins, where somebody records them apart.
OPEN, CLOSE = "<|channel|>analysis<|message|>", "<|end|><|start|>assistant<|channel|>final<|message|>"
#: Between channel and message a header may say whom a call is to, and the form that is constrained. Nothing is tried twice.
HEADER = re.compile(
    r"(?:<\|start\|>[^<]*+)?<\|channel\|>\s*+(?P<channel>[A-Za-z]*+)(?:[^<]++|<\|constrain\|>)*+<\|message\|>"
    r"|<\|start\|>[^<]*+<\|message\|>"
)
END = re.compile(r"<\|(?:end|return|call)\|>")
#: The same where special tokens were left out in decoding.
PLAIN_HEADER = re.compile(
    r"(?:\A\s*(?:assistant)?|assistant)(?P<channel>analysis|commentary|final)(?:(?<=commentary)(?: to=[^\s{]+)?(?: ?json)?)?"
)


class Message(NamedTuple):
    """One message of a completion, in characters."""

    channel: str
    """Its channel; empty of what stands before the first header."""
    header: int
    start: int
    end: int
    """Where its text ends; a mark of its end may follow."""


def messages_of(text: str) -> list[Message]:
    """The messages of a completion, in order; one without a channel where it says none.

    Example:
        >>> text = "<|channel|>analysis<|message|>a<|end|><|start|>assistant<|channel|>final<|message|>B<|return|>"
        >>> [(each.channel, text[each.start : each.end]) for each in messages_of(text)]
        [('analysis', 'a'), ('final', 'B')]
        >>> [each.channel for each in messages_of("analysisWe need 2.assistantfinal2")]
        ['analysis', 'final']
    """
    heads = list(HEADER.finditer(text))
    plain = not heads and is_plain(text)
    if plain:
        heads = list(PLAIN_HEADER.finditer(text))
    starts = [each.start() for each in heads]
    found = [Message("", 0, 0, starts[0] if starts else len(text))]
    for head, last in zip(heads, [*starts[1:], len(text)][: len(heads)], strict=True):
        found.append(Message(head["channel"] or "", head.start(), head.end(), last))
    if not plain:
        cuts = [END.search(text, each.start, each.end) for each in found]
        found = [each if cut is None else each._replace(end=cut.start()) for each, cut in zip(found, cuts, strict=True)]
    return [each for each in found if each.header < each.start or text[each.start : each.end].strip()]


def is_plain(text: str) -> bool:
    """Whether a completion has its channels as bare words: it begins with one, and goes on as no sentence does."""
    head = re.match(r"\s*(?:assistant)?(?P<channel>analysis|commentary|final)", text)
    if head is None:
        return False
    if head["channel"] != "final" and "assistantfinal" in text:
        return True
    following = text[head.end() : head.end() + 1]
    return head.group().strip() == "assistantfinal" or (
        following > " " and not following.islower() and following not in ".,:;!?-–—)'’"
    )


def solution_of(messages: list[Message]) -> Message | None:
    """The last final message, which is the solution; without any channel, the only message is none."""
    return next((each for each in reversed(messages) if each.channel == "final"), None)


def spans_of(text: str, opened: bool) -> tuple[str | None, str | None]:
    """(what was thought, the solution): the text of the last final message, and that of all others before and after it."""
    messages = messages_of(text)
    final = solution_of(messages)
    if final is None and not opened and all(not each.channel for each in messages):
        return None, text.strip()
    thoughts = [text[each.start : each.end].strip() for each in messages if each is not final]
    think = "\n\n".join(each for each in thoughts if each)
    return think if thoughts else None, None if final is None else text[final.start : final.end].strip()


def blocks_of(text: str, opened: bool) -> int:
    """How many blocks of thinking a completion has: messages of analysis, and what stands before the first header."""
    messages = messages_of(text)
    if all(not each.channel for each in messages):
        return int(opened)
    return sum(each.channel in ("", "analysis") for each in messages)
