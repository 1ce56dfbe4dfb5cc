"""The same rows and the same recipe give the same digest, however the files lie and however the build runs."""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest

from tests.conftest import ROOT, Project

STEPS = """
prompts:
  - normalise: {form: NFKC}
  - length: {min: 4, max: 60}
  - language_share: {of: target, min: 0.2, ignoring: [urls, markdown]}
  - where: "prompt NOT LIKE '%zz%'"
  - measure: {size: {length: {in: note}}}
  - unique: {by: [prompt, note], normalise: [nfc, case, space, punctuation]}
  - sample: {share: 0.9}
mixture: {take: {one: 150}, by: rows, repeat: {one: 2}, shortage: up_to}
"""

REPHRASED = """
mixture:
  shortage: up_to
  repeat: {one: 2}
  take: {one: 150}
# the same, in other words
prompts:
  - {name: form, normalise: {form: NFKC}}
  - {name: long, length: {max: 60, min: 4}}   # characters
  - {name: Korean, language_share: {ignoring: [urls, markdown], min: 0.20, of: target}}
  - {name: no zz, where: {that: "prompt NOT LIKE '%zz%'"}}
  - {name: sizes, measure: {size: {length: {in: note}}}}
  - {name: once, unique: {normalise: [nfc, case, space, punctuation], by: [prompt, note]}}
  - {name: most, sample: {share: 0.9}}
"""

HEAD = """
format: 1
recipe: test/same
language: {target: ko, anchor: en}
seed: 11
sources:
  a: {file: "FILES", category: one, license: A, columns: {prompt: prompt, note: note}}
"""


def some_rows(count: int = 300) -> list[dict[str, str | None]]:
    """Rows with what text has: other forms, equal rows, nulls, all planes."""
    chance = random.Random(3)
    words = [
        "물은",
        "왜",
        "끓나요",
        "하늘",
        "sky",
        "zz",
        "각",
        "ＡＢＣ",
        "ﬁ",
        "e\u0301",
        "😀",
        "https://a.b",
        "**",
        "\t",
        "\u3000",
        "İ",
        "ß",
    ]
    rows: list[dict[str, str | None]] = [
        {
            "prompt": chance.choice([None, *[" ".join(chance.choices(words, k=chance.randint(1, 8)))] * 9]),
            "note": chance.choice(words),
        }
        for _ in range(count)
    ]
    return rows + rows[:20]


def in_shards(rows: list[Any], folder: Path, count: int, seed: int = 0) -> str:
    """The rows in shuffled files of uneven sizes."""
    chance, rows = random.Random(seed), list(rows)
    chance.shuffle(rows)
    folder.mkdir()
    bounds = [0, *sorted(chance.sample(range(1, len(rows)), count - 1)), len(rows)]
    for place in range(count):
        name = folder / f"{chance.randrange(10**9)}.jsonl"
        name.write_text(
            "".join(json.dumps(row, ensure_ascii=place % 2 == 0) + "\n" for row in rows[bounds[place] : bounds[place + 1]]),
            "utf-8",
        )
    return f"{folder.name}/*.jsonl"


@pytest.fixture
def build(tmp_path: Path) -> Callable[..., str]:
    """Builds rows that lie in a file or more, in a store of its own; gives the digest."""
    project = Project(tmp_path)
    (tmp_path / ".recipe").mkdir()
    project.rows("one.jsonl", some_rows())
    number = iter(range(100))

    def built(files: str = "one.jsonl", steps: str = STEPS) -> str:
        project.write("recipe.yaml", HEAD.replace("FILES", files) + steps)
        return project.digest(store=f"store {next(number)}")

    return built


def test_any_number_of_threads_gives_the_same_digest(build: Callable[..., str], monkeypatch: pytest.MonkeyPatch) -> None:
    digests = set()
    for threads in ("1", "2", "4"):
        monkeypatch.setenv("RECIPE_THREADS", threads)
        digests.add(build())
    assert len(digests) == 1


def test_shuffled_files_are_one_file(build: Callable[..., str], tmp_path: Path) -> None:
    one = build()
    assert [build(in_shards(some_rows(), tmp_path / f"shards {count}", count, seed=count)) for count in (2, 7)] == [one, one]


def test_row_groups_and_compression_are_no_content(build: Callable[..., str], tmp_path: Path) -> None:
    table = pa.Table.from_pylist(some_rows())
    pq.write_table(table, tmp_path / "plain.parquet", compression="none")
    pq.write_table(table, tmp_path / "packed.parquet", compression="zstd", row_group_size=17, use_dictionary=False, version="1.0")
    pq.write_table(table.select(["note", "prompt"]), tmp_path / "turned.parquet", compression="gzip", row_group_size=1)
    large = pa.schema([("prompt", pa.large_string()), ("note", pa.dictionary(pa.int32(), pa.string())), ("more", pa.int64())])
    more = table.append_column("more", pa.array(range(len(table))))
    pq.write_table(more.cast(large), tmp_path / "wide.parquet")
    digests = {build(f"{name}.parquet") for name in ("plain", "packed", "turned", "wide")}
    assert digests == {build()}, "and JSON lines of the same cells"


def test_other_batches_are_the_same(build: Callable[..., str], tmp_path: Path) -> None:
    one = build()
    text = HEAD.replace("FILES", "one.jsonl").replace("license: A", "license: A, batch_rows: 7") + STEPS
    (tmp_path / "recipe.yaml").write_text(text, "utf-8")
    assert Project(tmp_path).digest(store="batches") == one


