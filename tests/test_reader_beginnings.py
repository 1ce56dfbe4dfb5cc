"""Files that are no text, hold nothing or were cut off are told as what they are, with a hint that can be followed."""

from __future__ import annotations

import gzip
import io
import tarfile
import zipfile
from pathlib import Path

import pyarrow as pa
import pytest

from runtime.sources.readers.files import Unreadable
from runtime.sources.readers.read import probe
from tests.conftest import Project
from tests.reading import declare, read, write

ROWS = "".join(f'{{"t": "줄 {row}"}}\n' for row in range(400)).encode()


def pack(ending: str) -> bytes:
    """An archive of one file."""
    made = io.BytesIO()
    if ending == "zip":
        with zipfile.ZipFile(made, "w") as archive:
            archive.writestr("a.jsonl", ROWS)
    else:
        with tarfile.open(fileobj=made, mode="w") as tar:
            entry = tarfile.TarInfo("a.jsonl")
            entry.size = len(ROWS)
            tar.addfile(entry, io.BytesIO(ROWS))
    return made.getvalue()


def refuse(path: Path, format: str = "jsonl", **more: str) -> str:
    """Why a file cannot be read, which a look at its beginning tells as well."""
    with pytest.raises(Unreadable) as whole:
        read(path, format=format, **more)
    with pytest.raises(Unreadable) as looked:
        probe(declare(format=format, **more), path)
    assert whole.value.message == looked.value.message
    return whole.value.message


@pytest.mark.parametrize("format", ["jsonl", "json", "csv", "tsv"])
@pytest.mark.parametrize(
    ("data", "said"),
    [
        (pack("zip"), "it is a zip archive or a workbook"),
        (pack("tar"), "it is a tar archive: let the name of an archive end in .zip, .tar"),
        (gzip.compress(ROWS), "it is compressed with gzip: let its name end in `.gz`"),
        (pa.compress(ROWS, "zstd", asbytes=True), "it is compressed with zstd"),
        ("\ufeff".encode("utf-16-le") + ROWS.decode().encode("utf-16-le"), "UTF-16 and not utf-8: say `encoding: utf-16`"),
        ("\ufeff".encode("utf-16-be") + ROWS.decode().encode("utf-16-be"), "UTF-16 and not utf-8: say `encoding: utf-16`"),
        (ROWS.decode().encode("utf-16-le"), "UTF-16 and not utf-8: say `encoding: utf-16-le`"),
        (ROWS.decode().encode("utf-16-be"), "UTF-16 and not utf-8: say `encoding: utf-16-be`"),
        (ROWS.decode().encode("utf-32"), "UTF-32 and not utf-8: say `encoding: utf-32`"),
        (b"", "it is empty"),
    ],
)
def test_what_is_no_text_is_told_by_its_kind(tmp_path: Path, format: str, data: bytes, said: str) -> None:
    assert said in refuse(write(tmp_path, "x.data", data), format)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_the_hint_for_wide_text_can_be_followed(tmp_path: Path, encoding: str) -> None:
    path = write(tmp_path, "x.jsonl", ROWS.decode().encode(encoding))
    said = refuse(path).rpartition("encoding: ")[2].rstrip("`")
    rows, bad = read(path, encoding=said)
    assert len(rows) == 400 and not bad


def test_a_row_with_nul_characters_is_still_text(tmp_path: Path) -> None:
    path = write(tmp_path, "x.csv", "t\n" + "a\0b\n" * 9)
    assert len(read(path)[0]) == 9


@pytest.mark.parametrize("ending", ["gz", "zst"])
def test_a_packed_file_that_was_cut_off_anywhere_is_told(tmp_path: Path, ending: str) -> None:
    packed = gzip.compress(ROWS) if ending == "gz" else pa.compress(ROWS, "zstd", asbytes=True)
    for length in (0, 1, 3, 10, len(packed) // 2, len(packed) - 5, len(packed) - 1):
        with pytest.raises(Unreadable):
            read(write(tmp_path, f"x.jsonl.{ending}", packed[:length]))
    assert "cut off" in refuse(write(tmp_path, f"x.jsonl.{ending}", b""))


@pytest.mark.parametrize("ending", ["gz", "zst"])
def test_what_follows_a_packed_stream_is_another_one_or_told(tmp_path: Path, ending: str) -> None:
    packed = gzip.compress(ROWS) if ending == "gz" else pa.compress(ROWS, "zstd", asbytes=True)
    assert len(read(write(tmp_path, f"x.jsonl.{ending}", packed * 2))[0]) == 800
    for more in (b"garbage", b"\x01", packed[:12]):
        with pytest.raises(Unreadable):
            read(write(tmp_path, f"x.jsonl.{ending}", packed + more))


def test_an_empty_parquet_file_is_empty_and_so_is_a_packed_nothing(tmp_path: Path) -> None:
    assert refuse(write(tmp_path, "x.parquet", b""), "parquet") == "it is empty"
    assert refuse(write(tmp_path, "x.jsonl.gz", gzip.compress(b""))) == "it is empty"


@pytest.mark.parametrize(
    ("name", "hint"),
    [("a.xls", "as csv"), ("a.tar.xz", "or unpack it"), ("a.tar.bz2", "or unpack it"), ("a.7z", "or unpack it")],
)
@pytest.mark.parametrize("format", ["", "format: jsonl, "])
def test_the_hint_for_a_name_that_is_not_read_can_be_followed(project: Project, name: str, hint: str, format: str) -> None:
    write(project.folder, name, pack("zip"))
    project.write(
        "recipe.yaml",
        f"""
format: 1
recipe: test/kinds
language: {{target: ko}}
sources: {{a: {{file: {name}, {format}category: one, license: A, columns: {{prompt: t}}}}}}
prompts: []
""",
    )
    ran = project.run("check", "recipe.yaml")
    assert ran.code == 2 and hint in ran.err and "add `format:`" not in ran.err
