"""The report: one file that loads nothing, in which rows are text, and that says what the store holds and no more."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import replace
from hashlib import sha256
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Project
from tests.test_evaluate import Evaluated, evaluated  # noqa: F401 - a fixture
from tests.test_training_build import ABSENT, TARGET, school  # noqa: F401 - a fixture

EVIL = "<script>alert(1)</script> \"'><img src=x onerror=alert(2)> </td></table></main> &amp; \u202egnp.exe\u202c \u2066x"
TEXTS = [
    *(EVIL, "السلام عليكم، لماذا السماء زرقاء؟", "물은 왜 끓나요, 그리고 얼음은 왜 뜨나요?", "ทำไมท้องฟ้าจึงเป็นสีฟ้า"),
    *("짧다", "나", "आसमान नीला क्यों है, बताइए", "why is the sky blue, and why is it dark at night?"),
]
RECIPE = """
format: 1
recipe: test/told
description: "한국어 <b>설명</b> & more"
language: {target: ko, anchor: en}
seed: 7
sources:
  a: {file: a.jsonl, category: "하나 <i>&\\"", license: A}
  closed: {file: closed.jsonl, category: two, license: B}
prompts:
  - length: {min: 3, max: 400}
  - language_share: {of: target, min: 0.1}
mixture: {take: {two: 2, "하나 <i>&\\"": 3}, shortage: up_to}
"""
SECRET = "아무도 보면 안 되는 글입니다"
VOID = {"meta"}


class Page(HTMLParser):
    """What a page is made of; every element is closed in its place."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.text, self.open, self.found = text, list[str](), list[tuple[str, dict[str, str | None], list[str]]]()
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs), [""]))
        self.open += [tag] if tag not in VOID else []

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag, f"`{tag}` is closed where it is not the last that is open"

    def handle_data(self, data: str) -> None:
        if self.found:
            self.found[-1][2].append(data)

    def all(self, *tags: str) -> list[tuple[str, dict[str, str | None], str]]:
        return [(tag, attributes, "".join(texts)) for tag, attributes, texts in self.found if tag in tags]


@pytest.fixture
def told(project: Project) -> Project:
    project.rows("a.jsonl", TEXTS)
    project.rows("closed.jsonl", [f"{SECRET} {at}" for at in range(4)])
    project.write("recipe.yaml", RECIPE)
    project.build()
    return project


def page_of(project: Project, *arguments: str) -> Page:
    """The page that a command writes."""
    ran = project.run("report", *(arguments or ("recipe.yaml",)), "--store", "store", "--to", "page.html")
    assert ran.code == 0, ran.out + ran.err
    return Page((project.folder / "page.html").read_text("utf-8"))


def data_of(project: Project, *arguments: str) -> Any:
    ran = project.run("report", "recipe.yaml", "--store", "store", "--json", *arguments)
    assert ran.code == 0, ran.out + ran.err
    return ran.json


def loads(page: Page) -> list[str]:
    """All that a page would fetch, and all that would run in it."""
    wrong = [tag for tag, _, _ in page.all("script", "img", "link", "iframe", "object", "embed", "form", "base")]
    for _, attributes, _ in page.found:
        wrong += [name for name in attributes if name.startswith("on") or name in ("src", "srcset", "style")]
        wrong += [href for href in [attributes.get("href")] if href is not None and not href.startswith("#")]
    return wrong + re.findall(r"url\(|@import", page.text)


def test_hostile_rows_stay_text(told: Project) -> None:
    page = page_of(told)
    assert loads(page) == [] and "alert(1)" in page.text
    assert not set("\u202e\u202c\u2066") & set(page.text)
    samples = [text for _, attributes, text in page.all("span") if attributes.get("dir") == "auto"]
    assert any(text.startswith("<script>alert(1)</script> \"'><img src=x") for text in samples)


def test_text_is_marked_with_its_language_and_finds_its_direction(told: Project) -> None:
    spans = {text: attributes for _, attributes, text in page_of(told).all("span")}
    assert spans["물은 왜 끓나요, 그리고 얼음은 왜 뜨나요?"] == {"lang": "ko", "dir": "auto"}
    assert spans["السلام عليكم، لماذا السماء زرقاء؟"] == {"dir": "auto"}


