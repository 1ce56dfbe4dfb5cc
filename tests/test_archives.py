"""Files as people have them: archives that mean no harm, workbooks, lines of text, and those of old programs."""

from __future__ import annotations

import gzip
import json
import os
import random
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from contextlib import nullcontext, suppress
from pathlib import Path
from typing import NamedTuple

import pytest

from operators.declared.source import packed_as
from runtime.sources import archives
from runtime.sources.archives import chosen, unpack
from runtime.sources.readers.files import Unreadable
from tests.conftest import ROOT, Project
from tests.packing import tarred, workbook, zipped
from tests.reading import read, write

ROWS = {"a/x.jsonl": '{"t": "하나"}\n', "b/y.jsonl": '{"t": "둘"}\n', "README.md": "no rows"}
FORMS: list[tuple[str, Callable[..., Path]]] = [("x.zip", zipped), ("x.tar.gz", tarred), ("x.tgz", tarred), ("x.tar", tarred)]


class Usage(NamedTuple):
    """Of a disk, what is looked at."""

    free: int


@pytest.mark.parametrize(("name", "pack"), FORMS)
def test_members_are_named_by_a_glob_and_read_as_files(tmp_path: Path, name: str, pack: Callable[..., Path]) -> None:
    path = pack(tmp_path / name, *((each, text, 0) for each, text in ROWS.items()))
    found = unpack(path, "**/*.jsonl").members
    assert [member for member, _ in found] == ["a/x.jsonl", "b/y.jsonl"]
    assert [read(where, {"t": "t"})[0] for _, where in found] == [[{"t": "하나"}], [{"t": "둘"}]]
    assert [member for member, _ in unpack(path, None).members] == ["README.md", "a/x.jsonl", "b/y.jsonl"]
    with pytest.raises(Unreadable, match=r"it has no member `\*\.csv`: it holds `a/x.jsonl`, `b/y.jsonl`, `README.md`"):
        unpack(path, "*.csv")


@pytest.mark.parametrize(("name", "pack"), FORMS)
@pytest.mark.parametrize("hostile", ["../x.jsonl", "/x.jsonl", "a/../../x.jsonl", "C:x.jsonl", "..\\x.jsonl"])
def test_a_member_that_leads_out_refuses_the_archive(tmp_path: Path, name: str, pack: Callable[..., Path], hostile: str) -> None:
    path = pack(tmp_path / name, ("a.jsonl", "{}", 0), (hostile, "{}", 0))
    with pytest.raises(Unreadable, match="leads out of it"):
        unpack(path, "a.jsonl")
    assert [each.name for each in tmp_path.parent.glob("x.jsonl")] == []


@pytest.mark.parametrize(("name", "pack"), FORMS)
def test_links_and_two_members_of_a_name_are_refused(tmp_path: Path, name: str, pack: Callable[..., Path]) -> None:
    with pytest.raises(Unreadable, match="`l.jsonl` is a link or a device, and no file"):
        unpack(pack(tmp_path / name, ("l.jsonl", "/etc/passwd", 2)), None)
    with pytest.warns(UserWarning, match="Duplicate") if pack is zipped else nullcontext():
        path = pack(tmp_path / f"2{name}", ("a.jsonl", "{}", 0), ("a.jsonl", "{ }", 0))
    with pytest.raises(Unreadable, match="it has two members called `a.jsonl`"):
        unpack(path, None)


@pytest.mark.parametrize(("name", "pack"), FORMS[:2])
def test_what_unpacks_to_more_than_text_does_is_refused(
    tmp_path: Path, name: str, pack: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archives, "ALLOWED", 1 << 16)
    path = pack(tmp_path / name, ("a.jsonl", "0" * (8 << 20), 0))
    with pytest.raises(Unreadable, match="it unpacks to more than"):
        unpack(path, None)
    monkeypatch.setattr(archives, "MOST_MEMBERS", 3)
    with pytest.raises(Unreadable, match="it has more than 3 members"):
        unpack(pack(tmp_path / f"2{name}", *((f"{at}.jsonl", "{}", 0) for at in range(5))), None)


