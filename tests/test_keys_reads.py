"""What an operator reads is declared: recorders stand behind its arguments and the machine; a twin must fail."""

from __future__ import annotations

import contextlib
import functools
import importlib.metadata
import importlib.util
import json
import locale
import os
import sys
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar

import pyarrow as pa
import pytest

import operators.kernels.text as kernel
from operators.asks.asks import Asks, Refused, Reply
from operators.base.cut import Cut
from operators.base.declare import LABELS, Map, Measure, Operator, SetDecision, Step
from operators.base.files import FileDigest
from operators.base.naming import Naming
from operators.base.scope import Columns
from operators.catalog import OPERATORS, STEPS
from operators.conditions.expressed import Expressed
from operators.grow.expand import Expand, Parents
from operators.kernels.overlap.ngrams import Item
from operators.kernels.segments import cuts_of
from operators.maps.turns import Turns
from operators.measures.decontaminate import Decontaminate
from operators.measures.length import Length
from operators.measures.token_length import tokenizer_of
from operators.sets.unique import Unique
from tests.examples import said_of
from tests.keyed import lacked
from tests.mutations import TEXTS
from tests.tokenizing import DIGEST, TOKENIZER

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


@functools.cache
def listen() -> None:
    """Hear of files from here on; a process cannot stop that again, and each of its events costs something."""
    sys.addaudithook(hear)


@contextlib.contextmanager
def watched(seen: set[tuple[str, str]], monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """While this lasts, what is read of the machine goes into `seen`."""
    listen()
    kernel.category_table.cache_clear()
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
        case Expressed():
            from runtime.stages.conditions import evaluate

            return lambda: evaluate(operator, {name: texts for name in operator.parsed.columns})
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
        case Turns():
            return lambda: operator.change(talks_of(texts), entries)
        case Map():
            return lambda: operator.change(texts, entries)
        case Expand():
            return lambda: operator.expand(parents_of(operator, texts), entries, 7)
        case Unique():
            return lambda: (operator.form(kernel.Texts(texts), entries), operator.verdicts("rows", 7, None))
        case SetDecision():
            return lambda: operator.verdicts("rows", 7, None)
        case Naming():
            return lambda: operator.made({"prompt": "text"})
        case Cut():
            return lambda: operator.makes({"prompt": "text", **LABELS})  # what runs it is a kind of stage, and no operator
    raise AssertionError(f"nobody knows how to run `{operator.name}`")


def talks_of(texts: pa.Array) -> pa.Array:
    """Conversations in which each text is a question, with an answer that thought."""
    turns = [{"role": "assistant", "content": "<think>생각</think>답"}, {"role": "user", "content": "또?"}]
    asked = [None if text is None else {"role": "user", "content": text} for text in texts.to_pylist()]
    return pa.array([None if each is None else json.dumps([each, *turns]) for each in asked], pa.large_string())


def parents_of(operator: Expand, texts: pa.Array) -> Parents:
    """Rows for an operator by which rows are born, with whatever it reads."""
    import numpy as np

    count = len(texts)
    labels = pa.array(["x"] * count)
    columns = dict.fromkeys(("source", "category"), labels) | {
        "license": pa.array(["A"] * count),
        "prompt": texts,
        "messages": talks_of(texts),
    }
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
        "language": "ko",
        "own_letters": "ăơ",
        "negation_cues": ["아닌", "아니/VCN"],
        "behaviours.verification": ["맞는지"],
        "behaviours.backtracking": {"ko": ["잠깐"], "en": ["wait"]},
        **{f"prompts.{name}": f"{name}." for name in ("system", "monolingual", "short", "translate", "answer")},
    }
    seen: set[tuple[str, str]] = set()
    row = {"prompt": "What is `a` $b$ 1, 2?", "other": "물은 왜 끓나요?", "options": ["가", "나"], "n": 3}
    row |= {"messages": talks_of(pa.array(["물은?"]))[0].as_py(), "tools": '[{"type":"function","function":{"name":"f"}}]'}
    rows = tuple(Recorded(each, lambda name: seen.add(("column", name))) for each in (row, row | {"options": None}))
    run = kernel_of(operator, Recorded(profile, lambda name: seen.add(("entry", name))), rows)
    run()  # once before, so that lazily imported modules are not heard
    seen.clear()
    with watched(seen, monkeypatch):
        run()
    declared = {("entry", entry) for _, entry in operator.entries()} | {("version", name) for name in operator.depends()}
    if isinstance(operator, Asks):
        columns: Columns = {"prompt": "text", "other": "text", "options": "list of text", "n": "integer"}
        columns = columns | {"messages": "messages", "tools": "tools"}
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
    ("derive", {"as": "made", "sql": "upper(prompt)"}),
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


#: Any other step stands there as its first example says it.
EVERY = SAID + [(step.name, said_of(step)) for step in STEPS if step.name not in {name for name, _ in SAID}]


@pytest.mark.parametrize("said", EVERY, ids=lambda said: f"{said[0]} {json.dumps(said[1])[:60]}")
def test_an_operator_reads_only_what_it_declares(
    said: tuple[str, dict[str, Any]], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    if not issubclass(OPERATORS[said[0]], Asks) and lacked(said[0]):
        pytest.skip(f"not installed: {', '.join(lacked(said[0]))}")
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
