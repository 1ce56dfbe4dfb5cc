"""Crawling: politely, resumed, of nobody that may not be asked, into files that are called by their digests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from runtime.sources.remote import crawl, robots
from runtime.sources.remote.journal import Answer, answer_at, append, places_of
from runtime.sources.remote.robots import rules_of
from tests.conftest import Project, Ran
from tests.servers import Served, serving

pytest.importorskip("protego")
pytest.importorskip("selectolax")

RECIPE = """format: 1
recipe: test/crawling
sources:
  kin:
    file: crawl/kin-*.warc.gz
    category: daily
    license: {license}
    crawl: {{start: ["{url}/"], follow: a, delay: 0, most: {most}}}
    pages: {{rows: .q, fields: {{text: p}}}}
    columns: {{prompt: text}}
prompts: [unique]
"""


@pytest.fixture
def served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    with serving(monkeypatch, tmp_path) as made:
        made.files["/robots.txt"] = b"User-agent: *\nDisallow: /private\n"
        links = "".join(f'<a href="/q/{at}#top">q</a>' for at in range(5))
        made.files["/"] = f'{links}<a href="/private/1">p</a><a href="https://elsewhere.example/">e</a>'.encode()
        for at in range(5):
            made.files[f"/q/{at}"] = f'<div class="q"><p>question {at}</p></div><a href="/">home</a>'.encode()
        yield made


@pytest.fixture
def project(tmp_path: Path) -> Project:
    (tmp_path / "project" / ".recipe").mkdir(parents=True)
    return Project(tmp_path / "project")


def crawled(project: Project, served: Served, *more: str, license: str = "B", most: int = 100) -> Ran:
    project.write("recipe.yaml", RECIPE.format(license=license, url=served.url, most=most))
    return project.run("crawl", "recipe.yaml", "--quiet", *more)


def opened(served: Served) -> tuple[str, str]:
    return "--allow-address", served.host


@pytest.fixture(autouse=True)
def html(monkeypatch: pytest.MonkeyPatch) -> None:
    """The server says of no file what it is; here all are pages."""
    from http.server import BaseHTTPRequestHandler

    ended = BaseHTTPRequestHandler.end_headers

    def end(self: BaseHTTPRequestHandler) -> None:
        self.send_header("Content-Type", "text/html; charset=utf-8")
        ended(self)

    monkeypatch.setattr(BaseHTTPRequestHandler, "end_headers", end)


def test_a_site_is_crawled_as_its_robots_allow_and_built(project: Project, served: Served) -> None:
    done = crawled(project, served, *opened(served))
    assert done.code == 0 and "crawled `kin`: 6 pages" in done.out, done.out + done.err
    assert served.paths() == ["/robots.txt", "/", *(f"/q/{at}" for at in range(5))]
    asked = len(served.asked)
    built = project.run("build", "recipe.yaml", "--json")
    assert built.code == 0 and built.json["outputs"][0]["rows"] == 5, built.out
    assert "nothing is to be crawled" in crawled(project, served, *opened(served)).out and len(served.asked) == asked


def test_private_addresses_are_refused_unless_the_command_line_opens_them(project: Project, served: Served) -> None:
    done = crawled(project, served)
    assert done.code == 1 and f"--allow-address {served.host}" in done.err and served.asked == []


def test_a_redirect_to_a_private_address_is_not_followed(project: Project, served: Served) -> None:
    served.moved["/q/1"] = f"https://{served.host.partition(chr(58))[0]}:9/secret"
    done = crawled(project, served, *opened(served))
    assert done.code == 0 and "crawled `kin`: 6 pages" in done.out, done.err


def test_a_page_that_leads_to_a_private_address_is_not_followed_there(project: Project, served: Served) -> None:
    secret = f"https://{served.host.partition(chr(58))[0]}:9/secret"
    served.files["/q/2"] = f'<div class="q"><p>question 2</p></div><a href="{secret}">s</a>'.encode()
    wide = RECIPE.replace("follow: a,", 'follow: a, within: "https://*",')
    project.write("recipe.yaml", wide.format(license="B", url=served.url, most=99))
    served.files["/"] = served.files["/"].replace(b"https://elsewhere.example/", b"/q/0")
    done = project.run("crawl", "recipe.yaml", "--quiet", *opened(served))
    assert done.code == 0 and "crawled `kin`: 6 pages" in done.out and "not asked for anything: 1" in done.out, done.err


def test_nothing_is_asked_of_a_site_of_class_c(project: Project, served: Served) -> None:
    done = crawled(project, served, *opened(served), license="C")
    assert done.code == 2 and "must not be used" in done.err and served.asked == []
    dropped = RECIPE.format(license="C", url=served.url, most=9) + "triage: {sites: {kin: {decision: drop, by: licence}}}\n"
    project.write("recipe.yaml", dropped.replace("prompts:", "  own: {file: own.jsonl, category: x, license: A}\nprompts:"))
    project.write("own.jsonl", '{"prompt": "one"}\n')
    told = project.run("crawl", "recipe.yaml", *opened(served), "--site", "kin")
    assert told.code == 0 and "is not asked for anything" in told.out and served.asked == [], told.err


def test_a_site_whose_rules_cannot_be_read_is_left_alone(project: Project, served: Served) -> None:
    served.faults += [(503, {})]
    done = crawled(project, served, *opened(served))
    assert done.code == 1 and "nobody knows what may be asked for" in done.err and served.paths() == ["/robots.txt"]


def test_a_crawl_that_is_stopped_goes_on_without_asking_twice(project: Project, served: Served) -> None:
    served.faults += [None, None, None, (429, {"Retry-After": "7200"})]  # type: ignore[list-item]
    assert crawled(project, served, *opened(served)).code == 1
    part = project.folder / "crawl" / ".kin.part.warc.gz"
    part.write_bytes(part.read_bytes() + b"\x1f\x8b\x08cut off")
    done = crawled(project, served, *opened(served))
    assert done.code == 0 and "crawled `kin`: 6 pages" in done.out, done.err
    paths = served.paths()
    assert paths.count("/") == 1 and paths.count("/q/0") == 1 and paths.count("/q/1") == 2


def test_a_crawl_ends_at_its_bound(project: Project, served: Served) -> None:
    assert "crawled `kin`: 3 pages" in crawled(project, served, *opened(served), most=3).out


def test_a_journal_gives_what_was_written_whatever_servers_say(tmp_path: Path) -> None:
    path = tmp_path / "a.warc.gz"
    path.touch()
    answers = [
        Answer("https://a.example/ü", 200, "text/html\r\nX: y", "", b"<p>x"),
        Answer("https://a.example/2", 302, "", "/3", b""),
    ]
    for each in answers:
        append(path, each)
    first, second = [answer_at(path, place) for _, place in places_of(path)]
    assert first == answers[0]._replace(kind="text/html X: y") and second == answers[1]


# What robots.txt says


@pytest.mark.parametrize(
    ("text", "forbidden"),
    [
        (b"", False),
        (b"\xef\xbb\xbfUser-agent: *\nDisallow: /p\n", True),
        (b"User-agent: *\rDisallow: /p\r", True),
        (b"User-agent: Data-Recipe/1.0 (bot)\nDisallow: /p\n", True),
        (b"User agent Data-Recipe\nDisallow: /p\n", True),
        (b"User-agent: other\nUser-agent: data-recipe\nDisallow: /p\n", True),
        (b"User-agent: other\nDisallow: /p\n", False),
        (b"User-agent: data\nDisallow: /p\n", False),
        (b"User-agent: *\nDisallow: /p\n\nUser-agent: data-recipe\nAllow: /\n", False),
        (b"\x00\xff\xfe<html>Disallow: /p", False),
    ],
)
def test_rules_are_those_for_our_robot_or_for_all(text: bytes, forbidden: bool) -> None:
    assert rules_of(text).allows("https://h.example/p/1") is not forbidden


def test_a_rule_that_is_cut_off_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(robots, "MOST_ROBOTS", 46)
    text = b"User-agent: *\nDisallow: /\nAllow: /public/only/this\n"[:46]
    assert text.endswith(b"Allow: /public/only/") and not rules_of(text).allows("https://h.example/public/only/that")


def test_a_robots_txt_of_many_robots_and_rules_is_small() -> None:
    import tracemalloc

    text = b"".join(b"User-agent:a%d\n" % at for at in range(15_000)) + b"Allow:/\n" * 30_000
    tracemalloc.start()
    assert rules_of(text).allows("https://h.example/")
    assert tracemalloc.get_traced_memory()[1] < 64 << 20
    tracemalloc.stop()


@pytest.mark.parametrize("fault", [(404, {}), (403, {}), (200, {})])
def test_a_host_without_rules_is_crawled(project: Project, served: Served, fault: tuple[int, dict[str, str]]) -> None:
    served.faults += [fault]
    done = crawled(project, served, *opened(served))
    assert done.code == 0 and "crawled `kin`: 7 pages" in done.out, done.err


@pytest.mark.parametrize(
    "moved", ["/robots.txt", "https://[::1/", "https://h.example:99999/", "http://h.example/robots.txt", "https://[::1]:9/"]
)
def test_a_host_whose_rules_lead_nowhere_is_left_alone(project: Project, served: Served, moved: str) -> None:
    served.moved["/robots.txt"] = moved
    done = crawled(project, served, *opened(served))
    assert done.code == 1 and "Traceback" not in done.err and {*served.paths()} == {"/robots.txt"}, done.err


def test_rules_that_moved_are_read_where_they_are(project: Project, served: Served) -> None:
    served.files["/rules"] = served.files["/robots.txt"]
    served.moved["/robots.txt"] = "/rules"
    assert "crawled `kin`: 6 pages" in crawled(project, served, *opened(served)).out


def test_a_site_that_asks_for_too_much_patience_is_left_alone(project: Project, served: Served) -> None:
    served.files["/robots.txt"] = b"User-agent: *\nCrawl-delay: 86400\n"
    done = crawled(project, served, *opened(served))
    assert done.code == 1 and "asks for 86400 seconds between requests" in done.err and served.paths() == ["/robots.txt"]


def test_links_that_are_no_addresses_do_not_end_a_crawl(project: Project, served: Served) -> None:
    bad = ["https://h.example:99999/", "https://[::1/", "https://ex ample.org/", "https://unknown.invalid/"]
    served.files["/q/1"] = "".join(f'<a href="{each}">x</a>' for each in bad).encode()
    project.write(
        "recipe.yaml",
        RECIPE.replace("follow: a,", 'follow: a, within: "https://*",').format(license="B", url=served.url, most=99),
    )
    served.files["/"] = served.files["/"].replace(b"https://elsewhere.example/", b"/q/0")
    done = project.run("crawl", "recipe.yaml", "--quiet", *opened(served))
    assert done.code == 0 and "crawled `kin`: 6 pages" in done.out, done.err


def test_links_without_end_are_not_remembered(project: Project, served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crawl, "MOST_WAITING", 0)
    served.files["/"] = "".join(f'<a href="/none/{at}">x</a>' for at in range(50)).encode()
    done = crawled(project, served, *opened(served), most=3)
    assert done.code == 0 and "not followed, since more were waiting than `most` needs: 39" in done.out, done.out + done.err
