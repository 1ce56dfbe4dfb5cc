"""Real data: every row is read, and the prompt rules of the reference pipeline keep what plain Python keeps."""

from __future__ import annotations

import csv
import gzip
import json
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Project, Ran

RECIPES = Path(__file__).resolve().parent / "recipes"
HANGUL = re.compile("[\u1100-\u11ff\u3130-\u318f\ua960-\ua97f\uac00-\ud7a3\ud7b0-\ud7ff]")
Rows = Callable[[str], list[dict[str, Any]]]

#: Recipe -> source -> (files, how plain Python reads them, column of the prompt, names in the data's README).
SOURCES: dict[str, dict[str, tuple[str, str, str, tuple[str, ...]]]] = {
    "nsmc": {"reviews": ("nsmc/reviews.parquet", "parquet", "review", ("nsmc",))},
    "petitions": {"petitions": ("petitions/*.jsonl.gz", "gz", "content", ("petitions",))},
    "kt_ai": {
        "gsm8k_ko": ("kt_ai/kor-gsm8k-test.jsonl", "plain", "kor_question", ("kt_ai kor-gsm8k-test",)),
        "gsm8k_en": ("kt_ai/kor-gsm8k-test.jsonl", "plain", "question", ("kt_ai kor-gsm8k-test",)),
        "mwp": ("kt_ai/public_mwp_*.jsonl", "plain", "question",
                ("kt_ai public_mwp_data_v2_reasoning-train", "kt_ai public_mwp_data_v2_reasoning-test")),
        "addsub": ("kt_ai/kor-D_addsub-*.json", "plain", "question", ("kt_ai kor-D_addsub-train", "kt_ai kor-D_addsub-test")),
    },
    "kqma": {"kqma": ("kqma/*.jsonl.zst", "zst", "raw_question", ("kqma full",))},
    "puzzles_ko": {"puzzles": ("puzzles_ko/puzzles_ko.jsonl.gz", "gz", "question", ("puzzles_ko",))},
    "naver_kin": {"naver_kin": ("naver_kin/*.csv", "csv", "question", ("naver_kin", "naver_kin 2"))},
    "chatbot": {
        "chatbot": ("chatbot/ChatbotData.csv", "csv", "Q", ("chatbot",)),
        "exaone": ("puzzle_traces/ko_exaone-4.0-32b.jsonl.gz", "gz", "question", ("puzzle_traces exaone ko",)),
    },
}  # fmt: skip
RULED = [name for name in SOURCES if name != "chatbot"]


def plain_rows(path: Path, way: str) -> Iterator[dict[str, Any]]:
    """The rows of a file, by nothing of this project."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    if way == "parquet":
        yield from pq.read_table(path).to_pylist()
    elif way == "csv":
        with path.open(encoding="utf-8-sig", newline="") as file:
            yield from ({name: cell or None for name, cell in row.items()} for row in csv.DictReader(file))
    else:
        lines = gzip.decompress(path.read_bytes()) if way == "gz" else path.read_bytes()
        if way == "zst":
            lines = pa.CompressedInputStream(pa.OSFile(str(path)), "zstd").read()
        yield from map(json.loads, lines.decode().splitlines() if way != "plain" else lines.decode().split("\n")[:-1])


def plain_prompts(data: Path, recipe: str) -> dict[str, list[str | None]]:
    """Source -> the prompts of all its rows."""
    return {
        source: [row[column] for path in sorted(data.glob(pattern)) for row in plain_rows(path, way)]
        for source, (pattern, way, column, _) in SOURCES[recipe].items()
    }


def passes(prompt: str | None) -> bool:
    """Y13 and Y14 in plain Python: 30 % Hangul of what is no space, 50 to 8,192 code points after NFC."""
    text = unicodedata.normalize("NFC", prompt or "")
    whole = sum(map(len, text.split()))
    return whole > 0 and len(HANGUL.findall(text)) * 10 >= whole * 3 and 50 <= len(text) <= 8192


class Built:
    """One recipe built from real files."""

    def __init__(self, folder: Path, data: Path, name: str) -> None:
        import pyarrow.parquet as pq

        self.project, self.recipe, self.data = Project(folder), str(RECIPES / f"{name}.yaml"), data
        self.report = self.run("build", "--json", "--store", "store").json
        (output,) = self.report["outputs"]
        self.rows: list[dict[str, Any]] = pq.read_table(folder / output["path"]).to_pylist()

    def run(self, command: str, *arguments: str) -> Ran:
        return self.project.run(command, self.recipe, "--allow-path", str(self.data), *arguments)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory, data: Path) -> Callable[[str], Built]:
    made: dict[str, Built] = {}

    def build(name: str) -> Built:
        if name not in made:
            made[name] = Built(tmp_path_factory.mktemp(name), data, name)
        return made[name]

    return build


def stated_rows(data: Path) -> dict[str, int]:
    """Name -> rows, as the data's README states them."""
    cells = [
        [cell.strip() for cell in line.split("|")[1:]]
        for line in (data / "README.md").read_text().splitlines()
        if line.startswith("| ")
    ]
    return {row[0]: int(row[5].replace(",", "")) for row in cells if row[5].replace(",", "").isdigit()}