@pytest.mark.parametrize(("name", "pack"), FORMS)
def test_all_archives_together_take_half_of_what_is_free(
    tmp_path: Path, name: str, pack: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = [pack(tmp_path / f"{at}{name}", ("a.jsonl", "0" * 300_000, 0)) for at in range(3)]
    archives.unpacked.cache_clear()
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(1_400_000 - sum(each.size for each in archives.UNPACKED)))
    held = [unpack(paths[0], None), unpack(paths[1], None)]
    with pytest.raises(Unreadable, match="half of what"):
        unpack(paths[2], None)
    assert sum(each.size for each in held) == 600_000


def test_no_unpacked_file_is_left_behind_also_of_what_was_killed(project: Project, tmp_path: Path) -> None:
    temporary = tmp_path / "temporary"
    killed = temporary / "recipe-unpacked-killed"
    (killed / "a").mkdir(parents=True)
    os.utime(killed, (0, 0))
    zipped(project.folder / "x.zip", ("a.jsonl", '{"prompt": "물은 왜"}', 0))
    zipped(project.folder / "y.zip", ("a.jsonl", "{", 0), ("../b", "", 0))
    for file, code in (("x.zip", 0), ("y.zip", 2)):
        source = {"file": file, "category": "x", "license": "A"}
        project.write("r.yaml", json.dumps({"format": 1, "recipe": "test/x", "sources": {"a": source}, "prompts": ["unique"]}))
        for command in ("check", "plan"):
            words = [sys.executable, "-m", "runtime.cli.main", command, str(project.folder / "r.yaml")]
            done = subprocess.run(words, cwd=ROOT, env=os.environ | {"TMPDIR": str(temporary)}, check=False, capture_output=True)
            assert done.returncode == code and [*temporary.iterdir()] == [], done.stderr


