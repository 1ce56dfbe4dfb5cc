"""Where a store is: a folder, or a URL with a folder before it as its cache; a value that travels to other processes."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from blake3 import blake3

from compiler.text.diagnostics import Diagnostic, RecipeError

SCHEMES = ("s3", "gs", "az", "file")
#: What stands before `://` in whatever may be a URL; nothing else that a person names looks like it.
URL = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")
ENDPOINTS = (
    *("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT", "GOOGLE_BASE_URL"),
    *("AZURE_STORAGE_ENDPOINT", "AZURE_STORAGE_ACCOUNT_NAME"),
)
"""What says in the environment of whom a bucket is."""


@dataclass(frozen=True)
class Location:
    """A store's place: what is opened from it is the same store in every process of a machine."""

    folder: Path
    """The store itself, or the cache before a shared one."""
    url: str | None = None
    """`s3://bucket/prefix` and the like; None for a store that is a folder."""
    cache: int | None = None
    """Bytes that the cache may hold; 50 GB, or a fifth of the disk, unless told."""


def is_url(named: str) -> bool:
    return URL.match(named) is not None


def shared_at(named: str, cache: int | None = None) -> Location:
    """The place of a shared store. Raises RecipeError for what is no URL of one."""
    url = sound_url(named)
    return Location(cache_root() / cache_name(url), url, cache)


def sound_url(named: str) -> str:
    """A URL without what differs between two ways to write it. Raises RecipeError; what may be a secret is not repeated."""
    scheme = named.partition("://")[0].lower()
    listed = ", ".join(f"{each}://" for each in SCHEMES)
    try:
        parts = urlsplit(named)
        user, host, path = parts.username or parts.password, parts.netloc, unquote(parts.path)
    except ValueError:
        raise wrong("the URL of the store cannot be read", "write it like s3://bucket/prefix") from None
    if user or "@" in host:
        raise wrong("the URL of the store holds a name or a key", "credentials come from the environment alone")
    shown = f"{scheme}://{host}{path}"[:200]
    if scheme not in SCHEMES:
        raise wrong(f"`{shown}` is no store", f"a shared one begins with one of {listed}; any other is a folder")
    if parts.query or parts.fragment:
        raise wrong(f"`{shown}` is followed by `?` or `#`", "settings of a bucket come from the environment alone")
    inner = path.strip("/").split("/") if path.strip("/") else []
    if any(each in ("", ".", "..") or not each.isprintable() for each in inner):
        raise wrong(f"`{shown}` has a part that leads elsewhere", "write it like s3://bucket/prefix")
    if scheme == "file":
        if host or not inner:
            raise wrong(f"`{shown}` is no folder", "write it with three slashes, like file:///shared/store")
        return f"file:///{'/'.join(inner)}"
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", host):
        raise wrong(f"`{shown}` names no bucket", f"write it like {scheme}://bucket/prefix")
    return f"{scheme}://{'/'.join([host, *inner])}"


def wrong(message: str, hint: str) -> RecipeError:
    return RecipeError(Diagnostic(message, None, hint))


def cache_root() -> Path:
    """The folder of all caches: RECIPE_CACHE, else in the user's own folder of caches."""
    named = os.environ.get("RECIPE_CACHE")
    if named:
        return Path(named).resolve()
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base and os.path.isabs(base) else Path.home() / ".cache") / "data-recipe"


def cache_name(url: str) -> str:
    """The folder of one store's cache: two servers may have buckets of one name."""
    endpoint = "" if url.startswith("file:") else " ".join(filter(None, map(os.environ.get, ENDPOINTS)))
    readable = re.sub(r"[^A-Za-z0-9.]+", "-", url.partition("://")[2]).strip("-.")[-48:] or "store"
    return f"{readable}-{blake3(f'{url} {endpoint}'.encode()).hexdigest()[:12]}"
