"""A link may stand for any file of a project, and none of them is read where it leads out: it is named and never quoted."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import yaml

from tests.conftest import ROOT, Project, Ran
from tests.scratch import Repository, repository

SECRET = "SECRET-ONE: [SECRET-TWO\nSECRET-THREE\n"
KO = (ROOT / "recipes" / "languages" / "ko.yaml").read_text("utf-8")
RECIPE = """
format: 1
recipe: test/linked
extends: parts/base.yaml
models: {student: {id: test/student, license: mit, terms: mit, tokenizer: files/tokenizer.json}}
sources:
  a: {file: data/a.jsonl, category: one, license: A, columns: {prompt: prompt, completion: completion}}
prompts:
  - length: {min: 3}
  - decontaminate: {against: [exam]}
  - token_length: {max: 900, tokenizer: student}
tables: {t: {from: prompts}}
train:
  sft: {objective: sft, model: student, data: t, system: none, template: files/chat.jinja, epochs: 1, max_length: 200,
        global_batch_size: 4, dtype: float32}
"""
BENCHMARK = """
format: 1
benchmark: exam
title: An exam of one item.
items: {file: ../data/exam.jsonl, columns: {prompt: prompt, gold_answer: gold}}
task: math
extract: first_boxed
language: ko
license: A
"""
#: What a link may stand for -> the file.
KINDS = {
    "a recipe": "recipe.yaml",
    "a lock": "recipe.lock",
    "what is extended": "parts/base.yaml",
    "a profile": "languages/ko.yaml",
    "a prompt of a profile": "languages/system.txt",
    "a benchmark": "benchmarks/exam.yaml",
    "the items of a benchmark": "data/exam.jsonl",
    "a chat template": "files/chat.jinja",
    "a tokenizer": "files/tokenizer.json",
    "a source": "data/a.jsonl",
}


def fill(project: Project) -> None:
    project.write("recipe.yaml", RECIPE)
    project.write("parts/base.yaml", "format: 1\nseed: 3\nlanguage: {target: ko, anchor: en}\n")
    profile = yaml.safe_load(KO)
    in_a_file = {"file": "system.txt"}
    told = profile["prompts"]["system"]
    profile["prompts"]["system"] = in_a_file if isinstance(told, str) else {**told, "en": in_a_file}
    project.write("languages/ko.yaml", json.dumps(profile))
    project.write("languages/system.txt", "Think carefully.\n")
    project.write("benchmarks/exam.yaml", BENCHMARK)
    project.write("files/chat.jinja", "{{ messages }}")
    tokenizer = {"version": "1.0", "model": {"type": "WordLevel", "vocab": {"x": 0}, "unk_token": "x"}, "added_tokens": []}
    project.write("files/tokenizer.json", json.dumps(tokenizer))
    project.rows("data/a.jsonl", [{"prompt": f"물은 왜 {at} 도에서 끓나요?", "completion": "그냥"} for at in range(4)])
    project.rows("data/exam.jsonl", [{"prompt": "하늘은 왜 파란가요, 그리고 바다는요?", "gold": "1"}])


@pytest.fixture(scope="session")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with every kind of file, which nobody may change."""
    made = repository(tmp_path_factory.mktemp("linked"))
    fill(made)
    ran = made.run("check", "recipe.yaml")
    assert ran.code == 0, ran.out + ran.err
    return made.folder


@pytest.fixture
def linked(whole: Path, tmp_path: Path) -> Repository:
    """The same, beside a folder with secrets."""
    shutil.copytree(whole, tmp_path / "project")
    (tmp_path / "outside").mkdir()
    return Repository(tmp_path / "project")


def lead_out(project: Project, name: str) -> Path:
    """Let a file of the project be a link to a secret."""
    secret = project.folder.parent / "outside" / Path(name).name
    secret.write_text(SECRET)
    (project.folder / name).unlink(missing_ok=True)
    (project.folder / name).symlink_to(secret)
    return secret


