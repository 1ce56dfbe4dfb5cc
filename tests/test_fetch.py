"""Files at addresses: fetched by a build, resumed, verified, pinned; and what a recipe may not reach."""

from __future__ import annotations

import hashlib
import ipaddress
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from runtime.sources.remote.reach import is_public
from runtime.sources.remote.shelf import Fetched, Shelf
from tests.conftest import Project, Ran
from tests.servers import Served, serving

ROWS = b"".join(json.dumps({"prompt": f"row number {at}"}).encode() + b"\n" for at in range(400))
SOURCE = "sources: {{a: {{file: {file}, category: one, license: {license}{more}}}}}\n"


@pytest.fixture
def served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    with serving(monkeypatch, tmp_path) as made:
        made.files["/a.jsonl"] = ROWS
        yield made


@pytest.fixture
def project(tmp_path: Path) -> Project:
    folder = tmp_path / "project"
    (folder / ".recipe").mkdir(parents=True)
    return Project(folder)


def recipe(project: Project, file: str, license: str = "A", more: str = "") -> None:
    said = SOURCE.format(file=file, license=license, more=more)
    project.write("recipe.yaml", f"format: 1\nrecipe: test/fetch\n{said}prompts: [{{length: {{min: 1}}}}]\n")


def ran(project: Project, served: Served, *arguments: str) -> Ran:
    command, *more = arguments or ("build",)
    return project.run(command, "recipe.yaml", "--allow-address", served.host, *more)


def digest(done: Ran) -> str:
    assert done.code == 0, done.out + done.err
    return next(line for line in done.out.splitlines() if "test/fetch@" in line).split()[0]


def test_a_file_at_an_address_is_the_file_itself(project: Project, served: Served) -> None:
    """What lies elsewhere is a label: a copy here has the same key, and rebuilds nothing."""
    recipe(project, f"{served.url}/a.jsonl")
    fetched = ran(project, served)
    assert "fetched `a`: 1 file, 0.0 MB, from 127.0.0.1" in fetched.out
    (project.folder / "copy.jsonl").write_bytes(ROWS)
    recipe(project, "copy.jsonl")
    again = project.run("build", "recipe.yaml", "--json")
    assert again.code == 0 and again.json["ran"] == []
    assert digest(fetched).endswith(again.json["outputs"][0]["digest"][:12])


def test_equal_bytes_of_two_sources_keep_their_own_addresses(project: Project, served: Served) -> None:
    places = [f"{served.url}/{folder}/a.jsonl" for folder in ("x", "y")]
    served.files |= {"/x/a.jsonl": ROWS, "/y/a.jsonl": ROWS}
    sources = "".join(f"  {name}: {{file: {at}, category: one, license: A}}\n" for name, at in zip("ab", places, strict=True))
    project.write("recipe.yaml", f"format: 1\nrecipe: test/fetch\nsources:\n{sources}prompts: [{{length: {{min: 1}}}}]\n")
    assert ran(project, served, "lock").code == 0
    locked = json.loads((project.folder / "recipe.lock").read_text())["sources"]
    assert [locked[name]["files"][0][0] for name in "ab"] == places


def test_checks_plans_and_diffs_ask_nobody(project: Project, served: Served) -> None:
    recipe(project, f"{served.url}/a.jsonl")
    told = project.run("check", "recipe.yaml")
    assert told.code == 0 and "not proven: not fetched: the source `a`" in told.out
    assert "is not fetched" in project.run("plan", "recipe.yaml").out
    assert project.run("diff", "recipe.yaml", "--set", "prompts.length.min=3").code == 0
    assert served.asked == []


def test_what_was_fetched_is_not_asked_for_again(project: Project, served: Served) -> None:
    recipe(project, f"{served.url}/a.jsonl")
    first = digest(ran(project, served))
    assert len(served.asked) == 1
    assert digest(ran(project, served, "build", "--store", "other")) == first
    assert len(served.asked) == 1


@pytest.mark.parametrize("etags", [True, False])
def test_a_download_that_breaks_off_goes_on(project: Project, served: Served, etags: bool) -> None:
    served.etags = etags
    served.faults += [(503, {"Retry-After": "0"}), 5000, 3000, (429, {"Retry-After": "0"})]
    recipe(project, f"{served.url}/a.jsonl", more=f", sha256: {hashlib.sha256(ROWS).hexdigest()}")
    digest(ran(project, served))
    assert [headers.get("range") for _, headers in served.asked] == [None, None, "bytes=5000-", "bytes=8000-", "bytes=8000-"]


def test_another_run_goes_on_with_what_one_left(project: Project, served: Served) -> None:
    recipe(project, f"{served.url}/a.jsonl")
    served.faults += [5000, (404, {})]
    assert ran(project, served).code == 1
    assert "400 rows" in ran(project, served).out
    assert served.asked[-1][1]["range"] == "bytes=5000-" and "if-range" in served.asked[-1][1]


def test_a_server_that_wants_long_silence_is_not_waited_for(project: Project, served: Served) -> None:
    recipe(project, f"{served.url}/a.jsonl")
    served.faults += [(429, {"Retry-After": "7200"})]
    done = ran(project, served)
    assert done.code == 1 and "asks for 7200 seconds of silence" in done.err and len(served.asked) == 1


