"""Servers of buckets for tests: the S3 of moto in this process, and the environment by which a build finds it."""

from __future__ import annotations

import logging
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

SECRET = "c0ffee-7Qb1-secret-of-tests"


def at(port: int, host: str = "127.0.0.1") -> str:
    return f"http://{host}:{port}"


@contextmanager
def serving(patch: pytest.MonkeyPatch) -> Iterator[str]:
    """The URL of a running S3, whose credentials stand in the environment; skips where moto is not installed."""
    pytest.importorskip("obstore", reason="obstore is not installed")
    server = pytest.importorskip("moto.server", reason="moto[server] is not installed").ThreadedMotoServer(
        "127.0.0.1", 0, verbose=False
    )
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server.start()
    host, port = server.get_host_and_port()
    url = at(port, host)
    use(patch, url)
    try:
        yield url
    finally:
        server.stop()


def use(patch: pytest.MonkeyPatch, url: str, secret: str = SECRET) -> None:
    """Let requests go to a server of ours."""
    named = {"AWS_ENDPOINT_URL": url, "AWS_ALLOW_HTTP": "true", "AWS_REGION": "us-east-1"}
    for name, value in {**named, "AWS_ACCESS_KEY_ID": "AKTESTS", "AWS_SECRET_ACCESS_KEY": secret}.items():
        patch.setenv(name, value)


def make_bucket(url: str, name: str) -> None:
    with urllib.request.urlopen(urllib.request.Request(f"{url}/{name}", method="PUT")) as answer:
        assert answer.status == 200
