"""A bucket, or a folder as one: the few calls that a shared store is made of, and their failures in a sentence."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from runtime.store.at_once import at_once
from runtime.store.batches import batched
from runtime.store.files import Buffer
from runtime.store.store import StoreError

if TYPE_CHECKING:
    from obstore.store import ObjectStore

BLOCK = 8 << 20
"""Bytes that a request reads: one that fails costs no more."""
AHEAD = 4
"""Blocks of one object that are read at once."""
CHUNK = 8 << 20
"""Bytes of a part of an upload."""
STREAMS = 2
"""Parts of one upload that are under way at once."""
MOST_PARTS = 9000
RETRIES = 8
RETRY_SECONDS = 90
BACKOFF = {"init_backoff": timedelta(milliseconds=300), "max_backoff": timedelta(seconds=8), "base": 3}
"""A server that is started again within some ten seconds is waited for."""
REQUEST_SECONDS = 60
STATUS = re.compile(r"status code: ([0-9]{3})")
NO_CREDENTIALS = ("169.254.169.254", "missingaccount", "account must be specified", "token request", "credential")


class Unreachable(StoreError):
    """A shared store that cannot be used now, or not by us."""


class Writable(Protocol):
    """What takes bytes in pieces."""

    def write(self, data: Buffer, /) -> int: ...


class Item(NamedTuple):
    """What lies in a bucket."""

    path: str
    size: int
    modified: datetime
    """By the server's clock."""