def test_a_page_can_be_read_without_eyes_or_a_mouse(told: Project) -> None:
    page = page_of(told)
    (html,) = page.all("html")
    assert html[1] == {"lang": "en"}
    levels = [int(tag[1]) for tag, _, _ in page.all("h1", "h2", "h3")]
    assert levels[0] == 1 and all(after <= before + 1 for before, after in zip(levels, levels[1:], strict=False))
    assert all(attributes.get("scope") in ("col", "row") for _, attributes, _ in page.all("th"))
    tags = [tag for tag, _, _ in page.found]
    assert all(tags[at + 1] == "caption" for at, tag in enumerate(tags) if tag == "table")
    assert all(tags[at + 1] == "title" for at, tag in enumerate(tags) if tag == "svg")
    assert all(text for _, _, text in page.all("title", "caption", "summary"))
    ids = [attributes["id"] for _, attributes, _ in page.found if "id" in attributes]
    assert len(ids) == len(set(ids)) and {f"#{each}" for each in ids} >= {
        attributes["href"] for _, attributes, _ in page.all("a")
    }
    assert "prefers-color-scheme:dark" in page.text and "width=device-width" in page.text


def test_restricted_text_is_hidden_unless_it_is_asked_for(told: Project) -> None:
    assert SECRET not in page_of(told).text and "licence B: shown" in page_of(told).text
    assert SECRET not in json.dumps(data_of(told), ensure_ascii=False)
    assert SECRET in page_of(told, "recipe.yaml", "--show-restricted").text


def test_the_same_store_gives_the_same_bytes(told: Project) -> None:
    assert page_of(told).text == page_of(told).text


def test_data_round_trips_and_accounts_for_every_row(told: Project) -> None:
    from runtime.build.session import Session
    from runtime.report.gather import gather_report
    from runtime.report.plain import as_json_text

    data = data_of(told)
    session = Session(str(told.folder / "recipe.yaml"), store_folder=str(told.folder / "store"))
    assert json.loads(as_json_text([gather_report(session, None, False)])) == data
    length, share = data["measured"]
    assert {"length", "language_share"} == {length["step"], share["step"]}
    for each in data["measured"]:
        assert sum(each["kept_in"]) + sum(each["dropped_in"]) == each["came"] and sum(each["dropped_in"]) == each["dropped"]
        assert len(each["edges"]) == len(each["kept_in"]) + 1
    assert sum(kind["kept"] for kind in data["kinds"]) == data["rows"] == sum(count for _, count in data["licences"])
    assert {each["group"]: (each["wanted"], each["got"]) for each in data["mixed"]}["two"] == (2, 2)


def test_a_moved_bound_moves_the_rows_that_are_told(project: Project) -> None:
    project.rows("a.jsonl", ["가" * at for at in range(1, 41)])
    project.write("recipe.yaml", RECIPE.partition("prompts:")[0].replace("  closed", "  #") + "prompts: [{length: {min: 20}}]\n")
    rows = len(project.table())
    (bound,) = data_of(project)["measured"][0]["moved"]
    assert (bound["bound"], bound["at"], bound["looser"], bound["tighter"]) == ("min", 20.0, 18.0, 22.0)
    assert len(project.table("recipe.yaml", "--set", "prompts.length.min=18")) == rows + bound["enter"]
    assert len(project.table("recipe.yaml", "--set", "prompts.length.min=22")) == rows - bound["leave"]


def test_a_bound_far_from_all_values_does_not_squeeze_them() -> None:
    import numpy as np

    from runtime.report.measured import BINS, edges_of
    from runtime.report.rows import bin_name

    values = np.arange(20.0, 61.0)
    near, far = edges_of(values, [30.0]), edges_of(values, [30.0, 8192.0])
    assert near.tolist() == far.tolist() and (near[0], near[-1]) == (19.5, 59.5)  # 60 is above the percentile
    assert edges_of(values, [15.0, 70.0])[0] == 14.5 and edges_of(values, [70.0])[-1] >= 70
    assert len(edges_of(np.array([0.1, 0.5]), [0.3])) == BINS + 1
    assert edges_of(np.array([1.0, 1.0, 0.0]), []).tolist() == [-0.5, 0.5, 1.5] and edges_of(np.array([]), [3.0]).tolist() == [
        0,
        1,
    ]
    assert [bin_name(-0.5, 0.5), bin_name(29.5, 31.5), bin_name(0.25, 0.5)] == ["0", "30 to 31", "0.25 to 0.5"]


