"""Keys: every declared input changes the key of its node, and nothing else does; each check has a twin that must fail."""

from __future__ import annotations

import contextlib
import copy
import importlib.metadata
import importlib.util
import json
import locale
import os
import shutil
import sys
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Any, ClassVar, get_args

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pydantic import BaseModel

import compiler.compile
import compiler.graph.keys
import compiler.text.canonical
import operators.kernels.text as kernel
from compiler.graph.facts import Facts, installed_version
from compiler.graph.plan import Addresses
from operators.asks.answers import Answers
from operators.asks.asks import Asks, Refused, Reply
from operators.asks.translate import Translate
from operators.base.declare import Declared, Map, Measure, Operator, SetDecision, Step, role_of, tuning
from operators.base.files import FileDigest
from operators.base.scope import Columns
from operators.catalog import OPERATORS, STEPS
from operators.declared.aggregate import Aggregate
from operators.declared.model import Model
from operators.declared.source import Source
from operators.grow.expand import Expand, Parents
from operators.kernels.overlap.ngrams import Item
from operators.kernels.segments import cuts_of
from operators.learn.train import Train
from operators.maps.select import Select
from operators.measures.decontaminate import Decontaminate
from operators.measures.length import Length
from operators.measures.token_length import tokenizer_of
from operators.measures.where import Where
from operators.sets.unique import Unique
from runtime.build.run import Wishes, run_build
from runtime.build.session import Session
from runtime.sources.ingest import BadRows
from runtime.stages.ledger import Shortage
from runtime.store.record import DecisionRecord, OutputRecord
from runtime.store.store import Store, StoreError
from tests.conftest import ROOT, Project
from tests.teacher import Handler, configure, teaching, varied
from tests.tokenizing import BYTES, DIGEST, TOKENIZER

KIWI = importlib.util.find_spec("kiwipiepy") is not None
#: What an operator cannot be run without.
NEEDS = {
    "morphemes": ("kiwipiepy",),
    "negation": ("kiwipiepy",),
    "merge_options": ("bm25s", "scipy", "kiwipiepy"),
    "token_length": ("tokenizers",),
    "parsable": ("math_verify",),
    "score": ("math_verify",),
    **dict.fromkeys(("generate", "translate", "judge", "attach"), ("httpx", "tenacity")),
}


#: What is built here for each of its fields; trainings and evaluations have tests/test_training_keys.py.
BUILT = [kind for kind in OPERATORS.values() if not issubclass(kind, Train | Answers | Aggregate)]


def able(operator: str) -> bool:
    """Whether an operator can be run here."""
    return all(importlib.util.find_spec(name) is not None for name in NEEDS.get(operator, ()))


TEXTS = [
    "물은 왜 끓나요?",
    "하늘은 왜 파란가요?",
    "why is the sky blue?",
    "물은  왜 끓나요? ",
    "짧",
    "Why is the sky `blue` 하늘?",
    None,
    "ＡＢＣ 각",
]
ROWS: list[dict[str, Any]] = [
    {
        "prompt": text,
        "other": f"{text or ''} {place % 3} 둘째",
        "n": place,
        "o1": "가",
        "o2": f"나{place}",
        "right": "가",
        "wrong": f"나{place}",
        "letter": "A",
        "letter2": "B",
        "index": 0,
        "index2": 1,
        "number": 1,
        "counted": "1가",
        "counted2": "1나",
        "number2": 2,
        "opts": ["가", f"나{place}"],
    }
    for place, text in enumerate(TEXTS)
]
A = {"file": "a.jsonl", "category": "one", "license": "A"}
B = {"file": "b.jsonl", "category": "two", "license": "B"}
TEACHER = {"id": "test/teacher", "license": "mit", "terms": "mit", "endpoint": "lab", "tokenizer": "tokenizer.json"}
#: `again` is the same model under another name.
MODELS = {"teacher": TEACHER, "again": TEACHER, "translator": TEACHER | {"id": "test/translator"}}
MODELS["translator again"] = MODELS["translator"]


def recipe(*steps: Any, a: dict[str, Any] | None = None, **top: Any) -> dict[str, Any]:
    """A recipe of two sources and one table `t` with these steps."""
    fixed = {"format": 1, "recipe": "test/keys", "language": {"target": "ko", "anchor": "en"}, "seed": 7, "models": MODELS}
    tables = {"t": {"from": ["a", "b"], "steps": list(steps)}}
    return fixed | {"sources": {"a": a or A, "b": B}, "tables": tables} | top


@dataclass(frozen=True)
class Mutation:
    """Two recipes that differ in one field."""

    field: str
    """`operator.field`, or `Part.field` for a part of an operator."""
    before: dict[str, Any]
    after: dict[str, Any]
    operator: str
    role: str = "result"
    items: tuple[int | None, int | None] = (None, None)
    """`--sample` of both."""
    within: tuple[dict[str, Any], dict[str, Any]] = ({}, {})
    """Fields that no recipe can say: set on the operator in the graph."""


def steps(field: str, before: Any, after: Any, *others: Any, first: tuple[Any, ...] = ()) -> Mutation:
    """A mutation of one step; `field` is named by the operator's field, not by its recipe name."""
    operator = field.partition(".")[0]
    both = [recipe(*first, {operator: each}, *others) for each in (before, after)]
    return Mutation(field, *both, operator, role_of(OPERATORS[operator], field.partition(".")[2]))


def part(operator: str, field: str, before: Any, after: Any) -> Mutation:
    """A mutation of a part of one step."""
    return Mutation(field, *(recipe({operator: each}) for each in (before, after)), operator)


def source(field: str, before: dict[str, Any], after: dict[str, Any]) -> Mutation:
    """A mutation of the source `a`."""
    owner, name = field.split(".")
    role = role_of(Source, name) if owner == "source" else "result"
    return Mutation(field, recipe(a=A | before), recipe(a=A | after), "source", role)


def only(field: str, before: str, after: str) -> Mutation:
    name = field.partition(".")[2]
    both = [recipe({"length": {"min": 10, "only": {name: each}}}) for each in (before, after)]
    return Mutation(field, *both, "length", "decided")


def measured(operator: str, more: dict[str, Any], low: Any, high: Any) -> list[Mutation]:
    """What every measure with bounds has; `low` drops some rows, `high` more."""
    two = {"columns": {"prompt": "prompt", "other": "other"}}
    before, after = ({operator: {"min": high, **more, "in": column}} for column in ("prompt", "other"))
    return [
        steps(f"{operator}.min", {"min": low, **more}, {"min": high, **more}),
        steps(f"{operator}.max", {"max": high, **more}, {"max": low, **more}),
        steps(f"{operator}.unknown", {"min": low, **more}, {"min": low, **more, "unknown": "keep"}),
        steps(f"{operator}.only", {"min": high, **more}, {"min": high, **more, "only": {"source": "a"}}),
        Mutation(f"{operator}.in_", recipe(before, a=A | two), recipe(after, a=A | two), operator, "column"),
    ]


TRACED = [
    "<think>a</think>b \\boxed{1} Answer: 2\n3",
    "<think>a</think><think>b</think>c",
    "[t]c[/t]d</think>e",
    "x y z",
    "<|channel|>analysis<|message|>a<|end|><|channel|>final<|message|>b",
    "같은 말 같은 말 같은 말 같은 말 같은 말 같은 말 같은 말",
    "Result: 9",
]
TRACE = {"file": "traces.jsonl", "columns": {"prompt": "prompt", "other": "other"}}


def traced(field: str, before: Any, after: Any) -> Mutation:
    """A mutation of one step that reads completions."""
    operator, _, name = field.partition(".")
    both = [recipe({operator: each}, a=A | TRACE) for each in (before, after)]
    return Mutation(field, *both, operator, role_of(OPERATORS[operator], name))


def traced_measure(operator: str, more: dict[str, Any], low: Any, high: Any) -> list[Mutation]:
    """What every measure of completions has; without `low` it has a `max` alone."""
    name, bound = ("max", high) if low is None else ("min", high)
    said = {name: bound, "in": "prompt", **more}
    found = [
        traced(f"{operator}.{name}", said, said | {name: low if low is not None else 1}),
        traced(f"{operator}.unknown", said, said | {"unknown": "keep"}),
        traced(f"{operator}.only", said, said | {"only": {"source": "b"}}),
        traced(f"{operator}.in_", said, said | {"in": "other"}),
    ]
    most = [{"max": each, "in": "prompt"} for each in (low, high)]
    return found if low is None else [*found, traced(f"{operator}.max", *most)]


SAMPLED: dict[str, tuple[Any, Any]] = {
    "temperature": (0.2, 0.9),
    "top_p": (0.5, 0.9),
    "top_k": (5, 50),
    "min_p": (0.1, 0.2),
    "max_tokens": (64, 65),
    "stop": (["a"], ["b"]),
    "reasoning": (True, False),
    "seed": (1, 2),
}


def asking(operator: str, model: str, more: dict[str, Any]) -> list[Mutation]:
    """What every operator that asks a model has."""
    said = {"model": model, **more}
    return [
        *(steps(f"{operator}.{name}", *(said | {name: each} for each in both)) for name, both in SAMPLED.items()),
        steps(f"{operator}.model", said, said | {"model": "again" if model == "teacher" else f"{model} again"}),
        steps(f"{operator}.max_failures", said, said | {"max_failures": "2%"}),
        steps(f"{operator}.budget", said | {"budget": {"completions": 900}}, said | {"budget": {"completions": 901}}),
    ]


