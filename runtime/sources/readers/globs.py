"""The files that a pattern names under a folder, found in one walk, however many stars it has."""

from __future__ import annotations

import fnmatch
import os
import re
from collections.abc import Iterator
from pathlib import Path

#: Names that are looked at before a pattern is told to look at too much.
MOST_NAMES = 1_000_000


class TooMany(Exception):
    """A pattern that leads through more names than any project has."""


def globbed(start: Path, pattern: str) -> Iterator[Path]:
    """The files and folders under `start` that a pattern names, each once, in no order; `**` enters no linked folder.

    A part of the pattern may hold `*` and `?`; `**` stands for any number of folders, and at the end for all that is in
    them. Raises TooMany.
    """
    parts = parts_of(pattern)
    seen = 0
    # Which parts of the pattern may come next: a folder is entered once for all ways that lead to it.
    waiting = [(start, opened(parts, {0}))]
    while waiting:
        folder, here = waiting.pop()
        try:
            entries = list(os.scandir(folder))
        except OSError:
            continue  # a folder that may not be read holds no files for us
        seen += len(entries)
        if seen > MOST_NAMES:
            raise TooMany(f"`{pattern}` leads through more than {MOST_NAMES:,} names")
        for entry in entries:
            after: set[int] = set()
            for at in here:
                part = parts[at] if at < len(parts) else None
                if part == "**":
                    after |= {at} if entry.is_dir(follow_symlinks=False) else set()
                elif isinstance(part, re.Pattern) and part.fullmatch(entry.name):
                    after.add(at + 1)
            after = opened(parts, after)
            if len(parts) in after:
                yield folder / entry.name
            if after - {len(parts)} and is_folder(entry):
                waiting.append((folder / entry.name, after))


def parts_of(pattern: str) -> list[str | re.Pattern[str]]:
    """The parts of a pattern: `**`, or what a name has to look like."""
    ended = f"{pattern}/*" if pattern.split("/")[-1] == "**" else pattern
    return [part if part == "**" else re.compile(fnmatch.translate(part)) for part in ended.split("/")]


def opened(parts: list[str | re.Pattern[str]], places: set[int]) -> set[int]:
    """Places in a pattern with those that follow where `**` stands for no folder at all."""
    found = set(places)
    for at, part in enumerate(parts):
        if at in found and part == "**":
            found.add(at + 1)
    return found


def is_folder(entry: os.DirEntry[str]) -> bool:
    """Whether it is a folder, or a link to one; a loop of links is none."""
    try:
        return entry.is_dir()
    except OSError:
        return False
