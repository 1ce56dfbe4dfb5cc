"""What a command says in a process of its own, which has loaded no more than it needs."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.conftest import Project, Ran

PROGRAM = "import sys; sys.argv[0] = 'recipe'; from runtime.cli.main import main; main()"


def alone(project: Project, *arguments: str) -> Ran:
    command = [sys.executable, "-c", PROGRAM, *arguments]
    ran = subprocess.run(command, cwd=project.folder, capture_output=True, text=True, check=False)
    return Ran(ran.returncode, ran.stdout, ran.stderr)


def test_a_mixture_that_is_short_is_told_where_no_file_is_read_anew(project: Project) -> None:
    project.build(store=".recipe")
    text = (project.folder / "recipe.yaml").read_text("utf-8")
    project.write("recipe.yaml", text + "mixture: {take: {one: 7}, shortage: error}\n")
    ran = alone(project, "build", "recipe.yaml")
    assert ran.code == 1 and "is short of rows: `one` has 6 of 7" in ran.err and "take less" in ran.err, ran.err
    ran = alone(project, "build", "recipe.yaml", "--json")
    assert ran.code == 1 and "is short of rows" in json.dumps(json.loads(ran.out), ensure_ascii=False)


@pytest.mark.parametrize("kind", [pa.duration("ns"), pa.list_(pa.timestamp("ns")), pa.struct([("at", pa.timestamp("ns"))])])
def test_a_time_finer_than_a_microsecond_is_a_row_that_cannot_be_read(project: Project, kind: pa.DataType) -> None:
    one = pa.array([1234567891, 5], pa.int64())
    if pa.types.is_duration(kind):
        column = one.cast(kind)
    elif pa.types.is_list(kind):
        column = pa.ListArray.from_arrays(pa.array([0, 1, 2], pa.int32()), one.cast(kind.value_type))
    else:
        column = pa.StructArray.from_arrays([one.cast(kind.field(0).type)], fields=[kind.field(0)])
    pq.write_table(pa.table({"prompt": ["물은 왜 끓나요?", "하늘은 왜 파란가요?"], "d": column}), project.folder / "a.parquet")
    text = (project.folder / "recipe.yaml").read_text("utf-8").replace("a.jsonl", "a.parquet")
    project.write("recipe.yaml", text.replace("license: A", "license: A, columns: {prompt: prompt, d: {field: d, as: json}}"))
    ran = alone(project, "build", "recipe.yaml")
    assert ran.code == 1 and "Traceback" not in ran.err and "2 rows of" in ran.err, ran.err


@pytest.mark.skipif(importlib.util.find_spec("transformers") is None, reason="transformers is not installed")
def test_transformers_can_be_loaded_in_the_process_of_a_command() -> None:
    program = "import contextlib, sys; sys.argv = ['recipe', '--help']\nfrom runtime.cli.main import main\n"
    program += "with contextlib.suppress(SystemExit): main()\n"
    program += "from transformers import AutoTokenizer\nprint(AutoTokenizer.__name__)"
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert ran.returncode == 0 and ran.stdout.endswith("AutoTokenizer\n"), ran.stderr[-2000:]
