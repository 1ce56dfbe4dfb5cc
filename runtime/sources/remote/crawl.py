"""Crawling of a site: page after page, as its robots.txt allows, with pauses, into a WARC file that is called by its digest."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Callable
from http.client import HTTPException
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urldefrag, urljoin

from operators.declared.crawl import Crawl
from runtime.sources.readers.files import hash_file
from runtime.sources.readers.markup import MOST_BYTES, complain_cost, decode_page
from runtime.sources.readers.rows import Bad
from runtime.sources.remote.download import AGAIN, MOST_SECONDS, waits
from runtime.sources.remote.http import MOVED, Access, Unanswered, asking_once, shown
from runtime.sources.remote.journal import Answer, answer_at, append, places_of
from runtime.sources.remote.reach import Refused
from runtime.sources.remote.robots import AGENT, Robots, Unruled, read
from runtime.store.store import StoreError

#: Tries of one page, and pages in a row that bring nothing, before a crawl stops.
TRIES = 4
MOST_FAILURES = 5
#: Links of one page that are followed.
MOST_LINKS = 10_000
#: Addresses that are remembered, beside four for each page that is asked for: sites may name them without end.
MOST_WAITING = 10_000


class Crawled(NamedTuple):
    """What came of a crawl."""

    path: Path
    """Its WARC file."""
    pages: int
    """The answers in it."""
    refused: int
    """Addresses of private networks that its pages led to, which were not asked."""
    beyond: int
    """Links that were not followed: so many addresses were waiting already."""


def crawl(name: str, said: Crawl, folder: Path, opened: frozenset[str], tell: Callable[[int, str], None]) -> Crawled:
    """The pages of a site; goes on where an earlier call was stopped. Raises StoreError."""
    folder.mkdir(parents=True, exist_ok=True)
    part = folder / f".{name}.part.warc.gz"
    with part.open("ab") as held:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise StoreError(f"`{name}` is being crawled by another process") from None
        count, refused, beyond = walk(said, part, Access(opened), tell)
        if not count:
            raise StoreError(f"nothing of `{name}` may be asked for", "its robots.txt forbids it")
        path = folder / f"{name}-{hash_file(part)[:12]}.warc.gz"
        os.replace(part, path)
        return Crawled(path, count, refused, beyond)


def walk(said: Crawl, part: Path, access: Access, tell: Callable[[int, str], None]) -> tuple[int, int, int]:
    """Ask for page after page, breadth first; the answers that the journal has then, and of addresses how many are what."""
    robots, queue, seen = Robots(access), [*dict.fromkeys(said.start)], set(said.start)
    known = dict(places_of(part))
    count, failures, refused, beyond, at, last = len(known), 0, 0, 0, 0, 0.0
    while at < len(queue):
        url, at = queue[at], at + 1
        place = known.pop(url, None)
        answer = None if place is None else answer_at(part, place)
        if answer is None:
            if count >= said.most:
                continue  # what is known may lead to more that is known
            try:
                rules = robots.of(url)
                if not rules.allows(url):
                    continue
                pause = max(float(said.delay), rules.delay)
                time.sleep(max(0.0, max(last, robots.last) + pause - time.monotonic()))
                answer = ask(url, access, pause)
            except (Refused, Unruled) as error:
                if url in said.start:
                    raise
                refused += isinstance(error, Refused)  # a page may name what it likes
                continue
            last = time.monotonic()
            failures = failures + 1 if answer is None else 0
            if failures >= MOST_FAILURES:
                raise StoreError(
                    f"`{shown(url)}`: {failures} pages in a row did not come", "run the same later: it goes on there"
                )
            if answer is None:
                continue
            append(part, answer)
            count += 1
            tell(count, url)
        for link in links_of(said, answer):
            if link not in seen and len(queue) >= 4 * said.most + MOST_WAITING:
                beyond += 1
            elif link not in seen:
                seen.add(link)
                queue.append(link)
    return count, refused, beyond


def ask(url: str, access: Access, pause: float) -> Answer | None:
    """What a server says of an address; None where it does not answer. Raises Refused, and StoreError where it wants silence."""
    for tries in range(TRIES):
        wait = 2.0**tries
        try:
            with asking_once(url, url, access, {"User-Agent": AGENT, "Accept": "text/html"}) as answer:
                if answer.status not in AGAIN:
                    kind, location = answer.getheader("Content-Type") or "", answer.getheader("Location") or ""
                    return Answer(url, answer.status, kind, location, read(answer, MOST_BYTES + 1))
                wait = waits(answer) or wait
        except Unanswered as error:
            if error.final:
                return None
        except (OSError, HTTPException):
            pass  # it broke off in the middle of a page: once more
        if wait > MOST_SECONDS:
            raise StoreError(f"`{shown(url)}`: its server asks for {wait:.0f} seconds of silence", "run the same then")
        if tries + 1 < TRIES:
            time.sleep(max(wait, pause))
    return None


def links_of(said: Crawl, answer: Answer) -> list[str]:
    """The addresses that an answer leads to and that may be asked for, in the order of the page."""
    found: list[str] = []
    if answer.status in MOVED:
        found = [answer.location]
    elif answer.status == 200 and said.follow is not None and "html" in answer.kind:
        from selectolax.lexbor import LexborHTMLParser

        try:
            text = decode_page(answer.body, None)
            complain_cost(text)
        except Bad:
            return []
        elements = LexborHTMLParser(text).css(said.follow)[:MOST_LINKS]
        found = [each.attributes.get("href") or "" for each in elements]
    joined = []
    for link in found:
        try:
            joined.append(urldefrag(urljoin(answer.url, link.strip()))[0])
        except ValueError:
            continue  # what is no address leads nowhere
    return [link for link in joined if said.leads_to(link)]
