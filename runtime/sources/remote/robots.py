"""What hosts allow: their robots.txt (RFC 9309), asked for once, and how a robot of ours reads it."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from http.client import HTTPException, HTTPResponse
from typing import NamedTuple
from urllib.parse import urlsplit

from runtime.sources.remote.download import MOST_SECONDS
from runtime.sources.remote.http import Access, Unanswered, asking, shown
from runtime.sources.remote.reach import Refused
from runtime.store.store import StoreError

AGENT = "data-recipe"
#: Bytes of a robots.txt that are read (RFC 9309 asks for 500 KiB).
MOST_ROBOTS = 512_000
#: A line that says for whom the next ones are, in all the ways in which people write it.
MEANT = re.compile(r"\s*user(?:-|\s+)?agent\s*(?::|\s)\s*(?P<agent>[A-Za-z_-]+|\*)?", re.IGNORECASE)
#: It may mean many robots, and each rule of its group is one of each of them: all but ours are one.
OTHER = "another"


class Unruled(StoreError):
    """A host does not say what may be asked of it, or asks for more patience than there is."""


class Rules(NamedTuple):
    """What a host allows."""

    allows: Callable[[str], bool]
    """Whether an address may be asked for."""
    delay: float
    """Seconds between requests that it wants."""


class Robots:
    """The rules of each host."""

    def __init__(self, access: Access) -> None:
        self.access, self.known = access, dict[str, Rules | StoreError]()
        self.last = 0.0
        """When the last of them came, by the monotonic clock."""

    def of(self, url: str) -> Rules:
        """The rules for an address. Raises Refused, and Unruled where they cannot be read; that is asked once too."""
        host = urlsplit(url).netloc.lower()
        if host not in self.known:
            try:
                self.known[host] = self.ask(f"https://{host}/robots.txt")
            except StoreError as error:
                self.known[host] = error
            self.last = time.monotonic()
        found = self.known[host]
        if isinstance(found, StoreError):
            raise found
        return found

    def ask(self, url: str) -> Rules:
        try:
            with asking(url, self.access, {"User-Agent": AGENT}) as answer:
                status, body = answer.status, read(answer, MOST_ROBOTS)
        except (Unanswered, OSError, HTTPException):
            status, body = 503, b""
        except Refused:
            raise
        except StoreError:  # it redirects in a circle, or to no address
            status, body = 503, b""
        if status >= 500 or status == 429:
            raise Unruled(f"`{shown(url)}` cannot be read, so that nobody knows what may be asked for", "run the same later")
        rules = rules_of(body if status == 200 else b"")
        if rules.delay > MOST_SECONDS:
            message = f"`{shown(url)}` asks for {rules.delay:.0f} seconds between requests"
            raise Unruled(message, "fetch it otherwise, and name its WARC files")
        return rules


def rules_of(body: bytes) -> Rules:
    """The rules in a robots.txt; a last line that is cut off is none: half an address says something else."""
    from protego import Protego

    whole = body if len(body) < MOST_ROBOTS else body[: 1 + max(body.rfind(b"\n"), body.rfind(b"\r"))]
    lines = whole.decode("utf-8", "replace").removeprefix("\ufeff").splitlines()
    rules = Protego.parse("\n".join(map(ours_or_not, lines)))
    return Rules(lambda page: bool(rules.can_fetch(page, AGENT)), float(rules.crawl_delay(AGENT) or 0))


def ours_or_not(line: str) -> str:
    """A line that names a robot as one that names ours, all or another; any other line as it is."""
    found = MEANT.match(line)
    if found is None:
        return line
    agent = (found["agent"] or OTHER).lower()
    return f"User-agent: {agent if agent in (AGENT, '*') else OTHER}"


def read(answer: HTTPResponse, most: int) -> bytes:
    """The bytes of an answer, as many as are wanted. Raises OSError for one that comes too slowly."""
    body, until = bytearray(), time.monotonic() + MOST_SECONDS
    while len(body) < most and (piece := answer.read1(most - len(body))):
        body += piece
        if time.monotonic() > until:
            raise OSError("it comes too slowly")
    return bytes(body)
