"""Crawls for tests: pages as a WARC file, and what a server says of each."""

from __future__ import annotations

from collections.abc import Iterable

HTTP = "HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\n\r\n"


def record(
    url: str, body: str | bytes, http: str = HTTP, kind: str = "response", more: str = "", length: int | None = None
) -> bytes:
    """One record of a WARC file."""
    block = http.encode() + (body.encode() if isinstance(body, str) else body)
    head = f"WARC/1.1\r\nWARC-Type: {kind}\r\nWARC-Target-URI: {url}\r\nWARC-Date: 2025-10-06T00:00:00Z\r\n{more}"
    head += f"Content-Type: application/http; msgtype={kind}\r\nContent-Length: {len(block)}\r\n\r\n"
    return head.encode() + block + b"\r\n\r\n"


def crawl(pages: Iterable[tuple[str, str]]) -> bytes:
    """A WARC file of pages: (address, HTML)."""
    return b"".join(record(url, body) for url, body in pages)
