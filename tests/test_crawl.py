"""Crawls: pages of WARC files become rows by selectors, whatever those who wrote the pages meant by them."""

from __future__ import annotations

import gzip
import random
import time
import zlib
from pathlib import Path

import pytest

from operators.declared.source import Source
from runtime.sources.readers.files import Unreadable
from runtime.sources.readers.markup import MOST_ATTRIBUTES, MOST_TAGS, complain_cost, decode_page, text_of
from runtime.sources.readers.read import read_batches
from runtime.sources.readers.rows import Bad
from tests.conftest import Project
from tests.crawling import HTTP, crawl, record

pytest.importorskip("resiliparse")
pytest.importorskip("selectolax")

POST = '<html><body><div class="post" id="{0}"><h1>{0}</h1><p>text of {0}<br>more</p><script>bad()</script></div></body></html>'
PAGES = {"rows": ".post", "fields": {"title": "h1", "text": "p", "id": {"attribute": "id"}}}
COLUMNS = {"prompt": "text", "title": "title", "url": "url"}


def source(**more: object) -> Source:
    said = {"file": "a.warc", "category": "x", "license": "A", "pages": PAGES, "columns": COLUMNS}
    return Source.model_validate(said | more)


def read(path: Path, **more: object) -> tuple[list[dict[str, object]], list[str]]:
    """(the rows, why pages are bad) of a file."""
    batches = list(read_batches(source(**more), path))
    return [row for each in batches for row in each.table.to_pylist()], [bad.reason for each in batches for bad in each.bad]


def written(folder: Path, data: bytes, name: str = "a.warc") -> Path:
    (folder / name).write_bytes(data)
    return folder / name


def test_selected_elements_are_rows_with_the_text_a_browser_shows(tmp_path: Path) -> None:
    data = crawl([("https://a.example/1", POST.format("one")), ("https://a.example/2", "<p>no row</p>")])
    rows, bad = read(written(tmp_path, data))
    assert rows == [{"prompt": "text of one\nmore", "title": "one", "url": "https://a.example/1"}] and bad == []


def test_text_is_laid_out_as_browsers_do() -> None:
    markup = "<div><p>a  b\n c<br>d</p><p>e <b>f</b></p><pre>x\n  y</pre><style>s</style><!-- c --></div>"
    assert text_of(markup) == "a b c\nd\n\ne f\n\nx\n  y"


@pytest.mark.parametrize("packed", [lambda data: data, gzip.compress], ids=["plain", "gz"])
def test_compression_and_further_records_change_no_row(tmp_path: Path, packed: object) -> None:
    one = record("https://a.example/1", POST.format("one"))
    noise = record("https://a.example/1", "GET / HTTP/1.1\r\n\r\n", http="", kind="request")
    noise += record("https://a.example/x", "gone", HTTP.replace("200 OK", "404 Not Found"))
    noise += record("https://a.example/x", "{}", HTTP.replace("text/html", "application/json"))
    assert callable(packed)
    name = "a.warc" if packed(b"x") == b"x" else "a.warc.gz"
    rows, _ = read(written(tmp_path, packed(noise) + packed(one), name), file=name)
    assert [row["title"] for row in rows] == ["one"]


def test_an_element_without_a_field_is_no_row_unless_it_may_lack_it(tmp_path: Path) -> None:
    path = written(tmp_path, crawl([("https://a.example/1", '<div class="post"><p>only text</p></div>')]))
    assert read(path)[0] == []
    spared = {"rows": ".post", "fields": {"title": {"select": "h1", "missing": None}, "text": "p"}}
    assert [row["prompt"] for row in read(path, pages=spared)[0]] == ["only text"]


def test_dropped_elements_all_matches_and_addresses(tmp_path: Path) -> None:
    page = "<p>a<i class=sig>me</i></p><p>b</p>"
    path = written(tmp_path, crawl([("https://a.example/q/1", page), ("https://a.example/about", page)]))
    pages = {"fields": {"text": {"select": "p", "all": True}}, "drop": [".sig"], "url": "https://a.example/q/*"}
    rows, _ = read(path, pages=pages, columns={"prompt": "text", "url": "url"})
    assert rows == [{"prompt": "a\n\nb", "url": "https://a.example/q/1"}]


@pytest.mark.parametrize(
    ("encoding", "label", "text"),
    [
        ("cp949", "euc-kr", "똠방각하"),
        ("cp1251", "windows-1251", "Привет, мир"),
        ("cp874", "tis-620", "สวัสดี"),
        ("cp932", "shift_jis", "①日本語"),
    ],
)
def test_a_page_is_read_in_the_encoding_it_says(encoding: str, label: str, text: str) -> None:
    data = f'<meta charset="{label}"><p>{text}</p>'.encode(encoding)
    assert text in decode_page(data, None) and text in decode_page(text.encode(encoding), label)


def test_a_page_in_no_encoding_is_named() -> None:
    with pytest.raises(Bad, match="is not utf-8"):
        decode_page(bytes(range(128, 256)) * 20, "utf-8")


