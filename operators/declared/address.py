"""Addresses: files of a source that lie on another machine, and a dataset of the hub."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Annotated
from urllib.parse import parse_qsl, urlsplit

from pydantic import Field

from operators.base.declare import Declared
from operators.base.scope import Complaint

ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
#: What begins the address of a bucket.
BUCKETS = ("s3", "gs")
SECRET = re.compile(
    r"(?i)token|secret|password|passwd|signature|credential|(?:^|[-_])(?:sig|key|auth|pwd)(?:$|[-_])|accesskey|apikey"
)
Part = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,95}$")]


class Hub(Declared):
    """A dataset of the hub. Its revision is pinned to a commit in the lock, and its files are verified by their digests."""

    dataset: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,95}(?:/[A-Za-z0-9][A-Za-z0-9._-]{0,95})?$")]
    """Its name, like `squad` or `HAERAE-HUB/KMMLU`."""
    config: Part | None = None
    """Its configuration; the default one unless said."""
    split: Part = "train"
    """Its split."""
    revision: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._/-]{0,254}$")] = "main"
    """A branch, a tag or a commit; what it stands for today is in the lock."""
    files: str | None = None
    """Its files by a path or a glob inside of it, where configuration and split do not lead to them."""

    @property
    def address(self) -> str:
        """All of it in one line."""
        inner = f"/{self.files}" if self.files is not None else f"?config={self.config or ''}&split={self.split}"
        return f"hf://datasets/{self.dataset}@{self.revision}{inner}"


def is_address(file: str) -> bool:
    """Whether the files lie on another machine."""
    return ADDRESS.match(file) is not None


def file_name(address: str) -> str:
    """The last part of an address or path: how it ends says how the file is written."""
    return (urlsplit(address).path if is_address(address) else address).rpartition("/")[2]


def complain_address(file: str) -> Iterator[Complaint]:
    """What is wrong with an address; what may be a secret is not repeated."""
    scheme = file.partition("://")[0]
    known = "https://, s3://, gs://, or `hf:` for a dataset of the hub"
    try:
        parts = urlsplit(file)
        secret = parts.username is not None or parts.password is not None or "@" in parts.netloc
        host, named = parts.hostname, [name for name, _ in parse_qsl(parts.query, keep_blank_values=True)]
        _ = parts.port
    except ValueError:
        yield Complaint(("file",), "this address cannot be read", f"it begins with {known}")
        return
    if scheme not in ("https", *BUCKETS):
        yield Complaint(("file",), f"files are not fetched from `{scheme}://`", f"an address begins with {known}")
    elif secret or any(map(SECRET.search, named)):
        hint = "a recipe is read by others: keys and tokens come from the environment alone"
        yield Complaint(("file",), "the address holds a name, a key or a signature", hint)
    elif not host or any(not char.isprintable() or char.isspace() for char in file):
        yield Complaint(("file",), "this address cannot be read", f"it begins with {known}")
    elif parts.fragment or (scheme != "https" and parts.query):
        yield Complaint(("file",), "the address is followed by `#` or `?`, which leads to no file", "leave it out")
    elif scheme in BUCKETS and not (re.fullmatch(r"[a-z0-9][a-z0-9._-]{1,220}", parts.netloc) and parts.path.strip("/")):
        yield Complaint(("file",), "the address names no file of a bucket", f"write it like {scheme}://bucket/folder/*.parquet")
    elif scheme in BUCKETS and not {".", ".."}.isdisjoint(parts.path.split("/")):
        yield Complaint(("file",), "the address has a part that leads elsewhere", f"write it like {scheme}://bucket/folder/file")
