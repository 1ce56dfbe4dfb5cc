"""A file from an address: received in as many requests as it takes, weighed, and laid on the shelf."""

from __future__ import annotations

import hashlib
import http.client
import json
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from blake3 import blake3

from runtime.sources.remote.http import Access, Unanswered, asking, shown
from runtime.sources.remote.paced import TooSlow
from runtime.sources.remote.shelf import Fetched, Shelf
from runtime.store.store import StoreError

CHUNK = 1 << 20
AGAIN = (408, 425, 429, 500, 502, 503, 504)
TRIES = 6
"""Requests in a row that bring nothing."""
MOST_TRIES = 200
"""Requests for one file, however little each brings."""
BACKOFF_SECONDS = 0.4
MOST_SECONDS = 60
"""A server that wants to be left alone for longer is not waited for."""
RANGE = re.compile(r"bytes (?:([0-9]{1,18})-[0-9]{1,18}|\*)/([0-9]{1,18}|\*)")
UPDATE = "if that is meant, take it with `recipe fetch RECIPE --update`, then lock it with `recipe lock RECIPE`"
Tell = Callable[[int], None]


@dataclass(frozen=True)
class Wanted:
    """A file to be fetched, and what is known of its bytes before."""

    address: str
    """What people and the lock know it by."""
    url: str
    """Where it is asked for."""
    size: int | None = None
    digest: str | None = None
    """The BLAKE3 that the lock pins."""
    sha256: str | None = None
    blob: str | None = None
    """The SHA-1 that git gives its bytes, with which the hub names a small file."""

    @property
    def pinned(self) -> bool:
        """Whether wrong bytes would be noticed, so that a part of unknown origin may be gone on with."""
        return (self.digest or self.sha256 or self.blob) is not None


def download(wanted: Wanted, shelf: Shelf, access: Access, tell: Tell) -> Fetched:
    """The file, fetched unless its bytes are here. Raises StoreError where it cannot be had, or is not as pinned."""
    known = shelf.of_sha256(wanted.sha256, wanted.address) if wanted.sha256 is not None else None
    if known is not None and wanted.digest in (None, known.digest):
        return known
    with shelf.part(wanted.address) as part:
        if wanted.digest is not None and wanted.size is not None:
            came = Fetched(wanted.address, wanted.digest, wanted.size, wanted.sha256)
            if shelf.find(came) is not None:  # another build got it while this one waited
                return came
        while True:
            went_on = receive(wanted, part, access, shelf.bound, tell)
            file, wrong = weigh(wanted, part)
            if wrong is None:
                shelf.take(part, file)
                validator_of(part).unlink(missing_ok=True)
                return file
            drop(part)
            if not went_on:  # else what lay here before may have been of another file
                raise StoreError(f"`{shown(wanted.address)}` {wrong}", UPDATE)


def receive(wanted: Wanted, part: Path, access: Access, bound: int, tell: Tell) -> bool:
    """Write the file to `part`, going on where that ends; says whether it went on with what another run had left."""
    failures, begun, went_on, slow = 0, -1, False, False
    for _ in range(MOST_TRIES):
        have, validator = left(wanted, part)
        went_on |= bool(have) and begun < 0
        headers = {"Range": f"bytes={have}-", **({"If-Range": validator} if validator else {})} if have else {}
        failures = 0 if have > begun >= 0 and not slow else failures
        begun, slow = have, False
        wait: float | None = None
        try:
            with asking(wanted.url, access, headers) as answer:
                if answer.status == 416 and have:
                    if said_size(answer) == have:
                        return went_on
                    drop(part)
                elif answer.status in AGAIN:
                    wait = waits(answer)
                    raise Unanswered(f"answers with HTTP {answer.status}")
                else:
                    complain_status(wanted, answer)
                    if write(wanted, part, answer, have, bound, tell):
                        return went_on
                    raise Unanswered("ends before its end")
        except Unanswered as error:
            failures, slow = failures + 1, error.slow
            if failures >= TRIES or error.final:
                hint = "what was received is kept: run the same command again when the server is well"
                raise StoreError(f"`{shown(wanted.address)}` cannot be fetched: its server {error}", hint) from None
            if (wait or 0) > MOST_SECONDS:
                message = f"`{shown(wanted.address)}` cannot be fetched now: its server asks for {wait:.0f} seconds of silence"
                raise StoreError(message, "what was received is kept: run the same command again then") from None
            time.sleep(BACKOFF_SECONDS * 2 ** (failures - 1) if wait is None else wait)
    raise StoreError(
        f"`{shown(wanted.address)}` comes in too small pieces", "run the same command again: what was received is kept"
    )


def left(wanted: Wanted, part: Path) -> tuple[int, str]:
    """(bytes that are here and may be gone on with, what the server called their version)."""
    if not part.is_file():
        return 0, ""
    try:
        validator = str(json.loads(validator_of(part).read_text("utf-8"))["etag"])
    except (OSError, ValueError, KeyError, TypeError):
        validator = ""
    return (part.stat().st_size, validator) if validator or wanted.pinned else (0, "")


