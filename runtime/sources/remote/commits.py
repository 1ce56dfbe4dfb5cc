"""Commits of the hub: whether the one that a lock pins is one that the recipe's revision names, or named."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator
from http.client import HTTPException
from urllib.parse import quote, urljoin, urlsplit

from operators.declared.address import Hub
from runtime.sources.remote.http import Access, Unanswered, asking, origin
from runtime.sources.remote.hub import MOST, ask, body_of, chosen_of
from runtime.store.store import StoreError

MOST_PAGES = 40
"""Of a history, that are looked at; the hub gives some fifty commits on each."""
NEXT = re.compile(r'<([^<>]{1,2000})>;\s{0,5}rel="?next"?')


class Unknown(Exception):
    """The hub does not say what stands in a history."""


def complain_commit(hub: Hub, commit: str, access: Access) -> str | None:
    """Raises StoreError for a commit that is not in the history of a revision: anybody may push one beside it.

    What is said where the hub does not tell; None where the commit is there.
    """
    pins = f"the lock pins the commit {commit[:12]} of `{hub.dataset}`"
    try:
        if any(commit in page for page in history_of(hub, access)):
            return None
    except Unknown as error:
        return f"{pins}, and nobody knows whether `{hub.revision}` has had it: {error}"
    hint = f"look at who wrote the lock; if it is right, say `revision: {commit}`, or write the lock anew with `recipe lock`"
    raise StoreError(f"{pins}, which is not in the history of `{hub.revision}`", hint)


def complain_split(hub: Hub, commit: str, paths: Collection[str], access: Access) -> str | None:
    """Raises StoreError for a file that is not of the recipe's split at a commit; what is said where the hub does not tell."""
    at = hub.model_copy(update={"revision": commit})
    try:
        said = ask(at, access)
    except StoreError as error:
        return f"nobody knows whether the files that the lock pins are those of `{hub.address}`: {error}"
    listed = said.get("siblings") or ()
    names = chosen_of(at, said, {str(each.get("rfilename")) for each in listed if isinstance(each, dict)})
    strange = next((path for path in paths if path not in names), None)
    if strange is not None:
        message = f"the lock pins `{strange[:200]}` of `{hub.dataset}`, which is not of `{hub.address}` at {commit[:12]}"
        raise StoreError(message, "look at who wrote the lock; `recipe lock` writes it anew")
    return None


def history_of(hub: Hub, access: Access) -> Iterator[set[str]]:
    """The commits of a revision, newest first, a page at a time. Raises Unknown where the hub does not give all of them."""
    place = f"{access.endpoint}/api/datasets/{hub.dataset}/commits/{quote(hub.revision, safe='')}"
    home = origin(urlsplit(place))
    for _ in range(MOST_PAGES):
        try:
            with asking(place, access, {}) as answer:
                if answer.status != 200:
                    raise Unknown(f"the hub answers with HTTP {answer.status}")
                body, found = body_of(answer), NEXT.search(answer.getheader("Link") or "")
        except (Unanswered, OSError, HTTPException) as error:
            raise Unknown(f"the hub {error}") from None
        try:
            said = json.loads(body) if len(body) <= MOST else None
            following = None if found is None else urljoin(place, found[1])
            here = following is None or origin(urlsplit(following)) == home
        except (ValueError, RecursionError):
            said, here = None, False
        if not isinstance(said, list) or not here:
            raise Unknown("the hub says nothing that can be read")
        yield {str(each.get("id")) for each in said if isinstance(each, dict)}
        if following is None:
            return
        place = following
    raise Unknown("its history is too long to be looked through")
