"""The benchmark of YI-SANG's size still runs, at a few hundred rows: it goes on where it was, and measures what was built."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

import benchmarks.yisang_scale as scale
from benchmarks.scaling import recipe
from benchmarks.scaling.building import Stage, Unmeasured, build, recorded
from benchmarks.scaling.corpus import KINDS, write_prompts, written_in_hangul
from benchmarks.scaling.sentences import READ, cells, pool

PERCENT = 0.004


@pytest.fixture
def few(data: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The real data, of which one small file each is read for Korean and English sentences."""

    def korean(data: Path) -> Iterator[str | None]:
        yield from cells(data / "kt_ai" / "public_mwp_data_v2_reasoning-test.jsonl", "question", "reason")

    def english(data: Path) -> Iterator[str | None]:
        yield from cells(data / "kt_ai" / "kor-D_multiarith-train.json", "reasoning_completion")

    for name in READ:
        monkeypatch.setitem(READ, name, english if name == "thinking" else korean)
    monkeypatch.setattr(recipe, "EVALUATED", {"held_in": ["aime_en"], "held_out": None})
    for cached in (pool, written_in_hangul):
        cached.cache_clear()
    yield data
    for cached in (pool, written_in_hangul):
        cached.cache_clear()


def test_a_few_rows_come_as_far_as_the_mixture_and_are_not_built_twice(few: Path, tmp_path: Path) -> None:
    made = scale.measure(few, tmp_path, PERCENT, "2GB", 1, tokens=False)
    names = [stage.name for stage in made.stages]
    assert {*KINDS, "prompts/merge_options", "written", "traces/generate", "traces", "dataset/mixture"} <= {*names}
    assert len(names) == len({*names}) and all(stage.whole and stage.peak for stage in made.stages)
    first = made.named("traces")
    assert first is not None and 0 < first.rows < made.rows(first)[0]
    lines = scale.table(made, made)
    assert len(lines) == len(names) + 4 and "written beside" in lines[-1]
    again = scale.measure(few, tmp_path, PERCENT, "2GB", 1, tokens=False)
    assert again == made
    for log in tmp_path.glob("*.stages"):
        log.unlink()
    with pytest.raises(Unmeasured, match="which nobody measured"):
        build(tmp_path, "prompts.yaml", tmp_path / "prompts.stages", few, "2GB", 60)


def test_the_same_prompts_are_written_anywhere_and_none_is_one_sentence(few: Path, tmp_path: Path) -> None:
    folders = [tmp_path / name for name in "ab"]
    assert len({write_prompts(few, folder, PERCENT) for folder in folders}) == 1
    for path in sorted(folders[0].rglob("*.parquet")):
        assert path.read_bytes() == (folders[1] / path.relative_to(folders[0])).read_bytes()
        texts = pq.read_table(path, columns=["question"]).column(0)
        assert not pc.any(pc.is_in(texts, pool(few, path.parent.name))).as_py()


def test_a_disk_that_is_short_is_told_with_numbers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scale, "NEEDED", 1 << 60)
    with pytest.raises(SystemExit, match=r"10 % needs .* GB, and .* GB are free in .*: .* % would fit"):
        scale.make_room(tmp_path, 10)


def test_what_costs_the_same_at_every_size_is_not_multiplied() -> None:
    small, large = (scale.Measured(percent, [Stage("a", 1, 20 + percent, 20 + percent, 1, 1)], {}, 1) for percent in (1.0, 2.0))
    assert scale.at_whole(large, small, large.stages[0], "cpu") == 120
    assert scale.at_whole(small, small, small.stages[0], "cpu") == 2100


def test_a_log_is_read_as_it_was_written(tmp_path: Path) -> None:
    stage = Stage("dataset/mixture", 3, 0.5, 0.25, 100, 10, False)
    (tmp_path / "a.stages").write_text(json.dumps(vars(stage)) + "\n")
    assert recorded(tmp_path / "a.stages") == [stage] and recorded(tmp_path / "b.stages") == []
