"""Mutants of a file of every kind that is read: every row right, or refused in a sentence; nothing long or large."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from tests.fuzz import fuzz
from tests.fuzz_readers import READERS, Told, misread, read, strayed
from tests.reader_mutants import mutant, seeds

for needed in ("openpyxl", "fastwarc", "resiliparse", "selectolax"):
    pytest.importorskip(needed)
COUNT = 155


def test_mutated_files_are_read_or_refused() -> None:
    # Those behind the first round, in which each is built besides.
    told = list(fuzz(len(seeds()), COUNT, READERS))
    assert [each for each in told if each["wrong"]] == []
    codes = Counter(each["code"] for each in told)
    assert len(told) == COUNT and codes[0] > COUNT / 4 and codes[1] > COUNT / 4, codes


def test_a_mutant_is_its_number_and_every_seed_is_read(tmp_path: Path) -> None:
    assert [mutant(each).content for each in range(50)] == [mutant(each).content for each in range(50)]
    for seed in seeds():
        (tmp_path / seed.name).write_bytes(seed.content)
        told = read(seed, tmp_path / seed.name)
        assert (len(told.rows) == 12 and not told.bad) or (seed.name == "rows.arrow" and told.refused), (seed.name, told)


def test_a_row_that_is_lost_moved_or_read_otherwise_is_a_finding(tmp_path: Path) -> None:
    seed = next(each for each in seeds() if each.name == "flat.jsonl")
    (tmp_path / seed.name).write_bytes(seed.content)
    told = read(seed, tmp_path / seed.name)
    lines = seed.content.splitlines(keepends=True)
    changed = b"".join([*lines[:5], b"?" + lines[5], *lines[6:]])
    right = replace(told, rows=told.rows[:5] + told.rows[6:], bad=[(6, "it is not JSON")])
    assert strayed(seed, changed, right, told) is misread(seed, changed, right, told) is None
    other = [(2, {**told.rows[1][1], "prompt": "b"})]
    for rows in (told.rows[1:], told.rows[:-1], [told.rows[0], *other, *told.rows[2:]], []):
        assert strayed(seed, changed, Told(rows), told) is not None
    assert "those that are read or refused" in str(misread(seed, changed, replace(right, bad=[]), told))