def changed_model(field: str, before: Any, after: Any, operator: str = "generate", role: str = "result") -> Mutation:
    """A mutation of the model that a step asks."""
    said = {"model": "teacher"} if operator != "token_length" else {"tokenizer": "teacher", "in": "prompt", "max": 12}
    step = {"generate" if operator == "attach" else operator: said}
    name = field.partition(".")[2]
    changed = ({"teacher": {key: value for key, value in (TEACHER | {name: each}).items() if value}} for each in (before, after))
    return Mutation(field, *(recipe(step, models=each) for each in changed), operator, role)


#: Completions that somebody has already, by their prompts.
HAD = {"file": "had.jsonl", "category": "had", "license": "A", "columns": {"prompt": "prompt", "think": "t", "solution": "s"}}


def recorded(field: str, before: Any, after: Any, role: str = "result", within: dict[str, Any] | None = None) -> Mutation:
    """A mutation of a step that looks completions up, and asks nobody."""
    said = {"model": "teacher", "recorded": "had"}
    both = (recipe({"generate": said | each}, sources={"a": A, "b": B, "had": HAD}) for each in (before, after))
    return Mutation(field, *both, "generate", role, within=({}, within or {}))


ECHO = {"file": "a.jsonl", "columns": {"prompt": "prompt", "other": "other", "o1": "o1", "o2": "o2"}}


def echo(field: str, before: dict[str, Any], after: dict[str, Any]) -> Mutation:
    said = {"in": "other", "to": "prompt", "phrase": 3, "max": 0.5}
    both = (recipe({"echo": said | each}, a=A | ECHO) for each in (before, after))
    return Mutation(field, *both, "echo", role_of(OPERATORS["echo"], field.partition(".")[2]))


def parsable(field: str, before: dict[str, Any], after: dict[str, Any]) -> Mutation:
    """A mutation of a measure of answers: the letters parse, the options do not, and the source `b` has neither."""
    two = A | {"columns": {"prompt": "prompt", "letter": "letter", "o1": "o1"}}
    both = (recipe({"parsable": {"in": "letter"} | said}, a=two) for said in (before, after))
    return Mutation(field, *both, "parsable", role_of(OPERATORS["parsable"], field.partition(".")[2]))


def score(field: str, before: dict[str, Any], after: dict[str, Any]) -> Mutation:
    """A mutation of a score: A and 가 are one option, and the source `b` has no gold answer."""
    names = ("prompt", "letter", "letter2", "o1", "counted", "counted2")
    told = A | {"columns": {name: name for name in names}}
    both = (recipe({"score": {"in": "letter", "gold": "o1", "kind": "choice"} | said}, a=told) for said in (before, after))
    return Mutation(field, *both, "score", role_of(OPERATORS["score"], field.partition(".")[2]))


#: Benchmarks, and a judge of models by one of them.
FACTS = {
    "benchmarks": {
        name: {
            "items": {"file": f"{name}.jsonl", "columns": {"prompt": "prompt", "gold_answer": "prompt"}},
            "task": "exact", "extract": "last_line", "language": "ko", "license": "A",
        }
        for name in ("facts", "sums")
    },
    "evaluate": {"held_in": ["facts"], "models": ["teacher"]},
}  # fmt: skip
BOTH = {"columns": {"prompt": "prompt", "other": "other"}}
#: The questions of a benchmark with other options.
OTHERWISE = {"file": "items.jsonl", "columns": {"prompt": "prompt", "options": ["other", "gold"]}}
EXAMINED = {
    "items": {"file": "items.jsonl", "columns": {"prompt": "prompt", "options": "options", "gold": {"index": "gold"}}},
    "task": "choice", "extract": "choice_label", "language": "ko", "license": "A",
}  # fmt: skip


def looking(field: str, before: dict[str, Any], after: dict[str, Any]) -> Mutation:
    """A mutation of a step that looks for benchmarks; every prompt of the source `a` is the beginning of its `other`."""
    said = {"against": ["facts"], "in": ["prompt"], "segmenter": "words", "ngram": 3}
    both = (recipe({"decontaminate": said | each}, a=A | BOTH, **FACTS) for each in (before, after))
    return Mutation(field, *both, "decontaminate", role_of(OPERATORS["decontaminate"], field.partition(".")[2]))


TWICE = {name: name for name in ("prompt", "other", "options", "gold")} | {"more": "options", "second": "gold"}
ITEMED = {"columns": {"prompt": "prompt", "other": "other", "options": "options", "gold": {"index": "gold"}}}
ITEMS = {"a": A | ITEMED | {"file": "items.jsonl"}, "b": B | ITEMED | {"file": "items2.jsonl"}}


def exams(field: str, after: dict[str, Any], within: dict[str, Any] | None = None) -> Mutation:
    """A mutation of the step that merges options of items."""
    both = (recipe({"select": {"columns": TWICE}}, {"merge_options": said}, sources=ITEMS) for said in ({}, after))
    role = role_of(OPERATORS["merge_options"], field)
    return Mutation(f"merge_options.{field}", *both, "merge_options", role, within=({}, within or {}))


ASKED = {"model": "teacher"}
TRANSLATED = {"model": "translator"}
LOOKED = {"kind": "verification", "of": ["qq"]}
JUDGED = {"model": "teacher", "question": "{prompt}: yes or no?"}
NESTED = {"file": "nested.jsonl"}
EXAM = {"prompt": "prompt", "options": ["o1", "o2"]}
WIDE = {"columns": {"prompt": "prompt", "other": "other", "n": {"field": "n", "as": "integer"}}}
GOLDS = {"letter": "letter", "index": "index", "number": "number", "text": "right"}
SECOND = {"letter": "letter2", "index": "index2", "number": "number2", "text": "wrong"}
ALL = {"one": 3, "two": 2}
STYLED = {"texts": ["가", "나"]}

