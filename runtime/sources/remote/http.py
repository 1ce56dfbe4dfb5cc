"""One request for a file over HTTP: redirects are followed by hand, so that each is looked at like the first."""

from __future__ import annotations

import http.client
import ssl
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from urllib.parse import SplitResult, quote, urljoin, urlsplit

from runtime.sources.remote.paced import Answer, TooSlow
from runtime.sources.remote.reach import Refused, connect, shown_at
from runtime.store.store import StoreError

REDIRECTS = 8
MOVED = (301, 302, 303, 307, 308)
KEPT = "/%:@!$&'()*+,;=~"
PORTS = {"https": 443, "http": 80}


class Unanswered(Exception):
    """A request that brought nothing, or not all; said as what its server does."""

    def __init__(self, message: str, final: bool = False, slow: bool = False) -> None:
        super().__init__(message)
        self.final = final
        """Whether asking again would change nothing."""
        self.slow = slow
        """Whether it came too slowly: that more is here than before is no progress then."""


@dataclass(frozen=True)
class Access:
    """As whom servers are asked, and which private ones may be."""

    opened: frozenset[str] = frozenset()
    """HOST:PORT of what the command line opens."""
    endpoint: str | None = None
    """The origin that the token is for; none else is sent it."""
    token: str | None = field(default=None, repr=False)

    def headers(self, url: str) -> dict[str, str]:
        mine = self.token is not None and self.endpoint is not None and origin(urlsplit(url)) == origin(urlsplit(self.endpoint))
        return {"Authorization": f"Bearer {self.token}"} if mine else {}


def context() -> ssl.SSLContext:
    """Certificates are checked as the system says."""
    return ssl.create_default_context()


def origin(parts: SplitResult) -> tuple[str, str, int]:
    return parts.scheme, (parts.hostname or "").lower(), parts.port or PORTS.get(parts.scheme, 0)


class Connection(http.client.HTTPConnection):
    """A connection whose address was looked at before it was made."""

    response_class = Answer

    def __init__(self, scheme: str, host: str, port: int, opened: Collection[str]) -> None:
        super().__init__(host, port)
        self.scheme, self.opened = scheme, opened

    def connect(self) -> None:
        made = connect(self.host, self.port, self.opened)
        self.sock = context().wrap_socket(made, server_hostname=self.host) if self.scheme == "https" else made


@contextmanager
def asking(url: str, access: Access, headers: Mapping[str, str]) -> Iterator[http.client.HTTPResponse]:
    """The answer to a request, behind all redirects. Raises Unanswered, Refused, and StoreError for no good redirect."""
    place = url
    for _ in range(REDIRECTS):
        with asking_once(url, place, access, headers) as answer:
            if answer.status not in MOVED:
                yield answer
                return
            try:
                place = urljoin(place, answer.getheader("Location") or "")
            except ValueError:
                raise StoreError(f"`{shown(url)}` redirects to what is no address") from None
    raise StoreError(f"`{shown(url)}` redirects more than {REDIRECTS} times")


@contextmanager
def asking_once(url: str, place: str, access: Access, headers: Mapping[str, str]) -> Iterator[http.client.HTTPResponse]:
    """The answer to one request at `place`, to which `url` led. Raises Unanswered, Refused, and StoreError."""
    try:
        parts = urlsplit(place)
        scheme, host, port = origin(parts)
    except ValueError:
        raise StoreError(f"`{shown(url)}` redirects to what is no address") from None
    if scheme not in PORTS or not host or (scheme == "http" and shown_at(host, port) not in access.opened):
        # Bytes that anybody on the way can change, and a token that anybody can read.
        raise Refused(f"`{shown(url)}` leads to `{host}` without TLS", "only https:// is fetched")
    try:
        connection = Connection(scheme, host, port, access.opened)
    except http.client.HTTPException:
        raise StoreError(f"`{shown(url)}` redirects to what is no address") from None
    try:
        query = f"?{quote(parts.query, safe=KEPT + '?')}" if parts.query else ""
        target = quote(parts.path or "/", safe=KEPT) + query
        sent = {"Accept-Encoding": "identity", "User-Agent": "data-recipe", **headers, **access.headers(place)}
        yield answered(connection, target, sent)
    finally:
        with suppress(OSError):
            connection.close()


def answered(connection: Connection, target: str, headers: Mapping[str, str]) -> http.client.HTTPResponse:
    """The answer to a request. Raises Refused, and Unanswered."""
    try:
        connection.request("GET", target, headers=dict(headers))
        return connection.getresponse()
    except ssl.SSLCertVerificationError:
        raise Unanswered("has a certificate that is not accepted here", final=True) from None
    except TooSlow as error:
        raise Unanswered(str(error), slow=True) from None
    except (OSError, http.client.HTTPException, UnicodeError, ValueError) as error:
        raise Unanswered(
            "cannot be reached" + (f" ({error.strerror})" if isinstance(error, OSError) and error.strerror else "")
        ) from None


def shown(url: str) -> str:
    """An address without what follows its path."""
    return url.partition("?")[0].partition("#")[0]
