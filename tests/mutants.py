"""Mutants of every recipe, profile and benchmark that is committed: each by its number, the same on every machine."""

from __future__ import annotations

import copy
import random
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

import yaml

from tests.conftest import ROOT
from tests.test_cases import BLOCK, CASES

#: Values at the edges of what a scalar may be, as they are written.
EDGES = """
null ~ true no 0 -1 1 -0 00 0x0 1e3 1e999999 -1e-400 .inf .nan 0.1 1.0 1e300 9223372036854775807
9223372036854775808 -9223372036854775809 99999999999999999999999999999999999999999999 1_000 12:30 2026-01-01
'' "" " " "\\0" "\\ud800" "\\n" "a\\nb" 가 가 ß İ ﷽ 𝔘 \u200b \u202e \ufeff " " ko zz target anchor A C prompt
gold options answer row_id prompt.digest . .. / ../.. /etc/passwd pkg: pkg:base/language-mixed pkg:../x * **
**/* [a] "%s" "${HOME}" $(id) `id` {{x}} <<: !!python/name:os &a *a |- > ? : - # @ % "'" '"' [] {} [[]] [null]
{a: } [1,a] {a: {a: {a: 1}}} length unique where mixture sample select
""".split()  # noqa: SIM905 - as they are written
DEEP = [
    "[" * 60 + "]" * 60,
    "a" * 5000,
    "가" * 3000,
    "9" * 400,
    "[" + ", ".join(["a"] * 300) + "]",
    "{" + ", ".join(f"k{i}: {i}" for i in range(300)) + "}",
    "length(prompt) > 3 AND prompt <> 'a'",
    "(" * 300 + "prompt" + ")" * 300,
    "not " * 520 + "liked",
    "length(prompt) > " + "9" * 42,
    "prompt IN (" + ", ".join(["1 + 1"] * 200) + ")",
    "regexp_matches(prompt, '(a{1,99}){1,9}')",
    "replace(replace(prompt, 'a', prompt), 'a', prompt) = ''",
]


@dataclass(frozen=True)
class Origin:
    """A file that is mutated, and the recipe that is checked with it."""

    path: Path
    """Relative to the folder in which everything lies."""
    recipe: Path
    builds: bool
    """Whether it is small and asks no model, so that its mutants may be built."""


@dataclass(frozen=True)
class Mutant:
    """A text in the place of that of an origin."""

    number: int
    origin: Origin
    content: bytes
    how: tuple[str, ...]


BENCHED = """format: 1
recipe: fuzz/benched
language: {{target: ko, anchor: en}}
sources: {{a: {{file: a.jsonl, category: c, license: A}}}}
prompts: [{{length: {{min: 1}}}}, {{decontaminate: {{against: [{name}]}}}}]
"""


def lay_out(folder: Path) -> None:
    """Everything that is mutated, in one folder: the recipes as they ship, and the files of each case."""
    (folder / ".recipe").mkdir(parents=True)
    shutil.copytree(ROOT / "recipes", folder / "recipes", ignore=shutil.ignore_patterns("__pycache__", "*.py"))
    for name in ("languages", "benchmarks"):
        shutil.copytree(folder / "recipes" / name, folder / "recipes" / "ko" / name)
    (folder / "recipes" / "ko" / "a.jsonl").write_text('{"prompt": "물은 왜 끓나요"}\n', "utf-8")
    for path in (folder / "recipes" / "ko" / "benchmarks").glob("*.yaml"):
        (folder / "recipes" / "ko" / f"benched-{path.stem}.yaml").write_text(BENCHED.format(name=path.stem), "utf-8")
    for case in sorted(CASES.glob("*.md")):
        for _, name, body in BLOCK.findall(case.read_text("utf-8")):
            if name and not Path(name).is_absolute():
                path = folder / "cases" / case.stem / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(body, "utf-8")


def origins(folder: Path) -> list[Origin]:
    """Every file that is mutated, in the order of their names."""
    found = []
    for path in sorted(folder.rglob("*.yaml")):
        path = path.relative_to(folder)
        recipe = path
        if path.parent.name == "languages":
            others = sorted(path.parent.parent.glob("*.yaml")) if path.parts[0] == "cases" else []
            there = [each for each in sorted((folder / path.parent.parent).glob("*.yaml")) if each.is_file()]
            recipe = (others or [each.relative_to(folder) for each in there] or [path])[0]
            if path.parent == Path("recipes/ko/languages"):
                recipe = Path("recipes/ko/quickstart.yaml")
        elif path.parent.name == "benchmarks":
            benched = Path("recipes/ko") / f"benched-{path.stem}.yaml"
            recipe = benched if path.parent == Path("recipes/ko/benchmarks") else path
        text = (folder / path).read_text("utf-8")
        small = path.parts[0] == "cases" and path == recipe and not re.search(r"models|train|evaluate|cot|extends", text)
        found.append(Origin(path, recipe, small))
    return found