def write(wanted: Wanted, part: Path, answer: http.client.HTTPResponse, have: int, bound: int, tell: Tell) -> bool:
    """Write what an answer brings behind what is here; says whether that is the whole file."""
    start, total = 0, said_size(answer)
    if answer.status == 206:
        found = RANGE.fullmatch(answer.getheader("Content-Range") or "")
        start = int(found[1]) if found is not None and found[1] is not None else -1
        if start != have:
            drop(part)
            raise Unanswered("sends another part than was asked for")
    most = bound if wanted.size is None else min(wanted.size, bound)
    if total is not None and wanted.size is not None and total != wanted.size:
        drop(part)
        raise StoreError(f"`{shown(wanted.address)}` has {total:,} bytes, and {wanted.size:,} are pinned", UPDATE)
    etag = answer.getheader("ETag") or ""
    if start == 0:
        part.unlink(missing_ok=True)
        strong = etag if etag.startswith('"') and etag.isprintable() else ""
        validator_of(part).write_text(json.dumps({"etag": strong}), "utf-8")
    size = start
    with part.open("ab") as file:
        for piece in pieces(answer):
            size += len(piece)
            if size > most:
                drop(part)
                raise StoreError(
                    f"`{shown(wanted.address)}` is larger than {most:,} bytes",
                    "the folder of what is fetched holds no more" if wanted.size is None or most < wanted.size else UPDATE,
                )
            file.write(piece)
            tell(size)
    return total is None or size == total


def pieces(answer: http.client.HTTPResponse) -> Iterator[bytes]:
    """The bytes of an answer as they come. Raises Unanswered."""
    while True:
        try:
            piece = answer.read1(CHUNK)
        except TooSlow as error:
            raise Unanswered(str(error), slow=True) from None
        except (OSError, http.client.HTTPException):
            raise Unanswered("ends before its end") from None
        if not piece:
            return
        yield piece


def said_size(answer: http.client.HTTPResponse) -> int | None:
    """The bytes of the whole file, as its server says."""
    if answer.status == 200:
        length = answer.getheader("Content-Length") or ""
        return int(length) if length.isascii() and length.isdigit() and len(length) < 19 else None
    found = RANGE.fullmatch(answer.getheader("Content-Range") or "")
    return int(found[2]) if found is not None and found[2] != "*" else None


def waits(answer: http.client.HTTPResponse) -> float | None:
    """The seconds for which a server asks; a date is taken for no wish."""
    said = answer.getheader("Retry-After") or ""
    return float(said) if said.isascii() and said.isdigit() and len(said) < 9 else None


def complain_status(wanted: Wanted, answer: http.client.HTTPResponse) -> None:
    """Raises StoreError for an answer that is no file."""
    named, status = f"`{shown(wanted.address)}`", answer.status
    if status in (401, 403):
        hub = "accept its terms on its page, and put a token that may read it into HF_TOKEN"
        hint = hub if wanted.address.startswith("hf://") else "no key is sent there: fetch it yourself and name it by a path"
        raise StoreError(f"{named} may not be read by you (HTTP {status})", hint)
    if status in (404, 410):
        raise StoreError(f"there is nothing at {named} (HTTP {status})", "look at the address")
    if status not in (200, 206):
        raise StoreError(f"{named} cannot be fetched: its server answers with HTTP {status}", "look at the address")
    if (answer.getheader("Content-Encoding") or "identity").lower() != "identity":
        raise StoreError(f"{named} comes packed otherwise than it lies there", "fetch it yourself and name it by a path")


def weigh(wanted: Wanted, part: Path) -> tuple[Fetched, str | None]:
    """(the file by its digests, what of them is not as pinned)."""
    size = part.stat().st_size
    digest, sha256, blob = blake3(), hashlib.sha256(), hashlib.sha1(b"blob %d\0" % size, usedforsecurity=False)
    with part.open("rb", buffering=0) as stream:
        while chunk := stream.read(CHUNK):
            digest.update(chunk)
            sha256.update(chunk)
            if wanted.blob is not None:
                blob.update(chunk)
    file = Fetched(wanted.address, digest.hexdigest(), size, sha256.hexdigest())
    if wanted.size not in (None, size) or wanted.digest not in (None, file.digest):
        return file, "has other bytes than the lock pins" if wanted.digest is not None else "has another size than is said of it"
    if wanted.sha256 not in (None, file.sha256):
        return file, f"has the SHA-256 {file.sha256}, and another is declared"
    if wanted.blob not in (None, blob.hexdigest()):
        return file, "has other bytes than the hub says of it"
    return file, None


def validator_of(part: Path) -> Path:
    return part.with_suffix(".json")


def drop(part: Path) -> None:
    part.unlink(missing_ok=True)
    validator_of(part).unlink(missing_ok=True)