def said(ran: Ran) -> str:
    return ran.out + ran.err


@pytest.mark.parametrize("kind", KINDS)
def test_a_link_that_leads_out_is_named_and_never_quoted(linked: Repository, kind: str) -> None:
    lead_out(linked, KINDS[kind])
    for command in ("check", "build", "plan", "explain", "diff", "status"):
        ran = linked.run(command, *([] if command == "status" else ["recipe.yaml"]))
        assert "SECRET" not in said(ran), (command, said(ran))
        if command not in ("status", "diff"):
            assert ran.code == 2 and f"{Path(KINDS[kind]).name}` leads out of the project" in ran.err, (command, said(ran))


@pytest.mark.parametrize("kind", KINDS)
def test_a_link_into_a_folder_that_is_allowed_is_read(linked: Repository, kind: str) -> None:
    text = (linked.folder / KINDS[kind]).read_bytes() if kind != "a lock" else None
    secret = lead_out(linked, KINDS[kind])
    if text is None:
        secret.unlink()
    else:
        secret.write_bytes(text)
    if kind in ("a recipe", "a benchmark", "a profile"):  # what it says is relative to where it lies
        shutil.copytree(linked.folder, secret.parent, dirs_exist_ok=True, ignore=lambda *_: [Path(KINDS[kind]).name, ".git"])
    ran = linked.run("check", "recipe.yaml", "--allow-path", str(secret.parent))
    assert ran.code == 0, said(ran)


@pytest.mark.parametrize("kind", [each for each in KINDS if each != "a lock"])
def test_a_link_that_stays_in_the_project_is_read(linked: Repository, kind: str) -> None:
    path = linked.folder / KINDS[kind]
    moved = path.with_name(f"real{path.suffix}")
    path.rename(moved)
    path.symlink_to(moved.name)
    assert linked.run("check", "recipe.yaml").code == 0
    linked.commit()
    assert linked.run("diff", "HEAD", "recipe.yaml", "--exit-code").code == 0


@pytest.mark.parametrize("kind", KINDS)
def test_a_link_of_a_revision_that_leads_out_is_never_quoted(linked: Repository, kind: str) -> None:
    linked.commit("whole")
    lead_out(linked, KINDS[kind])
    hostile = linked.commit("hostile")
    (linked.folder / KINDS[kind]).unlink()
    fill(linked)
    revisions = ((hostile,), ("HEAD~1", hostile))
    for arguments in (*revisions, (hostile, "--all"), *((*each, "recipe.yaml") for each in revisions)):
        for form in ("text", "markdown", "github"):
            ran = linked.run("diff", *arguments, "--format", form)
            assert "SECRET" not in said(ran) and "Traceback" not in said(ran), (arguments, form, said(ran))
    ran = linked.run("diff", "HEAD~1", hostile, "recipe.yaml")
    assert ran.code == 2 and f"{Path(KINDS[kind]).name}` leads out of the project" in ran.err, said(ran)
    assert "in that revision it is a link to" in ran.err and "/outside/" in ran.err


def test_nothing_of_a_revision_leads_out_of_its_folder(linked: Repository, tmp_path: Path) -> None:
    from compiler.text.project import package_root
    from runtime.review.revisions import lay_out_revision

    (tmp_path / "outside" / "x").write_text("SECRET")
    links = ["/etc/passwd", "../outside/x", "/", "..", "../..", str(tmp_path / "outside"), "loop", "stays/../../outside/x"]
    links.append("a" * 4000)
    for number, to in enumerate(links):
        (linked.folder / f"l{number}.yaml").symlink_to(to)
    (linked.folder / "loop").symlink_to("loop")
    (linked.folder / "deep").mkdir()
    (linked.folder / "stays").symlink_to(".")
    (linked.folder / "inside.yaml").symlink_to("recipe.yaml")
    linked.commit()
    with lay_out_revision(linked.folder, "HEAD") as found:
        assert (found.folder / "inside.yaml").read_text() == RECIPE.replace("\r", "")
        leads = [path for path in found.folder.rglob("*") if path.is_symlink()]
        for path in leads:
            real = path.resolve(strict=False) if path.name not in ("loop", "l6.yaml") else found.folder
            roots = (found.folder, linked.folder.resolve(), package_root())
            assert any(real.is_relative_to(each) for each in roots) or real in found.strays, path
        assert set(found.strays.values()) > {"/etc/passwd", "/", str(tmp_path / "outside" / "x")}


