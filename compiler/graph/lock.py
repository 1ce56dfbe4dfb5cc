"""The lock: the digests and facts that a recipe was last built with."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, is_dataclass, replace
from functools import cache
from pathlib import Path
from typing import Annotated, Any, get_args, get_origin, get_type_hints

from compiler.text.canonical import digest_of
from compiler.text.diagnostics import Diagnostic, RecipeError, suggest
from compiler.text.document import TextNode, load_text
from compiler.text.json_text import read_json
from compiler.text.spans import Text, span_at

FORMAT = 4
CHECKSUM = "checksum"
"""The digest of all the rest, so that an edit by hand or by a merge is noticed."""
MAY_LACK = ("classes", "packages")
"""What a part of a lock says only where there is something to say."""
MOST = 1 << 26
"""Bytes of a lock; one of ten thousand files has 1.5 MB."""
Digest = Annotated[str, "64 hexadecimal digits"]
DIGEST = re.compile("[0-9a-f]{64}")
ANEW = "a lock is written by `recipe lock` alone: undo what changed it, or write it anew with `recipe lock`"


@dataclass(frozen=True)
class LockedSource:
    """One source as it was read."""

    pattern: str
    """The `file` of the recipe."""
    digest: Digest
    """The digest of its files' bytes."""
    files: tuple[tuple[str, Digest, int], ...]
    """(path as shown, digest, bytes)."""
    fields: tuple[str, ...]
    """The columns of the files."""
    rows: int
    """Of the files, forgotten ones too: what is taken off the list later was there all along."""
    columns: Mapping[str, str]
    classes: Mapping[str, int] = field(default_factory=dict)
    """Licence class -> rows of it, where rows say their own."""


@dataclass(frozen=True)
class Pin:
    """One result that the lock pins."""

    key: Digest
    digest: Digest
    rows: int


@dataclass(frozen=True)
class Lock:
    """A whole lock file; it holds no text of any row."""

    recipe: str
    sources: Mapping[str, LockedSource] = field(default_factory=dict)
    profiles: Mapping[str, Mapping[str, Digest]] = field(default_factory=dict)
    """Language -> digest of each entry of its profile."""
    prompts: Mapping[str, Digest] = field(default_factory=dict)
    """Path as shown -> digest of each prompt that stands in a file of its own."""
    operators: Mapping[str, int] = field(default_factory=dict)
    tables: Mapping[str, Pin] = field(default_factory=dict)
    outputs: Mapping[str, Pin] = field(default_factory=dict)
    weights: Mapping[str, Digest] = field(default_factory=dict)
    """Model that is trained -> the digest of its weights."""
    frozen: Mapping[str, Pin] = field(default_factory=dict)
    """Datasets and checkpoints that are fixed, so that held-out benchmarks may be looked at."""
    packages: Mapping[str, str] = field(default_factory=dict)
    """Operator -> the package that brings it, of those that are not ours; not written where there are none."""

    def text(self) -> str:
        """The lock as it is written: sorted, one value a line, so that a reviewer reads its diff."""
        content: dict[str, Any] = {"format": FORMAT, **asdict(self)}
        for source in content["sources"].values():
            if not source["classes"]:
                del source["classes"]
        if not self.packages:
            del content["packages"]
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
    check_fields(node, {"format": int, CHECKSUM: Digest, **kinds_of(Lock)}, problems)
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


@cache
def kinds_of(part: type) -> Mapping[str, Any]:
    """Field -> what its value is to be."""
    return get_type_hints(part, include_extras=True)


def check(node: TextNode, kind: Any, problems: list[Diagnostic]) -> None:
    """Add what is wrong with a value that is to be of a kind, which is one of the annotations of a lock."""
    form, parts, value = get_origin(kind), get_args(kind), node.value
    many = form is tuple and parts[-1] is ...
    if kind == Digest:
        right, wanted = isinstance(value, str) and DIGEST.fullmatch(value) is not None, "a digest, 64 hexadecimal digits,"
    elif kind is str:
        right, wanted = isinstance(value, str), "a text"
    elif kind is int:
        right, wanted = type(value) is int and value >= 0, "a whole number"
    elif form is tuple:
        right, wanted = (
            isinstance(value, list) and (many or len(value) == len(parts)),
            "a list" if many else f"a list of {len(parts)}",
        )
    else:
        right, wanted = isinstance(value, dict), "a map"
    if not right:
        problems.append(Diagnostic(f"{wanted} has to stand here", node.span, ANEW))
    elif form is tuple:
        for item, part in zip(node.items, parts[:1] * len(node.items) if many else parts, strict=True):
            check(item, part, problems)
    elif isinstance(kind, type) and is_dataclass(kind):
        check_fields(node, kinds_of(kind), problems)
    elif isinstance(value, dict):
        for entry in value.values():
            check(entry.node, parts[1], problems)


def check_fields(node: TextNode, kinds: Mapping[str, Any], problems: list[Diagnostic]) -> None:
    """Add what is wrong with a map that is to have exactly these keys."""
    for name, entry in node.entries.items():
        if name in kinds:
            check(entry.node, kinds[name], problems)
        else:
            nearest = suggest(name, kinds)
            meant = f"; `{nearest}` is" if nearest is not None and nearest not in node.entries else ""
            problems.append(Diagnostic(f"`{name[:80]}` is no part of a lock{meant}", entry.key_span, ANEW))
    for name in kinds:
        if name not in node.entries and name not in MAY_LACK:
            problems.append(Diagnostic(f"`{name}` is missing here", node.span, ANEW))