@pytest.mark.parametrize(("name", "pack"), FORMS)
def test_damage_is_told(tmp_path: Path, name: str, pack: Callable[..., Path]) -> None:
    path = pack(tmp_path / name, ("a.jsonl", json.dumps({"t": "글" * 999}), 0))
    whole = path.read_bytes()
    for size in (0, 10, len(whole) // 2, len(whole) // 3):
        path.write_bytes(whole[:size])
        with pytest.raises(Unreadable):
            unpack(path, None)


@pytest.mark.parametrize("name", ["x.tar", "x.tar.gz"])
def test_a_damaged_header_is_no_end_and_one_that_lies_leads_nowhere(tmp_path: Path, name: str) -> None:
    whole = tarred(tmp_path / "x.tar", ("a.jsonl", "{}", 0), ("b.jsonl", "{}", 0)).read_bytes()
    # The size of the second member is beyond any disk, and the sum of its header is as it should be.
    lying = bytearray(whole)
    lying[1024 + 124 : 1024 + 136] = b"\x80" + b"\0" * 5 + b"\x7f" + b"\xff" * 5
    lying[1024 + 148 : 1024 + 156] = b" " * 8
    lying[1024 + 148 : 1024 + 156] = b"%06o\0 " % sum(lying[1024:1536])
    damaged = whole[:1030] + b"?" + whole[1031:]
    for data, said in ((damaged, "header of a member is damaged"), (lying, "it cannot be"), (whole[:1024], "cut off")):
        path = write(tmp_path, name, gzip.compress(data) if name.endswith("gz") else bytes(data))
        with pytest.raises(Unreadable, match=said):
            unpack(path, "a.jsonl")


@pytest.mark.parametrize(
    ("pattern", "name", "is_named"),
    [
        ("*.jsonl", "a.jsonl", True),
        ("*.jsonl", "d/a.jsonl", False),
        ("**/*.jsonl", "a.jsonl", True),
        ("**/*.jsonl", "d/e/a.jsonl", True),
        ("d/**", "d/a.jsonl", True),
        ("d/**", "d/e/f/a.jsonl", True),
        ("d/**", "e/a.jsonl", False),
        ("**", "a.jsonl", True),
        ("**", "d/._a.jsonl", False),
        (".d/*", ".d/a.jsonl", True),
        ("d/**/a.jsonl", "d/e/f/a.jsonl", True),
        (None, ".a.jsonl", False),
        (None, "__MACOSX/._a.jsonl", False),
        ("**/**/**/**/**/**/x", "/".join("a" * 300), False),
    ],
)
def test_a_glob_of_members_means_what_one_of_files_does(pattern: str | None, name: str, is_named: bool) -> None:
    assert chosen(name, pattern) is is_named


def test_an_archive_gives_what_its_files_give_unpacked(project: Project) -> None:
    zipped(project.folder / "x.zip", *((name, text, 0) for name, text in ROWS.items()))
    for name, text in ROWS.items():
        (project.folder / name).parent.mkdir(exist_ok=True)
        project.write(name, text)
    head = {"format": 1, "recipe": "test/packed", "prompts": ["unique"]}
    shared = {"category": "x", "license": "A", "columns": {"prompt": "t"}}
    keys = []
    for source in ({"file": "x.zip", "members": "*/*.jsonl"}, {"file": "*/*.jsonl"}):
        project.write("recipe.yaml", json.dumps(head | {"sources": {"a": shared | source}}))
        done = project.run("build", "recipe.yaml", "--quiet")
        assert "2 rows" in done.out, done.err
        keys.append(json.loads(project.run("plan", "recipe.yaml", "--json").out)["stages"][0]["key"])
    assert keys[0] == keys[1]
    project.write("recipe.yaml", json.dumps(head | {"sources": {"a": shared | {"file": "x.zip"}}}))
    told = project.run("build", "recipe.yaml", "--quiet").err
    assert "x.zip/README.md" in told and "recipe-" not in told


@pytest.mark.parametrize(
    ("source", "place", "message"),
    [
        ({"file": "https://a.example/x.zip?v=1"}, "file", "an archive at an address is not read"),
        ({"file": "s3://bucket/d/*.tar.gz", "format": "jsonl"}, "file", "an archive at an address is not read"),
        ({"hf": {"dataset": "a/b", "files": "d/x.ZIP"}, "members": "*.jsonl"}, "files", "an archive at an address is not read"),
        ({"hf": {"dataset": "a/b", "files": "d/x.7z"}}, "files", "files of the kind `.7z` are not read"),
        ({"hf": {"dataset": "a/b"}, "members": "*.jsonl"}, "members", "is no archive by its name, so that it has no members"),
    ],
)
def test_an_archive_at_an_address_is_a_mistake(project: Project, source: dict[str, object], place: str, message: str) -> None:
    text = json.dumps({"format": 1, "recipe": "test/far", "sources": {"a": {"category": "x", "license": "A", **source}}})
    project.write("recipe.yaml", text[:-1] + ', "prompts": ["unique"]}')
    told = project.run("check", "recipe.yaml")
    column = text.index(f'"{place}": ') + len(f'"{place}": ') + 1
    assert told.code == 2 and message in told.err and f"recipe.yaml:1:{column}" in told.err and "hint:" in told.err, told.err


# Lines


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_lines_end_as_any_system_ends_them(tmp_path: Path, end: str) -> None:
    path = write(tmp_path, "x.jsonl", '{"t": "하나"}' + end + end + '{"t": "둘"}' + end)
    assert read(path, {"t": "t"}) == ([{"t": "하나"}, {"t": "둘"}], [])
    path = write(tmp_path, "x.csv", end.join(["t,u", '"하, 나",1', "둘,2", ""]))
    assert read(path, {"t": "t"}) == ([{"t": "하, 나"}, {"t": "둘"}], [])
    path = write(tmp_path, "x.txt", end.join(["하나 ", "", "둘"]))
    assert read(path, {"t": "."}) == ([{"t": "하나 "}, {"t": "둘"}], [])
    path = write(tmp_path, "y.txt", end.join(["하나 ", "", "둘"]).encode("utf-16"))
    assert read(path, {"t": "."}, encoding="utf-16") == ([{"t": "하나 "}, {"t": "둘"}], [])


def test_a_line_of_text_has_no_columns_but_itself(tmp_path: Path) -> None:
    with pytest.raises(Unreadable, match=r"a line of text has no column `t`; it has `\.`"):
        read(write(tmp_path, "x.txt", "하나\n"), {"t": "t"})


# Workbooks


def test_a_workbook_gives_the_rows_of_its_sheet(tmp_path: Path) -> None:
    pytest.importorskip("openpyxl")
    path = workbook(tmp_path / "x.xlsx", one=[["q", "n", "s"], ["하나", 3, 0.5], [None, None, None], ["둘", 7, None]])
    columns = {"q": "q", "n": {"field": "n", "as": "integer"}, "m": "n", "s": {"field": "s", "as": "number"}}
    assert read(path, columns) == ([{"q": "하나", "n": 3, "m": "3", "s": 0.5}, {"q": "둘", "n": 7, "m": "7", "s": None}], [])
    assert read(path, {"q": "0"}, header=False)[0][0] == {"q": "q"}
    with pytest.raises(Unreadable, match="it has no column `x`; it has `q`, `n`, `s`"):
        read(path, {"q": "x"})
    two = workbook(tmp_path / "y.xlsx", one=[["q"], ["하나"]], two=[["q"], ["둘"]])
    with pytest.raises(Unreadable, match="it has 2 sheets, `one`, `two`: say which is the `sheet`"):
        read(two, {"q": "q"})
    assert read(two, {"q": "q"}, sheet="two")[0] == [{"q": "둘"}]


def test_a_cell_far_out_fills_no_memory(tmp_path: Path) -> None:
    pytest.importorskip("openpyxl")
    path = workbook(tmp_path / "x.xlsx", one=[["q"], ["하나"]])
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    for far in (b"XFD9999999999", b"ZZZZZZ2"):
        row = far.lstrip(b"XFDZ")
        sheet = parts["xl/s0.xml"].replace(b'<row r="2"><c r="A2"', b'<row r="%s"><c r="%s"' % (row, far))
        assert sheet != parts["xl/s0.xml"]
        with zipfile.ZipFile(path, "w") as archive:
            for name, part in (parts | {"xl/s0.xml": sheet}).items():
                archive.writestr(name, part)
        with pytest.raises(Unreadable):
            read(path, {"q": "q"})


def test_what_is_no_workbook_is_told(tmp_path: Path) -> None:
    pytest.importorskip("openpyxl")
    for content in (b"", b"text", b"PK\x03\x04 half"):
        with pytest.raises(Unreadable):
            read(write(tmp_path, "x.xlsx", content), {"q": "q"})
    with pytest.raises(Unreadable):
        read(zipped(tmp_path / "z.xlsx", ("a", "b", 0)), {"q": "q"})


# Damage


@pytest.mark.parametrize("times", [40, pytest.param(3000, marks=pytest.mark.nightly)])
@pytest.mark.parametrize("name", ["x.zip", "x.tar.gz", "x.tar", "x.xlsx", "x.json"])
def test_whatever_bytes_are_changed_a_file_is_read_or_refused(tmp_path: Path, name: str, times: int) -> None:
    pytest.importorskip("openpyxl")
    nested = json.dumps({"data": [{"c": "글", "qas": [{"t": f"{at}?", "o": ["가", "나"]} for at in range(9)]}] * 3})
    if name == "x.xlsx":
        workbook(tmp_path / name, one=[["t"], *([f"{at}"] for at in range(9))])
    elif name == "x.json":
        write(tmp_path, name, nested)
    else:
        (zipped if name == "x.zip" else tarred)(tmp_path / name, ("a.json", nested, 0), ("b/c.json", nested, 0))
    whole, chance = bytearray((tmp_path / name).read_bytes()), random.Random(name)
    for number in range(times):
        changed = bytearray(whole)
        for _ in range(chance.randint(1, 8)):
            at = chance.randrange(len(changed))
            changed[at : at + chance.choice([0, 1, 1, 1, 30])] = chance.randbytes(chance.choice([0, 1, 1, 4]))
        path = write(tmp_path, f"{number}{name}", bytes(changed))
        nesting = {} if name == "x.xlsx" else {"records": "data[].qas[]"}
        with suppress(Unreadable):
            for each in [where for _, where in unpack(path, None).members] if packed_as(name) else [path]:
                if each.suffix in (".json", ".xlsx"):
                    rows, bad = read(each, {"t": "t"}, **nesting)
                    assert all(reason for _, reason in bad)
        path.unlink()


def test_files_of_many_archives_are_there_as_long_as_a_command_runs(project: Project) -> None:
    for number in range(66):
        zipped(project.folder / f"{number}.zip", ("a.jsonl", json.dumps({"prompt": f"물은 왜 {number}"}), 0))
    source = {"file": "*.zip", "category": "x", "license": "A"}
    project.write(
        "recipe.yaml", json.dumps({"format": 1, "recipe": "test/many", "sources": {"a": source}, "prompts": ["unique"]})
    )
    assert len(project.table("recipe.yaml")) == 66
