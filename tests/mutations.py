"""Mutations: two recipes that differ in one field, for every declared field of every operator."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, get_args

from pydantic import BaseModel

from operators.asks.answers import Answers
from operators.asks.translate import Translate
from operators.base.declare import Declared, Operator, role_of
from operators.catalog import OPERATORS
from operators.declared.address import Hub
from operators.declared.aggregate import Aggregate
from operators.declared.crawl import Crawl
from operators.declared.model import Model
from operators.declared.source import Source
from operators.learn.train import Train

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
#: Field of a model -> two values of it; `NAME 0` and `NAME 1` are two models that differ in it alone.
CHANGED = {
    "id": ("test/teacher", "test/other"),
    "revision": ("1", "2"),
    "template": ("0" * 64, "1" * 64),
    "dtype": ("float32", "bfloat16"),
    "quantisation": ("q4", "q8"),
    "license": ("mit", "apache-2.0"),
    "endpoint": ("lab", "elsewhere"),
    "terms": ("mit", "B"),
    "tokenizer": ("tokenizer.json", "bytes.json"),
}
MODELS |= {f"{name} {place}": TEACHER | {name: value} for name, both in CHANGED.items() for place, value in enumerate(both)}


def recipe(*steps: Any, a: dict[str, Any] | None = None, **top: Any) -> dict[str, Any]:
    """A recipe of two sources and one table `t` with these steps."""
    fixed = {"format": 1, "recipe": "test/keys", "language": {"target": "ko", "anchor": "en"}, "seed": 7, "models": MODELS}
    tables = {"t": {"from": ["a", "b"], "steps": list(steps)}}
    return fixed | {"sources": {"a": a or A, "b": B}, "tables": tables} | top


def near_rows() -> list[dict[str, Any]]:
    """Sentences that share much of their words and numbers, so that what is nearly the same depends on every field."""
    chance = random.Random(3)
    words = ["하늘은", "물은", "바다는", "파란가요", "끓나요", "짠가요", "깊은가요", "이유를", "근거를", "길게"]
    made = []
    for place in range(80):
        said = words[: 6 + place % 3]
        for _ in range(place % 4):
            said[chance.randrange(len(said))] = chance.choice(words)
        made.append({"prompt": " ".join(said) + f" {place // 30}번", "other": " ".join(said[:4])})
    return made


NEAR = {"threshold": 0.5, "max_share": 1}


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
    stops: bool = False
    """Whether a build of one of them stops, so that nothing can be built with it."""
    choices: tuple[dict[str, Any], ...] = ()
    """What may stand for `after` where it derives from a type: the first by which something else comes out."""

    @cached_property
    def group(self) -> str | None:
        """What mutations share that may be tables of one recipe: all but the table; None of one that has to be built alone."""
        tops = [json.dumps(each | {"tables": {}}) for each in (self.before, self.after)]
        usual = self.items == (None, None) and self.within == ({}, {}) and not self.stops
        return f"{self.operator} {tops[0]}" if usual and tops[0] == tops[1] and self.field != "output.output" else None


def steps(field: str, before: Any, after: Any, *others: Any, first: tuple[Any, ...] = ()) -> Mutation:
    """A mutation of one step; `field` is named by the operator's field, not by its recipe name."""
    operator = field.partition(".")[0]
    both = [recipe(*first, {operator: each}, *others) for each in (before, after)]
    return Mutation(field, *both, operator, role_of(OPERATORS[operator], field.partition(".")[2]))


def part(operator: str, field: str, before: Any, after: Any) -> Mutation:
    """A mutation of a part of one step."""
    return Mutation(field, *(recipe({operator: each}) for each in (before, after)), operator)


def nearly(field: str, before: dict[str, Any], after: dict[str, Any]) -> Mutation:
    """A mutation of near duplicates, of rows that are."""
    name = "near_duplicates"
    rows = A | {"file": "near.jsonl", "columns": {"prompt": "prompt", "other": "other"}}
    both = [recipe({name: NEAR | each}, a=rows) for each in (before, after)]
    return Mutation(f"{name}.{field}", *both, name, role_of(OPERATORS[name], field))


def source(field: str, before: dict[str, Any], after: dict[str, Any]) -> Mutation:
    """A mutation of the source `a`."""
    owner, name = field.split(".")
    role = role_of(Source, name) if owner == "source" else "result"
    return Mutation(field, recipe(a=A | before), recipe(a=A | after), "source", role)


