"""What a recipe may reach: public addresses, and those that the command line opens."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Collection

from runtime.store.store import StoreError

#: Whose last 32 bits are an address of IPv4: translated ones, and those of an early form.
CARRIERS = tuple(map(ipaddress.ip_network, ("64:ff9b::/96", "::/96")))
#: That Python takes for public, in some of its versions: translation within a site, and site-local ones.
LOCAL = tuple(map(ipaddress.ip_network, ("64:ff9b:1::/48", "fec0::/10")))
#: A cloud's service for its own machines, at an address that looks like any other (Azure's).
CLOUD = ipaddress.IPv4Address("168.63.129.16")
CONNECT_SECONDS = 10
MOST_PLACES = 8
"""Addresses of one name that are tried."""
READ_SECONDS = 60
Ip = ipaddress.IPv4Address | ipaddress.IPv6Address


class Refused(StoreError):
    """An address that may not be reached."""


def is_public(ip: Ip) -> bool:
    """Whether an address is one of the internet, also where another one is written inside of it."""
    if isinstance(ip, ipaddress.IPv6Address):
        inner: list[Ip] = [each for each in (ip.ipv4_mapped, ip.sixtofour, *(ip.teredo or ())) if each is not None]
        inner += [ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)] if any(ip in each for each in CARRIERS) else []
        if any(ip in each for each in LOCAL) or (ip.ipv4_mapped is None and not ip.is_global):
            return False
        return not ip.is_multicast and all(map(is_public, inner))
    return ip.is_global and not ip.is_multicast and ip != CLOUD


def shown_at(host: str, port: int) -> str:
    """A server as `--allow-address` names it."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def connect(host: str, port: int, opened: Collection[str]) -> socket.socket:
    """A connection to a server. Raises Refused where any of its addresses is private and not opened; OSError.

    What was looked at is what is connected to: a name that means another address a moment later leads nowhere else.
    """
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    if shown_at(host, port) not in opened:
        for *_, place in found:
            if not is_public(ipaddress.ip_address(str(place[0]).partition("%")[0])):
                message = (
                    f"`{shown_at(host, port)}` is an address of this machine or of a private network, and no recipe may reach it"
                )
                raise Refused(message, f"if you mean it, open it on the command line: --allow-address {shown_at(host, port)}")
    failure: OSError = OSError(f"`{host}` has no address")
    for family, kind, protocol, _, place in found[:MOST_PLACES]:
        made = socket.socket(family, kind, protocol)
        made.settimeout(CONNECT_SECONDS)
        try:
            made.connect(place)
            made.settimeout(READ_SECONDS)
            return made
        except OSError as error:
            made.close()
            failure = error
    raise failure