def test_what_a_server_packed_is_unpacked(tmp_path: Path) -> None:
    body = POST.format("one").encode()
    gz = gzip.compress(body)
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (gz[:20], gz[20:])) + b"0\r\n\r\n"
    said = HTTP.replace("\r\n\r\n", "\r\nContent-Encoding: gzip\r\n\r\n")
    both = said.replace("\r\n\r\n", "\r\nTransfer-Encoding: chunked\r\n\r\n")
    deflated = HTTP.replace("\r\n\r\n", "\r\nContent-Encoding: deflate\r\n\r\n")
    records = [record("https://a.example/1", gz, said), record("https://a.example/2", chunks, both)]
    records += [record("https://a.example/3", zlib.compress(body), deflated), record("https://a.example/4", body, said)]
    rows, bad = read(written(tmp_path, b"".join(records)))
    assert [row["title"] for row in rows] == ["one"] * 4 and bad == []


def test_bombs_and_cut_pages_are_named_and_the_next_page_is_read(tmp_path: Path) -> None:
    said = HTTP.replace("\r\n\r\n", "\r\nContent-Encoding: gzip\r\n\r\n")
    records = [
        record("https://a.example/1", gzip.compress(bytes(1 << 24)), said),
        record("https://a.example/2", gzip.compress(b"<p>x</p>" * 99)[:-9], said),
        record("https://a.example/3", bytes((1 << 22) + 1)),
        record("https://a.example/4", "<p>", more="WARC-Truncated: length\r\n"),
        record("https://a.example/5", "x", said.replace("gzip", "br")),
        record("https://a.example/6", POST.format("six")),
    ]
    rows, bad = read(written(tmp_path, b"".join(records)))
    assert [row["title"] for row in rows] == ["six"]
    expected = [
        "unpacks to more than 4 MB",
        "ends too early",
        "longer than 4 MB",
        "cut off when it was fetched",
        "packed as `br`",
    ]
    assert len(bad) == len(expected) and all(part in reason for part, reason in zip(expected, bad, strict=True)), bad


HOSTILE = {
    "attributes": "<div " + " ".join(f"a{at}" for at in range(100_000)) + ">",
    "attributes in a quote that a script opens": '<script>a<b c="</script><div a=">" '
    + " ".join(f"a{at}" for at in range(9_000))
    + ">",
    "elements": "<i></i>" * (MOST_TAGS + 1),
    "rows": '<div class="post">' * 2_000,
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_page_that_costs_too_much_is_refused_at_once(tmp_path: Path, kind: str) -> None:
    began = time.process_time()
    rows, bad = read(written(tmp_path, crawl([("https://a.example/1", HOSTILE[kind])])))
    assert rows == [] and len(bad) == 1 and "more than" in bad[0] and time.process_time() - began < 3


def test_deep_pages_and_endless_tags_are_read_in_time() -> None:
    began = time.process_time()
    for page in ("<a " * 19_000, '<a b="' * 19_000, "<a" * 1_000_000, f'<img src="data:{"x" * 4_000_000}">', "<" * 4_000_000):
        try:
            complain_cost(page)
        except Bad as reason:
            assert "more than" in str(reason)
    assert time.process_time() - began < 5
    complain_cost("<p " + "a " * MOST_ATTRIBUTES + ">")


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (lambda data: data[:-40], "ends too early"),
        (lambda data: b"hello\n" * 100, "cannot be read as WARC"),
        (lambda data: b"WARC/1.0\r\nX: " + b"a" * (1 << 24), "cannot be read as WARC"),
    ],
)
def test_a_file_that_is_damaged_is_named(tmp_path: Path, spoil: object, why: str) -> None:
    assert callable(spoil)
    with pytest.raises(Unreadable, match=why):
        read(written(tmp_path, spoil(crawl([("https://a.example/1", POST.format("one"))]))))


def test_a_file_with_any_bytes_is_read_or_named(tmp_path: Path) -> None:
    """Bytes changed, left out, put in, doubled and cut off: rows, or a sentence."""
    chance, base = random.Random(7), crawl([(f"https://a.example/{at}", POST.format(at)) for at in range(3)])
    kinds = set()
    for _ in range(300):
        data, at = bytearray(base), chance.randrange(len(base))
        match chance.randrange(5):
            case 0:
                data[at] = chance.randrange(256)
            case 1:
                del data[at : at + chance.randint(1, 40)]
            case 2:
                data[at:at] = chance.randbytes(20)
            case 3:
                data[at:at] = data[chance.randrange(len(base)) :][:200]
            case 4:
                del data[at:]
        try:
            read(written(tmp_path, bytes(data)))
            kinds.add("rows")
        except Unreadable as error:
            kinds.add(error.message[:10])
    assert {"rows", "it cannot ", "its record"} <= kinds


RECIPE = """format: 1
recipe: test/crawl
sources:
  kin:
    file: "*.warc"
    category: daily
    license: B
    pages: {{rows: {rows}, fields: {{title: h1, text: p}}}}
    columns: {{prompt: {prompt}}}
prompts: [unique]
"""


def test_a_wrong_selector_and_a_wrong_field_are_told_before_anything_is_read(project: Project) -> None:
    project.write("recipe.yaml", RECIPE.format(rows='"div..post"', prompt="body"))
    told = project.run("check", "recipe.yaml")
    assert told.code == 2
    assert "`div..post` is no CSS selector" in told.err and "the pages have no field `body`" in told.err


def test_a_crawl_is_built_and_its_rows_are_those_of_its_pages(project: Project) -> None:
    project.write("recipe.yaml", RECIPE.format(rows=".post", prompt="text"))
    written(project.folder, crawl([(f"https://a.example/{at}", POST.format(at)) for at in range(5)]))
    done = project.run("build", "recipe.yaml", "--json")
    assert done.code == 0 and done.json["outputs"][0]["rows"] == 5, done.err
