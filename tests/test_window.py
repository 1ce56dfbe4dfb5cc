"""Documents that are read a value at a time: wherever a block ends, the rows are those of the whole text."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from operators.declared.source import Source
from runtime.sources.readers.files import Unreadable
from runtime.sources.readers.read import read_batches

QUESTIONS = [{"q": f"{at}번 \U0001f600 \\ \"물음\" \u2028"} for at in range(5)]
PARTS = [{"title": title, "parts": [{"qas": some}]} for title, some in (("가", QUESTIONS[:3]), ("나", QUESTIONS[3:]))]
SQUAD = {"data": PARTS, "v": "1.0"}
KEYED = {"set": {f"k{at}": each for at, each in enumerate(QUESTIONS)}}


def source_of(records: str | None = None, **columns: Any) -> Source:
    said = {"file": "a.json", "category": "one", "license": "A", "columns": columns or {"prompt": "q"}}
    return Source.model_validate(said | ({"records": records} if records else {}))


def rows_of(source: Source, path: Path) -> tuple[list[Any], list[tuple[int, str]]]:
    batches = [*read_batches(source, path)]
    bad = [(bad.line, bad.reason) for each in batches for bad in each.bad]
    return [row for each in batches for row in each.table.to_pylist()], bad


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
@pytest.mark.parametrize("block", [1, 2, 3, 7, 64])
def test_wherever_a_block_ends_the_rows_are_the_same(
    block: int, encoding: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.json"
    prompts = [each["q"] for each in QUESTIONS]
    for document, records in (
        (QUESTIONS, None),
        ([*QUESTIONS, 12, -1.5e3, True], None),
        (SQUAD, "data[].parts[].qas[]"),
        (KEYED, "set{id}"),
        (KEYED["set"], "{id}"),
    ):
        for ascii_only in (True, False):
            path.write_text(f" {json.dumps(document, ensure_ascii=ascii_only, indent=1)}\n", encoding)
            monkeypatch.setattr("runtime.sources.readers.lines.CHUNK", block)
            source = source_of(records).model_copy(update={"encoding": encoding})
            rows, bad = rows_of(source, path)
            assert [row["prompt"] for row in rows] == prompts
            others = document[5:] if isinstance(document, list) else []
            assert [reason for _, reason in bad] == ["it is not an object" for _ in others]


def test_a_field_that_stands_behind_the_records_is_theirs(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text(json.dumps(SQUAD))
    wanted = {"prompt": "q", "title": ".....title", "version": "........v"}
    rows, bad = rows_of(source_of("data[].parts[].qas[]", **wanted), path)
    assert [(row["title"], row["version"]) for row in rows] == [("가", "1.0")] * 3 + [("나", "1.0")] * 2 and not bad


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('[{"q": 1}', "after row 1, in line 1: a comma or `]` is missing"),
        ('[{"q": "a"},\n{"q": nul}]', "row 2, which starts in line 2: it is not JSON"),
        ('[{"q": "a"}] 1', "more follows after the array, in line 1"),
        ('{"data": [{"parts": []}], "data": []}', "it has the key `data` twice"),
        ('{"data": [{"parts": []} {"parts": []}]}', "a comma or `]` is missing"),
        ('{"data": [{"parts": []}]} 1', "more follows after the first value"),
        ('{"data": [{"parts": []}', "a comma or `]` is missing"),
    ],
)
def test_what_is_wrong_is_told_where_it_stands(text: str, why: str, tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text(text)
    with pytest.raises(Unreadable) as told:
        rows_of(source_of("data[].parts[].qas[]" if text[0] == "{" else None), path)
    assert why in told.value.message


def test_a_way_that_leads_nowhere_says_what_is_there(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text(json.dumps(SQUAD))
    rows, ((line, reason),) = rows_of(source_of("rows[].parts[].qas[]"), path)
    assert not rows and line == 1 and reason.startswith("`records` asks for the key `rows`, and it is")
