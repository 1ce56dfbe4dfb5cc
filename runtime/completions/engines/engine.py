"""The interface of all engines: requests in, completions out as they finish."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from operators.asks.asks import Messages, Reply


@dataclass(frozen=True)
class Request:
    """One completion that is wanted."""

    address: bytes
    """What decides it, hashed; 32 bytes."""
    messages: Messages
    sampling: Mapping[str, Any]
    """The fields of the recipe that decide sampling; what is not there is the model's default."""
    seed: int
    """What this very request samples from: below 2**31, a function of its address."""


@dataclass(frozen=True)
class Answer:
    """What became of a request: a reply, or the reason why there is none."""

    address: bytes
    reply: Reply | None
    failure: str | None = None
    """`HTTP 500 x5`: what happened, and how often; no text of the server, which might hold anything."""
    seconds: float = 0.0
    """How long it took, from when the engine took it up; where a server answers, its waiting there included."""
    refused: int | None = None
    """The status by which a server refused this request, so that asking it again is of no use."""


class EngineError(Exception):
    """An engine that cannot go on at all; `hint` says what to do."""

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.hint = hint


class Engine(Protocol):
    """Something that answers requests. Its name and version are provenance, and part of no address."""

    name: str
    version: str
    window: int
    """How many requests it works on at once."""

    def run(self, requests: Iterator[Request]) -> Iterator[Answer]:
        """One answer for each request, as they finish; a request is taken from the iterator when it can be worked on, or soon.

        Raises EngineError where it cannot go on; what was answered until then stays answered.
        """

    def close(self) -> None:
        """Let go of processes and connections."""


def storable(text: str | None) -> Any:
    """Text whose every character is one: half a surrogate pair cannot be written as UTF-8."""
    return None if text is None else text.encode("utf-8", "replace").decode()


def plain(value: Any) -> Any:
    """A decimal number as JSON has it."""
    return float(value) if not isinstance(value, bool | int | str | list | type(None)) else value


def last_line(output: bytes | bytearray) -> str:
    """The last line that is not blank, up to 300 characters; empty where there is none."""
    lines = output.decode("utf-8", "replace").splitlines()
    return next((line.strip() for line in reversed(lines) if line.strip()), "")[:300]