#: A conversation, and what else its files may hold.
TALKED = {
    "messages": [
        {"role": "user", "content": "물은?"},
        {"role": "assistant", "channel": "analysis", "content": "boil", "thinking": "끓는다"},
    ],
    "others": [{"role": "user", "content": "불은?"}],
    "longer": [{"role": each, "content": "불은?"} for each in ("user", "assistant", "user")],
    "system": "짧게",
    "tools": [{"name": "kettle"}],
    "other_tools": [{"name": "stove"}],
}
#: Pages of a crawl, in which each selector of a mutation finds something else.
PAGES = [
    ("https://a.example/1", '<div><p id="one" title="uno">물은<b>왜</b><i>끓나</i></p><p>하늘은</p></div>'),
    ("https://a.example/2", "<p>불은</p>"),
]
CRAWL = {"start": ["https://a.example/"]}


def paged(field: str, *pages: dict[str, Any]) -> Mutation:
    """A mutation of how pages are read."""
    before, after = ({"file": "crawl.warc", "columns": {"prompt": "t"}, "pages": {"fields": {"t": "p"}} | each} for each in pages)
    return source(field, before, after)


TALK = {"file": "talks.jsonl", "columns": {"messages": "messages"}}
TOOLED = {"file": "talks.jsonl", "columns": {"messages": "messages", "tools": "tools"}}
TAKEN = {"take": "user", "as": "said"}


def talked(field: str, before: dict[str, Any], after: dict[str, Any]) -> Mutation:
    """A mutation of how conversations are read; two files, of which the second has no column `few`."""
    both = (TALK | {"file": "talks*.jsonl", "columns": {"messages": "messages"} | each} for each in (before, after))
    return source(field, *both)


def two_talks(field: str, said: dict[str, Any]) -> Mutation:
    """A mutation of the column of a step, in a table of two columns with conversations that are not alike."""
    two = {"select": {"columns": {"messages": "messages", "talk": "messages"}}}
    operator, a = field.partition(".")[0], A | {"file": "talks.jsonl", "columns": {"messages": "longer"}}
    both = (recipe(two, {"openings": {}}, {"name": "it", operator: said | each}, a=a) for each in ({}, {"of": "talk"}))
    return Mutation(field, *both, operator, "column")


def only(field: str, before: str, after: str) -> Mutation:
    name = field.partition(".")[2]
    both = [recipe({"length": {"min": 10, "only": {name: each}}}) for each in (before, after)]
    return Mutation(field, *both, "length", "decided")


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


def asking(operator: str, model: str, more: dict[str, Any], a: dict[str, Any] | None = None) -> list[Mutation]:
    """What every operator that asks a model has."""
    said = {"model": model, **more}

    def asked(name: str, before: dict[str, Any], after: dict[str, Any]) -> Mutation:
        both = (recipe({operator: said | each}, a=a) for each in (before, after))
        return Mutation(f"{operator}.{name}", *both, operator, role_of(OPERATORS[operator], name))

    return [
        *(asked(name, *({name: each} for each in both)) for name, both in SAMPLED.items()),
        asked("model", {}, {"model": "again" if model == "teacher" else f"{model} again"}),
        asked("max_failures", {}, {"max_failures": "2%"}),
        asked("budget", {"budget": {"completions": 900}}, {"budget": {"completions": 901}}),
    ]


def changed_model(name: str, operator: str = "generate", role: str = "result") -> Mutation:
    """A mutation of the model that a step asks."""
    said = {"tokenizer": {"in": "prompt", "max": 12}}.get(name, {})
    step, asks = ("token_length", "tokenizer") if name == "tokenizer" else ("generate", "model")
    both = (recipe({step: said | {asks: f"{name} {place}"}}) for place in (0, 1))
    return Mutation(f"Model.{name}", *both, operator, role)


#: Completions that somebody has already, by their prompts.
HAD = {"file": "had.jsonl", "category": "had", "license": "A", "columns": {"prompt": "prompt", "think": "t", "solution": "s"}}


def recorded(field: str, before: Any, after: Any, role: str = "result", within: dict[str, Any] | None = None) -> Mutation:
    """A mutation of a step that looks completions up, and asks nobody."""
    said = {"model": "teacher", "recorded": "had"}
    both = (recipe({"generate": said | each}, sources={"a": A, "b": B, "had": HAD}) for each in (before, after))
    return Mutation(field, *both, "generate", role, within=({}, within or {}))


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
LABELLED = {"file": "labelled.jsonl"}
DEEP = {"file": "deep.jsonl"}
EXAM = {"prompt": "prompt", "options": ["o1", "o2"]}
WIDE = {"columns": {"prompt": "prompt", "other": "other", "n": {"field": "n", "as": "integer"}}}
GOLDS = {"letter": "letter", "index": "index", "number": "number", "text": "right"}
SECOND = {"letter": "letter2", "index": "index2", "number": "number2", "text": "wrong"}
ALL = {"one": 3, "two": 2}
HALVES = {"a": 0.5, "b": 0.5}
STYLED = {"texts": ["가", "나"]}

