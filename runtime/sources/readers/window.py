"""A JSON document that is read a value at a time: its text stays in memory from the value that is read on, and no further."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from operators.declared.records import Step, depth_of
from runtime.sources.readers.files import MAX_LINE, Unreadable
from runtime.sources.readers.jsonl import Parser
from runtime.sources.readers.rows import Bad, describe

SPACE = " \t\r\n"
#: (Steps of the way that are left where an object stands, a field of it) -> its value.
Around = dict[tuple[int, str], Any]
ABSENT: Any = object()


class Window:
    """The text of a document from one place on, as far as it was read."""

    def __init__(self, path: Path, blocks: Iterator[str]) -> None:
        self.path, self.blocks = path, blocks
        self.text, self.place, self.ended = "", 0, False
        self.passed = 0
        """Lines that were let go of."""
        self.spent = 0
        """Characters of the values that were read."""
        self.parser = Parser()

    def more(self) -> bool:
        """Read as much again as is in memory; says whether anything followed."""
        parts = [self.text[self.place :]]
        left, held = len(parts[0]), 0
        if left > MAX_LINE:
            what = f"a value in it, which starts in line {self.line()}, is longer than {MAX_LINE >> 20} MB: use jsonl"
            raise Unreadable(self.path, what)
        while not self.ended and held <= left:
            block = next(self.blocks, None)
            self.ended = block is None
            parts.append(block or "")
            held += len(parts[-1])
        self.passed += self.text.count("\n", 0, self.place)
        self.text, self.place = "".join(parts), 0
        return held > 0

    def line(self) -> int:
        """The line of the place, counted from 1."""
        return self.passed + self.text.count("\n", 0, self.place) + 1

    def peek(self) -> str:
        """The next character that is no white space; none at the end."""
        while True:
            length = len(self.text)
            while self.place < length and self.text[self.place] in SPACE:
                self.place += 1
            if self.place < length or not self.more():
                return self.text[self.place : self.place + 1]

    def value(self) -> tuple[Any, str]:
        """The value that starts there, and its text. Raises Bad."""
        self.peek()
        while True:
            try:
                value, end = self.parser.parse(self.text, self.place)
            except Bad:
                if self.parser.cut and self.more():
                    continue
                raise
            if end == len(self.text) and self.more():
                continue  # a number may go on
            start, self.place = self.place, end
            self.spent += end - start
            return value, self.text[start:end]

    def checked(self) -> Any:
        """The value that starts there, of which every key of an object stands once. Raises Bad."""
        value, text = self.value()
        if self.parser.constants:
            raise Bad(f"it holds {self.parser.constants[0]}, which is not JSON")
        self.parser.check_keys(text, value)
        return value

    def elements(self, close: str) -> Iterator[int]:
        """The number of each element behind a bracket; it stands at its beginning, and whoever asks for the next has read it."""
        self.place += 1
        number = 0
        while self.peek() != close:
            if number:
                if self.peek() != ",":
                    raise Bad(f"a comma or `{close}` is missing")
                self.place += 1
            number += 1
            yield number
        self.place += 1

    def entries(self) -> Iterator[str]:
        """The key of each entry of an object; it stands at its value. Raises Bad."""
        seen = set()
        for _ in self.elements("}"):
            key = self.value()[0] if self.peek() == '"' else None
            if key is None or self.peek() != ":":
                raise Bad("it is not JSON: a key in quotes, or the colon behind it, is missing")
            if key in seen:
                raise Bad(f"it has the key `{describe(key)}` twice")
            seen.add(key)
            self.place += 1
            yield key


def pieces(window: Window, way: Sequence[Step], around: Around) -> Iterator[Any]:
    """What a value would be with one only of the elements that a way first comes to, for each of them. Raises Bad.

    Fields of the objects on the way that `around` has as keys are put there.
    """
    step, opened = way[0], window.peek()
    if step.key is not None and opened == "{":
        for key in window.entries():
            if key == step.key:
                yield from ({key: piece} for piece in pieces(window, way[1:], around))
            elif (len(way), key) in around:
                around[len(way), key] = window.checked()
            else:
                window.checked()
    elif step.named is not None and opened == "{":
        yield from ({key: window.checked()} for key in window.entries())
    elif step.many and step.named is None and opened == "[":
        yield from ([window.checked()] for _ in window.elements("]"))
    else:
        yield window.checked()


def passed_by(way: Sequence[Step], wanted: Mapping[str, tuple[int, str]]) -> Around:
    """The fields that are read of the objects on a way to its first list, none of them known."""
    keys = next(at for at, step in enumerate(way) if step.many)
    depth = depth_of(tuple(way))
    return {(len(way) - depth + up, name): ABSENT for up, name in wanted.values() if 0 <= depth - up < keys}


def put_back(document: Any, way: Sequence[Step], around: Around) -> Any:
    """A piece with the fields that stand around it."""
    value = document
    for at, step in enumerate(way):
        if step.key is None or not isinstance(value, dict):
            break
        value |= {name: each for (left, name), each in around.items() if left == len(way) - at and each is not ABSENT}
        value = value[step.key]
    return document
