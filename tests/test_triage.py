"""Triage: sites are measured, what the recipe records of each decides, and the record goes into the card."""

from __future__ import annotations

import json

import pytest

from tests.conftest import Project
from tests.crawling import crawl

pytest.importorskip("selectolax")

WORDS = (
    "하늘",
    "바다",
    "구름",
    "바람",
    "나무",
    "강물",
    "노래",
    "시간",
    "마음",
    "사람",
    "도시",
    "학교",
    "음악",
    "그림",
    "이야기",
    "아침",
)
SOURCES = """format: 1
recipe: test/triage
sources:
  big: {file: big.jsonl, category: daily, license: A}
  mirror: {file: mirror.jsonl, category: daily, license: A}
  own: {file: own.jsonl, category: daily, license: A}
  small: {file: small.jsonl, category: daily, license: A}
  closed: {file: closed.jsonl, category: daily, license: C}
  hidden: {file: hidden.warc, category: daily, license: A, pages: {rows: .q, fields: {text: p}}, columns: {prompt: text}}
triage:
  volume: 10
  obfuscation: 0.5
  near_duplicates: 0.5
"""
SITES = """  sites:
    big: {decision: keep}
    own: {decision: keep}
    mirror: {decision: drop, by: near_duplicates, found: "87 % of its text stands in big"}
    small: {decision: drop, by: volume}
    hidden: {decision: drop, by: obfuscation}
    closed: {decision: drop, by: licence}
    elsewhere: {decision: drop, by: licence, license: C, found: "the terms | forbid it"}
"""


def text(at: int) -> str:
    return " ".join(WORDS[(at * 7 + step * step * (at + 3)) % len(WORDS)] + str(at * 31 + step) for step in range(12))


@pytest.fixture
def sites(project: Project) -> Project:
    for name, some in {"big": range(60), "mirror": range(40), "own": range(100, 150), "small": range(200, 204)}.items():
        project.write(f"{name}.jsonl", "".join(json.dumps({"prompt": text(at)}) + "\n" for at in some))
    pages = [
        ("https://h.example/1", f"<div class=q><p>{text(300 + at)}</p></div>" if at < 12 else "<p>log in</p>") for at in range(40)
    ]
    (project.folder / "hidden.warc").write_bytes(crawl(pages))
    project.write("recipe.yaml", SOURCES + SITES + "prompts: [unique]\n")
    return project


def test_each_site_is_measured_and_one_of_class_c_is_not_looked_at(sites: Project) -> None:
    told = sites.run("triage", "recipe.yaml", "--json")
    assert told.code == 0, told.err
    found = told.json["sites"]
    assert {name: (each["says"], each["by"]) for name, each in found.items()} == {
        "big": ("keep", None),
        "closed": ("drop", "licence"),
        "elsewhere": ("drop", "licence"),
        "hidden": ("drop", "obfuscation"),
        "mirror": ("drop", "near_duplicates"),
        "own": ("keep", None),
        "small": ("drop", "volume"),
    }
    assert found["hidden"]["found"] == "28 of 40 pages give no row" and found["mirror"]["near"]["site"] == "big"
    assert "rows" not in found["closed"]


def test_what_is_not_recorded_is_printed_to_be_pasted(sites: Project) -> None:
    closed = "  sites:\n    closed: {decision: drop, by: licence}\n"
    sites.write("recipe.yaml", SOURCES + closed + "prompts: [unique]\n")
    told = sites.run("triage", "recipe.yaml")
    assert told.code == 0, told.err
    pasted = told.out[told.out.index("triage:") :]
    sites.write("recipe.yaml", SOURCES + closed + pasted.partition("sites:\n")[2] + "prompts: [unique]\n")
    assert "the record says the same" in sites.run("triage", "recipe.yaml").out
    sites.write("recipe.yaml", SOURCES + SITES + "prompts: [unique]\n")
    assert "the record says the same" in sites.run("triage", "recipe.yaml").out


def test_a_dropped_site_feeds_nothing_and_no_file_of_it_is_needed(sites: Project) -> None:
    (sites.folder / "small.jsonl").unlink()
    done = sites.run("build", "recipe.yaml", "--json")
    assert done.code == 0 and done.json["outputs"][0]["rows"] == 110, done.out + done.err


def test_a_table_that_reads_a_dropped_site_is_a_mistake(sites: Project) -> None:
    sites.write("recipe.yaml", SOURCES + SITES + "tables: {t: {from: [big, small]}}\n")
    told = sites.run("check", "recipe.yaml")
    assert told.code == 2 and "`t` reads `small`, which the triage drops" in told.err


@pytest.mark.parametrize(
    ("site", "message"),
    [
        ("nobody: {decision: keep}", "the site `nobody` is kept, and there is no such source"),
        ("big: {decision: drop}", "`by` says why a site is dropped"),
        ("big: {decision: keep, by: volume}", "`by` says why a site is dropped, and this one is kept"),
        ("big: {decision: keep, license: A}", "`big` is a source, which says its class itself"),
    ],
)
def test_a_record_that_says_too_little_or_too_much_is_a_mistake(sites: Project, site: str, message: str) -> None:
    sites.write("recipe.yaml", SOURCES.replace("license: C", "license: A") + f"  sites:\n    {site}\nprompts: [unique]\n")
    told = sites.run("check", "recipe.yaml")
    assert told.code == 2 and message in told.err, told.err


def test_the_card_has_the_decision_on_each_site(sites: Project) -> None:
    assert sites.run("lock", "recipe.yaml").code == 0
    done = sites.run("export", "recipe.yaml", "--to", "out")
    assert done.code == 0, done.out + done.err
    card = (sites.folder / "out" / "README.md").read_text("utf-8")
    assert "Of 7 sites 2 were kept." in card
    row = next(line for line in card.splitlines() if line.startswith("| elsewhere"))
    assert "forbid it" in row and "terms | forbid" not in row


def test_a_source_without_a_decision_is_told_by_plan_build_and_card(sites: Project) -> None:
    said = SITES.replace("    own: {decision: keep}\n", "")
    sites.write("recipe.yaml", SOURCES + said + "prompts: [unique]\n")
    told = "the triage has no decision on `own`"
    assert told in sites.run("plan", "recipe.yaml").out and told in sites.run("build", "recipe.yaml").out
    assert sites.run("plan", "recipe.yaml", "--json").json["undecided_sites"] == ["own"]
    assert sites.run("lock", "recipe.yaml").code == sites.run("export", "recipe.yaml", "--to", "out").code == 0
    card = (sites.folder / "out" / "README.md").read_text("utf-8")
    assert "Of 7 sites 1 were kept, and on 1 nothing is decided." in card and "| own | A | not decided |" in card
    sites.write("recipe.yaml", SOURCES.partition("triage:")[0].replace("license: C", "license: A") + "prompts: [unique]\n")
    assert "no decision" not in sites.run("plan", "recipe.yaml").out