def test_a_part_of_another_version_is_not_gone_on_with(project: Project, served: Served) -> None:
    """The server's version tells where nothing is pinned; the digest where it is."""
    recipe(project, f"{served.url}/a.jsonl")
    served.faults += [5000, (404, {})]
    assert ran(project, served).code == 1
    served.files["/a.jsonl"] = ROWS.replace(b"row", b"ROW")
    assert "400 rows" in ran(project, served).out
    assert b"row" not in next((Shelf().root / "files").glob("*/*")).read_bytes()


def test_other_bytes_than_are_declared_are_not_taken(project: Project, served: Served) -> None:
    recipe(project, f"{served.url}/a.jsonl", more=f", sha256: {'0' * 64}")
    done = ran(project, served)
    assert done.code == 1 and f"has the SHA-256 {hashlib.sha256(ROWS).hexdigest()}" in done.err
    assert not list((Shelf().root / "files").glob("*/*"))


def test_another_digest_declared_is_another_file(project: Project, served: Served) -> None:
    """A lock and a file of before do not stand for it."""
    recipe(project, f"{served.url}/a.jsonl", more=f", sha256: {hashlib.sha256(ROWS).hexdigest()}")
    assert ran(project, served, "lock").code == 0
    recipe(project, f"{served.url}/a.jsonl", more=f", sha256: {'0' * 64}")
    done = ran(project, served)
    assert done.code == 1 and "and another is declared" in done.err
    assert ran(project, served, "build", "--locked").code == 1


def test_locked_fetches_what_is_pinned_or_nothing(project: Project, served: Served, tmp_path: Path) -> None:
    recipe(project, f"{served.url}/a.jsonl")
    assert ran(project, served, "build", "--locked").code == 1 and served.asked == []
    first = digest(ran(project, served))
    assert ran(project, served, "lock").code == 0
    served.files["/a.jsonl"] = ROWS + b'{"prompt": "one more"}\n'
    Shelf().drop(Shelf().known(f"{served.url}/a.jsonl")[0])  # type: ignore[index]
    assert digest(ran(project, served, "build", "--locked")) == first  # its rows are in the store
    done = ran(project, served, "build", "--locked", "--store", "other")
    assert done.code == 1 and "are pinned" in done.err and "--update" in (done.err)
    assert "recipe lock recipe.yaml --update a" in ran(project, served, "fetch", "--update").out
    assert ran(project, served, "lock", "--update", "a").code == 0
    assert "401 rows" in ran(project, served, "build", "--locked").out


def test_a_lock_leads_nowhere_else(project: Project, served: Served) -> None:
    recipe(project, f"{served.url}/a.jsonl")
    digest(ran(project, served))
    assert ran(project, served, "lock").code == 0
    path = project.folder / "recipe.lock"
    from compiler.graph.lock import lock_of
    from compiler.text.canonical import digest_of

    content = json.loads(path.read_text().replace("/a.jsonl", "/b.jsonl"))
    content["sources"]["a"]["pattern"] = f"{served.url}/a.jsonl"
    del content["checksum"]
    assert digest_of(content)
    path.write_text(lock_of(dict(content)).text())
    Shelf().drop(Shelf().known(f"{served.url}/a.jsonl")[0])  # type: ignore[index]
    done = ran(project, served, "build", "--store", "other")
    assert done.code == 2 and "does not lead to" in done.err and "/b.jsonl" not in served.paths()


def test_a_damaged_file_is_fetched_anew(project: Project, served: Served) -> None:
    recipe(project, f"{served.url}/a.jsonl")
    first = digest(ran(project, served))
    path = next((Shelf().root / "files").glob("*/*"))
    path.write_bytes(ROWS.replace(b"row", b"wor"))
    assert digest(ran(project, served, "build", "--store", "other")) == first
    assert path.read_bytes() == ROWS


def test_class_c_is_refused_before_any_request(project: Project, served: Served) -> None:
    recipe(project, f"{served.url}/a.jsonl", license="C")
    assert ran(project, served).code == 2 and served.asked == []


def test_a_recipe_alone_reaches_no_private_address(project: Project, served: Served) -> None:
    recipe(project, f"{served.url}/a.jsonl")
    done = project.run("build", "recipe.yaml")
    assert done.code == 1 and f"--allow-address {served.host}" in done.err and served.asked == []


