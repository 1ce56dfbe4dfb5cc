"""The memo of dear measures: a text is measured once, wherever it stands, and nothing damaged is believed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import operators.kernels.segments
import operators.measures.morphemes
from runtime.build.verify import verify
from runtime.store.store import Store
from tests.conftest import Project

TEXTS = [f"물은 왜 {' '.join('끓나요' for _ in range(place % 7))} {place}" for place in range(40)]
RECIPE = """
format: 1
recipe: test/memo
language: {target: ko, anchor: en}
sources:
  a: {file: a.jsonl, category: one, license: A}
  b: {file: b.jsonl, category: two, license: A}
prompts:
  - length: {min: 6}
  - morphemes: {min: 4}
"""


class Segmenter:
    """Words between spaces behind the interface of the segmenter; it knows what it was given, and can refuse."""

    def __init__(self) -> None:
        self.given: list[str] = []
        self.refuses = False

    def tokenize(self, texts: list[str]) -> list[list[str]]:
        if self.refuses and texts:
            raise AssertionError(f"measured again: {texts[:3]}")
        self.given += texts
        return [text.split() for text in texts]


@pytest.fixture
def segmenter(monkeypatch: pytest.MonkeyPatch) -> Iterator[Segmenter]:
    made = Segmenter()
    monkeypatch.setattr(operators.kernels.segments, "kiwi", lambda workers: made)
    monkeypatch.setattr(operators.measures.morphemes.Morphemes, "depends", lambda self: ("unicode",))
    yield made


@pytest.fixture
def built(tmp_path: Path, segmenter: Segmenter) -> Project:
    """A project that is built once, after which the segmenter refuses."""
    project = Project(tmp_path)
    (tmp_path / ".recipe").mkdir()
    project.rows("a.jsonl", [*TEXTS, "짧", None])
    project.rows("b.jsonl", ["다른 곳의 글 하나 둘", TEXTS[3]])
    project.write("recipe.yaml", RECIPE)
    project.build()
    segmenter.refuses = True
    return project


def journals(project: Project) -> list[Path]:
    return sorted((project.folder / "store").rglob("*.journal"))


def same_as_cold(project: Project, segmenter: Segmenter, store: str = "cold") -> None:
    """The store gives what an empty one gives."""
    warm = project.build()["outputs"]
    segmenter.refuses = False
    cold = project.build(store=store)["outputs"]
    assert [(each["digest"], each["rows"]) for each in warm] == [(each["digest"], each["rows"]) for each in cold]


def test_each_text_is_measured_once(built: Project, segmenter: Segmenter) -> None:
    assert sorted(segmenter.given) == sorted([*TEXTS, "다른 곳의 글 하나 둘"])


def test_another_bound_measures_nothing(built: Project, segmenter: Segmenter) -> None:
    built.write("recipe.yaml", RECIPE.replace("morphemes: {min: 4}", "morphemes: {min: 2, max: 7}"))
    same_as_cold(built, segmenter)


def test_a_cheaper_decision_that_lets_fewer_rows_through_measures_nothing(built: Project, segmenter: Segmenter) -> None:
    built.write("recipe.yaml", RECIPE.replace("length: {min: 6}", "length: {min: 9}"))
    same_as_cold(built, segmenter)


def test_a_cheaper_decision_that_lets_more_rows_through_measures_only_those(built: Project, segmenter: Segmenter) -> None:
    segmenter.refuses, segmenter.given = False, []
    built.write("recipe.yaml", RECIPE.replace("length: {min: 6}", "length: {min: 1}"))
    same_as_cold(built, segmenter)
    assert segmenter.given[:1] == ["짧"], "then the cold build measures all"


def test_a_changed_other_source_measures_only_its_new_text(built: Project, segmenter: Segmenter) -> None:
    built.rows("b.jsonl", [TEXTS[3], TEXTS[9]])
    same_as_cold(built, segmenter)


def test_a_new_text_is_refused_by_a_segmenter_that_refuses(built: Project) -> None:
    built.rows("b.jsonl", ["글 하나 둘 셋 넷"])
    with pytest.raises(AssertionError, match="measured again: .*글 하나"):
        built.run("build", "recipe.yaml", "--store", "store")


def test_the_same_text_elsewhere_is_not_measured_again(built: Project) -> None:
    built.rows("c.jsonl", [{"question": text} for text in TEXTS])
    built.write(
        "other.yaml",
        """
        format: 1
        recipe: test/elsewhere
        language: {target: ko}
        sources: {another: {file: c.jsonl, category: x, license: A, columns: {prompt: question, own: question}}}
        tables:
          t: {from: another, steps: [{name: here, morphemes: {in: own, max: 8}}, {measure: {m: {morphemes: {of: target}}}}]}
        """,
    )
    assert len(built.table("other.yaml")) > 10


def test_a_mapped_text_is_measured_by_what_it_is(built: Project, segmenter: Segmenter) -> None:
    built.rows("c.jsonl", [{"question": text} for text in TEXTS])
    built.write(
        "other.yaml",
        """
        format: 1
        recipe: test/mapped
        language: {target: ko}
        sources: {another: {file: c.jsonl, category: x, license: A, columns: {prompt: question}}}
        tables: {t: {from: another, steps: [{normalise: {form: FORM}}, {measure: {m: {morphemes: {}}}}]}}
        """.replace("FORM", "NFC"),
    )
    assert [row["m"] for row in built.table("other.yaml")] and not segmenter.given[len(TEXTS) + 1 :]


def test_a_null_is_measured_as_unknown(built: Project, segmenter: Segmenter) -> None:
    built.write("recipe.yaml", RECIPE.replace("  - length: {min: 6}\n", "").replace("min: 4", "min: 1, unknown: keep"))
    segmenter.refuses = False
    assert None in [row["prompt"] for row in built.table()] and segmenter.given.count("짧") == 1
    same_as_cold(built, segmenter)


def test_the_memo_survives_gc(built: Project, segmenter: Segmenter) -> None:
    before = [path.read_bytes() for path in journals(built)]
    for path in list((built.folder / "store" / "v4" / "names").rglob("last-build.json")):
        path.unlink()  # nothing is named any more, so that gc takes all it can
    cleaned = built.run("store", "gc", "--store", "store", "--json")
    assert cleaned.code == 0 and cleaned.json["records"] > 0 and cleaned.json["objects"] > 0
    assert [path.read_bytes() for path in journals(built)] == before
    same_as_cold(built, segmenter)


def damaged(project: Project, segmenter: Segmenter, data: bytes) -> list[str]:
    """What is measured again after the only journal became `data`."""
    (journal,) = journals(project)
    journal.chmod(0o644)
    journal.write_bytes(data)
    segmenter.refuses, segmenter.given = False, []
    project.write("recipe.yaml", RECIPE.replace("morphemes: {min: 4}", "morphemes: {min: 5}"))
    warm = project.build()["outputs"]
    again = list(segmenter.given)
    cold = project.build(store="cold")["outputs"]
    assert warm[0]["digest"] == cold[0]["digest"], "a damaged value was believed"
    return again


ENTRY = 16 + 8 + 8


def only_journal(project: Project) -> bytes:
    """All journals as one: a build writes one for each batch."""
    paths = journals(project)
    data = b"".join(path.read_bytes() for path in paths)
    for path in paths[1:]:
        path.unlink()
    assert len(data) == ENTRY * (len(TEXTS) + 1)
    return data


@pytest.mark.parametrize("lost", [1, ENTRY - 1, ENTRY, 3 * ENTRY + 5])
def test_a_tail_that_was_cut_off_is_measured_again(built: Project, segmenter: Segmenter, lost: int) -> None:
    again = damaged(built, segmenter, only_journal(built)[:-lost])
    assert len(again) == -(-lost // ENTRY)


@pytest.mark.parametrize("at", [0, 15, 16, 17, 23, 24, 31])
def test_a_flipped_byte_is_measured_again(built: Project, segmenter: Segmenter, at: int) -> None:
    data = bytearray(only_journal(built))
    data[5 * ENTRY + at] ^= 0x04
    assert len(damaged(built, segmenter, bytes(data))) == 1


def test_a_journal_without_sense_is_measured_again(built: Project, segmenter: Segmenter) -> None:
    size = len(only_journal(built))
    assert len(damaged(built, segmenter, np.random.default_rng(1).bytes(size))) == len(TEXTS) + 1


def test_verify_tells_of_a_damaged_entry(built: Project) -> None:
    journal = journals(built)[0]
    journal.chmod(0o644)
    data = bytearray(journal.read_bytes())
    data[20] ^= 1
    journal.write_bytes(data)
    assert any("memo" in problem and "measured again" in problem for problem in verify(Store(built.folder / "store")))


def test_a_journal_with_checks_left_out_would_be_believed(
    built: Project, segmenter: Segmenter, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = bytearray(only_journal(built))
    for entry in range(len(data) // ENTRY):
        data[entry * ENTRY + 16] ^= 0x04

    def unchecked(whole: bytes, width: int) -> Iterator[bytes]:
        return (whole[start : start + width - 8] for start in range(0, len(whole), width))

    monkeypatch.setattr("runtime.tables.memo.entries_in", unchecked)
    with pytest.raises(AssertionError, match="believed"):
        damaged(built, segmenter, bytes(data))


def why(project: Project, text: str) -> list[dict[str, Any]]:
    """The decisions on the row with this text."""
    told = project.run("why", "recipe.yaml", "--match", text, "--store", "store", "--json")
    assert told.code == 0, told.err
    return [step for event in told.json["rows"][0]["events"] for step in event.get("steps", ())]


def test_a_row_that_a_cheaper_decision_drops_is_not_measured(built: Project) -> None:
    length, morphemes = why(built, "짧")
    assert (length["verdict"], length["measured"]) == ("dropped", "1 characters")
    assert (morphemes["verdict"], morphemes["measured"], morphemes["values"]) == ("not decided", "not measured", None)


def test_a_row_that_comes_so_far_is_measured(built: Project) -> None:
    length, morphemes = why(built, TEXTS[5])
    assert (length["verdict"], morphemes["verdict"]) == ("passed", "passed")
    assert morphemes["values"] == {"morphemes": len(TEXTS[5].split())}


def test_a_dear_measure_written_first_is_taken_last(built: Project) -> None:
    first, second = "  - length: {min: 6}\n", "  - morphemes: {min: 4}\n"
    built.write("recipe.yaml", RECIPE.replace(first + second, second + first))
    assert not built.build()["ran"] and [step["step"] for step in why(built, "짧")] == ["length", "morphemes"]
