"""Datasets of the hub: a revision is a commit in the lock, files are as the hub says, and the token goes to it alone."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from operators.declared.address import Hub
from runtime.sources.remote.commits import complain_commit
from runtime.sources.remote.http import Access
from runtime.sources.remote.hub import address_of, chosen, wanted_at
from runtime.sources.remote.shelf import Shelf
from tests.conftest import Project, Ran
from tests.servers import Served, serving

TOKEN = "hf_testsSecret0123456789"
NAME = "some-team/exams"
ONE, TWO = "1" * 40, "2" * 40
HISTORY = f"/api/datasets/{NAME}/commits/main"
ROWS = b"".join(json.dumps({"prompt": f"row number {at}"}).encode() + b"\n" for at in range(50))
MORE = b'{"prompt": "one more"}\n'


def commit(served: Served, sha: str, files: dict[str, bytes], card: Any = None, lfs: bool = True) -> None:
    """Let `main` of the dataset be a commit with some files."""
    siblings = []
    for path, body in files.items():
        blob = hashlib.sha1(b"blob %d\0" % len(body) + body).hexdigest()
        large = {"lfs": {"sha256": hashlib.sha256(body).hexdigest(), "size": len(body), "pointerSize": 130}} if lfs else {}
        siblings.append({"rfilename": path, "size": len(body), "blobId": blob, **large})
        served.files[f"/datasets/{NAME}/resolve/{sha}/{path}"] = body
    said = json.dumps({"id": NAME, "sha": sha, "siblings": siblings, "cardData": card}).encode()
    served.answers |= {f"/api/datasets/{NAME}/revision/{each}": lambda: said for each in ("main", sha)}
    known = served.answers.get(HISTORY, lambda: b"[]")()
    history = json.dumps([{"id": sha, "title": "t"}, *json.loads(known)]).encode()
    served.answers[HISTORY] = lambda: history


@pytest.fixture
def served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    pytest.importorskip("huggingface_hub", reason="huggingface_hub is not installed")
    with serving(monkeypatch, tmp_path) as made:
        monkeypatch.setenv("HF_ENDPOINT", made.url)
        monkeypatch.setenv("HF_TOKEN", TOKEN)
        commit(made, ONE, {"data/train.jsonl": ROWS, "data/test.jsonl": MORE, "README.md": b"a card"})
        yield made


@pytest.fixture
def project(tmp_path: Path) -> Project:
    folder = tmp_path / "project"
    (folder / ".recipe").mkdir(parents=True)
    recipe = Project(folder)
    recipe.write("recipe.yaml", text_of(f"{{dataset: {NAME}}}"))
    return recipe


def text_of(hub: str) -> str:
    return f"""
        format: 1
        recipe: test/hub
        sources: {{a: {{hf: {hub}, category: one, license: A}}}}
        prompts: [{{length: {{min: 1}}}}]
        """


def ran(project: Project, served: Served, *arguments: str) -> Ran:
    command, *more = arguments or ("build",)
    return project.run(command, "recipe.yaml", "--allow-address", served.host, *more)


def digest(done: Ran) -> str:
    assert done.code == 0, done.out + done.err
    return next(line for line in done.out.splitlines() if "test/hub@" in line).split()[0]


def lose_first() -> None:
    """Let the first file of the dataset be no longer on this machine."""
    known = Shelf().known(Hub(dataset=NAME).address)
    assert known
    Shelf().drop(known[0])


def downloads(served: Served) -> list[str]:
    return [path.rpartition("/")[2] for path in served.paths() if "/resolve/" in path]


@pytest.mark.parametrize("lfs", [True, False])
def test_a_split_is_fetched_and_its_commit_is_in_the_lock(project: Project, served: Served, lfs: bool) -> None:
    commit(served, ONE, {"data/train.jsonl": ROWS, "data/test.jsonl": MORE}, lfs=lfs)
    done = ran(project, served, "lock")
    assert done.code == 0, done.err
    locked = json.loads((project.folder / "recipe.lock").read_text())["sources"]["a"]
    assert locked["files"][0][0] == f"hf://datasets/{NAME}@{ONE}/data/train.jsonl" and locked["rows"] == 50
    assert downloads(served) == ["train.jsonl"]


def test_another_commit_with_equal_bytes_rebuilds_nothing(project: Project, served: Served) -> None:
    assert ran(project, served, "lock").code == 0
    commit(served, TWO, {"moved/train-all.jsonl": ROWS})
    assert "as locked" in ran(project, served, "fetch", "--update").out
    assert downloads(served) == ["train.jsonl"]  # its bytes were here
    assert ran(project, served, "lock").code == 0
    again = project.run("build", "recipe.yaml", "--json", "--locked")
    assert again.json["ran"] == [] and f"@{TWO}/moved/train-all.jsonl" in (project.folder / "recipe.lock").read_text()


def test_a_moving_branch_moves_no_locked_build(project: Project, served: Served) -> None:
    assert ran(project, served, "lock").code == 0
    first = digest(ran(project, served))
    commit(served, TWO, {"data/train.jsonl": ROWS + MORE})
    lose_first()
    served.asked.clear()
    assert digest(ran(project, served, "build", "--locked", "--store", "other")) == first
    asked = [HISTORY, f"/api/datasets/{NAME}/revision/{ONE}?blobs=true", f"/datasets/{NAME}/resolve/{ONE}/data/train.jsonl"]
    assert served.paths() == asked


@pytest.mark.parametrize("kind", ["hf", "https"])
def test_a_lock_and_a_pulled_store_build_without_a_network(
    project: Project, served: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    pytest.importorskip("obstore")
    if kind == "https":
        written = f"file: {served.url}/datasets/{NAME}/resolve/{ONE}/data/train.jsonl"
        project.write("recipe.yaml", text_of("{}").replace("hf: {}", written))
    assert ran(project, served, "lock").code == 0
    first = digest(ran(project, served))
    (tmp_path / "bucket").mkdir()
    assert project.run("store", "push", f"file://{tmp_path / 'bucket'}").code == 0
    other = Project(tmp_path / "other")
    (other.folder / ".recipe").mkdir(parents=True)
    for name in ("recipe.yaml", "recipe.lock"):
        (other.folder / name).write_bytes((project.folder / name).read_bytes())
    monkeypatch.setenv("RECIPE_CACHE", str(tmp_path / "empty"))
    assert other.run("store", "pull", f"file://{tmp_path / 'bucket'}").code == 0
    served.asked.clear()
    for command in ("check", "plan", "diff"):
        done = other.run(command, "recipe.yaml", *(["--set", "prompts.length.min=13"] if command == "diff" else []))
        assert done.code == 0, command + done.out + done.err
    assert digest(other.run("build", "recipe.yaml", "--locked")) == first
    changed = other.run("build", "recipe.yaml", "--set", "prompts.length.min=13")
    assert changed.code == 0 and "40 rows" in changed.out, changed.out + changed.err
    assert served.paths() == []


def test_files_are_verified_by_what_the_hub_says_of_them(project: Project, served: Served) -> None:
    served.files[f"/datasets/{NAME}/resolve/{ONE}/data/train.jsonl"] = ROWS.replace(b"row", b"wor")
    done = ran(project, served)
    assert done.code == 1 and "SHA-256" in done.err and not list((Shelf().root / "files").glob("*"))


def test_the_token_goes_to_the_hub_alone_and_is_written_nowhere(project: Project, served: Served, tmp_path: Path) -> None:
    with pytest.MonkeyPatch.context() as patch:
        (tmp_path / "elsewhere").mkdir()
        known = tmp_path / "known.pem"
        with serving(patch, tmp_path / "elsewhere") as other:
            patch.setenv("SSL_CERT_FILE", str(known))  # one certificate for both
            path = f"/datasets/{NAME}/resolve/{ONE}/data/train.jsonl"
            served.moved[path], other.files["/blob"] = f"{other.url}/blob", ROWS
            done = ran(project, served, "lock", "--allow-address", other.host)
    assert done.code == 0, done.err
    assert [headers.get("authorization") for _, headers in served.asked] == [f"Bearer {TOKEN}"] * 2
    assert [headers.get("authorization") for _, headers in other.asked] == [None]
    written = [each for each in tmp_path.rglob("*") if each.is_file()]
    assert len(written) > 5 and not any(TOKEN.encode() in each.read_bytes() for each in written)
    assert TOKEN not in done.out + done.err


def test_a_recipe_alone_reaches_no_hub_on_a_private_address(project: Project, served: Served) -> None:
    done = project.run("build", "recipe.yaml")
    assert done.code == 1 and "--allow-address" in done.err and served.asked == []


def test_what_is_not_there_or_not_to_be_read_is_told(project: Project, served: Served) -> None:
    project.write("recipe.yaml", text_of(f"{{dataset: {NAME}, split: dev}}"))
    done = ran(project, served)
    assert done.code == 1 and "no files of the split `dev`" in done.err and "data/test.jsonl" in done.err
    project.write("recipe.yaml", text_of("{dataset: no/such}"))
    assert "no dataset `no/such` at `main` that you may read (HTTP 404)" in ran(project, served).err


CARD = {
    "configs": [
        {
            "config_name": "ko",
            "data_files": [{"split": "train", "path": ["ko/a-*.jsonl"]}, {"split": "test", "path": "ko/t.jsonl"}],
        },
        {"config_name": "th", "default": True, "data_files": "th/**/*.jsonl"},
        {"config_name": "in", "data_dir": "inner", "data_files": {"train": "x.jsonl"}},
    ]
}
CARDED = ["inner/x.jsonl", "ko/a-1.jsonl", "ko/a-2.jsonl", "ko/t.jsonl", "th/1.jsonl", "th/deep/2.jsonl", "x.jsonl"]
BARE = ["data/test-00000-of-00001.parquet", "data/train-00000-of-00002.parquet", "data/train-00001-of-00002.parquet", "README.md"]
FOLDERS = ["law/dev/0.parquet", "law/train/0.parquet", "art/train/0.parquet"]


@pytest.mark.parametrize(
    ("said", "names", "card", "files"),
    [
        ({"config": "ko"}, CARDED, CARD, ["ko/a-1.jsonl", "ko/a-2.jsonl"]),
        ({"config": "ko", "split": "test"}, CARDED, CARD, ["ko/t.jsonl"]),
        ({}, CARDED, CARD, ["th/1.jsonl", "th/deep/2.jsonl"]),
        ({"config": "in"}, CARDED, CARD, ["inner/x.jsonl"]),
        ({}, BARE, {}, BARE[1:3]),
        ({"split": "test"}, BARE, {}, BARE[:1]),
        ({"config": "law", "split": "validation"}, FOLDERS, {}, FOLDERS[:1]),
        ({"files": "**/train/*.parquet"}, FOLDERS, {}, FOLDERS[1:]),
        ({"files": "law/dev/0.parquet"}, FOLDERS, {}, FOLDERS[:1]),
        ({}, ["all.csv", "notes.txt"], {}, ["all.csv"]),
        ({"split": "test"}, ["all.csv"], {}, []),
    ],
)
def test_a_split_is_the_files_that_the_card_or_their_names_say(
    said: dict[str, str], names: list[str], card: Any, files: list[str]
) -> None:
    assert list(chosen(Hub(dataset=NAME, **said), names, card)) == files


@pytest.mark.parametrize(
    "said", ["{dataset: ../x}", "{dataset: a/b/c}", "{dataset: a, revision: '?x'}", "{dataset: a, split: a/b}"]
)
def test_a_name_that_is_none_of_the_hub_is_told_by_a_check(project: Project, said: str) -> None:
    project.write("recipe.yaml", text_of(said))
    assert project.run("check", "recipe.yaml").code == 2


def test_a_card_and_names_of_others_take_no_time_and_raise_nothing() -> None:
    hostile = [{"data_files": "*a" * 40 + "b"}, {"data_files": 3}, {"data_files": {"train": 3}}, {"data_files": "**/" * 40 + "b"}]
    names = ["a" * 200, "a/" * 100 + "a.jsonl"]
    for config in hostile:
        assert list(chosen(Hub(dataset=NAME), names, {"configs": [config]})) == []
    assert list(chosen(Hub(dataset=NAME, split="test"), names, {"configs": 3})) == []


def test_a_lock_names_no_file_that_the_recipe_leads_not_to() -> None:
    access, commit = Access(endpoint="https://hub"), "0" * 40
    hub = Hub(dataset=NAME, files="data/*.jsonl")
    assert wanted_at(hub, address_of(NAME, commit, "data/a.jsonl"), access) is not None
    assert wanted_at(hub, address_of(NAME, commit, "other/a.jsonl"), access) is None
    assert wanted_at(hub, address_of("other/name", commit, "data/a.jsonl"), access) is None


def tampered(project: Project, old: str, new: str) -> None:
    """Let the lock say something else, with a sound checksum."""
    from compiler.graph.lock import lock_of

    path = project.folder / "recipe.lock"
    content = json.loads(path.read_text().replace(old, new))
    del content["checksum"]
    path.write_text(lock_of(content).text())


def test_a_lock_names_no_commit_that_the_revision_never_had(project: Project, served: Served) -> None:
    """Anybody may push a commit beside the branch, and the hub gives its files to who names it."""
    assert ran(project, served, "lock").code == 0
    tampered(project, ONE, TWO)
    served.files[f"/datasets/{NAME}/resolve/{TWO}/data/train.jsonl"] = ROWS
    lose_first()
    assert f"pins `a` to the commit {TWO[:12]} of `hf://datasets/{NAME}@main" in project.run("plan", "recipe.yaml").out
    done = ran(project, served, "build", "--locked", "--store", "other")
    assert done.code == 1 and f"pins the commit {TWO[:12]}" in done.err and "not in the history of `main`" in done.err
    assert downloads(served) == ["train.jsonl"]
    served.answers[HISTORY] = lambda: b"{}"
    done = ran(project, served, "build", "--locked", "--store", "other")
    assert done.code == 0 and "nobody knows whether `main` has had it" in done.out, done.out + done.err
    assert "nobody knows whether the files that the lock pins are those of" in done.out


def test_a_history_is_looked_through_page_by_page(served: Served) -> None:
    access = Access(frozenset({served.host}), served.url)
    with pytest.MonkeyPatch.context() as patch:
        from http.server import BaseHTTPRequestHandler

        ended = BaseHTTPRequestHandler.end_headers
        links = [f'<{served.url}/2>; rel="next"', None]

        def end(self: BaseHTTPRequestHandler) -> None:
            if links and (link := links.pop(0)):
                self.send_header("Link", link)
            ended(self)

        patch.setattr(BaseHTTPRequestHandler, "end_headers", end)
        served.files["/2"] = json.dumps([{"id": TWO}]).encode()
        assert complain_commit(Hub(dataset=NAME), TWO, access) is None
        assert served.paths() == [HISTORY, "/2"]
        links += ['<https://elsewhere.example/2>; rel="next"']
        assert "nothing that can be read" in (complain_commit(Hub(dataset=NAME), TWO, access) or "")


def test_a_lock_names_no_other_commit_than_the_recipe(project: Project, served: Served) -> None:
    project.write("recipe.yaml", text_of(f"{{dataset: {NAME}, revision: \'{ONE}\'}}"))
    assert ran(project, served, "lock").code == 0
    tampered(project, f"@{ONE}/data", f"@{TWO}/data")
    for command in ("check", "plan", "build"):
        done = project.run(command, "recipe.yaml")
        assert done.code == 2 and "does not lead to it" in done.err and "recipe.yaml:4" in done.err, done.err
    assert ran(project, served, "lock").code == project.run("check", "recipe.yaml").code == 0


def test_a_lock_names_no_file_of_another_split(project: Project, served: Served) -> None:
    assert ran(project, served, "lock").code == 0
    locked = json.loads((project.folder / "recipe.lock").read_text())["sources"]["a"]
    tampered(project, "data/train.jsonl", "data/test.jsonl")
    lose_first()
    done = ran(project, served, "build", "--locked", "--store", "other")
    assert done.code == 1 and f"pins `data/test.jsonl` of `{NAME}`, which is not of" in done.err and locked["rows"] == 50
    assert downloads(served) == ["train.jsonl"]


def test_a_diff_tells_that_a_lock_moves_to_another_commit(project: Project, served: Served) -> None:
    assert ran(project, served, "lock").code == 0
    for name in ("recipe.yaml", "recipe.lock"):
        project.write(name.replace("recipe", "old"), (project.folder / name).read_text())
    tampered(project, ONE, TWO)
    done = project.run("diff", "old.yaml", "recipe.yaml")
    assert done.code == 0 and f"moves `a` from the commit {ONE[:12]} to {TWO[:12]}" in done.out, done.out + done.err


def test_an_archive_that_a_card_leads_to_is_told_and_not_fetched(project: Project, served: Served) -> None:
    commit(served, ONE, {"all.zip": ROWS}, card={"configs": [{"config_name": "default", "data_files": "all.zip"}]})
    done = ran(project, served)
    assert done.code == 1 and "all.zip`: an archive at an address is not read" in done.err and "name its path" in done.err
    assert downloads(served) == []


BENCHMARK = f"""
    format: 1
    recipe: test/judged
    language: {{target: ko, anchor: en}}
    sources: {{a: {{file: a.jsonl, category: one, license: A}}}}
    models: {{judge: {{id: none/none, license: A, terms: A, endpoint: none}}}}
    prompts: [{{decontaminate: {{against: [exams, kmmlu_hard, ksm], ngram: 5}}}}]
    benchmarks:
      exams:
        items: {{hf: {{dataset: {NAME}, split: test}}, columns: {{prompt: prompt, gold_answer: prompt}}}}
        task: exact
        extract: first_boxed
        language: ko
        license: unknown
      closed:
        items: {{hf: {{dataset: {NAME}}}, columns: {{prompt: prompt, gold_answer: prompt}}}}
        task: exact
        extract: first_boxed
        language: ko
        license: C
    """


def test_benchmarks_are_listed_and_got_where_their_licence_allows(project: Project, served: Served) -> None:
    project.rows("a.jsonl", ["one", "two"])
    project.write("recipe.yaml", BENCHMARK)
    listed = project.run("benchmarks", "recipe.yaml", "--json")
    assert listed.code == 0, listed.out + listed.err
    states = {each["name"]: each["state"] for each in listed.json["benchmarks"]}
    assert states["exams"] == "not fetched" and states["closed"] == "refused" and states["kmmlu_hard"] == "no files"
    assert served.asked == []
    got = ran(project, served, "benchmarks", "--get")
    assert got.code == 0 and "here         exams" in got.out, got.out + got.err
    assert "{hf: {dataset: HAERAE-HUB/HRM8K, files: HRM8K/ksm_test.csv}}" in got.out
    assert downloads(served) == ["test.jsonl"]


@pytest.mark.parametrize("rest, hf", [("", {}), ("@main/data/test.*", {"files": "data/test.*"})])
def test_a_mapping_is_proposed_for_a_dataset(project: Project, served: Served, rest: str, hf: dict[str, str]) -> None:
    done = project.run("sources", f"hf://datasets/{NAME}{rest}", "--allow-address", served.host, "--json")
    assert done.code == 0, done.err
    assert done.json["source"]["hf"] == {"dataset": NAME, **hf} and done.json["source"]["columns"] == {"prompt": "prompt"}