@pytest.mark.parametrize("content", [b"", b"a\0b", b"x" * 100_000, b"\xff\xfe"])
def test_a_link_that_no_disk_can_have_stops_no_diff(linked: Repository, content: bytes) -> None:
    import os
    import subprocess

    linked.commit()
    blob = (
        subprocess.run(["git", "hash-object", "-w", "--stdin"], cwd=linked.folder, input=content, capture_output=True, check=True)
        .stdout.decode()
        .strip()
    )
    linked.git("update-index", "--add", "--cacheinfo", f"120000,{blob},parts/odd.yaml")
    linked.git("commit", "-q", "-m", "odd")
    assert os.path.lexists(linked.folder / "parts" / "odd.yaml") is False
    ran = linked.run("diff", "HEAD", "recipe.yaml")
    assert ran.code == 0, said(ran)


def test_a_link_in_a_revision_is_relative_to_the_project(linked: Repository, tmp_path: Path) -> None:
    (tmp_path / "outside" / "a.jsonl").write_bytes((linked.folder / "data" / "a.jsonl").read_bytes())
    (linked.folder / "data" / "a.jsonl").unlink()
    (linked.folder / "data" / "a.jsonl").symlink_to("../../outside/a.jsonl")
    linked.commit()
    assert linked.run("diff", "HEAD", "recipe.yaml", "--exit-code", "--allow-path", str(tmp_path / "outside")).code == 0
    ran = linked.run("diff", "HEAD", "HEAD", "recipe.yaml")
    assert ran.code == 2 and "leads out of the project" in ran.err


def test_a_folder_that_is_a_link_out_is_not_the_project_of_what_is_named_through_it(linked: Repository, tmp_path: Path) -> None:
    other = Project(tmp_path / "outside")
    other.write("pyproject.toml", "")
    other.write("secret.yaml", SECRET)
    (linked.folder / "sub").symlink_to(tmp_path / "outside")
    for named in ("sub/secret.yaml", "sub/secret", str(linked.folder / "sub" / "secret.yaml"), "parts/../sub/secret.yaml"):
        ran = linked.run("check", named)
        assert ran.code == 2 and "leads out of the project" in ran.err and "SECRET" not in said(ran)


def test_a_project_may_be_reached_by_a_link(linked: Repository, tmp_path: Path) -> None:
    (tmp_path / "short").symlink_to(linked.folder)
    assert Project(tmp_path).run("check", "short/recipe.yaml").code == 0
    assert Project(tmp_path).run("check", str(tmp_path / "short" / "parts" / ".." / "recipe.yaml")).code == 0


def test_another_version_of_a_recipe_is_no_link_out(linked: Repository) -> None:
    lead_out(linked, "mine.yaml")
    ran = linked.run("diff", "mine.yaml", "recipe.yaml", "--as", "recipe.yaml")
    assert ran.code == 2 and "`mine.yaml` leads out of the project" in ran.err and "SECRET" not in said(ran)