@cache
def texts(folder: Path) -> tuple[tuple[Origin, str], ...]:
    return tuple((origin, (folder / origin.path).read_text("utf-8")) for origin in origins(folder))


@lru_cache(maxsize=1000)
def parsed(text: str) -> Any:
    """What a text says; nobody changes it."""
    return yaml.safe_load(text)


@cache
def trees(folder: Path) -> tuple[Any, ...]:
    found = []
    for _, text in texts(folder):
        try:
            found.append(parsed(text))
        except yaml.YAMLError:
            continue
    return tuple(found)


def mutant(folder: Path, number: int, builds: bool = False) -> Mutant:
    """The mutant of a number; with `builds` one that may be built."""
    chance = random.Random(f"mutant/{number}")
    origin, text = chance.choice([each for each in texts(folder) if each[0].builds or not builds])
    how = []
    for _ in range(chance.choice((1, 1, 1, 2, 3, 6))):
        change = chance.choice(CHANGES)
        how.append(change.__name__)
        text = change(text, chance, folder)
    content = text.encode("utf-8", "surrogatepass")
    if chance.random() < 0.1:
        how.append("bytes")
        content = torn(content, chance)
    return Mutant(number, origin, content[:900_000], tuple(how))


def torn(content: bytes, chance: random.Random) -> bytes:
    """Bytes that are flipped, cut out, doubled or put in."""
    made = bytearray(content)
    for _ in range(chance.choice((1, 1, 4))):
        at = chance.randrange(len(made) + 1)
        end = min(len(made), at + chance.choice((1, 1, 2, 8, 200)))
        match chance.randrange(4):
            case 0 if at < len(made):
                made[at] ^= 1 << chance.randrange(8)
            case 1:
                del made[at:end]
            case 2:
                made[at:at] = made[at:end]
            case _:
                made[at:at] = bytes(chance.choices(range(256), k=end - at + 1))
    return bytes(made)


def swap_lines(text: str, chance: random.Random, folder: Path) -> str:
    lines = text.splitlines(keepends=True) or [""]
    one, two = chance.randrange(len(lines)), chance.randrange(len(lines))
    lines[one], lines[two] = lines[two], lines[one]
    return "".join(lines)


def drop_lines(text: str, chance: random.Random, folder: Path) -> str:
    lines = text.splitlines(keepends=True) or [""]
    at = chance.randrange(len(lines))
    return "".join(lines[:at] + lines[at + chance.choice((1, 1, 3)) :])


def repeat_lines(text: str, chance: random.Random, folder: Path) -> str:
    lines = text.splitlines(keepends=True) or [""]
    at = chance.randrange(len(lines))
    return "".join(lines[:at] + lines[at : at + chance.choice((1, 3))] * chance.choice((2, 2, 50)) + lines[at:])


def indent(text: str, chance: random.Random, folder: Path) -> str:
    lines = text.splitlines(keepends=True) or [""]
    at = chance.randrange(len(lines))
    lines[at] = chance.choice((" ", "  ", "\t", "- ", "? ", "")) + lines[at].lstrip(chance.choice((" ", "")))
    return "".join(lines)


TOKEN = re.compile(r"[\w./*-]+|\"[^\"\n]*\"|'[^'\n]*'|[^\w\s]")


def change_token(text: str, chance: random.Random, folder: Path) -> str:
    tokens = list(TOKEN.finditer(text))
    if not tokens:
        return text
    found = chance.choice(tokens)
    by = chance.choice((chance.choice(EDGES), chance.choice(EDGES), chance.choice(tokens)[0], chance.choice(DEEP), ""))
    return text[: found.start()] + by + text[found.end() :]


def borrow_token(text: str, chance: random.Random, folder: Path) -> str:
    tokens = list(TOKEN.finditer(text))
    other = TOKEN.findall(chance.choice(texts(folder))[1])
    if not tokens or not other:
        return text
    found = chance.choice(tokens)
    return text[: found.start()] + chance.choice(other) + text[found.end() :]


def splice_text(text: str, chance: random.Random, folder: Path) -> str:
    other = chance.choice(texts(folder))[1].splitlines(keepends=True)
    lines = text.splitlines(keepends=True)
    at, start = chance.randrange(len(lines) + 1), chance.randrange(len(other) + 1)
    return "".join(lines[:at] + other[start : start + chance.choice((1, 2, 8))] + lines[at:])


def odd_character(text: str, chance: random.Random, folder: Path) -> str:
    at = chance.randrange(len(text) + 1)
    kinds = ("\0", "\ufeff", "\u2028", "\x85", "\u202e", "\u0301", "\ud800", "\U0010ffff", "\t", "\r", "\x1b[31m", "가", "̈" * 40)
    return text[:at] + chance.choice(kinds) + text[at:]