def test_two_builds_stand_side_by_side(told: Project) -> None:
    told.write("other.yaml", RECIPE.replace("test/told", "test/other").replace("min: 3", "min: 40"))
    told.build("other.yaml")
    page = page_of(told, "recipe.yaml", "other.yaml")
    assert loads(page) == [] and page.text.count('<div class="sides">') >= 4
    assert [text for _, _, text in page.all("caption")].count("Rows in each dataset") == 1
    assert "test/told" in page.text and "test/other" in page.text


def test_nothing_but_a_report_is_replaced(told: Project) -> None:
    assert told.run("report", "recipe.yaml", "--store", "store").code == 0
    assert told.run("report", "recipe.yaml", "--store", "store").code == 0
    assert (told.folder / "recipe.report.html").exists()
    refused = told.run("report", "recipe.yaml", "--store", "store", "--to", "a.jsonl")
    assert (
        refused.code == 1 and "is no page of `recipe report`" in refused.err and EVIL[:8] in (told.folder / "a.jsonl").read_text()
    )


def test_what_is_not_built_is_told_with_the_command_that_builds_it(project: Project) -> None:
    ran = project.run("report", "recipe.yaml", "--store", "store")
    assert ran.code == 1 and "recipe build recipe.yaml" in ran.err


def test_a_page_is_under_a_megabyte_whatever_the_data(project: Project) -> None:
    """Many long rows, and as many long labels."""
    text = "가나다 <&> " * 60
    rows = [{"prompt": f"{at} {text}", "kind": f"종류 {at % 3000} " + "&" * 300} for at in range(20_000)]
    project.rows("a.jsonl", rows)
    sources = "sources:\n  a: {file: a.jsonl, category: {column: kind}, license: A, columns: {prompt: prompt}}\n"
    project.write("recipe.yaml", RECIPE.partition("sources:")[0] + sources + "prompts: [{length: {min: 5}}, unique]\n")
    project.build()
    page = page_of(project)
    assert len(page.text.encode()) < 1_000_000 and "which --format json has" in page.text


