"""Servers that trickle: an answer is waited for as long as it keeps up a least rate, and its head has an end."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from runtime.sources.remote import download, paced
from runtime.sources.remote.download import Wanted
from runtime.sources.remote.http import Access
from runtime.sources.remote.paced import Answer, TooSlow
from runtime.sources.remote.shelf import Shelf
from runtime.store.store import StoreError
from tests.servers import serving

HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n"


@contextmanager
def answering(pieces: Iterable[bytes], pause: float) -> Iterator[Answer]:
    """An answer of which a piece comes at a time."""
    here, there = socket.socketpair()

    def send() -> None:
        with suppress(OSError):
            for piece in pieces:
                there.sendall(piece)
                time.sleep(pause)

    thread = threading.Thread(target=send)
    thread.start()
    answer = Answer(here, method="GET")
    try:
        yield answer
    finally:
        answer.close()
        here.close()
        thread.join()
        there.close()


def test_a_head_that_trickles_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paced, "SLOW_SECONDS", 0.1)
    with answering((bytes([each]) for each in HEAD), 0.01) as answer, pytest.raises(TooSlow, match="less than"):
        answer.begin()


def test_a_head_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paced, "LEAST", 1 << 14)
    endless = (b"HTTP/1.1 100 Continue\r\nA: b\r\n\r\n" * 99 for _ in range(1000))
    with answering(endless, 0) as answer, pytest.raises(TooSlow, match="does not end"):
        answer.begin()


def test_a_body_that_trickles_is_not_waited_for_and_one_with_pauses_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paced, "SLOW_SECONDS", 0.2)
    monkeypatch.setattr(paced, "LEAST", 1000)
    with answering([HEAD, *[b"x"] * 100], 0.02) as answer:
        answer.begin()
        with pytest.raises(TooSlow):
            answer.read()
    with answering([HEAD, *[b"x" * 100_000] * 10], 0.05) as answer:
        answer.begin()
        assert len(answer.read()) == 1_000_000


def test_a_reader_that_takes_its_time_is_not_the_servers_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paced, "SLOW_SECONDS", 0.1)
    with answering([HEAD, b"x" * 1_000_000], 0) as answer:
        answer.begin()
        while piece := answer.read1(100_000):
            time.sleep(0.03)
            assert piece


def test_a_download_from_a_server_that_trickles_ends_and_keeps_what_came(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paced, "SLOW_SECONDS", 0.3)
    monkeypatch.setattr(download, "TRIES", 2)
    with serving(monkeypatch, tmp_path) as served:
        served.files["/a.jsonl"], served.slow = b"x" * 500, 0.02
        wanted, shelf = Wanted(f"{served.url}/a.jsonl", f"{served.url}/a.jsonl"), Shelf()
        with pytest.raises(StoreError, match="less than 4 KB a second"):
            download.download(wanted, shelf, Access(frozenset({served.host})), lambda size: None)
        assert len(served.asked) == 2 and "range" in served.asked[1][1]
        served.slow = 0
        file = download.download(wanted, shelf, Access(frozenset({served.host})), lambda size: None)
        assert file.size == 500 and "range" in served.asked[2][1]
