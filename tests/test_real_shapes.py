"""Every real file that holds rows is read by a committed recipe, row for row as its description says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from runtime.build.session import Session
from runtime.sources.readers.read import read_batches
from tests.test_real_data import RECIPES

#: Source of tests/recipes/shapes.yaml -> the names of its files in the data's README.
NAMES: dict[str, tuple[str, ...]] = {
    "nsmc_sample": ("nsmc sample",),
    "nsmc_raw": ("nsmc raw",),
    "kqma_dev_csv": ("kqma dev",),
    "kqma_dev": ("kqma dev",),
    "single_eq": ("kt_ai kor-D_single_eq-train", "kt_ai kor-D_single_eq-test"),
    "multiarith": ("kt_ai kor-D_multiarith-train", "kt_ai kor-D_multiarith-test"),
    "strategyqa": ("kt_ai ko-strategyqa-train-v2", "kt_ai ko-strategyqa-test-v2"),
    "click": ("click",),
    "klue_nli": ("klue nli dev",),
    "klue_sts": ("klue sts dev",),
    "kornlu_sts": ("kornlu sts-train", "kornlu sts-dev", "kornlu sts-test"),
    "kornlu_xnli": ("kornlu xnli.dev.ko", "kornlu xnli.test.ko"),
    "humaneval": ("kr_humaneval", "humaneval"),
    "python_faq": ("python_faq_ko",),
    "logickor": ("logickor",),
    "logickor_outputs": ("logickor outputs",),
    "square": ("square",),
    "kmmlu_sft": ("kmmlu_sft",),
    "puzzles_deepseek": ("puzzle_traces deepseek ko", "puzzle_traces deepseek en"),
    "puzzles_gpt_oss": ("puzzle_traces gpt-oss ko",),
    "huatuo": ("huatuo",),
    "thai_exam": ("thai_exam",),
    "thai_traces": ("thai_exam traces",),
    "iapp": ("iapp_thai train", "iapp_thai test"),
    "xquad": ("xquad th", "xquad hi", "xquad vi", "xquad tr", "xquad en"),
    "exams_qa": ("exams_qa vi", "exams_qa tr", "exams_qa bg", "exams_qa hu", "exams_qa pl"),
    "vnhsge": ("vnhsge",),
    "tquad": ("tquad",),
    "math500": ("math500",),
    "aime24": ("aime24",),
    "gsm8k": ("gsm8k test",),
    "gaokao": ("gaokao2023en",),
    "minerva": ("minerva_math",),
}
#: What the README counts otherwise: first sheets alone, both forms of a set together, files apart, functions, not requests.
COUNTED = {
    "arc_easy": 5, "arc_challenge": 5, "eqbench": 3, "gsm8k_xlsx": 5, "ifeval": 2, "lambada": 3, "winogrande": 5,
    "mhumaneval": 4 * 164, "mhumaneval_csv": 164, "functionchat": 25 * 4, "mgsm": 11 * 250,
}  # fmt: skip
#: Rows that cannot have the right option that they say: it stands there twice, or an option before others is empty.
BAD = {"thai_exam": 3, "exams_qa": 17}


def stated(data: Path) -> dict[str, int]:
    """Name -> rows, or the questions in its articles, as the data's README states them."""
    found = {}
    for line in (data / "README.md").read_text("utf-8").splitlines():
        cells = [cell.strip() for cell in line.split("|")[1:]]
        if line.startswith("| ") and (rows := re.search(r"([0-9,]+)(?: questions)?$", cells[5])):
            found[cells[0]] = int(rows[1].replace(",", ""))
    return found


def opened(recipe: str, data: Path) -> Session:
    return Session(str(RECIPES / f"{recipe}.yaml"), (), (str(data),), None, None, ())


@pytest.fixture(scope="module")
def shapes(data: Path) -> Session:
    return opened("shapes", data)


@pytest.mark.parametrize("source", [*NAMES, *COUNTED])
def test_a_source_of_another_shape_has_the_rows_that_its_description_states(data: Path, shapes: Session, source: str) -> None:
    if source in ("arc_easy", "arc_challenge", "eqbench", "gsm8k_xlsx", "ifeval", "lambada", "winogrande"):
        pytest.importorskip("openpyxl")
    operator = shapes.text.recipe.sources[source].operator
    batches = [batch for path in shapes.found.files[source] for batch in read_batches(operator, path)]
    wanted = sum(stated(data)[name] for name in NAMES[source]) if source in NAMES else COUNTED[source]
    assert sum(len(batch.bad) for batch in batches) == BAD.get(source, 0)
    assert sum(batch.table.num_rows for batch in batches) + BAD.get(source, 0) == wanted
    prompts = [cell for batch in batches for cell in batch.table.column("prompt").to_pylist()]
    assert sum(bool(cell) for cell in prompts) >= 0.95 * len(prompts) or source == "vnhsge"


def test_the_recipe_of_all_shapes_is_right(shapes: Session) -> None:
    pytest.importorskip("openpyxl")
    assert len(shapes.graph.nodes) > len(NAMES)


def test_every_file_of_rows_is_read_by_a_committed_recipe(data: Path) -> None:
    read = set()
    for path in [*RECIPES.glob("*.yaml"), *RECIPES.glob("traces/*.yaml")]:
        session = opened(path.relative_to(RECIPES).with_suffix("").as_posix(), data)
        found = session.found
        read |= {found.packed.get(each, (each, ""))[0] for files in found.files.values() for each in files}
    files = {path for path in data.resolve().rglob("*") if path.is_file()}
    known = {"README.md", "SHA256SUMS", "programming.po"}  # a catalogue of gettext is no file of rows
    assert {path for path in files - read if path.name not in known} == set()