def test_compressed_and_separated_text_of_the_same_cells_is_the_same(build: Callable[..., str], tmp_path: Path) -> None:
    import gzip

    rows = [row for row in some_rows() if row["prompt"] and "\t" not in row["prompt"] + str(row["note"])]
    Project(tmp_path).rows("whole.jsonl", rows)
    (tmp_path / "whole.jsonl.gz").write_bytes(gzip.compress((tmp_path / "whole.jsonl").read_bytes()))
    (tmp_path / "whole.json").write_text(json.dumps(rows), "utf-8")
    (tmp_path / "whole.tsv").write_text(
        "".join("\t".join(row) + "\n" for row in [["prompt", "note"], *[list(each.values()) for each in rows]]), "utf-8"
    )  # type: ignore[arg-type]
    assert len({build(f"whole.{ending}") for ending in ("jsonl", "jsonl.gz", "json", "tsv")}) == 1


def test_another_folder_and_a_copied_file_are_the_same(
    build: Callable[..., str], tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    one = build()
    other = Project(tmp_path_factory.mktemp("another place"))
    (other.folder / ".recipe").mkdir()
    other.write("recipe.yaml", HEAD.replace("FILES", "deep/er/copied.jsonl") + STEPS)
    (other.folder / "deep" / "er").mkdir(parents=True)
    shutil.copyfile(tmp_path / "one.jsonl", other.folder / "deep" / "er" / "copied.jsonl")
    os.utime(other.folder / "deep" / "er" / "copied.jsonl", (1_000_000_000, 1_000_000_000))
    assert other.digest() == one


def test_other_words_for_the_same_are_the_same(build: Callable[..., str]) -> None:
    assert build(steps=REPHRASED) == build()


def test_other_rows_or_another_seed_are_not_the_same(build: Callable[..., str], tmp_path: Path) -> None:
    Project(tmp_path).rows("less.jsonl", some_rows()[1:-20])
    text = (HEAD.replace("FILES", "one.jsonl") + STEPS).replace("seed: 11", "seed: 12")
    one = build()
    assert build("less.jsonl") != one
    (tmp_path / "recipe.yaml").write_text(text, "utf-8")
    assert Project(tmp_path).digest(store="seeded") != one


def in_a_process(project: Project, recipe: str, store: str, **environment: str) -> tuple[str, list[bytes]]:
    """(digest, bytes of the shards) that a build in a process of its own makes."""
    command = [sys.executable, "-m", "runtime.cli.main", "build", recipe, "--store", store, "--json"]
    path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    ran = subprocess.run(
        command, cwd=project.folder, env={**os.environ, "PYTHONPATH": path, **environment}, capture_output=True, text=True
    )
    assert ran.returncode == 0, ran.stderr
    (output,) = json.loads(ran.stdout)["outputs"]
    return output["digest"], [shard.read_bytes() for shard in sorted((project.folder / output["path"]).glob("*.parquet"))]


def test_processes_with_other_hash_seeds_and_threads_write_the_same_bytes(tmp_path: Path) -> None:
    project = Project(tmp_path)
    (tmp_path / ".recipe").mkdir()
    project.rows("one.jsonl", some_rows())
    project.write("recipe.yaml", HEAD.replace("FILES", "one.jsonl") + STEPS)
    kinds = [
        {"PYTHONHASHSEED": "0", "RECIPE_THREADS": "1"},
        {"PYTHONHASHSEED": "1", "RECIPE_THREADS": "2", "LANG": "C", "LC_ALL": "C", "TZ": "Asia/Seoul"},
        {"PYTHONHASHSEED": "4711", "RECIPE_THREADS": "4", "LC_ALL": "tr_TR.UTF-8", "TZ": "UTC"},
    ]
    built = [in_a_process(project, "recipe.yaml", f"store {place}", **kind) for place, kind in enumerate(kinds)]
    assert built[0][1] and all(each == built[0] for each in built)


def test_real_reviews_are_the_same_however_they_lie(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = data / "nsmc" / "reviews_20k.tsv"
    if not path.is_file():
        pytest.skip("the reviews of nsmc are not here")
    options = pyarrow.csv.ParseOptions(delimiter="\t", quote_char=False)
    text = pyarrow.csv.ConvertOptions(column_types={"review": pa.string(), "rating": pa.string()}, strings_can_be_null=False)
    table = pyarrow.csv.read_csv(path, parse_options=options, convert_options=text)
    rows = [{"prompt": row["review"], "note": row["rating"]} for row in table.to_pylist()]
    project = Project(tmp_path)
    (tmp_path / ".recipe").mkdir()
    project.rows("one.jsonl", rows)
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "one.parquet", row_group_size=3001)
    files = ["one.jsonl", "one.parquet", in_shards(rows, tmp_path / "shards", 5)]
    steps = STEPS.replace("one: 150", "one: 15000")
    digests = set()
    for threads, pattern in zip(("1", "2", "4"), files, strict=True):
        monkeypatch.setenv("RECIPE_THREADS", threads)
        project.write("recipe.yaml", HEAD.replace("FILES", pattern) + steps)
        report = project.build(store=f"store {threads}")
        assert report["outputs"][0]["rows"] > 10_000
        digests.add(report["outputs"][0]["digest"])
    assert len(digests) == 1