MUTATIONS: list[Mutation] = [
    source("source.file", {}, {"file": "moved/renamed.jsonl"}),
    source("source.category", {}, {"category": "uno"}),
    source("source.license", {}, {"license": "unknown"}),
    source("source.columns", {}, {"columns": {"prompt": "other"}}),
    source("source.format", {"file": "quoted.csv"}, {"file": "quoted.csv", "format": "tsv"}),
    source("source.encoding", {"file": "latin.csv", "encoding": "latin-1"}, {"file": "latin.csv", "encoding": "cp1251"}),
    source("source.header", *({"file": "nameless.csv", "columns": {"prompt": "0"}, "header": each} for each in (True, False))),
    source("source.quote", {"file": "quoted.csv"}, {"file": "quoted.csv", "quote": "none"}),
    source("source.on_bad_row", {"file": "bad.jsonl"}, {"file": "bad.jsonl", "on_bad_row": "quarantine"}),
    source("source.batch_rows", {}, {"batch_rows": 2}),
    Mutation("source.translate", *[recipe()] * 2, "source", "label", within=({}, {"translate": Translate(model="translator")})),
    source("Mapping.prompt", {"columns": {"prompt": "other"}}, {"columns": {"prompt": "o2"}}),
    source(
        "Cell.missing",
        *(
            {"file": "lack*.jsonl", "columns": {"prompt": "prompt", "x": {"field": "x"} | each}}
            for each in ({}, {"missing": None})
        ),
    ),
    source("Mapping.options", {"columns": EXAM}, {"columns": EXAM | {"options": ["o2", "o1"]}}),
    source("Mapping.gold", {"columns": EXAM}, {"columns": EXAM | {"gold": {"letter": "letter"}}}),
    source("Mapping.*", {"columns": {"prompt": "prompt", "own": "other"}}, {"columns": {"prompt": "prompt", "own": "o2"}}),
    source("Cell.field", *({"columns": {"prompt": {"field": each}}} for each in ("prompt", "other"))),
    source("Cell.path", *(NESTED | {"columns": {"prompt": {"field": "m", "path": [each, "t"]}}} for each in (0, -1))),
    source("Cell.as_", *({"columns": {"prompt": "prompt", "own": {"field": "n", "as": each}}} for each in ("text", "integer"))),
    *(
        source(f"Gold.{form}", *({"columns": EXAM | {"gold": {form: golds[form]}}} for golds in (GOLDS, SECOND)))
        for form in GOLDS
    ),
    source(
        "Gold.labels",
        *({"columns": EXAM | {"gold": {"letter": GOLDS["letter"], "labels": [list(each)]}}} for each in ("AB", "BA")),
    ),
    source("Gold.words", *({"columns": EXAM | {"gold": {"number": "counted", "words": [each]}}} for each in ("가", "나"))),
    # Read by `index`, every one is the number of options: the file is refused whole, or its rows one by one.
    source(
        "Gold.trust",
        *(
            {"columns": EXAM | {"gold": {"index": "number2", "trust": each}}, "on_bad_row": "quarantine"}
            for each in (False, True)
        ),
    ),
    only("Only.source", "a", "b"),
    only("Only.category", "one", "two"),
    only("Only.license", "A", "B"),
    *measured("length", {}, 5, 12),
    *measured("language_share", {"of": "target"}, 0.2, 0.9),
    steps("language_share.of", {"of": "target", "min": 0.5}, {"of": "anchor", "min": 0.5}),
    steps("language_share.count", {"of": "target", "min": 0.9}, {"of": "target", "min": 0.9, "count": "letters"}),
    steps("language_share.ignoring", {"of": "target", "min": 0.11}, {"of": "target", "min": 0.11, "ignoring": ["inline_code"]}),
    traced("language_share.marks", *({"of": "en", "min": 0.6, "in": "prompt", "marks": marks} for marks in ([], ["Result"]))),
    traced("language_share.fewest", *({"of": "en", "min": 0, "in": "prompt", "fewest": least} for least in (0, 9))),
    steps("where.that", {"that": "length(prompt) > 5"}, {"that": "length(prompt) > 12"}),
    steps("where.unknown", {"that": "length(prompt) > 5"}, {"that": "length(prompt) > 5", "unknown": "keep"}),
    steps("where.only", {"that": "length(prompt) > 12"}, {"that": "length(prompt) > 12", "only": {"source": "a"}}),
    Mutation("where.in_", *[recipe({"where": "length(prompt) > 5"})] * 2, "where", "label", within=({}, {"in_": "other"})),
    Mutation(
        "normalise.of",
        *(recipe({"normalise": {"of": each, "form": "NFKD"}}, a=A | WIDE) for each in ("prompt", "other")),
        "normalise",
        "column",
    ),
    steps("normalise.form", {"form": "NFC"}, {"form": "NFKC"}),
    *traced_measure("repetition", {"phrase": 4, "times": 3}, None, 0.2),
    traced("repetition.phrase", {"phrase": 4, "times": 3, "max": 0.1}, {"phrase": 30, "times": 3, "max": 0.1}),
    traced("repetition.times", {"phrase": 4, "times": 3, "max": 0.1}, {"phrase": 4, "times": 30, "max": 0.1}),
    *traced_measure("compression", {}, 0.5, 0.9),
    *traced_measure("think_blocks", {}, 0, 1),
    traced("think_blocks.open", *({"max": 0, "in": "prompt", "close": "never", "open": tag} for tag in ("<think>", "[t]"))),
    traced("think_blocks.close", *({"max": 0, "in": "prompt", "open": "never", "close": tag} for tag in ("</think>", "[/t]"))),
    traced("think_blocks.opened", *({"max": 0, "in": "prompt", "opened": each} for each in (False, True))),
    traced("think_blocks.form", *({"max": 0, "in": "prompt", "form": each} for each in ("tags", "harmony"))),
    traced("finished.in_", {"in": "prompt", "cut": ["x y z"]}, {"in": "other", "cut": ["x y z"]}),
    traced("finished.ended", *({"in": "prompt", "unknown": "drop", "ended": words} for words in ([], ["x y z"]))),
    traced("finished.cut", {"in": "prompt"}, {"in": "prompt", "cut": ["x y z"]}),
    traced("finished.unknown", {"in": "prompt"}, {"in": "prompt", "unknown": "drop"}),
    traced("finished.only", *({"in": "prompt", "unknown": "drop"} | only for only in ({}, {"only": {"source": "b"}}))),
    traced("spans.ends", {"of": "prompt"}, {"of": "prompt", "ends": ["c"]}),
    traced("spans.of", {"of": "prompt"}, {"of": "other"}),
    traced("spans.form", {"of": "prompt"}, {"of": "prompt", "form": "harmony"}),
    traced("spans.open", {"of": "prompt"}, {"of": "prompt", "open": "[t]"}),
    traced("spans.close", {"of": "prompt"}, {"of": "prompt", "close": "[/t]"}),
    traced("spans.opened", {"of": "prompt"}, {"of": "prompt", "opened": False}),
    traced("extract.of", {"of": "prompt", "rule": "last_line"}, {"of": "other", "rule": "last_line"}),
    traced("extract.rule", {"of": "prompt", "rule": "last_line"}, {"of": "prompt", "rule": "first_boxed"}),
    traced("extract.mark", *({"of": "prompt", "rule": "last_answer_tag", "mark": mark} for mark in ("Answer", "Result"))),
    traced("extract.language", *({"of": "prompt", "rule": "last_answer_tag", "language": code} for code in ("target", "ko"))),
    traced("extract.as_", *({"of": "prompt", "rule": "last_line", "as": name} for name in ("answer", "final"))),
    traced("inside.of", *({"of": column, "open": "n", "close": "k", "as": "in"} for column in ("prompt", "other"))),
    traced("inside.open", *({"of": "prompt", "open": mark, "close": "</think>", "as": "in"} for mark in ("<think>", "[t]"))),
    traced("inside.close", *({"of": "prompt", "open": "<think>", "close": mark, "as": "in"} for mark in ("</think>", "c"))),
    traced("inside.as_", *({"of": "prompt", "open": "<think>", "close": "</think>", "as": name} for name in ("in", "within"))),
    Mutation(
        "select.columns",
        recipe({"select": ["prompt"]}, a=A | WIDE),
        recipe({"select": {"columns": {"question": "prompt"}}}, a=A | WIDE),
        "keep",
    ),
    Mutation("unique.by", *(recipe({"unique": {"by": each}}, a=A | WIDE) for each in ("prompt", "other")), "unique", "column"),
    steps("unique.normalise", {"normalise": ["nfc"]}, {"normalise": ["nfc", "space"]}),
    Mutation("unique.fold", *(recipe({"unique": each}, a=A | {"file": "yo.jsonl"}) for each in ({}, {"fold": ["yo"]})), "unique"),
    steps("unique.language", {"language": "target"}, {"language": "ko"}),
    Mutation(
        "style_directives.of",
        *(recipe({"style_directives": STYLED | {"of": each}}, a=A | WIDE) for each in ("prompt", "other")),
        "style_directives",
    ),
    steps("style_directives.only", STYLED, STYLED | {"only": {"source": "a"}}),
    steps("style_directives.place", STYLED, STYLED | {"place": "after"}),
    steps("style_directives.per_row", STYLED, STYLED | {"per_row": 2}),
    steps("style_directives.texts", STYLED, STYLED | {"texts": ["가", "다"]}),
    steps("style_directives.salt", STYLED, STYLED | {"salt": "again"}),
    exams("max_options", {"max_options": 6}),
    exams("of", {"of": "other"}),
    exams("options", {"options": "more"}),
    exams("gold", {"gold": "second"}),
    exams("only", {"only": {"source": "a"}}),
    exams("from_", {"from": {"source": "a"}}),
    exams("tokens", {"tokens": "segments"}),
    exams("k", {"k": 1}),
    exams("near", {"near": 0.1}),
    exams("cues", {"cues": ["바다"]}),
    exams("salt", {"salt": "again"}),
    exams("language", {"language": "ko"}),
    exams("retriever", {}, within={"retriever": "another"}),
    steps("negation.of", {"max": 0}, {"max": 0, "of": "ko"}),
    steps("negation.cues", {"cues": ["왜"]}, {"cues": ["왜/MAG", "짧"]}),
    steps("negation.max", {"cues": ["물", "왜"]}, {"cues": ["물", "왜"], "max": 1}),
    steps("negation.unknown", {"cues": ["왜"]}, {"cues": ["왜"], "unknown": "keep"}),
    steps("negation.only", {"cues": ["왜"]}, {"cues": ["왜"], "only": {"source": "b"}}),
    steps("negation.workers", {"cues": ["왜"]}, {"cues": ["왜"], "workers": 1}),
    Mutation(
        "negation.in_",
        *(recipe({"negation": {"cues": ["둘째"], "in": each}}, a=A | WIDE) for each in ("prompt", "other")),
        "negation",
        "column",
    ),
    steps("style_directives.language", {"language": "target"}, {"language": "ko"}),
    steps("sample.rows", {"rows": 3}, {"rows": 4}),
    steps("sample.share", {"share": 0.2}, {"share": 0.7}),
    steps("sample.unit", {"rows": 3}, {"rows": 3, "unit": "item"}),
    steps("sample.salt", {"rows": 3}, {"rows": 3, "salt": "again"}),
    steps("mixture.take", {"take": ALL}, {"take": ALL | {"one": 4}}),
    steps("mixture.ratio", {"ratio": {"one": 1}, "total": 3}, {"ratio": {"one": 1, "two": 2}, "total": 3}),
    steps("mixture.total", {"ratio": {"one": 1}, "total": 3}, {"ratio": {"one": 1}, "total": 4}),
    Mutation(
        "mixture.of",
        *(recipe({"mixture": {"take": {"b": 2}} | of}, a=A | {"category": "b"}) for of in ({}, {"of": "source"})),
        "mixture",
    ),
    Mutation(
        "mixture.by", *(recipe({"mixture": {"take": {"one": 5}, "by": each}}, a=A | WIDE) for each in ("rows", "n")), "mixture"
    ),
    steps("mixture.shortage", {"take": {"one": 99}}, {"take": {"one": 99}, "shortage": "up_to"}),
    steps(
        "mixture.repeat",
        {"take": {"one": 12}, "shortage": "up_to"},
        {"take": {"one": 12}, "shortage": "up_to", "repeat": {"one": 2}},
    ),
    steps("mixture.salt", {"take": ALL}, {"take": ALL, "salt": "again"}),
    Mutation("preview.items", *[recipe({"length": {"min": 1}})] * 2, "preview", items=(3, 5)),
    Mutation("output.output", recipe(), recipe(tables={"u": {"from": ["a", "b"], "steps": []}}), "output", "label"),
    Mutation("output.shard_rows", *[recipe()] * 2, "output", "tuning", within=({}, {"shard_rows": 3})),
    *measured("morphemes", {}, 3, 9),
    steps("morphemes.of", {"min": 3}, {"min": 3, "of": "qq"}),
    steps("morphemes.workers", {"min": 3}, {"min": 3, "workers": 1}),
    *measured("behaviours", LOOKED | {"in": "prompt"}, 1, 7),
    steps("behaviours.kind", *(LOOKED | {"in": "prompt", "min": 2, "kind": kind} for kind in ("verification", "backtracking"))),
    steps("behaviours.of", *(LOOKED | {"in": "prompt", "min": 1, "of": of} for of in (["qq"], ["qq", "qr"]))),
    *measured("token_length", {"tokenizer": "teacher", "in": "prompt"}, 4, 20),
    steps("token_length.tokenizer", *({"tokenizer": name, "in": "prompt", "min": 9} for name in ("teacher", "again"))),
    changed_model("Model.tokenizer", "tokenizer.json", "bytes.json", "token_length"),
    echo("echo.in_", {}, {"in": "o2"}),
    echo("echo.to", {}, {"to": "o1"}),
    echo("echo.phrase", {}, {"phrase": 30}),
    echo("echo.max", {}, {"max": 0.99}),
    echo("echo.unknown", {}, {"unknown": "keep"}),
    echo("echo.only", {}, {"only": {"source": "b"}}),
    parsable("parsable.in_", {}, {"in": "o1"}),
    parsable("parsable.unknown", {}, {"unknown": "keep"}),
    parsable("parsable.only", {}, {"only": {"source": "a"}}),
    score("score.in_", {}, {"in": "letter2"}),
    score("score.gold", {}, {"gold": "letter2"}),
    score("score.kind", {}, {"kind": "exact"}),
    score("score.language", {}, {"language": "ko"}),
    score("score.gold_language", {"kind": "math"}, {"kind": "math", "gold_language": "target"}),
    score("score.units", *({"in": "counted", "gold": "counted2", "kind": "math", "units": each} for each in ([], ["가", "나"]))),
    score("score.unknown", {}, {"unknown": "keep"}),
    score("score.only", {}, {"only": {"source": "a"}}),
    looking("decontaminate.in_", {}, {"in": ["other"]}),
    looking("decontaminate.against", {"against": ["facts"]}, {"against": "evaluated"}),
    looking("decontaminate.passes", {"passes": ["raw"]}, {"passes": ["squeezed"]}),
    looking("decontaminate.ngram", {}, {"ngram": 6}),
    looking("decontaminate.squeezed", *({"passes": ["squeezed"], "squeezed": each} for each in (8, 40))),
    looking("decontaminate.common", {}, {"common": 1}),
    looking("decontaminate.except_", {}, {"except": ["why is the sky blue?"]}),
    looking("decontaminate.language", {"language": "target"}, {"language": "ko"}),
    looking("decontaminate.languages", {}, {"languages": ["ko"]}),
    Mutation(
        "decontaminate.options",
        *(
            recipe(
                {"select": {"columns": {"prompt": "prompt", "more": "options"}}},
                {"decontaminate": each},
                sources={"a": A | OTHERWISE, "b": B | OTHERWISE},
                benchmarks={"exam": EXAMINED},
            )
            for each in ({"against": ["exam"]}, {"against": ["exam"], "options": "more"})
        ),
        "decontaminate",
        "column",
    ),
    looking("decontaminate.segmenter", *({"passes": ["segments"], "segmenter": each} for each in ("words", "characters"))),
    looking("decontaminate.on_hit", {}, {"on_hit": "flag"}),
    looking("decontaminate.min_hits", {}, {"min_hits": 99}),
    looking("decontaminate.unknown", {}, {"unknown": "drop"}),
    looking("decontaminate.only", {}, {"only": {"source": "b"}}),
    looking("decontaminate.workers", {}, {"workers": 1}),
    *asking("generate", "teacher", {}),
    Mutation("generate.of", *(recipe({"generate": ASKED | {"of": of}}, a=A | WIDE) for of in ("prompt", "other")), "generate"),
    Mutation("generate.hint", *(recipe({"generate": ASKED | hint}, a=A | WIDE) for hint in ({}, {"hint": "n"})), "generate"),
    steps("generate.system", *(ASKED | {"system": each} for each in ("none", {"text": "생각"}))),
    steps("generate.ask", *(ASKED | {"ask": each} for each in ("none", {"text": "답은?"}))),
    part("generate", "Said.text", *(ASKED | {"system": {"text": each}} for each in ("생각", "답"))),
    steps("generate.language", *(ASKED | {"system": "system", "language": each} for each in ("target", "ko"))),
    steps("generate.samples_", *(ASKED | {"samples": each} for each in (1, 2))),
    steps("generate.salt", ASKED, ASKED | {"salt": "again"}),
    recorded("generate.open", {}, {"open": "[t]"}),
    recorded("generate.close", {}, {"close": "[/t]"}),
    recorded("generate.ends", {}, {"ends": ["?"]}),
    recorded("generate.recorded", {}, {}, "label", {"recorded": "another name"}),
    *(recorded(f"Budget.{name}", {"budget": {name: 1}}, {"budget": {name: 2}}, "tuning") for name in ("tokens", "cost")),
    recorded("Budget.completions", {"budget": {"completions": 0}}, {"budget": {"completions": 1}}, "tuning"),
    *asking("translate", "translator", {}),
    Mutation(
        "translate.of", *(recipe({"translate": TRANSLATED | {"of": of}}, a=A | WIDE) for of in ("prompt", "other")), "translate"
    ),
    steps("translate.into", *(TRANSLATED | {"into": into} for into in ("target", "ko"))),
    steps("translate.share", *(TRANSLATED | {"share": share} for share in (0.05, 0.95))),
    steps("translate.length", TRANSLATED, TRANSLATED | {"length": {"max": 1.2}}),
    part("translate", "LengthRatio.min", *(TRANSLATED | {"length": {"min": least, "max": 9}} for least in (0.5, 1.5))),
    part("translate", "LengthRatio.max", *(TRANSLATED | {"length": {"min": 0.1, "max": most}} for most in (1.2, 2))),
    steps("translate.checks", *(TRANSLATED | {"checks": checks} for checks in (["numbers"], ["share"]))),
    *asking("judge", "teacher", {"question": JUDGED["question"]}),
    steps("judge.question", JUDGED, JUDGED | {"question": "{prompt}? yes or no"}),
    steps("judge.choices", JUDGED, JUDGED | {"choices": ["yes", "no"]}),
    steps("judge.as_", JUDGED, JUDGED | {"as": "said"}),
    steps("judge.close", *(JUDGED | {"seed": 4, "close": close} for close in ("</think>", "[end]"))),
    changed_model("Model.id", "test/teacher", "test/other"),
    changed_model("Model.revision", "1", "2"),
    changed_model("Model.template", "0" * 64, "1" * 64),
    changed_model("Model.dtype", "float32", "bfloat16"),
    changed_model("Model.quantisation", "q4", "q8"),
    changed_model("Model.license", "mit", "apache-2.0", role="label"),
    changed_model("Model.endpoint", "lab", "elsewhere", role="label"),
    changed_model("Model.terms", "mit", "B", "attach"),
]
MUTATIONS += [
    replace(next(each for each in MUTATIONS if each.field == field), field=name, operator="attach")
    for field, name in (("Model.terms", "attach.terms"), ("generate.model", "attach.model"))
]

