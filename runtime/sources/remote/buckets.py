"""Files in buckets: which ones an address means, and their bytes; credentials and endpoints come from the environment alone."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from runtime.sources.remote.download import UPDATE, Tell, Wanted, drop, validator_of, weigh
from runtime.sources.remote.reach import Refused
from runtime.sources.remote.shelf import Fetched, Shelf, read
from runtime.store.at_once import at_once
from runtime.store.batches import batched
from runtime.store.bucket import AHEAD, BLOCK, Bucket, Item, Unreachable
from runtime.store.store import StoreError

MOST = 10_000
"""Files of one source."""
METADATA = {"s3": "169.254.169.254:80", "gs": "metadata.google.internal:80"}
"""Where credentials are asked for that the environment does not have: a service of the machine that it runs on."""
NAMED = {
    "s3": (
        *("AWS_ACCESS_KEY_ID", "AWS_SKIP_SIGNATURE", "AWS_WEB_IDENTITY_TOKEN_FILE"),
        *("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_CREDENTIALS_FULL_URI"),
    ),
    "gs": (
        *("GOOGLE_SERVICE_ACCOUNT", "GOOGLE_SKIP_SIGNATURE", "GOOGLE_SERVICE_ACCOUNT_PATH", "GOOGLE_SERVICE_ACCOUNT_KEY"),
        *("GOOGLE_APPLICATION_CREDENTIALS", "SERVICE_ACCOUNT"),
    ),
}
"""What says in the environment who asks, or that nobody does."""
LOGIN = Path(".config/gcloud/application_default_credentials.json")


def complain_nobody(address: str, opened: Collection[str]) -> None:
    """Raises Refused where credentials would be looked for at a private address that nobody opened."""
    scheme = address.partition("://")[0]
    known = any(map(os.environ.get, NAMED[scheme])) or (scheme == "gs" and (Path.home() / LOGIN).is_file())
    if not known and METADATA[scheme] not in opened:
        message = f"`{address}` is not fetched: the environment says neither credentials nor that none are needed"
        public = NAMED[scheme][1] if scheme == "s3" else "GOOGLE_SKIP_SIGNATURE"
        hint = (
            f"{public}=true is for a public bucket; --allow-address {METADATA[scheme]} asks this machine's own service for some"
        )
        raise Refused(message, hint)


def split(address: str) -> tuple[str, str]:
    """(the URL of the bucket, the path in it)."""
    scheme, _, rest = address.partition("://")
    bucket, _, path = rest.partition("/")
    return f"{scheme}://{bucket}", path.lstrip("/")


def globbed(pattern: str, paths: Sequence[str]) -> list[str]:
    """The paths that a glob names: a star stays in its folder, and `**` does not; a bracket stands for itself."""
    import pyarrow as pa
    import pyarrow.compute as pc

    said = {"**/": "(?:[^/]+/)*", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    glob = "".join(said.get(part) or re.escape(part) for part in re.split(r"(\*\*/?|\*|\?)", pattern))
    # RE2: globs and names are of others, and Python would try all ways in which many stars may share out a name.
    column = pa.array(paths, pa.string())
    try:
        found: list[str] = column.filter(pc.match_substring_regex(column, f"^(?s:{glob})$")).to_pylist()
    except pa.ArrowInvalid:
        raise StoreError(f"the glob `{pattern[:80]}` is too long", "name a folder, or say it in a shorter way") from None
    return found


def is_glob(path: str) -> bool:
    return "*" in path or "?" in path


def list_bucket(address: str) -> list[Wanted]:
    """The files that an address means, in order. Raises StoreError where there is none."""
    url, path = split(address)
    if not is_glob(path):
        return [Wanted(address, address)]
    folder = re.split(r"[*?]", path)[0].rpartition("/")[0]
    found = list[Wanted]()
    with named(address):
        for items in batched(Bucket(url).list(folder), MOST):
            sizes = {item.path: item.size for item in items if item.path.isprintable() and not {"?", "#"} & {*item.path}}
            found += [Wanted(f"{url}/{each}", f"{url}/{each}", sizes[each]) for each in globbed(path, [*sizes])]
            if len(found) > MOST:
                raise StoreError(f"more than {MOST:,} files match `{address}`", "name the folder that the files are in")
    if not found:
        raise StoreError(f"no file matches `{address}`", "look at the address")
    return sorted(found, key=lambda each: each.address)


def leads_to(pattern: str, address: str) -> bool:
    """Whether a file is one that an address means."""
    (bucket, path), (other, inner) = split(pattern), split(address)
    return bucket == other and (bool(globbed(path, [inner])) if is_glob(path) else path == inner)


def load(wanted: Wanted, shelf: Shelf, tell: Tell) -> Fetched:
    """A file of a bucket, on the shelf. Raises StoreError where it cannot be had, or has other bytes than are pinned."""
    url, path = split(wanted.url)
    with named(wanted.address), shelf.part(wanted.address) as part:
        bucket = Bucket(url)
        item = looked_at(bucket, path, wanted)
        if item.size > shelf.bound:
            message = f"`{wanted.address}` is larger than {shelf.bound:,} bytes"
            raise StoreError(message, "the folder of what is fetched holds no more")
        version = f"{item.size} {item.modified.isoformat()}"
        if not part.is_file() or read(validator_of(part)) != version or part.stat().st_size > item.size:
            drop(part)
            validator_of(part).write_text(json.dumps(version), "utf-8")
        copy(bucket, path, item.size, part, tell)
        again = looked_at(bucket, path, wanted)
        file, wrong = weigh(wanted, part)
        if wrong is None and again[1:] == item[1:]:
            shelf.take(part, file)
            validator_of(part).unlink(missing_ok=True)
            return file
        drop(part)
        raise StoreError(f"`{wanted.address}` {wrong or 'was written while it was read'}", UPDATE)


def looked_at(bucket: Bucket, path: str, wanted: Wanted) -> Item:
    item = bucket.head(path)
    if item is None:
        raise StoreError(f"there is nothing at `{wanted.address}`", "look at the address")
    return item


def copy(bucket: Bucket, path: str, size: int, part: Path, tell: Tell) -> None:
    """Write an object behind what of it is here, some blocks at a time."""

    def block(start: int) -> memoryview:
        with bucket.calling("get"):
            return memoryview(bucket.inner.get_range(path, start=start, end=min(start + BLOCK, size)))

    have = part.stat().st_size if part.is_file() else 0
    with part.open("ab") as file:
        for starts in batched(range(have, size, BLOCK), AHEAD):
            for each in at_once(AHEAD, block, starts):
                file.write(each)
                tell(file.tell())


@contextmanager
def named(address: str) -> Iterator[None]:
    """Says of an address what else is said of a store."""
    try:
        yield
    except Unreachable as error:
        said = str(error).partition("` ")[2]
        raise StoreError(
            f"`{address}` cannot be fetched: its bucket {said}", error.hint and error.hint.replace(" with --store", "")
        ) from None