@pytest.mark.parametrize("name", SOURCES)
def test_a_source_has_the_rows_that_its_description_states(built: Callable[[str], Built], data: Path, name: str) -> None:
    stated = stated_rows(data)
    stages = {stage["name"]: stage["rows"] for stage in built(name).report["stages"]}
    for source, (_, _, _, names) in SOURCES[name].items():
        assert stages[source] == sum(stated[each] for each in names)


@pytest.mark.parametrize("name", RULED)
def test_y12_to_y15_rows_are_kept_by_the_two_rules_alone_and_verbatim(
    built: Callable[[str], Built], data: Path, name: str
) -> None:
    wanted = Counter(
        (source, prompt) for source, prompts in plain_prompts(data, name).items() for prompt in prompts if passes(prompt)
    )
    kept = Counter((row["source"], row["prompt"]) for row in built(name).rows)
    assert kept == wanted and kept.total() > 1000


@pytest.mark.parametrize("name", SOURCES)
def test_y12_the_bytes_of_every_output_cell_are_those_of_an_input_cell(
    built: Callable[[str], Built], data: Path, name: str
) -> None:
    cells = {str(prompt).encode() for prompts in plain_prompts(data, name).values() for prompt in prompts}
    assert {row["prompt"].encode() for row in built(name).rows} <= cells


def test_y12_nothing_of_a_prompt_is_mended(project: Project) -> None:
    prompts = [
        "  ㅋㅋㅋ  왜이럼??\t\n",
        "\u1112\u1161\u11ab글",
        "한글\u200b",
        "A&amp;B ½",
        "\ufeff가",
        "line\r\nline",
        "같은",
        "같은",
    ]
    project.rows("a.jsonl", prompts)  # type: ignore[arg-type]
    assert sorted(row["prompt"] for row in project.table("recipe.yaml", "--set", "prompts.length.min=0")) == sorted(prompts)


def rules(project: Project, prompts: list[str]) -> list[str]:
    project.rows("a.jsonl", prompts)  # type: ignore[arg-type]
    project.write(
        "recipe.yaml",
        """
        format: 1
        recipe: test/rules
        extends: pkg:base/language-mixed
        language: {target: ko}
        sources: {a: {file: a.jsonl, category: one, license: A}}
        prompts: [drop: unique]
        """,
    )
    return sorted(row["prompt"] for row in project.table())


def test_y13_thirty_percent_is_exact(project: Project) -> None:
    inside, outside = "가" * 30 + "a" * 70, "가" * 299 + "a" * 701
    assert rules(project, [inside, "가 " * 15 + "a " * 35, outside, "a" * 99]) == sorted([inside, "가 " * 15 + "a " * 35])


def test_y14_length_is_in_code_points_after_nfc(project: Project) -> None:
    decomposed = unicodedata.normalize("NFD", "각" * 50)
    kept = ["가" * 50, "나" * 8192, decomposed, unicodedata.normalize("NFD", "난" * 8192)]
    assert rules(project, [*kept, "가" * 49, "나" * 8193, unicodedata.normalize("NFD", "각" * 49)]) == sorted(kept)


@pytest.mark.parametrize("name", SOURCES)
def test_y02_a_source_without_a_class_is_a_mistake(data: Path, tmp_path: Path, name: str) -> None:
    source = next(iter(SOURCES[name]))
    ran = Project(tmp_path).run(
        "check", str(RECIPES / f"{name}.yaml"), "--allow-path", str(data), "--set", f"sources.{source}.license=null"
    )
    assert ran.code == 2 and f"`sources.{source}` needs `license`" in ran.err, ran.err


@pytest.mark.parametrize("name", SOURCES)
def test_y03_a_source_of_class_c_stops_the_compiler_with_the_path_drawn(data: Path, tmp_path: Path, name: str) -> None:
    source = next(iter(SOURCES[name]))
    for command in ("check", "plan", "build"):
        ran = Project(tmp_path).run(
            command, str(RECIPES / f"{name}.yaml"), "--allow-path", str(data), "--set", f"sources.{source}.license=C"
        )
        assert ran.code == 2 and f"the source `{source}` has licence class C: it must not be used" in ran.err
        assert re.search(rf"hint: .*{source} -> .*prompts", ran.err) and ("-> dataset" in ran.err) == (name == "chatbot")


def test_y04_class_b_travels_to_its_rows_and_to_the_output(built: Callable[[str], Built]) -> None:
    chatbot = built("chatbot")
    assert Counter((row["source"], row["license"]) for row in chatbot.rows) == {("chatbot", "A"): 300, ("exaone", "B"): 200}
    assert chatbot.run("check", "--json").json["outputs"]["dataset"]["license"] == "B"


@pytest.mark.parametrize("name", ["petitions", "kqma", "naver_kin"])
def test_unstated_terms_travel_as_unknown_and_their_text_is_not_printed(built: Callable[[str], Built], name: str) -> None:
    made = built(name)
    assert {row["license"] for row in made.rows} == {"unknown"} and "(licence unknown)" in made.run("check").out
    row = made.rows[0]
    told = made.run("why", row["row_id"].hex(), "--store", "store")
    assert told.code == 0 and "(licence unknown: shown in a terminal" in told.out and row["prompt"][:20] not in told.out


def test_a_path_outside_the_project_needs_the_flag(data: Path, tmp_path: Path) -> None:
    ran = Project(tmp_path).run("check", str(RECIPES / "nsmc.yaml"))
    assert ran.code == 2 and "leads out of the project" in ran.err