BOUND = [each for each in MUTATIONS if each.role not in ("tuning", "label")]


def named(mutation: Mutation) -> Any:
    missing = not able(mutation.operator)
    skip = pytest.mark.skipif(missing, reason=f"not installed: {' or '.join(NEEDS.get(mutation.operator, ()))}")
    return pytest.param(mutation, id=mutation.field, marks=[skip] if missing else [])


# -- a project to mutate, and what a build of it is


def put_files(project: Project) -> None:
    """The files that the mutations read."""
    (project.folder / ".recipe").mkdir()
    project.rows("a.jsonl", ROWS)
    project.rows("moved/renamed.jsonl", ROWS)
    project.rows("b.jsonl", [{"prompt": text} for text in TEXTS[1:4] + ["물을 끓이면 왜 김이 나나요?", "물은 왜 끓나요?"]])
    project.rows("lack1.jsonl", [{"prompt": "하나", "x": "1"}])
    project.rows("lack2.jsonl", [{"prompt": "둘"}])
    project.rows("yo.jsonl", [{"prompt": "ещё"}, {"prompt": "еще"}])
    project.rows("traces.jsonl", [{"prompt": text, "other": text[::-1]} for text in TRACED] + [{"prompt": None, "other": "x"}])
    project.rows("nested.jsonl", [{"m": [{"t": "물은 왜"}, {"t": "끓나요"}]}])
    facts = ["why is the sky so blue?", "why is the sky blue? 0 둘째", "why is the sky blue? 1 둘째"]
    project.rows("facts.jsonl", [*facts, "Why is the sky `blue` 하늘? 2"])
    project.rows("sums.jsonl", ["why is the sky so blue?"])
    for name, kinds in (("items.jsonl", "가나"), ("items2.jsonl", "다라")):
        items = [
            {
                "prompt": f"{kind} {('바다', '하늘', '나라')[place % 3]}{'는의가도'[place % 4]} {place % 5}번",
                "other": f"{'둘 ' * (place % 2)}{'하나 둘 셋 넷'[place % 5 :]} {kind}",
                "options": [f"{kind}{place} {word}시 {word}구" for word in ("서울", "부산", "대구")],
                "gold": place % 3,
            }
            for kind in kinds
            for place in range(6)
        ]
        project.rows(name, items)
    project.write("tokenizer.json", TOKENIZER)
    project.write("bytes.json", BYTES)
    project.rows("had.jsonl", [{"prompt": text, "t": f"think {text}", "s": f"say {text}"} for text in TEXTS[:3]])
    project.write("quoted.csv", 'prompt\n"물은, 왜"\n"끓나요"\n')
    project.write("nameless.csv", "0\n물은 왜\n끓나요\n")
    project.write("bad.jsonl", '{"prompt": "물은 왜"}\nnot json\n')
    (project.folder / "latin.csv").write_bytes("prompt\ncafé au lait\n".encode("latin-1"))
    lexicons = {"qq": "{verification: ['[가-힣]'], backtracking: ['[a-z]']}", "qr": "{verification: [why]}"}
    for code, lexicon in lexicons.items():
        said = f"format: 1\nlanguage: {code}\nname: Q\nsegmenter: {{library: another}}\nbehaviours: {lexicon}\n"
        project.write(f"languages/{code}.yaml", said)