class Bucket:
    """Calls by path below a URL. Every one of them raises Unreachable where it fails for good."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.calls: Counter[str] = Counter()
        """How often each kind of request was made."""
        self.folder = Path(url.removeprefix("file://")) if url.startswith("file://") else None

    @cached_property
    def inner(self) -> ObjectStore:
        """What the calls go to; credentials come from the environment and are held there alone."""
        try:
            from obstore.store import LocalStore, from_url
        except ModuleNotFoundError:
            raise StoreError("a shared store needs `obstore`", "pip install 'data-recipe[shared]'") from None
        with told(self.url):
            if self.folder is not None:
                return LocalStore(self.folder, mkdir=True)
            client: Any = {"timeout": f"{REQUEST_SECONDS}s", "connect_timeout": "5s", "allow_http": allows_http()}
            retry: Any = {"max_retries": RETRIES, "retry_timeout": timedelta(seconds=RETRY_SECONDS), "backoff": BACKOFF}
            return from_url(self.url, client_options=client, retry_config=retry)

    @property
    def absent(self) -> bool:
        """Whether it is a folder that is not there: looking at it makes none."""
        return self.folder is not None and not self.folder.is_dir()

    @contextmanager
    def calling(self, kind: str) -> Iterator[None]:
        self.calls[kind] += 1
        with told(self.url):
            yield

    # -- reading

    def get(self, path: str) -> bytes | None:
        """A small object whole, or None."""
        if self.absent:
            return None
        inner = self.inner
        with self.calling("get"):
            try:
                return bytes(inner.get(path).bytes())
            except FileNotFoundError as error:
                none_or_raise(error)
                return None

    def read_into(self, path: str, file: Writable) -> bool:
        """Write an object to a file, a block at a time; says whether there is one."""
        if self.absent:
            return False
        inner = self.inner
        with self.calling("get"):
            try:
                answer = inner.get(path)
                size = answer.meta["size"]
                if size <= BLOCK:
                    file.write(memoryview(answer.bytes()))
                    return True
                del answer  # a body that takes longer than a request may is read in pieces
            except FileNotFoundError as error:
                none_or_raise(error)
                return False

        def read(start: int) -> memoryview:
            with self.calling("get"):
                return memoryview(inner.get_range(path, start=start, end=min(start + BLOCK, size)))

        for starts in batched(range(0, size, BLOCK), AHEAD):
            for block in at_once(AHEAD, read, starts):
                file.write(block)
        return True

    def head(self, path: str) -> Item | None:
        """What is known of an object, or None."""
        if self.absent:
            return None
        inner = self.inner
        with self.calling("head"):
            try:
                return item_of(inner.head(path))
            except FileNotFoundError as error:
                none_or_raise(error)
                return None

    def list(self, prefix: str) -> Iterator[Item]:
        """What lies below a prefix, which ends where a folder would; on a folder in no order."""
        if self.absent:
            return
        inner = self.inner
        with self.calling("list"):
            stream = iter(inner.list(prefix, chunk_size=1000))
        while True:
            with told(self.url):
                items = next(stream, None)
            if items is None:
                return
            yield from map(item_of, items)

    # -- writing

    def put(self, path: str, data: bytes | Path) -> None:
        """Write an object; it is there whole or as it was."""
        inner = self.inner
        size = data.stat().st_size if isinstance(data, Path) else len(data)
        with self.calling("put"):
            inner.put(path, data, chunk_size=max(CHUNK, size // MOST_PARTS), max_concurrency=STREAMS)

    def create(self, path: str, data: bytes) -> bool:
        """Write an object unless there is one; says whether it did."""
        inner = self.inner
        from obstore.exceptions import AlreadyExistsError

        with self.calling("create"):
            try:
                inner.put(path, data, mode="create")
            except AlreadyExistsError:
                return False
        return True

    def delete(self, path: str) -> None:
        """Remove an object; one that is not there is none to remove."""
        inner = self.inner
        with self.calling("delete"):
            try:
                inner.delete(path)
            except FileNotFoundError as error:
                none_or_raise(error)

    def rename(self, path: str, target: str) -> None:
        """Move an object; one that is not there is none to move."""
        inner = self.inner
        with self.calling("rename"):
            try:
                inner.rename(path, target)
            except FileNotFoundError as error:
                none_or_raise(error)


def item_of(meta: Any) -> Item:
    return Item(meta["path"], meta["size"], meta["last_modified"])


def allows_http() -> bool:
    """Whether the environment lets requests go without TLS: to a server beside this machine, and in tests."""
    return any(os.environ.get(name, "").lower() in ("1", "true", "yes") for name in ("AWS_ALLOW_HTTP", "AZURE_ALLOW_HTTP"))


def none_or_raise(error: FileNotFoundError) -> None:
    """Nothing for an object that is not there; raises where it is the bucket that is not."""
    if lacks_bucket(str(error)):
        raise error


def lacks_bucket(text: str) -> bool:
    return any(mark in text for mark in ("NoSuchBucket", "ContainerNotFound", "The specified bucket does not exist"))


@contextmanager
def told(url: str) -> Iterator[None]:
    """Tells a failure of obstore in words of our own: what a server answers may quote a key."""
    try:
        yield
    except (StoreError, KeyboardInterrupt):
        raise
    except Exception as error:
        if not (type(error).__module__.startswith("obstore") or isinstance(error, FileNotFoundError)):
            raise
        message, hint = reason_of(type(error).__name__, str(error))
        raise Unreachable(f"the store `{url}` {message}", hint) from None


def reason_of(kind: str, text: str) -> tuple[str, str]:
    """(what is wrong with a store, what to do) by how a request failed."""
    found = STATUS.findall(text)
    status, small = int(found[-1]) if found else None, text.lower()
    environment = "credentials come from the environment (AWS_*, GOOGLE_*, AZURE_*)"
    if lacks_bucket(text):
        return "has no such bucket", "make it with your provider's tools, or name another with --store"
    if "os error 28" in small or "no space left" in small:
        return "has no space left", "free some, then run the same command again"
    if "os error 13" in small or "permission denied (os" in small or "os error 30" in small:
        return "cannot be written or read by you", "choose another with --store"
    if status is None and "os error" in small and "localfilesystem" in small:
        return "cannot be used as a folder", "choose another with --store; it needs hard links"
    if any(mark in small for mark in NO_CREDENTIALS) and status != 404:
        return "cannot be opened without credentials", environment
    if status == 401 or kind == "UnauthenticatedError" or any(m in text for m in ("InvalidAccessKeyId", "SignatureDoesNotMatch")):
        return "does not accept these credentials", environment
    if status == 403 or kind == "PermissionDeniedError":
        return "may not be used with these credentials (HTTP 403)", environment
    if status is not None and 300 <= status < 400:
        return f"is in another region (HTTP {status})", "name it in the environment, as AWS_REGION"
    if status is not None:
        return f"answers with HTTP {status}", "what is done is kept: run the same command again when the server is well"
    return "cannot be reached", "look at the network and, for a server of your own, AWS_ENDPOINT_URL and AWS_ALLOW_HTTP"
