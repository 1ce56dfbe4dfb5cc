"""What each operator makes of its examples is on record: other results need a new version, other code a reviewed line.

`python -m tests.test_golden --write` writes the record anew; its diff is what a reviewer reads.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any, ClassVar

import pyarrow.parquet as pq
import pytest

from compiler.text.canonical import digest_of
from operators.asks.asks import Asks
from operators.asks.converse import Converse
from operators.asks.judge import Judge
from operators.asks.translate import Translate
from operators.base.declare import Measure, Step
from operators.catalog import CATALOG, STEPS
from operators.measures.length import Length
from tests.conftest import Project
from tests.definitions import ours
from tests.examples import BENCHMARKS, LEXICONS, MODELS, WRITTEN, asked_of, examples_of, installed, needed, rows_for, runnable
from tests.teacher import Handler, configure, teaching, varied
from tests.tokenizing import TOKENIZER

RECORD = Path(__file__).parent / "golden" / "operators.json"


def built(folder: Path, asked: list[Any], rows: list[dict[str, Any]]) -> list[tuple[str, Path]]:
    """(digest, folder of its Parquet files) of what a real build makes by each of these steps alone."""
    project = Project(folder)
    (folder / ".recipe").mkdir(exist_ok=True)
    project.rows("rows.jsonl", rows)
    project.write("tokenizer.json", TOKENIZER)
    for name, items in BENCHMARKS.items():
        project.rows(f"{name}.jsonl", items)
    for code, lexicon in LEXICONS.items():
        profile = {"format": 1, "language": code, "name": "Q", "behaviours": lexicon, **WRITTEN[code]}
        project.write(f"languages/{code}.yaml", json.dumps(profile, ensure_ascii=False))
    names = dict.fromkeys(name for row in rows for name in row)
    columns = {name: {"field": name, "as": "integer"} if name == "n" else name for name in names}
    columns |= {"gold": {"index": "gold"}} if "gold" in columns else {}
    said: dict[str, Any] = {
        "format": 1,
        "recipe": "test/golden",
        "language": {"target": "ko", "anchor": "en"},
        "seed": 5,
        "models": MODELS,
        "benchmarks": {
            name: {
                "items": {"file": f"{name}.jsonl", "columns": {"prompt": "prompt", "gold_answer": "prompt"}},
                "task": "exact",
                "extract": "last_line",
                "language": "qr",
                "license": "A",
            }
            for name in BENCHMARKS
        },
        "sources": {"rows": {"file": "rows.jsonl", "category": "x", "license": "A", "columns": columns}},
        "tables": {f"t{place}": {"from": "rows", "steps": [step]} for place, step in enumerate(asked)},
    }
    project.write("recipe.yaml", json.dumps(said, ensure_ascii=False))
    targets = [part for name in said["tables"] for part in ("--target", name)]
    outputs = {each["output"]: each for each in project.build("recipe.yaml", *targets)["outputs"]}
    return [(outputs[name]["digest"], folder / outputs[name]["path"]) for name in said["tables"]]


@contextmanager
def taught(folder: Path, step: type[Step], example: dict[str, Any]) -> Iterator[None]:
    """Where a step asks a model, one that answers an example as that says, and all else by a function of the request."""
    if not issubclass(step, Asks):
        yield
        return
    operator = step.model_validate(example["with"])
    said = {}
    for row, made in zip(example["in"], example["out"], strict=True):
        messages = operator.messages(row, defaultdict(str))
        assert messages is not None
        (name,) = (name for name in operator.made() if made.get(name) not in (None, "stop"))
        answer = json.loads(made[name])[-1]["content"] if isinstance(operator, Converse) else made[name]
        said[messages[-1][1]] = operator.choices[made[name]] if isinstance(operator, Judge) else answer

    def reply(handler: Handler, request: dict[str, Any], times: int) -> bool:
        content = request["messages"][-1]["content"]
        # How a translation is asked for stands in a language profile, which may be worded better one day.
        told = [content] if issubclass(step, Translate) else request
        shown = varied(request, sha256(json.dumps(told, sort_keys=True, ensure_ascii=False).encode()).hexdigest())
        if content in said and request.get("max_tokens") == operator.max_tokens:
            shown["choices"][0] = {"index": 0, "message": {"content": said[content]}, "finish_reason": "stop"}
        handler.say(200, shown)
        return True

    with teaching() as teacher, pytest.MonkeyPatch.context() as patch:
        teacher.fault = reply
        configure(folder, teacher, patch)
        yield


def check_example(folder: Path, step: type[Step], example: dict[str, Any]) -> str:
    """An example gives what it says; the digest of all it gives."""
    with taught(folder, step, example):
        ((digest, path),) = built(folder, [{step.name: example["with"]}], example["in"])
    rows = pq.read_table(path).to_pylist()
    shown = [{name: row.get(name) for name in example["out"][0]} for row in rows]
    assert sorted(map(repr, shown)) == sorted(map(repr, example["out"])), f"the example of `{step.name}` gives {shown}"
    return digest


def result_of(folder: Path, step: type[Step]) -> str:
    """One digest of all that a step makes of its examples, and of all that it is asked."""
    digests = [check_example(folder, step, example) for example in examples_of(step)]
    asked = [{step.name: each} for each in asked_of(step)]
    with taught(folder, step, examples_of(step)[0]):
        # A measure is asked as a decision and as a column.
        forms = ((each, {"measure": {"measured": each}}) if issubclass(step, Measure) else (each,) for each in asked)
        digests += [digest for digest, _ in built(folder, [form for both in forms for form in both], rows_for(step))]
    return digest_of(digests)


def check_entry(name: str, entry: dict[str, Any] | None, digest: str, source: str) -> None:
    """The record of one operator against what it is now."""
    assert entry is not None, f"`{name}` is not on record: python -m tests.test_golden --write"
    assert entry["digest"] == digest, f"`{name}` gives another result: it needs a new version"
    accepted = {entry["source"], *entry["same_result"]}
    assert source in accepted, (
        f"the code of `{name}` changed and its result did not: if that is so for all rows, add {source} to its `same_result`"
    )


def record() -> dict[str, Any]:
    entries: dict[str, Any] = json.loads(RECORD.read_text("utf-8"))
    return entries


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.name)
def test_every_step_has_an_example(step: type[Step]) -> None:
    assert examples_of(step) and asked_of(step)
    assert all(set(example) == {"with", "in", "out"} for example in examples_of(step))


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.name)
def test_a_step_gives_what_is_on_record(step: type[Step], tmp_path: Path) -> None:
    if not runnable(step):
        pytest.skip(f"`{step.name}` needs what is not installed: {', '.join(needed(step))}")
    name = f"{step.name}@{step.version}"
    entry = record().get(name)
    if entry is not None and entry["installed"] != installed(step):
        pytest.skip(f"the record of `{name}` is for {entry['installed']}, and here is {installed(step)}")
    check_entry(name, entry, result_of(tmp_path, step), ours().hash_of(step))


def test_the_record_holds_no_operator_that_is_gone() -> None:
    assert {name.partition("@")[0] for name in record()} == set(CATALOG)


def test_another_result_under_the_same_version_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    length = CATALOG["length"]
    monkeypatch.setattr(length, "measure", lambda self, texts, entries: [texts.lengths() + (texts.lengths() > 20)])
    with pytest.raises(AssertionError, match="needs a new version"):
        check_entry("length", record()[f"length@{length.version}"], result_of(tmp_path, length), ours().hash_of(length))


def test_other_code_without_a_reviewed_line_is_noticed() -> None:
    entry = record()[f"length@{CATALOG['length'].version}"]
    with pytest.raises(AssertionError, match="same_result"):
        check_entry("length", entry, entry["digest"], "other code")
    check_entry("length", entry | {"same_result": ["other code"]}, entry["digest"], "other code")


def test_a_step_without_an_example_is_told_where_to_write_one() -> None:
    class Bare(Length):
        """Keep rows."""

        name: ClassVar[str] = "bare"

    with pytest.raises(AssertionError, match="`bare` has no example: write one into its docstring"):
        examples_of(Bare)


def test_a_step_that_is_not_listed_is_asked_what_its_fields_suggest() -> None:
    class Long(Length):
        """Keep rows.

        Example:
            with: {min: 3}
            in:   [{prompt: one}]
            out:  [{prompt: one}]
        """

        name: ClassVar[str] = "long"

    asked = asked_of(Long)
    assert {name for each in asked for name in each} == {"min", "max", "in", "only", "unknown"} and {"min": 3} in asked


def test_a_wrong_example_is_noticed(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="the example of `length` gives"):
        check_example(tmp_path, CATALOG["length"], {"with": {"min": 3}, "in": [{"prompt": "물"}], "out": [{"prompt": "물"}]})


def write_record() -> None:
    """Write what is new or changed anew; raises where an operator gives another result under the same version."""
    old = record() if RECORD.exists() else {}
    made: dict[str, Any] = {}
    for step in STEPS:
        name = f"{step.name}@{step.version}"
        before, source = old.get(name), ours().hash_of(step)
        known = before is not None and source in {before["source"], *before["same_result"]}
        if not runnable(step) or (known and before["installed"] == installed(step)):
            made[name] = old[name]
            continue
        with tempfile.TemporaryDirectory() as folder:
            entry = {
                "digest": result_of(Path(folder), step),
                "installed": installed(step),
                "source": source,
                "same_result": list[str](),
            }
        if before is not None and before["installed"] == installed(step):
            if before["digest"] != entry["digest"]:
                raise SystemExit(f"`{name}` gives another result: give it a new version first")
            entry |= {"source": before["source"], "same_result": sorted({*before["same_result"], source})}
        made[name] = entry
    RECORD.parent.mkdir(exist_ok=True)
    RECORD.write_text(json.dumps(made, indent=1, sort_keys=True) + "\n", "utf-8")


if __name__ == "__main__":
    if sys.argv[1:] != ["--write"]:
        raise SystemExit("python -m tests.test_golden --write")
    write_record()