def answered(handler: Handler, request: dict[str, Any], times: int) -> bool:
    """Answer in one of many ways, as the whole request says."""
    handler.say(200, varied(request, sha256(json.dumps(request, sort_keys=True).encode()).hexdigest()))
    return True


@pytest.fixture(scope="module", autouse=True)
def teacher(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The model that every recipe of this file asks, under two addresses."""
    with teaching() as teacher, pytest.MonkeyPatch.context() as patch:
        teacher.fault = answered
        path = configure(tmp_path_factory.mktemp("configuration"), teacher, patch)
        (endpoint,) = json.loads(path.read_text())["endpoints"].values()
        path.write_text(json.dumps({"endpoints": {"lab": endpoint, "elsewhere": endpoint}}))
        yield


@pytest.fixture(scope="module")
def bed(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """One project with one store, in which every mutation of this file is built."""
    made = Project(tmp_path_factory.mktemp("bed"))
    put_files(made)
    return made


def session_of(project: Project, said: dict[str, Any], store: str, items: int | None = None, **within: Any) -> Session:
    """A recipe opened as the commands open it; `within` is set on the operators that have such a field."""
    path = project.folder / "recipe.yaml"
    path.write_text(json.dumps(said, ensure_ascii=False), "utf-8")
    session = Session(str(path), store_folder=str(project.folder / store), items=items)
    if within:
        session.__dict__["graph"] = replace(
            session.graph,
            nodes=tuple(
                replace(node, operator=node.operator.model_copy(update=within))
                if set(within) <= set(type(node.operator).model_fields) and not isinstance(node.operator, Length)
                else node
                for node in session.graph.nodes
            ),
        )
    return session


def keys_of(session: Session, facts: Facts | None = None) -> list[tuple[str, str, str | None]]:
    """(operator, aspect, key) of every node against the store as it is; sorted, for names are no part of it."""
    store = Store(session.store_path)
    addresses = Addresses(session.graph, facts or session.facts, store.result_of)
    return sorted(
        ((node.operator.name, node.aspect, addresses.key(index)) for index, node in session.graph),
        key=lambda each: (*each[:2], each[2] or ""),
    )


@dataclass(frozen=True)
class Result:
    """All that a build gives: the digest of every cut, the ledgers and the rows."""

    digests: dict[str, str]
    ledgers: tuple[str, ...]
    rows: str
    output: str


def result_of(session: Session) -> Result | str:
    """What a build of it gives, or the name of what stopped it."""
    try:
        report = run_build(session, Wishes(quiet=True))
    except (BadRows, Shortage, StoreError, ValueError) as error:
        return type(error).__name__
    store = Store(session.store_path)
    records = {stage.name: store.find(stage.key) for stage in report.stages}
    assert all(record is not None for record in records.values())
    ledgers = tuple(record.ledger for record in records.values() if isinstance(record, DecisionRecord))
    shards = [shard for record in records.values() if isinstance(record, OutputRecord) for shard in record.shards]
    rows = [repr(row) for shard in shards for row in pq.read_table(store.read_path(shard.removeprefix("object:"))).to_pylist()]
    return Result(
        {name: record.digest for name, record in records.items() if record},
        ledgers,
        "\n".join(rows),
        report.outputs[0].digest,
    )


def both_sessions(project: Project, mutation: Mutation, store: str) -> Iterator[Session]:
    for said, items, within in zip((mutation.before, mutation.after), mutation.items, mutation.within, strict=True):
        yield session_of(project, said, store, items, **within)


# -- the checkers


def check_key(project: Project, mutation: Mutation, store: str) -> None:
    """The key of the node concerned is new where the field decides the result, and every key stays where it does not."""
    before, after = (keys_of(session) for session in both_sessions(project, mutation, store))
    if mutation.role in ("tuning", "label"):
        assert before == after, f"{mutation.field} changes a key"
        return
    own = [
        {key for name, aspect, key in keys if name == mutation.operator and aspect in aspects_of(mutation)}
        for keys in (before, after)
    ]
    assert own[0] and own[1] and own[0] != own[1], f"{mutation.field} is not in the key"
    if mutation.role == "decided":
        measures = [[each for each in keys if each[1] == "columns"] for keys in (before, after)]
        assert measures[0] == measures[1], f"{mutation.field} changes the key of a measure"


def aspects_of(mutation: Mutation) -> tuple[str, ...]:
    """The aspects of an operator's nodes that a field decides."""
    return ("decision",) if mutation.role == "decided" else ("columns", "table")


def check_build(project: Project, mutation: Mutation, store: str, fresh: str) -> tuple[Result | str, Result | str]:
    """The changed recipe, built over the store of the unchanged one, equals a build in an empty store."""
    results = []
    for session in both_sessions(project, mutation, store):
        results.append(result_of(session))
    cold = result_of(session_of(project, mutation.after, fresh, mutation.items[1], **mutation.within[1]))
    assert results[1] == cold, f"after {mutation.field} the store serves another result than a cold build"
    return results[0], results[1]


def parts_of(kind: type[BaseModel]) -> Iterator[type[Declared]]:
    """The declared parts that stand in a class's fields, at any depth."""
    waiting: list[Any] = [info.annotation for info in kind.model_fields.values()]
    if extra := kind.__annotations__.get("__pydantic_extra__"):
        waiting += [Source.model_fields["columns"].annotation] if "Cell" not in extra else []
    seen: set[Any] = set()
    while waiting:
        found = waiting.pop()
        if isinstance(found, type) and issubclass(found, Declared) and found not in seen:
            seen.add(found)
            yield found
            yield from parts_of(found)
        waiting += get_args(found)


def check_covered(kinds: Iterator[type[Operator]], mutations: list[Mutation]) -> None:
    """Every declared field of every operator, of every part of one, and of a model, has a mutation."""
    fields: set[str] = set()
    for kind in (*kinds, Model):
        for part in (kind, *parts_of(kind)):
            owner = part.name if issubclass(part, Operator) else part.__name__
            fields |= {f"{owner}.{name}" for name in part.model_fields}
            fields |= {f"{owner}.*"} if part.model_config.get("extra") == "allow" else set()
    missing = fields - {mutation.field for mutation in mutations} - {"Model.from_"}
    assert not missing, f"no mutation is known for {sorted(missing)}"
    unknown = {mutation.field for mutation in mutations} - fields
    assert not unknown, f"mutations of fields that do not exist: {sorted(unknown)}"


# -- every field


def test_every_declared_field_has_a_mutation() -> None:
    check_covered(iter(BUILT), MUTATIONS)


def test_a_field_without_a_mutation_is_noticed() -> None:
    class Longer(Length):
        name: ClassVar[str] = "length"
        forgotten: int = tuning(1)

    with pytest.raises(AssertionError, match=r"length\.forgotten"):
        check_covered(iter([*BUILT, Longer]), MUTATIONS)


@pytest.mark.parametrize("mutation", [named(each) for each in MUTATIONS])
def test_a_changed_field_gives_what_a_cold_build_gives(bed: Project, mutation: Mutation, tmp_path: Path) -> None:
    before, after = check_build(bed, mutation, "store", str(tmp_path / "cold"))
    check_key(bed, mutation, "store")
    if mutation.role in ("tuning", "label"):
        assert isinstance(before, Result) and isinstance(after, Result)
        assert (before.output, before.rows, before.ledgers) == (after.output, after.rows, after.ledgers)
    else:
        assert before != after, f"the mutation of {mutation.field} shows nothing: the result is the same"


@pytest.mark.parametrize("mutation", [named(each) for each in BOUND])
def test_a_key_that_leaves_out_a_field_is_noticed(bed: Project, mutation: Mutation, monkeypatch: pytest.MonkeyPatch) -> None:
    leave_out(mutation.field, monkeypatch)
    with pytest.raises(AssertionError, match="is not in the key"):
        check_key(bed, mutation, "store")


#: A field that says which profile entry is read -> one that it may say.
ENTRY_BY = {
    "language_share.of": "scripts",
    "morphemes.of": "segmenter",
    **dict.fromkeys(("negation.cues", "merge_options.cues"), "negation_cues"),
    "merge_options.tokens": "segmenter",
    "score.kind": "answer_labels",
    "unique.fold": "fold",
    **dict.fromkeys(("behaviours.of", "behaviours.kind"), "behaviours.verification"),
}


def leave_out(field: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Break the keys: this field enters none of them."""
    owner, name = field.split(".")
    # Some fields are those of a measure that the operator asks for, too.
    owners = {owner, "negation"} if owner == "merge_options" else {owner}
    whole, form, carried = Operator.parameters, compiler.text.canonical.canonical, compiler.graph.keys.carried

    def parameters(self: Operator, *roles: Any) -> dict[str, Any]:
        said = whole(self, *roles)
        alias = type(self).model_fields[name].alias or name if name in type(self).model_fields else name
        return {key: value for key, value in said.items() if self.name not in owners or key != alias}

    def canonical(value: Any) -> Any:
        if isinstance(value, Declared) and type(value).__name__ == owner:
            value = value.model_copy(update={name: None})
            if name == "*":
                value.__pydantic_extra__.clear()
        return form(value)

    def named_alike(node: Any) -> dict[str, Any]:
        return {} if owners & {node.operator.name, "select", "language_share"} else carried(node)

    monkeypatch.setattr(Operator, "parameters", parameters)
    if owner in ("Mapping", "Cell", "Gold", "Only", "Said", "LengthRatio"):
        monkeypatch.setattr(compiler.text.canonical, "canonical", canonical)
        monkeypatch.setattr(compiler.graph.keys, "carried", carried)
    else:
        monkeypatch.setattr(compiler.graph.keys, "carried", named_alike)
    if field in ENTRY_BY:
        for each in owners:
            monkeypatch.setattr(OPERATORS[each], "entries", lambda self: (("target", ENTRY_BY[field]),))
    if field == "source.format":
        monkeypatch.setattr(Source, "written", lambda self, name: ("", ""))
    if issubclass(OPERATORS.get(owner, Operator), Asks):
        monkeypatch.setattr(Addresses, "seen_by", lambda self, reader, source: self.address(source))
    if owner == "Model":
        leave_out_of_models(name, monkeypatch)


def leave_out_of_models(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Break the keys: this field of a model enters none of them."""
    identity, read = Model.identity, compiler.compile.read_tokenizers

    def read_alike(recipe: Any, place: Any) -> None:
        read(recipe, place)
        recipe.tokenizers.update(dict.fromkeys(recipe.tokenizers, "0" * 64))

    monkeypatch.setattr(Model, "identity", lambda self: {key: each for key, each in identity(self).items() if key != name})
    if name == "terms":
        monkeypatch.setattr(Model, "output", "A")
    if name == "tokenizer":
        monkeypatch.setattr(compiler.compile, "read_tokenizers", read_alike)


def test_a_store_that_serves_stale_results_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project = Project(tmp_path)
    put_files(project)
    for field in ("length.min", "language_share.count", "unique.normalise", "mixture.salt", "source.category"):
        with monkeypatch.context() as broken:
            leave_out(field, broken)
            with pytest.raises(AssertionError, match="another result than a cold build"):
                check_build(project, next(each for each in MUTATIONS if each.field == field), f"of {field}", f"cold {field}")


def test_a_key_without_what_is_decided_is_noticed(bed: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiler.graph.keys, "roles_of", lambda node: ("measured", "result", "column"))
    for mutation in MUTATIONS:
        if mutation.role == "decided" and able(mutation.operator):
            with pytest.raises(AssertionError, match="is not in the key"):
                check_key(bed, mutation, "store")


def test_a_tuning_knob_in_a_key_is_noticed(bed: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = Operator.parameters
    monkeypatch.setattr(Operator, "parameters", lambda self, *roles: whole(self, *roles, "tuning", "label"))
    monkeypatch.setattr(Model, "identity", lambda self: self.model_dump(exclude_none=True))
    for mutation in MUTATIONS:
        # The names of benchmarks and their languages are the same in both by the time that keys are made.
        same = mutation.field in ("decontaminate.against", "decontaminate.languages")
        if mutation.role in ("tuning", "label") and able(mutation.operator) and not same:
            for session in both_sessions(bed, mutation, "tuned"):
                assert isinstance(result_of(session), Result)
            with pytest.raises(AssertionError, match="changes a key"):
                check_key(bed, mutation, "tuned")


# -- files


def source_keys(project: Project, **a: Any) -> list[str | None]:
    return [key for name, _, key in keys_of(session_of(project, recipe(a=A | a), "store")) if name == "source"]


def test_a_changed_byte_is_a_new_key(bed: Project) -> None:
    text = (bed.folder / "a.jsonl").read_text("utf-8")
    bed.write("byte.jsonl", text)
    before = source_keys(bed, file="byte.jsonl")
    bed.write("byte.jsonl", text.replace("파란", "푸른", 1))
    after = source_keys(bed, file="byte.jsonl")
    assert len(set(before) & set(after)) == 1, "the other source keeps its key"


def test_a_renamed_moved_or_touched_file_is_the_same_key(bed: Project) -> None:
    before = source_keys(bed)
    assert source_keys(bed, file="moved/renamed.jsonl") == before
    assert source_keys(bed, file="m*/*.jsonl") == before
    os.utime(bed.folder / "a.jsonl", (1, 1))
    assert source_keys(bed) == before


def test_a_file_renamed_to_another_format_is_a_new_key(bed: Project, tmp_path: Path) -> None:
    shutil.copy(bed.folder / "quoted.csv", bed.folder / "quoted.tsv")
    said = recipe(a=A | {"file": "quoted.csv"}), recipe(a=A | {"file": "quoted.tsv"})
    mutation = Mutation("source.file", *said, "source")
    check_key(bed, mutation, "store")
    before, after = check_build(bed, mutation, "store", str(tmp_path / "cold"))
    assert before != after


def test_equal_options_and_other_files_never_share_a_key(bed: Project) -> None:
    one = {"category": "x", "license": "A"}
    files = {"a.jsonl": 0, "b.jsonl": 0, "moved/renamed.jsonl": 0}
    said = recipe(
        sources={f"s{place}": one | {"file": file} for place, file in enumerate(files)},
        tables={"t": {"from": ["s0", "s1", "s2"]}},
    )
    keys = [key for name, _, key in keys_of(session_of(bed, said, "store")) if name == "source"]
    assert len(set(keys)) == 3, "not even sources of equal bytes: the name of a source is in its row ids"


# -- language profiles


def profiled(project: Project, old: str = "", new: str = "", **share: Any) -> list[tuple[str, str, str | None]]:
    """The keys with a Korean profile beside the recipe, in which `old` is written as `new`."""
    assert isinstance(result_of(session_of(project, recipe(), "store")), Result)  # what is not built has no digest to be in a key
    text = (ROOT / "recipes" / "languages" / "ko.yaml").read_text("utf-8")
    assert old in text
    project.write("languages/ko.yaml", text.replace(old, new, 1) if old else text)
    said = recipe({"language_share": {"of": "target", "min": 0.3, **share}}, {"length": {"min": 1}}, "unique")
    try:
        return keys_of(session_of(project, said, "store"))
    finally:
        (project.folder / "languages" / "ko.yaml").unlink()


def test_a_changed_script_is_a_new_key_of_the_share_alone(bed: Project) -> None:
    before, after = profiled(bed), profiled(bed, "AC00-D7A3", "AC00-D7A2")
    columns = [
        dict((name, key) for name, aspect, key in keys if aspect == "columns" and name != "unique") for keys in (before, after)
    ]
    assert columns[0]["length"] == columns[1]["length"]
    assert columns[0]["language_share"] != columns[1]["language_share"]
    assert [each for each in before if each[0] in ("source", "combine")] == [
        each for each in after if each[0] in ("source", "combine")
    ]


def test_another_mark_of_the_answer_is_a_new_key_where_marks_are_those_of_the_language(bed: Project) -> None:
    mark = ("[정답, 답,", "[정답임, 답,")
    assert profiled(bed, *mark, marks="language") != profiled(bed, marks="language")
    assert profiled(bed, *mark) == profiled(bed)


@pytest.mark.parametrize(
    "change", [("영일이삼", "공일이삼"), ("cased: false", "cased: true"), ("# Korean", "# 한국어"), ("kiwipiepy-model", "model")]
)
def test_an_entry_that_no_step_reads_is_in_no_key(bed: Project, change: tuple[str, str]) -> None:
    assert profiled(bed, *change) == profiled(bed)


def test_a_changed_prompt_is_a_new_key_of_the_step_that_asks_with_it_alone(bed: Project) -> None:
    text = (ROOT / "recipes" / "languages" / "ko.yaml").read_text("utf-8")
    named: dict[str, Any] = {"generate": ASKED | {"system": "system"}}
    assert isinstance(result_of(session_of(bed, recipe(), "store")), Result)
    for step, old in (({"translate": TRANSLATED}, "natural Korean."), (named, "Think carefully,")):
        keys = []
        assert old in text
        for said in (text, text.replace(old, f"{old} Please.", 1)):
            bed.write("languages/ko.yaml", said)
            try:
                keys.append([keys_of(session_of(bed, recipe(each), "store")) for each in (step, {"judge": JUDGED})])
            finally:
                (bed.folder / "languages" / "ko.yaml").unlink()
        before, after = keys
        asked = [[key for name, _, key in each[0] if name in step] for each in keys]
        assert None not in asked[0] and asked[0] != asked[1]
        assert before[1] == after[1]


# -- what is installed

EVERY = recipe(
    {"language_share": {"of": "target", "min": 0.1}},
    {"length": {"min": 1}},
    {"where": "length(prompt) > 2"},
    {"normalise": {"form": "NFKC"}},
    {"unique": {}},
    {"sample": {"share": 0.9}},
    {"mixture": {"take": {"one": 1}, "shortage": "up_to"}},
    *([{"name": "last", "morphemes": {"min": 1}}] if KIWI else []),
    {"echo": {"in": "prompt", "max": 1}},
    *([{"token_length": {"tokenizer": "teacher", "in": "prompt", "min": 1}}] if able("token_length") else []),
    *([{"parsable": {"in": "prompt"}}] if able("parsable") else []),
    *([{"translate": TRANSLATED}, {"judge": JUDGED}, {"generate": ASKED}] if able("generate") else []),
)


def test_another_version_of_what_an_operator_depends_on_is_a_new_key(bed: Project) -> None:
    session = session_of(bed, EVERY, "store")
    assert isinstance(result_of(session), Result)
    for name in ("unicode", "duckdb", "kiwipiepy", "kiwipiepy-model", "pyarrow", "numpy", "tokenizers", "math-verify", "sympy"):
        facts = replace(session.facts, version=lambda each, name=name: "0" if each == name else installed_version(each))
        for index, node in session.graph:
            known = (session.facts, facts)
            keys = [compiler.graph.keys.key_of(session.graph, index, each, "input {}".format) for each in known]
            # A decision and a keep say it through their inputs, which stand still here.
            assert (keys[0] != keys[1]) == (name in node.operator.depends()), (node.operator.name, name)


# -- what is no part of a key

SPOKEN = """
format: 1
recipe: test/spoken
language: {target: ko, anchor: en}
seed: 7
sources:
  a: {file: a.jsonl, category: one, license: A, columns: {prompt: prompt, other: other, n: {field: n, as: integer}}}
  b: {file: b.jsonl, category: two, license: B}
prompts:
  - length: {min: 3, max: 90}
  - language_share: {of: target, min: 0.1}
  - measure: {size: {length: {}}, share: {language_share: {of: target}}}
  - unique: {by: prompt}
mixture: {take: {one: 3, two: 2}, repeat: {one: 2, two: 1}}
"""

REPHRASED = """
mixture:
    repeat: {two: 1, one: 2}
    take:
        two: 2
        one: 3
# a comment
prompts:
    - {name: not too long, length: {max: 90, min: 3}}    # another
    - name: enough Korean
      language_share: {min: 0.10, of: target}
    - {name: columns, measure: {share: {language_share: {of: target}}, size: {length: {}}}}
    - {name: once, unique: {by: prompt, normalise: [nfc, invisible, space]}}
sources:
    b: {license: B, category: "two", file: b.jsonl}
    a: {columns: {n: {as: integer, field: n}, other: other, prompt: {field: prompt}}, license: A, category: one, file: ./a.jsonl}
language: {anchor: en, target: ko}
seed: 7
recipe: test/spoken
format: 1
"""


def keys_said(project: Project, text: str) -> list[tuple[str, str, str | None]]:
    path = project.write("said.yaml", text)
    return keys_of(Session(str(path), store_folder=str(project.folder / "store")))


def test_names_comments_key_order_and_form_are_in_no_key(bed: Project) -> None:
    project = copy.copy(bed)
    project.write("said.yaml", SPOKEN)
    before = project.build("said.yaml")
    spoken, rephrased = (
        keys_said(project, SPOKEN),
        keys_said(project, REPHRASED.replace("prompt: {field: prompt}", "prompt: prompt")),
    )
    assert spoken == rephrased
    after = project.build("said.yaml")
    assert not after["ran"] and after["outputs"] == before["outputs"]


def test_steps_moved_into_an_extended_base_keep_their_keys(bed: Project) -> None:
    base, own = SPOKEN.split("prompts:\n")
    bed.write(
        "base.yaml",
        "format: 1\nrecipe: test/base\nlanguage: {target: ko, anchor: en}\nsources: {}\nprompts:\n" + own.split("mixture")[0],
    )
    moved = base + "extends: base.yaml\nmixture" + own.split("mixture")[1]
    assert keys_said(bed, moved) == keys_said(bed, SPOKEN)


def test_a_renamed_step_is_still_explained_by_why(bed: Project) -> None:
    bed.write("said.yaml", SPOKEN)
    rows = bed.table("said.yaml")
    bed.write("said.yaml", REPHRASED.replace("prompt: {field: prompt}", "prompt: prompt"))
    bed.build("said.yaml")
    told = bed.run("why", "said.yaml", rows[0]["row_id"].hex(), "--store", "store", "--json")
    assert told.code == 0, told.err
    said = [step for event in told.json["rows"][0]["events"] for step in event.get("steps", ())]
    assert [step["step"] for step in said] == ["not too long", "enough Korean"] and all(step["values"] for step in said)


def test_equal_maps_share_their_text_whatever_the_column_is_called(bed: Project, tmp_path: Path) -> None:
    form = {"form": "NFKD"}
    before, after = (
        recipe({"normalise": form}),
        recipe({"select": {"columns": {"question": "prompt"}}}, {"normalise": {"of": "question", **form}}),
    )
    check_build(bed, Mutation("select.columns", before, after, "keep"), "store", str(tmp_path / "cold"))


def test_the_order_of_selected_columns_is_not_served_from_another_recipe(bed: Project, tmp_path: Path) -> None:
    before, after = (recipe({"select": columns}, a=A | WIDE) for columns in (["other", "n"], ["n", "other"]))
    check_build(bed, Mutation("select.columns", before, after, "keep"), "store", str(tmp_path / "cold"))


def test_a_preview_follows_the_size_of_its_source(bed: Project, tmp_path: Path) -> None:
    said = recipe(a=A | {"file": "grown.jsonl"}, tables={"t": {"from": "a", "steps": [{"mixture": {"take": {"one": 99}}}]}})
    results: list[Result | str] = []
    for more in (0, 20):  # twenty rows that leave the ten lowest items as they are, and are a larger whole
        bed.rows("grown.jsonl", [f"text number {place}" for place in [*range(100), *range(2500, 2500 + more)]])
        results.append(result_of(session_of(bed, said, "store", 10)))
    assert results[1] == result_of(session_of(bed, said, str(tmp_path / "cold"), 10))
    assert results[0] != results[1]


@pytest.mark.parametrize(
    "said",
    [
        recipe(a=A | {"columns": {"prompt": "prompt", "own": "other", "Own": "o2"}}),
        recipe({"measure": {"Prompt": {"length": {}}}}),
        recipe({"name": "w", "where": "length(prompt) > 2"}, {"name": "W", "where": "length(prompt) > 3"}),
        recipe({"measure": {"source": {"length": {}}}}),
    ],
    ids=["columns of a source", "a measured column", "steps", "a column of our own"],
)
def test_names_that_are_one_to_sql_are_refused(bed: Project, said: dict[str, Any]) -> None:
    session_of(bed, said, "store")
    refused = bed.run("check", "recipe.yaml")
    assert refused.code != 0 and (
        "differ only in case" in refused.out + refused.err or "project's own" in refused.out + refused.err
    )


# -- recorders: what a kernel reads is declared


class Recorded(Mapping[str, Any]):
    """A mapping that knows which of its entries were asked for."""

    def __init__(self, inner: Mapping[str, Any], told: Callable[[str], None]) -> None:
        self.inner, self.told = inner, told

    def __getitem__(self, key: str) -> Any:
        self.told(key)
        return self.inner[key]

    def __iter__(self) -> Iterator[str]:
        self.told("*")
        return iter(self.inner)

    def __len__(self) -> int:
        return len(self.inner)


class Watched:
    """A module in whose place every use of it is told."""

    def __init__(self, inner: Any, told: Callable[[str], None]) -> None:
        self.inner, self.told = inner, told

    def __getattr__(self, name: str) -> Any:
        self.told(name)
        return getattr(self.inner, name)


LISTENERS: list[Callable[[str], None]] = []


def hear(event: str, arguments: tuple[Any, ...]) -> None:
    # A number is no file but what is open already: the pipe of a process.
    if event == "open" and LISTENERS and not isinstance(arguments[0], int):
        LISTENERS[-1](str(arguments[0]))


sys.addaudithook(hear)


@contextlib.contextmanager
def watched(seen: set[tuple[str, str]], monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """While this lasts, what is read of the machine goes into `seen`."""
    kernel.kind_table.cache_clear()
    kernel.space_table.cache_clear()
    tokenizer_of.cache_clear()
    version = importlib.metadata.version
    with monkeypatch.context() as patch:
        patch.setattr(os, "environ", Recorded(os.environ, lambda name: seen.add(("environment", name))))
        for name in ("getlocale", "setlocale", "getpreferredencoding", "localeconv", "strcoll", "strxfrm"):
            patch.setattr(locale, name, lambda *_, name=name: seen.add(("locale", name)))
        patch.setattr(importlib.metadata, "version", lambda name: (seen.add(("version", name)), version(name))[1])
        unicode = Watched(unicodedata, lambda name: seen.add(("version", "unicode")))
        patch.setitem(sys.modules, "unicodedata", unicode)
        patch.setattr(kernel, "unicodedata", unicode)
        LISTENERS.append(lambda path: seen.add(("file", path)))
        try:
            yield
        finally:
            LISTENERS.pop()


def asked_and_told(operator: Asks, row: Mapping[str, Any], entries: Mapping[str, Any]) -> object:
    """The whole way of a row: what is asked about it, and the cells that replies of every kind give it."""
    cells: list[object] = [operator.messages(row, entries)]
    for text in ("1은 `a` $b$ 무엇일까요, yes", "<think>생각</think> no", ""):
        for reasoning in (None, "생각"):
            with contextlib.suppress(Refused):
                cells.append(operator.cells(Reply(text, reasoning, "stop", 1, None), row, entries, 0))
    return cells


def kernel_of(operator: Operator, entries: Mapping[str, Any], rows: tuple[Mapping[str, Any], ...] = ()) -> Callable[[], object]:
    """A call of an operator's own code, whatever it has."""
    texts = pa.array([*(text for text in TEXTS if text), "각", None], pa.large_string())
    match operator:
        case Asks():
            return lambda: [asked_and_told(operator, row, entries) for row in rows]
        case Where():
            from runtime.stages.columns import evaluate

            return lambda: evaluate(operator, {"prompt": texts})
        case Decontaminate():
            told = operator.model_copy(update={"in_": ("prompt",), "against": ("facts",), "segmenter": "words"})
            items = [Item(0, 1, ("물은 왜 끓나요? 그 이유를 두 가지만 쓰세요",), "물은 왜 끓나요? 그 이유를 두 가지만 쓰세요")]

            def look() -> object:
                index = told.index([items], entries, lambda library, texts: cuts_of(library, texts, 1))
                return told.overlaps([kernel.Texts(texts)], None, index)

            return look
        case Measure():
            others = [kernel.Texts(texts[::-1]) for _ in operator.others]
            return lambda: operator.compare(kernel.Texts(texts), others, entries)
        case Map():
            return lambda: operator.change(texts, entries)
        case Expand():
            return lambda: operator.expand(parents_of(operator, texts), entries, 7)
        case Unique():
            return lambda: (operator.form(texts, entries), operator.verdicts("rows", 7, None))
        case SetDecision():
            return lambda: operator.verdicts("rows", 7, None)
        case Select():
            return lambda: operator.made({"prompt": "text"})
    raise AssertionError(f"nobody knows how to run `{operator.name}`")


def parents_of(operator: Expand, texts: pa.Array) -> Parents:
    """Rows for an operator by which rows are born, with whatever it reads."""
    import numpy as np

    count = len(texts)
    labels = pa.array(["x"] * count)
    columns = dict.fromkeys(("source", "category"), labels) | {"license": pa.array(["A"] * count), "prompt": texts}
    columns["options"] = pa.array([["가 하나", f"나{place} 둘"] for place in range(count)], pa.large_list(pa.large_string()))
    columns |= {"gold": pa.array([0] * count), "negation": pa.array([0] * count)}
    ids = np.frombuffer(b"".join(bytes([place] * 16) for place in range(count)), np.uint8).reshape(-1, 16)
    return Parents(ids, ids, columns)


#: pyarrow asks for it whenever it meets NumPy, and only time stamps depend on it; bm25s asks how it is compiled.
HARMLESS = {("environment", "PYARROW_IGNORE_TIMEZONE"), ("environment", "NUMBA_DISABLE_JIT")}


def check_reads(operator: Operator, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An operator reads nothing but its arguments, the entries it declares and what its `depends` names."""
    from runtime.cli.main import main  # noqa: F401 - what is imported lazily is not what a kernel reads

    (folder / "tokenizer.json").write_text(TOKENIZER, "utf-8")
    profile: dict[str, Any] = {
        "scripts": {"Hangul": ["AC00-D7A3"]},
        "segmenter": {"library": "kiwipiepy"},
        "digits": "0123456789",
        "number_marks": {"decimal": ",", "group": "."},
        "answer_labels": [["A", "B"], ["가", "나"]],
        "label_words": {"before": ["보기"], "after": ["번"]},
        "answer_marks": ["정답", "답"],
        "above_options": ["위의 .{0,5}"],
        "cased": False,
        "ngrams": {"segments": "words", "raw": "words", "size": 1, "dates": ["년"]},
        "tokenizer": FileDigest(DIGEST, folder / "tokenizer.json"),
        "directives": ["한 줄로.", "짧게."],
        "negation_cues": ["아닌", "아니/VCN"],
        "behaviours.verification": ["맞는지"],
        "behaviours.backtracking": {"ko": ["잠깐"], "en": ["wait"]},
        **{f"prompts.{name}": f"{name}." for name in ("system", "monolingual", "short", "translate", "answer")},
    }
    seen: set[tuple[str, str]] = set()
    row = {"prompt": "What is `a` $b$ 1, 2?", "other": "물은 왜 끓나요?", "options": ["가", "나"], "n": 3}
    rows = tuple(Recorded(each, lambda name: seen.add(("column", name))) for each in (row, row | {"options": None}))
    run = kernel_of(operator, Recorded(profile, lambda name: seen.add(("entry", name))), rows)
    run()  # once before, so that lazily imported modules are not heard
    seen.clear()
    with watched(seen, monkeypatch):
        run()
    declared = {("entry", entry) for _, entry in operator.entries()} | {("version", name) for name in operator.depends()}
    if isinstance(operator, Asks):
        columns: Columns = {"prompt": "text", "other": "text", "options": "list of text", "n": "integer"}
        declared |= {("column", name) for name in operator.reads(columns)}
    if isinstance(operator, Measure):
        declared |= {("entry", entry) for entry in operator.files()}
        declared |= {("file", str(profile[entry].path)) for entry in operator.files()}
    undeclared = seen - declared - HARMLESS
    assert not undeclared, f"`{operator.name}` reads what it does not declare: {sorted(undeclared)}"


SAID: list[tuple[str, dict[str, Any]]] = [
    ("length", {"min": 1}),
    ("language_share", {"of": "ko"}),
    ("language_share", {"of": "ko", "count": "letters", "ignoring": ["code_fences", "inline_code", "latex", "urls", "markdown"]}),
    ("morphemes", {"of": "ko"}),
    ("where", {"that": "length(prompt) > 2"}),
    *(("normalise", {"form": form}) for form in ("NFC", "NFD", "NFKC", "NFKD")),
    ("select", {"columns": ["prompt"]}),
    ("repetition", {"phrase": 2, "times": 2, "max": 1}),
    ("compression", {"min": 0.1}),
    ("think_blocks", {"in": "prompt", "max": 1}),
    ("think_blocks", {"in": "prompt", "max": 1, "form": "harmony"}),
    ("language_share", {"of": "ko", "ignoring": ["boxes", "formulas", "tags", "identifiers"], "marks": ["Answer"]}),
    ("language_share", {"of": "ko", "marks": "language"}),
    ("finished", {"in": "prompt", "cut": ["halted"]}),
    *(("spans", {"of": "prompt", "form": form}) for form in ("tags", "harmony")),
    ("inside", {"of": "prompt", "open": "물", "close": "왜", "as": "in"}),
    *(
        ("extract", {"of": "prompt", "rule": rule})
        for rule in ("first_boxed", "last_boxed", "last_answer_tag", "last_line", "choice_label")
    ),
    *(("unique", {"normalise": rules}) for rules in ([], ["nfc", "space"], ["nfkc", "case", "punctuation"], ["punctuation"])),
    ("style_directives", {}),
    ("style_directives", {"texts": ["가", "나"], "place": "after", "per_row": 2}),
    ("negation", {"of": "ko"}),
    ("negation", {"cues": ["왜", "왜/MAG"]}),
    ("extract", {"of": "prompt", "rule": "choice_label", "mark": ["답", "Answer"]}),
    ("merge_options", {}),
    ("merge_options", {"tokens": "segments", "max_options": 4}),
    ("sample", {"rows": 2}),
    ("mixture", {"take": {"one": 2}}),
    ("token_length", {"tokenizer": "teacher", "max": 9}),
    ("behaviours", {"kind": "verification", "of": ["ko"]}),
    ("behaviours", {"kind": "backtracking", "of": ["ko", "en"]}),
    ("echo", {"max": 0.5, "phrase": 2}),
    ("parsable", {"in": "prompt"}),
    *(("score", {"in": "prompt", "gold": "other", "kind": kind}) for kind in ("math", "choice", "exact")),
    ("decontaminate", {"against": ["facts"]}),
    ("generate", {"model": "teacher"}),
    ("generate", {"model": "teacher", "of": "other", "hint": "n", "system": "system", "ask": "answer", "samples": 2}),
    ("generate", {"model": "teacher", "system": {"text": "생각"}, "ask": "none"}),
    ("translate", {"model": "translator"}),
    ("translate", {"model": "translator", "of": "other", "checks": ["labels"]}),
    ("judge", {"model": "teacher", "question": "{prompt} or {other}: yes or no?"}),
]


def test_every_step_stands_behind_the_recorders() -> None:
    assert {name for name, _ in SAID} == {step.name for step in STEPS}


@pytest.mark.parametrize("said", SAID, ids=lambda said: f"{said[0]} {json.dumps(said[1])[:60]}")
def test_an_operator_reads_only_what_it_declares(
    said: tuple[str, dict[str, Any]], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    if not issubclass(OPERATORS[said[0]], Asks) and not able(said[0]):
        pytest.skip(f"not installed: {' or '.join(NEEDS[said[0]])}")
    check_reads(OPERATORS[said[0]].model_validate(said[1]), tmp_path, monkeypatch)


def reading(how: Callable[[Any], object]) -> type[Step]:
    """A measure that reads something besides."""

    class Curious(Length):
        name: ClassVar[str] = "curious"

        def depends(self) -> tuple[str, ...]:
            return ()

        def measure(self, texts: Any, entries: Mapping[str, Any]) -> Any:
            how(entries)
            return [texts.lengths()]

    return Curious


@pytest.mark.parametrize(
    "how",
    [
        lambda entries: os.environ.get("LANG"),
        lambda entries: os.getenv("RECIPE_THREADS"),
        lambda entries: entries["digits"],
        lambda entries: dict(entries),
        lambda entries: Path(__file__).read_bytes(),
        lambda entries: locale.getlocale(),
        lambda entries: importlib.metadata.version("numpy"),
        lambda entries: kernel.unicodedata.unidata_version,
    ],
    ids=["environment", "getenv", "profile entry", "whole profile", "file", "locale", "version", "unicode"],
)
def test_an_undeclared_read_is_noticed(how: Callable[[Any], object], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="reads what it does not declare"):
        check_reads(reading(how)(min=1), tmp_path, monkeypatch)