def test_a_redirect_reaches_no_private_address_either(project: Project, served: Served) -> None:
    served.moved["/a.jsonl"] = f"{served.scheme}://localhost:{served.port}/b.jsonl"
    recipe(project, f"{served.url}/a.jsonl")
    done = ran(project, served)
    assert done.code == 1 and f"--allow-address localhost:{served.port}" in done.err
    served.moved["/a.jsonl"] = f"http://example.org/a.jsonl?key={'x' * 20}"
    done = ran(project, served)
    assert done.code == 1 and "without TLS" in done.err and "xxxx" not in done.err
    for nowhere in ("https://exa mple.org/a.jsonl", "https://example.org:99999/", "https://[::1/"):
        served.moved["/a.jsonl"] = nowhere
        done = ran(project, served)
        assert done.code == 1 and "what is no address" in done.err, done.err
    assert {*served.paths()} == {"/a.jsonl"}


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "10.1.2.3", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1", "::1", "::", "fe80::1", "fd00::1"]
    + ["::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::", "ff02::1", "192.168.0.1", "240.0.0.1"]
    + ["64:ff9b:1::7f00:1", "::7f00:1", "fec0::1", "::ffff:169.254.169.254", "198.18.0.1", "168.63.129.16"],
)
def test_private_addresses_are_known_however_they_are_written(address: str) -> None:
    assert not is_public(ipaddress.ip_address(address))


def test_addresses_of_the_internet_are_public() -> None:
    assert all(
        is_public(ipaddress.ip_address(each)) for each in ("8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808")
    )


def test_no_file_is_larger_than_the_shelf(project: Project, served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    recipe(project, f"{served.url}/a.jsonl")
    served.files["/a.jsonl"] = ROWS * 200
    monkeypatch.setenv("RECIPE_FETCHED", "1MB")
    done = ran(project, served)
    assert done.code == 1 and "is larger than 1,048,576 bytes" in done.err and len(ROWS) * 200 > 1 << 20
    monkeypatch.setenv("RECIPE_FETCHED", "much")
    assert ran(project, served).code == 1


def test_what_was_not_used_for_longest_leaves_a_full_shelf(project: Project, served: Served) -> None:
    import os

    shelf = Shelf()
    for at in range(3):
        recipe(project, f"{served.url}/{at}.jsonl")
        served.files[f"/{at}.jsonl"] = ROWS + b'{"prompt": "%d"}\n' % at
        digest(ran(project, served))
    for at in range(3):
        os.utime(shelf.path(shelf.known(f"{served.url}/{at}.jsonl")[0]), (1000 - at, 1000 - at))  # type: ignore[index]
    shelf.bound = 2 * len(ROWS) + 100
    assert shelf.shrink(()) > 0
    assert [shelf.find(shelf.known(f"{served.url}/{at}.jsonl")[0]) is not None for at in range(3)] == [True, True, False]  # type: ignore[index]


@pytest.mark.parametrize(
    ("file", "told"),
    [
        ("http://example.org/a.jsonl", "not fetched from `http://`"),
        ("ftp://example.org/a.jsonl", "not fetched from `ftp://`"),
        ("https://me:pass1@example.org/a.jsonl", "holds a name, a key"),
        ("https://example.org/a.jsonl?X-Amz-Signature=pass1", "holds a name, a key"),
        ("https://example.org/a.jsonl?api_key=pass1", "holds a name, a key"),
        ("https://example.org/a", "does not say how it is written"),
        ("s3://bucket/../a.jsonl", "leads elsewhere"),
        ("s3://bucket.evil@host/a.jsonl", "holds a name"),
        ("https://[::1/a.jsonl", "cannot be read"),
    ],
)
def test_an_address_that_cannot_be_is_told_by_a_check(project: Project, file: str, told: str) -> None:
    recipe(project, json.dumps(file))
    done = project.run("check", "recipe.yaml")
    assert done.code == 2 and told in done.err


def test_a_diff_tells_of_another_address_and_asks_nobody(project: Project, served: Served) -> None:
    recipe(project, f"{served.url}/a.jsonl")
    digest(ran(project, served))
    assert ran(project, served, "lock").code == 0
    served.asked.clear()
    done = project.run("diff", "recipe.yaml", "--set", "sources.a.file=https://example.org/b.jsonl")
    assert done.code == 0 and "`https://example.org/b.jsonl` is not fetched, so nothing is known of `a`" in done.out
    done = project.run("diff", "recipe.yaml", "--set", "sources.a.file=null", "--set", "sources.a.hf={dataset: a/b}")
    assert done.code == 0 and "file hf://datasets/a/b@main" not in done.err and "is not fetched" in done.out, done.out + done.err
    assert project.run("explain", "recipe.yaml").code == project.run("show", "recipe.yaml").code == 0
    assert served.asked == []


@pytest.mark.parametrize(
    "address",
    [
        "https://h/..",
        "https://h/%2e%2e%2fx",
        "https://h/",
        "https://h",
        "s3://b/..",
        "https://h/a\\..\\x.jsonl",
        "hf://datasets/a@b/..",
    ]
    + ["https://h/" + "x" * 5000 + ".jsonl.gz", "https://h/.hidden.jsonl", "https://h/a;rm -rf.jsonl", "https://h/-x.csv"],
)
def test_no_address_leads_out_of_the_shelf(tmp_path: Path, address: str) -> None:
    shelf = Shelf(tmp_path)
    path = shelf.path(Fetched(address, "0" * 64, 1))
    assert path.parent == tmp_path / "fetched" / "files" / ("0" * 64) and path.name[0] not in ".-" and len(path.name) <= 100
    assert path.resolve() == path and (".jsonl.gz" not in address or path.name.endswith(".jsonl.gz"))