LISTED: list[Mutation] = [
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
    *(
        Mutation(field, *[recipe()] * 2, "source", "label", within=({}, changed))
        for field, changed in {
            "source.sha256": {"sha256": "0" * 64},
            "source.hf": {"hf": Hub(dataset="team/set")},
            "Hub.dataset": {"hf": Hub(dataset="team/other")},
            "Hub.config": {"hf": Hub(dataset="team/set", config="ko")},
            "Hub.split": {"hf": Hub(dataset="team/set", split="test")},
            "Hub.revision": {"hf": Hub(dataset="team/set", revision="v2")},
            "Hub.files": {"hf": Hub(dataset="team/set", files="a.jsonl")},
        }.items()
    ),
    *(
        Mutation(field, *[recipe()] * 2, "source", "label", within=({}, {"crawl": Crawl.model_validate(CRAWL | changed)}))
        for field, changed in {
            "source.crawl": {},
            "Crawl.start": {"start": ["https://b.example/"]},
            "Crawl.follow": {"follow": "a"},
            "Crawl.within": {"within": "https://*.example/*"},
            "Crawl.most": {"most": 2},
            "Crawl.delay": {"delay": 2},
        }.items()
    ),
    paged("source.pages", {}, {"fields": {"t": "i"}}),
    paged("Pages.fields", {}, {"fields": {"t": "b"}}),
    paged("Pages.rows", *({"rows": each, "fields": {"t": {}}} for each in ("p", "div"))),
    paged("Pages.url", *({"url": f"https://a.example/{each}"} for each in (1, 2))),
    paged("Pages.drop", *({"drop": [each]} for each in ("b", "i"))),
    paged("Picked.select", *({"fields": {"t": {"select": each}}} for each in ("p", "b"))),
    paged("Picked.attribute", *({"fields": {"t": {"select": "p", "attribute": each}}} for each in ("id", "title"))),
    paged("Picked.all", *({"fields": {"t": {"select": "p", "all": each}}} for each in (False, True))),
    paged("Picked.missing", *({"fields": {"t": {"select": "b", "missing": each}}} for each in ("no row", None))),
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
    source("LicenceByRow.column", *(LABELLED | {"license": {"column": each}} for each in ("lic", "lic2"))),
    source("LicenceByRow.map", *(LABELLED | {"license": {"column": "lic", "map": {"A": "A", "B": each}}} for each in ("B", "A"))),
    source("LicenceByRow.drop", *(LABELLED | {"license": {"column": "lic", "drop": [each]}} for each in ("A", "B"))),
    source("CategoryByRow.column", *(LABELLED | {"category": {"column": each}} for each in ("kind", "kind2"))),
    source(
        "CategoryByRow.map",
        *(LABELLED | {"category": {"column": "kind", "map": {"one": "one", "two": each}}} for each in ("two", "one")),
    ),
    source("source.members", {"file": "packed.zip"}, {"file": "packed.zip", "members": "in/*.jsonl"}),
    source("source.sheet", *({"file": "book.xlsx", "sheet": each} for each in ("one", "two"))),
    source("source.records", *(DEEP | {"records": way} for way in ("a[]", "b[]"))),
    source("Cell.value", *({"columns": {"prompt": "prompt", "own": {"value": each}}} for each in ("one", "two"))),
    source("Cell.template", *({"columns": {"prompt": {"template": [each]}}} for each in ("{prompt}", "{prompt}!"))),
    source("Listed.field", *(NESTED | {"columns": {"options": {"field": each}}} for each in ("o", "o2"))),
    source("Listed.path", *(NESTED | {"columns": {"options": {"field": "op", "path": [each]}}} for each in (0, -1))),
    source("Listed.text", *(NESTED | {"columns": {"options": {"field": "os", "text": each}}} for each in ("text", "t2"))),
    source(
        "Listed.label",
        *(
            NESTED | {"columns": {"options": {"field": "os", "label": each}, "gold": {"letter": "g"}}}
            for each in ("label", "l2")
        ),
    ),
    source("Listed.keys", *(NESTED | {"columns": {"options": {"field": "ok", "keys": [*each]}}} for each in ("xy", "yx"))),
    source("Gold.path", *(NESTED | {"columns": {"options": "o", "gold": {"index": "gs", "path": [each]}}} for each in (0, -1))),
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
    talked("Mapping.messages", {"messages": "messages"}, {"messages": "others"}),
    talked("Mapping.tools", {}, {"tools": "tools"}),
    talked("Conversation.field", *({"messages": {"field": each}} for each in ("messages", "others"))),
    talked("Conversation.form", *({"messages": {"field": "messages"} | each} for each in ({}, {"form": "harmony"}))),
    talked("Conversation.system", *({"messages": {"field": "messages"} | each} for each in ({}, {"system": "system"}))),
    talked("ToolList.field", *({"tools": {"field": each}} for each in ("tools", "other_tools"))),
    talked("ToolList.missing", *({"tools": {"field": "few"} | each} for each in ({}, {"missing": None}))),
    Mutation("turns.of", *[recipe({"turns": TAKEN}, a=A | TALK)] * 2, "turns", "label", within=({}, {"of": "other"})),
    only("Only.source", "a", "b"),
    only("Only.category", "one", "two"),
    only("Only.license", "A", "B"),
    steps("language_share.of", {"of": "target", "min": 0.5}, {"of": "anchor", "min": 0.5}),
    traced("language_share.marks", *({"of": "en", "min": 0.6, "in": "prompt", "marks": marks} for marks in ([], ["Result"]))),
    Mutation(
        "own_letters.of",
        *(recipe({"own_letters": {"of": each}}, language={"target": "vi", "anchor": "en"}) for each in ("target", "vi")),
        "own_letters",
        "label",
    ),
    steps("where.that", {"that": "length(prompt) > 5"}, {"that": "length(prompt) > 12"}),
    Mutation("where.in_", *[recipe({"where": "length(prompt) > 5"})] * 2, "where", "label", within=({}, {"in_": "other"})),
    steps("derive.sql_", *({"as": "other", "sql": f"{each}(prompt)"} for each in ("upper", "reverse"))),
    Mutation(
        "derive.of",
        *[recipe({"derive": {"as": "other", "sql": "upper(prompt)"}})] * 2,
        "derive",
        "label",
        within=({}, {"of": "other"}),
    ),
    traced("think_blocks.open", *({"max": 0, "in": "prompt", "close": "never", "open": tag} for tag in ("<think>", "[t]"))),
    traced("think_blocks.opened", *({"max": 0, "in": "prompt", "opened": each} for each in (False, True))),
    traced("finished.ended", *({"in": "prompt", "unknown": "drop", "ended": words} for words in ([], ["x y z"]))),
    traced("finished.cut", {"in": "prompt"}, {"in": "prompt", "cut": ["x y z"]}),
    traced("spans.ends", {"of": "prompt"}, {"of": "prompt", "ends": ["c"]}),
    traced("extract.mark", *({"of": "prompt", "rule": "last_answer_tag", "mark": mark} for mark in ("Answer", "Result"))),
    Mutation(
        "select.columns",
        recipe({"select": ["prompt"]}, a=A | WIDE),
        recipe({"select": {"columns": {"question": "prompt"}}}, a=A | WIDE),
        "keep",
    ),
    Mutation(
        "rename.columns",
        recipe({"rename": {"columns": {"question": "prompt"}}}, a=A | WIDE),
        recipe({"rename": {"columns": {"query": "prompt"}}}, a=A | WIDE),
        "keep",
    ),
    Mutation("unique.fold", *(recipe({"unique": each}, a=A | {"file": "yo.jsonl"}) for each in ({}, {"fold": ["yo"]})), "unique"),
    nearly("by", {}, {"by": "other"}),
    nearly("threshold", {}, {"threshold": 0.9}),
    nearly("ngram", {}, {"ngram": 1}),
    nearly("numbers", {}, {"numbers": "ignored"}),
    nearly("permutations", {"most_compared": 1}, {"most_compared": 1, "permutations": 16}),
    nearly("most_compared", {}, {"most_compared": 1}),
    replace(nearly("max_share", {}, {"max_share": 0.01}), stops=True),
    nearly("language", {}, {"language": "ko"}),
    steps("style_directives.per_row", STYLED, STYLED | {"per_row": 2}),
    exams("of", {"of": "other"}),
    exams("options", {"options": "more"}),
    exams("gold", {"gold": "second"}),
    exams("tokens", {"tokens": "segments"}),
    exams("retriever", {}, within={"retriever": "another"}),
    steps("sample.share", {"share": 0.2}, {"share": 0.7}),
    steps("split.take", *({"take": each, "parts": HALVES} for each in HALVES)),
    steps("split.parts", *({"take": "a", "parts": {"a": each, "b": 1 - each}} for each in (0.5, 0.25))),
    steps("split.salt", {"take": "a", "parts": HALVES}, {"take": "a", "parts": HALVES, "salt": "again"}),
    steps("weight.weights", {"weights": {"one": 0.5}}, {"weights": {"one": 2.5}}),
    steps("weight.others", {"weights": {"one": 1}}, {"weights": {"one": 1}, "others": 0}),
    Mutation(
        "weight.of",
        *(recipe({"weight": {"weights": {"b": 2}} | of}, a=A | {"category": "b"}) for of in ({}, {"of": "source"})),
        "weight",
    ),
    steps("weight.salt", {"weights": {"one": 0.5}}, {"weights": {"one": 0.5}, "salt": "again"}),
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
    replace(steps("mixture.shortage", {"take": {"one": 99}}, {"take": {"one": 99}, "shortage": "up_to"}), stops=True),
    steps(
        "mixture.repeat",
        {"take": {"one": 12}, "shortage": "up_to"},
        {"take": {"one": 12}, "shortage": "up_to", "repeat": {"one": 2}},
    ),
    steps("mixture.salt", {"take": ALL}, {"take": ALL, "salt": "again"}),
    Mutation("preview.items", *[recipe({"length": {"min": 1}})] * 2, "preview", items=(3, 5)),
    Mutation("output.output", recipe(), recipe(tables={"u": {"from": ["a", "b"], "steps": []}}), "output", "label"),
    Mutation("output.shard_rows", *[recipe()] * 2, "output", "tuning", within=({}, {"shard_rows": 3})),
    replace(steps("morphemes.of", {"min": 3}, {"min": 3, "of": "qq"}), stops=True),
    steps("behaviours.max", *(LOOKED | {"in": "prompt", "max": most} for most in (7, 1))),
    changed_model("tokenizer", "token_length"),
    score("score.kind", {}, {"kind": "exact"}),
    score("score.gold_language", {"kind": "math"}, {"kind": "math", "gold_language": "target"}),
    score("score.units", *({"in": "counted", "gold": "counted2", "kind": "math", "units": each} for each in ([], ["가", "나"]))),
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
    replace(looking("decontaminate.talk", {}, {}), role="label", within=({}, {"talk": "talk.turns"})),
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
    *(
        recorded(f"Budget.{name}", {"budget": {name: 1}}, {"budget": {name: 2}}, "tuning")
        for name in ("completions", "tokens", "money", "hours")
    ),
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
    *asking("converse", "teacher", {}, A | TALK),
    two_talks("converse.of", ASKED),
    *(
        Mutation(f"converse.{name}", *(recipe({"converse": ASKED | each}, a=A | TOOLED) for each in ({}, more)), "converse")
        for name, more in (("samples_", {"samples": 6}), ("salt", {"salt": "again"}))
    ),
    Mutation(
        "converse.tools",
        *(
            recipe({"select": {"columns": {"messages": "messages", "given": "tools"}}}, {"converse": ASKED | each}, a=A | TOOLED)
            for each in ({}, {"tools": "given"})
        ),
        "converse",
    ),
    two_talks("openings.of", {"salt": "z"}),
    *asking("judge", "teacher", {"question": JUDGED["question"]}),
    steps("judge.question", JUDGED, JUDGED | {"question": "{prompt}? yes or no"}),
    steps("judge.choices", JUDGED, JUDGED | {"choices": ["yes", "no"]}),
    steps("judge.as_", JUDGED, JUDGED | {"as": "said"}),
    steps("judge.close", *(JUDGED | {"seed": 4, "close": close} for close in ("</think>", "[end]"))),
    *(changed_model(name) for name in ("id", "revision", "template", "dtype", "quantisation")),
    *(changed_model(name, role="label") for name in ("license", "endpoint")),
    changed_model("terms", "attach"),
]
LISTED += [
    replace(next(each for each in LISTED if each.field == field), field=name, operator="attach")
    for field, name in (("Model.terms", "attach.terms"), ("generate.model", "attach.model"))
]


#: What is built here for each of its fields; trainings and evaluations have tests/test_training_keys.py.
BUILT = [kind for kind in OPERATORS.values() if not issubclass(kind, Train | Answers | Aggregate)]


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