def places(tree: Any) -> list[tuple[Any, Any]]:
    """(container, key or index) of everything in a tree."""
    found, waiting = [], [tree]
    while waiting:
        node = waiting.pop()
        items = list(node.items()) if isinstance(node, dict) else list(enumerate(node)) if isinstance(node, list) else []
        for key, value in items:
            found.append((node, key))
            waiting.append(value)
    return found


def change_tree(text: str, chance: random.Random, folder: Path) -> str:
    """A value that is deleted, doubled, nested, swapped, given another type, or taken from another file."""
    try:
        tree = copy.deepcopy(parsed(text))
    except (yaml.YAMLError, ValueError, RecursionError):
        return text
    for _ in range(chance.choice((1, 1, 2))):
        if not (there := places(tree)):
            break
        node, key = chance.choice(there)
        if isinstance(node, list) and key >= len(node) or isinstance(node, dict) and key not in node:
            continue
        value = node[key]
        match chance.randrange(9):
            case 0:
                del node[key]
            case 1 if isinstance(node, list):
                node.insert(key, copy.deepcopy(value))
            case 1 | 2 if isinstance(node, dict):
                other = chance.choice(there)[1]
                node[f"{other}" if chance.random() < 0.7 else other] = node.pop(key)
            case 3:
                nested = {"name": "x", str(key): value}
                node[key] = chance.choice(([value], {"a": value}, {str(key): value}, [value, value], nested))
            case 4:
                other, at = chance.choice(there)
                if isinstance(other, dict) and at in other or isinstance(other, list) and at < len(other):
                    node[key] = copy.deepcopy(other[at])
            case 5 | 6:
                node[key] = scalar(chance)
            case _:
                other, at = chance.choice(places(chance.choice(trees(folder))) or [({"a": 1}, "a")])
                node[key] = copy.deepcopy(other[at])
                if isinstance(node, dict) and isinstance(other, dict) and chance.random() < 0.5:
                    node[at] = node.pop(key)
    try:
        flow = chance.choice((None, True, False))
        return str(yaml.safe_dump(tree, allow_unicode=True, default_flow_style=flow, sort_keys=False))
    except (yaml.YAMLError, TypeError, RecursionError, ValueError):
        return text


@cache
def steps() -> tuple[Any, ...]:
    """A step of every operator, as its own example has it."""
    from operators.catalog import STEPS

    found: list[Any] = []
    for each in STEPS:
        examples = re.findall(r"^ +with: (.*)$", each.__doc__ or "", re.MULTILINE)
        found += [{each.name: yaml.safe_load(example)} for example in examples] or [each.name]
    return tuple(found)


@cache
def known(folder: Path) -> dict[str, list[Any]]:
    """Key -> the values that stand under it anywhere."""
    found: dict[str, list[Any]] = {}
    for tree in trees(folder):
        for node, key in places(tree):
            if isinstance(key, str) and not isinstance(node[key], dict):
                found.setdefault(key, []).append(node[key])
    return found


def tweak(text: str, chance: random.Random, folder: Path) -> str:
    """A change that may be meant: a step of another operator, a value that the key has elsewhere, a near number."""
    try:
        tree = copy.deepcopy(yaml.safe_load(text))
    except (yaml.YAMLError, ValueError, RecursionError):
        return text
    there = places(tree)
    lists = [node[key] for node, key in there if isinstance(node[key], list) and key in ("prompts", "traces", "steps")]
    if lists and chance.random() < 0.4:
        chosen = chance.choice(lists)
        chosen.insert(chance.randrange(len(chosen) + 1), copy.deepcopy(chance.choice(steps())))
    elif there:
        node, key = chance.choice(there)
        value = node[key]
        if isinstance(value, bool):
            node[key] = not value
        elif isinstance(value, int | float) and chance.random() < 0.7:
            node[key] = chance.choice((value + 1, value - 1, value * 1000, -value, value / 3, 0, 1))
        elif str(key) in known(folder):
            node[key] = copy.deepcopy(chance.choice(known(folder)[str(key)]))
        else:
            del node[key]
    return str(yaml.safe_dump(tree, allow_unicode=True, sort_keys=False))


def scalar(chance: random.Random) -> Any:
    text = chance.choice((*EDGES, *DEEP))
    if chance.random() < 0.5:
        return text
    return chance.choice((None, True, False, 0, -1, 1, 2**63 - 1, 2**63, -(2**63), 10**30, 0.5, 1e-300, 1e300, [], {}, [[]], ""))


CHANGES: tuple[Callable[[str, random.Random, Path], str], ...] = (
    *(tweak,) * 8,
    *(change_tree,) * 6,
    *(change_token,) * 4,
    *(borrow_token,) * 2,
    *(swap_lines, drop_lines, repeat_lines, indent, splice_text, odd_character),
)
