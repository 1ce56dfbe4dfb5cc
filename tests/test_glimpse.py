"""A mapping is proposed for a file at an address, of which no more is fetched than is looked at."""

from __future__ import annotations

import gzip
import io
import json
import random
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.conftest import Project, Ran
from tests.servers import Served, serving

DRAWN = random.Random(1)
QUESTIONS = [
    {"id": at, "question": f"What is {at} and {DRAWN.randbytes(400).hex()}?", "options": ["one", "two"], "answer": at % 2}
    for at in range(12000)
]
LINES = b"".join(json.dumps(each).encode() + b"\n" for each in QUESTIONS)


def parquet() -> bytes:
    out = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(QUESTIONS), out, row_group_size=6000)
    return out.getvalue()


@pytest.fixture
def served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    with serving(monkeypatch, tmp_path) as made:
        yield made


@pytest.fixture
def project(tmp_path: Path) -> Project:
    folder = tmp_path / "project"
    (folder / ".recipe").mkdir(parents=True)
    return Project(folder)


def propose(project: Project, served: Served, address: str) -> Ran:
    return project.run("sources", address, "--allow-address", served.host, "--json")


def sent(served: Served) -> int:
    """The bytes that were asked for."""
    ranges = [headers["range"].removeprefix("bytes=").split("-") for _, headers in served.asked]
    return sum(int(last) - int(first) + 1 for first, last in ranges)


def test_of_parquet_the_footer_and_the_first_pages_are_fetched(project: Project, served: Served) -> None:
    served.files["/a.parquet"] = body = parquet()
    done = propose(project, served, f"{served.url}/a.parquet")
    assert done.code == 0, done.err
    source = done.json["source"]
    assert source["file"] == f"{served.url}/a.parquet" and source["columns"]["prompt"] == "question"
    assert len(body) > 9_000_000 and sent(served) < 2_200_000


@pytest.mark.parametrize("name, packed", [("a.jsonl", False), ("a.jsonl.gz", True)])
def test_of_lines_the_first_are_fetched(project: Project, served: Served, name: str, packed: bool) -> None:
    served.files[f"/{name}"] = gzip.compress(LINES, 1, mtime=0) if packed else LINES
    done = propose(project, served, f"{served.url}/{name}")
    assert done.code == 0 and done.json["source"]["columns"]["prompt"] == "question", done.err
    assert sent(served) == 2 << 20 < len(served.files[f"/{name}"])


def test_what_is_proposed_is_what_a_copy_here_gets(project: Project, served: Served) -> None:
    for name, body in {"a.parquet": parquet(), "a.jsonl": LINES, "a.json": json.dumps(QUESTIONS).encode()}.items():
        served.files[f"/{name}"] = body
        (project.folder / name).write_bytes(body)
        there, here = propose(project, served, f"{served.url}/{name}").json, project.run("sources", name, "--json").json
        assert there["source"].pop("file") != here["source"].pop("file")
        assert there == here


def test_faults_of_a_server_are_waited_for_and_then_told(project: Project, served: Served) -> None:
    served.files["/a.parquet"] = parquet()
    served.faults += [(503, {}), 4000]
    assert propose(project, served, f"{served.url}/a.parquet").code == 0
    served.faults += [(404, {})]
    gone = propose(project, served, f"{served.url}/a.parquet")
    assert gone.code == 1 and "there is nothing at" in gone.json["error"]


def test_a_server_that_sends_no_parts_is_told(project: Project, served: Served) -> None:
    served.ranges, served.files["/a.parquet"], served.files["/a.jsonl"] = False, parquet(), LINES
    done = propose(project, served, f"{served.url}/a.parquet")
    assert done.code == 1 and "sends no parts of it" in done.json["error"]
    assert propose(project, served, f"{served.url}/a.jsonl").code == 0


def test_what_is_no_parquet_is_told(project: Project, served: Served) -> None:
    served.files["/a.parquet"] = b"PAR1" + b"\xff" * 200_000 + b"\xff\xff\xff\x7fPAR1"
    done = propose(project, served, f"{served.url}/a.parquet")
    assert done.code == 2 and "no mapping can be proposed" in done.json["diagnostics"][0]["message"]


@pytest.mark.parametrize(
    "address", ["https://user:secret@example.com/a.parquet", "ftp://example.com/a.jsonl", "hf://datasets/", "s3://bucket"]
)
def test_what_is_no_address_is_told(project: Project, address: str) -> None:
    done = project.run("sources", address)
    assert done.code in (1, 2) and "Traceback" not in done.err and "secret" not in done.err


def test_a_private_address_is_opened_by_the_command_line_alone(project: Project, served: Served) -> None:
    served.files["/a.jsonl"] = LINES
    done = project.run("sources", f"{served.url}/a.jsonl")
    assert done.code == 1 and "--allow-address" in done.err and not served.asked