def test_a_configuration_of_the_project_is_no_link_out(linked: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    lead_out(linked, "config.yaml")
    monkeypatch.setenv("RECIPE_CONFIG", "config.yaml")
    ran = linked.run("plan", "recipe.yaml", "--target", "train.sft")
    assert ran.code == 2 and "`config.yaml` leads out of the project" in ran.err and "SECRET" not in said(ran)


def test_your_own_configuration_may_be_a_link(linked: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RECIPE_CONFIG", raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "home"))
    (tmp_path / "home" / "data-recipe").mkdir(parents=True)
    (tmp_path / "outside" / "config.yaml").write_text("models: {}\n")
    (tmp_path / "home" / "data-recipe" / "config.yaml").symlink_to(tmp_path / "outside" / "config.yaml")
    assert linked.run("check", "recipe.yaml").code == 0


def test_the_store_of_a_project_is_no_link_out(linked: Repository, tmp_path: Path) -> None:
    (linked.folder / ".recipe").rmdir()
    (linked.folder / ".recipe").symlink_to(tmp_path / "outside")
    for command in (["build", "recipe.yaml"], ["plan", "recipe.yaml"], ["store", "gc"], ["store", "ls"]):
        ran = linked.run(*command)
        assert ran.code == 2 and "the store `.recipe` leads out of the project" in ran.err, said(ran)
    assert not list((tmp_path / "outside").iterdir())
    assert linked.run("plan", "recipe.yaml", "--store", ".recipe").code == 0  # who names it means it


PARTS = ["tmp", "objects", "objects/ab", "outputs", "running", "damaged", "results", "results/ab", "beside", "names"]
PARTS += ["gate", "memo", "completions", "memos", "memos/v1", "memos/v1/memo", "memos/v1/memo/ab", "memos/v1/completions"]


@pytest.mark.parametrize("name", PARTS)
def test_no_folder_of_a_store_is_a_link_out(linked: Repository, tmp_path: Path, name: str) -> None:
    (tmp_path / "outside" / "mine").write_text("mine")
    link = linked.folder / ".recipe" / ("" if name.startswith("memos") else "v4") / name
    link.parent.mkdir(parents=True, exist_ok=True)
    link.symlink_to(tmp_path / "outside")
    for command in (["build", "recipe.yaml", "--target", "prompts"], ["store", "gc"], ["store", "verify", "--mend"]):
        ran = linked.run(*command)
        assert ran.code == 1 and f"`{name}` of the store" in ran.err and "is a link" in ran.err, (command, said(ran))
    assert [path.name for path in (tmp_path / "outside").iterdir()] == ["mine"]


def test_no_name_of_a_store_is_a_link_out(linked: Repository, tmp_path: Path) -> None:
    (linked.folder / ".recipe" / "v4" / "names").mkdir(parents=True)
    (linked.folder / ".recipe" / "v4" / "names" / "test").symlink_to(tmp_path / "outside")
    ran = linked.run("build", "recipe.yaml", "--target", "prompts")
    assert ran.code == 1 and "`names/test` of the store is a link" in ran.err and not list((tmp_path / "outside").iterdir())


def test_an_export_follows_no_link_out_of_the_project(linked: Repository, tmp_path: Path) -> None:
    linked.write("small.yaml", "format: 1\nrecipe: t/s\nlanguage: {target: ko, anchor: en}\nsources: {a: {file: data/a.jsonl, category: o, license: A}}\nprompts: [unique]\n")  # fmt: skip  # noqa: E501
    assert linked.run("build", "small.yaml", "-q").code == 0
    (linked.folder / "out").symlink_to(tmp_path / "outside")
    for to in ("out", "out/deeper"):
        ran = linked.run("export", "small.yaml", "--to", to)
        assert ran.code == 2 and "leads out of the project" in ran.err
    assert linked.run("export", "small.yaml", "--to", str(tmp_path / "outside" / "named")).code == 0
    assert linked.run("export", "small.yaml", "--to", "../outside/again").code == 0
    assert linked.run("export", "small.yaml", "--to", "out/allowed", "--allow-path", str(tmp_path / "outside")).code == 0


def test_a_dangling_link_stops_neither_status_nor_diff(linked: Repository) -> None:
    linked.commit()
    (linked.folder / "gone.yaml").symlink_to("nowhere")
    (linked.folder / "loop.yaml").symlink_to("loop.yaml")
    assert linked.run("status").code == 0 and linked.run("diff").code == 0
