"""Files in buckets: listed, fetched from an S3 of this process, gone on with, and pinned."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from runtime.sources.remote.buckets import METADATA, NAMED, globbed, leads_to
from runtime.sources.remote.download import Wanted, validator_of
from runtime.sources.remote.shelf import Shelf
from runtime.store.bucket import Bucket
from tests import buckets
from tests.conftest import Project

ROWS = b"".join(json.dumps({"prompt": f"row number {at}"}).encode() + b"\n" for at in range(50))
TEXT = """
    format: 1
    recipe: test/bucket
    sources: {a: {file: "s3://data/in/*.jsonl", category: one, license: A}}
    prompts: [{length: {min: 1}}]
    """


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with pytest.MonkeyPatch.context() as patch, buckets.serving(patch) as url:
        buckets.make_bucket(url, "data")
        for name, body in {
            "in/a.jsonl": ROWS,
            "in/b.jsonl": b'{"prompt": "b"}\n',
            "in/deep/c.jsonl": ROWS,
            "in/d.csv": b"x",
        }.items():
            put(name, body)
        yield url


def put(name: str, body: bytes) -> None:
    Bucket("s3://data").put(name, body)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, server: str) -> Project:
    monkeypatch.setenv("RECIPE_CACHE", str(tmp_path / "cache"))
    made = Project(tmp_path / "project")
    (made.folder / ".recipe").mkdir(parents=True)
    made.write("recipe.yaml", TEXT)
    return made


def test_files_of_a_bucket_are_fetched_and_pinned(project: Project) -> None:
    done = project.run("lock", "recipe.yaml")
    assert done.code == 0, done.err
    locked = json.loads((project.folder / "recipe.lock").read_text())["sources"]["a"]
    assert [each[0] for each in locked["files"]] == ["s3://data/in/a.jsonl", "s3://data/in/b.jsonl"] and locked["rows"] == 51
    put("in/b.jsonl", b'{"prompt": "B"}\n')
    try:
        files = Shelf().known("s3://data/in/*.jsonl")
        assert files is not None
        Shelf().drop(files[1])
        done = project.run("build", "recipe.yaml", "--locked", "--store", "other")
        assert done.code == 1 and "`s3://data/in/b.jsonl` has other bytes than the lock pins" in done.err
    finally:
        put("in/b.jsonl", b'{"prompt": "b"}\n')
    assert project.run("build", "recipe.yaml", "--locked", "--store", "other").code == 0
    assert buckets.SECRET not in (project.folder / "recipe.lock").read_text() + done.out + done.err


def test_a_file_of_a_bucket_goes_on_where_it_ended(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """What lies here of the same version is kept."""
    from runtime.sources.remote import buckets as ours

    address, shelf, told = "s3://data/in/a.jsonl", Shelf(), list[int]()
    item = Bucket("s3://data").head("in/a.jsonl")
    assert item is not None
    with shelf.part(address) as part:
        part.write_bytes(ROWS[:1000])
        validator_of(part).write_text(json.dumps(f"{item.size} {item.modified.isoformat()}"))
    monkeypatch.setattr(ours, "BLOCK", 100)
    file = ours.load(Wanted(address, address), shelf, told.append)
    assert told[0] == 1100 and shelf.path(file).read_bytes() == ROWS


def test_what_is_not_in_a_bucket_is_told(project: Project) -> None:
    done = project.run("build", "recipe.yaml", "--set", "sources.a.file=s3://data/none/*.jsonl")
    assert done.code == 1 and "no file matches `s3://data/none/*.jsonl`" in done.err
    done = project.run("build", "recipe.yaml", "--set", "sources.a.file=s3://data/none.jsonl")
    assert done.code == 1 and "there is nothing at `s3://data/none.jsonl`" in done.err


@pytest.mark.parametrize(
    ("glob", "path", "matches"),
    [("a/*.x", "a/b.x", True), ("a/*.x", "a/b/c.x", False), ("a/**/*.x", "a/b/c.x", True), ("a/**/*.x", "a/c.x", True)]
    + [("a/[1].x", "a/[1].x", True), ("a/?.x", "a/12.x", False)],
)
def test_a_star_stays_in_its_folder(glob: str, path: str, matches: bool) -> None:
    assert (globbed(glob, [path]) == [path]) == matches
    assert leads_to(f"s3://b/{glob}", f"s3://b/{path}") == matches and not leads_to(f"s3://b/{glob}", f"s3://c/{path}")


@pytest.mark.parametrize("scheme", ["s3", "gs"])
def test_no_recipe_asks_the_machine_for_credentials(project: Project, monkeypatch: pytest.MonkeyPatch, scheme: str) -> None:
    """Whoever has none would be asked for by a request to a link-local address."""
    for name in NAMED[scheme]:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(project.folder))
    done = project.run("build", "recipe.yaml", "--set", f"sources.a.file={scheme}://data/in/*.jsonl")
    assert done.code == 1 and f"--allow-address {METADATA[scheme]}" in done.err
