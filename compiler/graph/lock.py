"""The lock: the digests and facts that a recipe was last built with."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from compiler.text.canonical import digest_of
from compiler.text.diagnostics import Diagnostic, RecipeError, suggest
from compiler.text.document import TextNode, load_text
from compiler.text.json_text import read_json
from compiler.text.spans import Text, span_at

FORMAT = 4
CHECKSUM = "checksum"
"""The digest of all the rest, so that an edit by hand or by a merge is noticed."""
MOST = 1 << 26
"""Bytes of a lock; one of ten thousand files has 1.5 MB."""
ANEW = "a lock is written by `recipe lock` alone: undo what changed it, or write it anew with `recipe lock`"


@dataclass(frozen=True)
class LockedSource:
    """One source as it was read."""

    pattern: str
    """The `file` of the recipe."""
    digest: str
    """The digest of its files' bytes."""
    files: tuple[tuple[str, str, int], ...]
    """(path as shown, digest, bytes)."""
    fields: tuple[str, ...]
    """The columns of the files."""
    rows: int
    columns: Mapping[str, str]


@dataclass(frozen=True)
class Pin:
    """One result that the lock pins."""

    key: str
    digest: str
    rows: int


@dataclass(frozen=True)
class Lock:
    """A whole lock file; it holds no text of any row."""

    recipe: str
    sources: Mapping[str, LockedSource] = field(default_factory=dict)
    profiles: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """Language -> digest of each entry of its profile."""
    prompts: Mapping[str, str] = field(default_factory=dict)
    """Path as shown -> digest of each prompt that stands in a file of its own."""
    operators: Mapping[str, int] = field(default_factory=dict)
    tables: Mapping[str, Pin] = field(default_factory=dict)
    outputs: Mapping[str, Pin] = field(default_factory=dict)
    weights: Mapping[str, str] = field(default_factory=dict)
    """Model that is trained -> the digest of its weights."""
    frozen: Mapping[str, Pin] = field(default_factory=dict)
    """Datasets and checkpoints that are fixed, so that held-out benchmarks may be looked at."""

    def text(self) -> str:
        """The lock as it is written: sorted, one value a line, so that a reviewer reads its diff."""
        content = {"format": FORMAT, **asdict(self)}
        return json.dumps({**content, CHECKSUM: digest_of(content)}, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def read_lock(path: Path, shown: str) -> Lock | None:
    """The lock at a path, or None where there is none; raises RecipeError for one that `recipe lock` did not write so."""
    if not path.is_file():
        return None
    try:
        text = load_text(path, shown, MOST)
        node = read_json(text)
    except RecipeError as error:
        text = next((each.span.text for each in error.diagnostics if each.span is not None), Text(shown, path, ""))
        raise RecipeError(conflict(text) or [replace(each, hint=ANEW) for each in error.diagnostics]) from None
    content = node.plain()
    if not isinstance(content, dict) or "format" not in content:
        raise RecipeError(Diagnostic("this is no lock: it says no `format`", node.span, ANEW))
    if content["format"] != FORMAT:
        message = f"the lock has another format: {str(content['format'])[:20]}, and {FORMAT} is read here"
        raise RecipeError(Diagnostic(message, node.find(("format",)), "write it anew with `recipe lock`"))
    problems: list[Diagnostic] = []
    LOCK(node, problems)
    if problems:
        raise RecipeError(tuple(problems))
    checksum = content.pop(CHECKSUM)
    if digest_of(content) != checksum:
        message = "the lock is not as `recipe lock` wrote it: its checksum is that of another content"
        raise RecipeError(Diagnostic(message, node.find((CHECKSUM,)), ANEW))
    return lock_of(content)


def lock_of(content: dict[str, Any]) -> Lock:
    """The lock that sound values say."""
    sources = {
        name: LockedSource(**{**part, "files": tuple(map(tuple, part["files"])), "fields": tuple(part["fields"])})
        for name, part in content.pop("sources").items()
    }
    for part in ("tables", "outputs", "frozen"):
        content[part] = {name: Pin(**pin) for name, pin in content[part].items()}
    del content["format"]
    return Lock(sources=sources, **content)


def conflict(text: Text) -> list[Diagnostic]:
    """What is said of a lock in which git left a conflict."""
    found = re.search(r"^(?:<<<<<<<|=======|>>>>>>>)", text.content, re.MULTILINE)
    if found is None:
        return []
    hint = "take either side as a whole, such as with `git checkout --ours`, then run `recipe lock`: nobody can merge digests"
    return [Diagnostic("git left a conflict in the lock", span_at(text, found.start(), found.end()), hint)]


# -- what a lock may say: each check adds what is wrong to a list

Check = Callable[[TextNode, list[Diagnostic]], None]


def complain(wrong: list[Diagnostic], node: TextNode, wanted: str) -> None:
    wrong.append(Diagnostic(f"here stands {wanted}", node.span, ANEW))


def text_like(pattern: str, wanted: str) -> Check:
    form = re.compile(pattern, re.DOTALL)

    def check(node: TextNode, wrong: list[Diagnostic]) -> None:
        if not isinstance(node.value, str) or not form.fullmatch(node.value):
            complain(wrong, node, wanted)

    return check


def number(node: TextNode, wrong: list[Diagnostic]) -> None:
    if type(node.value) is not int or node.value < 0:
        complain(wrong, node, "a whole number")


def listed(*each: Check, tuples: bool = False) -> Check:
    """A list of one kind, or of these kinds in order."""

    def check(node: TextNode, wrong: list[Diagnostic]) -> None:
        if not isinstance(node.value, list) or (tuples and len(node.value) != len(each)):
            complain(wrong, node, f"a list of {len(each)}" if tuples else "a list")
            return
        for item, kind in zip(node.value, each if tuples else each * len(node.value), strict=True):
            kind(item, wrong)

    return check


def named(each: Check) -> Check:
    """A map from any name to one kind."""

    def check(node: TextNode, wrong: list[Diagnostic]) -> None:
        if not isinstance(node.value, dict):
            complain(wrong, node, "a map")
            return
        for entry in node.value.values():
            each(entry.node, wrong)

    return check


def having(**parts: Check) -> Check:
    """A map with exactly these keys."""

    def check(node: TextNode, wrong: list[Diagnostic]) -> None:
        if not isinstance(node.value, dict):
            complain(wrong, node, "a map")
            return
        for name, entry in node.value.items():
            if name in parts:
                parts[name](entry.node, wrong)
            else:
                near = suggest(name, parts)
                meant = f"; `{near}` is" if near is not None and near not in node.value else ""
                wrong.append(Diagnostic(f"`{name[:80]}` is no part of a lock{meant}", entry.key_span, ANEW))
        for name in parts:
            if name not in node.value:
                wrong.append(Diagnostic(f"`{name}` is missing here", node.span, ANEW))

    return check


WORD = text_like(".*", "a text")
DIGEST = text_like("[0-9a-f]{64}", "a digest, 64 hexadecimal digits")
PINS = named(having(key=DIGEST, digest=DIGEST, rows=number))
SOURCE = having(
    pattern=WORD,
    digest=DIGEST,
    files=listed(listed(WORD, DIGEST, number, tuples=True)),
    fields=listed(WORD),
    rows=number,
    columns=named(WORD),
)
LOCK = having(
    format=number,
    checksum=DIGEST,
    recipe=WORD,
    sources=named(SOURCE),
    profiles=named(named(DIGEST)),
    prompts=named(DIGEST),
    operators=named(number),
    tables=PINS,
    outputs=PINS,
    weights=named(DIGEST),
    frozen=PINS,
)