def test_a_part_that_is_too_large_is_left_out(told: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    from runtime.report import page

    monkeypatch.setattr(page, "MOST", 30_000)
    assert "too large" in page_of(told).text and len(page_of(told).text.encode()) < 30_000


def test_scores_stand_with_their_errors_and_completions_with_their_tokens(evaluated: Evaluated, tmp_path: Path) -> None:  # noqa: F811
    project = Project(tmp_path / "again")
    shutil.copytree(evaluated.folder, project.folder, symlinks=True)
    project.build()
    data, page = data_of(project), page_of(project)
    means = {(each["model"], each["benchmark"]): each for each in data["held_in"]}
    assert means["strong", "sums"]["mean"] == 100.0 and means["weak", "sums"]["error"] > 0
    assert data["held_out"] == [] and [name for name, _ in data["lacks"]] == ["evaluate.held_out"]
    assert {each["model"]: each["needed"] for each in data["asked"]} == {"weak": 30, "strong": 30}
    assert all(each["completion_tokens"] > 0 and each["new"] == 30 for each in data["asked"])
    assert any("± its standard error" in text for _, _, text in page.all("caption"))


def test_gains_are_told_beside_each_other_and_what_is_no_number_is_none(told: Project) -> None:
    from runtime.build.session import Session
    from runtime.report.gather import gather_report
    from runtime.report.page import as_html
    from runtime.report.plain import as_json_text
    from runtime.stages.scores import Score

    session = Session(str(told.folder / "recipe.yaml"), store_folder=str(told.folder / "store"))
    inside = Score("base", "in", 3, 10, 40.0, 1.0, 0), Score("mine", "in", 3, 10, 55.0, 1.0, 0)
    outside = Score("base", "out", 1, 10, 30.0, None, 0), Score("mine", "out", 1, 10, 33.0, None, 0)
    empty = Score("mine", "bare", 1, 0, float("nan"), None, 0)
    report = replace(gather_report(session, None, False), held_in=inside, held_out=outside)
    cells = [text for _, _, text in Page(as_html([report])).all("bdi")]
    assert [cells[at - 4 : at + 1] for at, text in enumerate(cells) if text == "+3.0"] == [
        ["mine", "55.0", "33.0", "+15.0", "+3.0"]
    ]
    bare = replace(report, held_in=(*inside, empty))
    assert "no item has an answer" in as_html([bare]) and json.loads(as_json_text([bare]))["held_in"][2]["mean"] is None


@pytest.mark.xdist_group("transformers")
@pytest.mark.skipif(bool(ABSENT), reason="a training needs what is not installed")
def test_a_training_is_told_with_its_loss(school: Project) -> None:  # noqa: F811
    school.build("recipe.yaml", *TARGET)
    school.build()
    (learnt,) = data_of(school)["learnt"]
    assert learnt["name"] == "train.sft" and learnt["steps"] == len(learnt["loss"]) == 6 and learnt["tokens"] > 0
    page = page_of(school)
    assert len(page.all("polyline")) == 1 and any("loss of train.sft" in text for _, _, text in page.all("title"))


PUBLISHED = ("--url", "https://example.org/told", "--creator", "한국어 연구실 <b>", "--published", "2026-01-31")


def described(project: Project, *arguments: str) -> Any:
    ran = project.run("report", "recipe.yaml", "--store", "store", "--format", "croissant", "--of", "export", *arguments)
    assert ran.code == 0, ran.out + ran.err
    return ran.json


def test_an_export_is_described_as_croissant_demands(told: Project) -> None:
    """By the tables of the specification: what is required, of which types, and that all references lead somewhere."""
    import pyarrow.parquet as pq

    assert told.run("export", "recipe.yaml", "--store", "store", "--to", "export").code == 0
    found = described(told, *PUBLISHED)
    required = {"@context", "@type", "conformsTo", "description", "license", "name", "url", "creator", "datePublished"}
    assert {*required, "distribution"} <= {*found} and all(found[name] for name in required)
    assert found["@type"] == "sc:Dataset" and found["datePublished"] == "2026-01-31" and found["isLiveDataset"] is False
    assert found["conformsTo"] == ["http://mlcommons.org/croissant/1.1", "http://mlcommons.org/croissant/RAI/1.0"]
    assert found["creator"] == [{"@type": "sc:Organization", "name": "한국어 연구실 <b>"}] and found["inLanguage"] == ["ko", "en"]
    *files, rows = found["distribution"]
    columns = set()
    for each in files:
        path = told.folder / "export" / each["contentUrl"]
        assert each["@type"] == "cr:FileObject" and each["contentSize"] == f"{path.stat().st_size} B"
        assert each["sha256"] == sha256(path.read_bytes()).hexdigest()
        columns |= {*pq.read_schema(path).names}
    there = (told.folder / "export").glob(rows["includes"])
    assert rows["@type"] == "cr:FileSet" and sorted(there) == [told.folder / "export" / each["contentUrl"] for each in files]
    (records,) = found["recordSet"]
    assert {field["source"]["extract"]["column"] for field in records["field"]} == columns
    assert {field["source"]["fileSet"]["@id"] for field in records["field"]} == {rows["@id"]}
    ids = [each["@id"] for each in (*found["distribution"], records, *records["field"])]
    assert len(ids) == len(set(ids)) and records["key"]["@id"] in ids
    known = {*found["@context"]} - {name for name in found["@context"] if name.startswith("@")}
    used = {name.partition(":")[0] for name in found if ":" in name}
    assert used <= known and {"cr", "dct", "prov", "rai", "sc"} <= known
    assert all(isinstance(each, str) for each in found["rai:dataPreprocessingProtocol"]) and found["rai:dataLimitations"]
    assert SECRET not in json.dumps(found, ensure_ascii=False)


def test_croissant_is_not_made_up(told: Project) -> None:
    ran = told.run("report", "recipe.yaml", "--store", "store", "--format", "croissant", "--creator", "me")
    assert ran.code == 2 and "give --of DIR, --url, --published" in ran.err
    (told.folder / "export").mkdir()
    ran = told.run("report", "recipe.yaml", "--store", "store", "--format", "croissant", "--of", "export", *PUBLISHED)
    assert ran.code == 1 and "no export of a dataset" in ran.err


@pytest.mark.parametrize("change", ["other build", "other file"])
def test_what_is_described_is_the_export_of_this_build(told: Project, change: str) -> None:
    assert told.run("export", "recipe.yaml", "--store", "store", "--to", "export").code == 0
    if change == "other build":
        told.write("recipe.yaml", RECIPE.replace("min: 3", "min: 20"))
        told.build()
    else:
        (shard,) = (told.folder / "export" / "data").iterdir()
        shard.write_bytes(shard.read_bytes() + b"x")
    ran = told.run("report", "recipe.yaml", "--store", "store", "--format", "croissant", "--of", "export", *PUBLISHED)
    assert ran.code == 1 and ("is an export of" if change == "other build" else "is not as it was exported") in ran.err
