"""What a server sends, for as long as it keeps up a least rate: one that trickles is not waited for without end."""

from __future__ import annotations

import http.client
import io
import socket
import time
from typing import Any

SLOW_SECONDS = 60
"""Seconds that are waited, all waits together, for the head of an answer, and for each LEAST of its bytes."""
LEAST = 1 << 18
"""Bytes; no head is longer."""
SAID = f"sends less than {LEAST // SLOW_SECONDS >> 10} KB a second"


class TooSlow(OSError):
    """An answer that comes too slowly, or whose head has no end."""


class Paced(io.RawIOBase):
    """The bytes of a socket. Only waiting counts: who reads slowly is not the server's fault."""

    def __init__(self, sock: socket.socket) -> None:
        self.raw, self.sock = sock.makefile("rb", buffering=0), sock
        self.came, self.waited, self.begun = 0, 0.0, False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        """Raises TooSlow."""
        before = time.monotonic()
        self.sock.settimeout(max(0.001, SLOW_SECONDS - self.waited))
        try:
            count = self.raw.readinto(buffer)
        except TimeoutError:
            raise TooSlow(SAID) from None
        self.waited += time.monotonic() - before
        self.came += count or 0
        if self.came >= LEAST:
            if not self.begun:
                raise TooSlow("answers with a head that does not end")
            self.came, self.waited = 0, 0.0
        elif count and self.waited > SLOW_SECONDS:
            raise TooSlow(SAID)
        return count

    def close(self) -> None:
        self.raw.close()
        super().close()


class Answer(http.client.HTTPResponse):
    """An answer whose head and body are waited for so."""

    def __init__(self, sock: socket.socket, *more: Any, **named: Any) -> None:
        super().__init__(sock, *more, **named)
        self.fp.close()
        self.pace = Paced(sock)
        self.fp = io.BufferedReader(self.pace)

    def begin(self) -> None:
        super().begin()
        self.pace.came, self.pace.waited, self.pace.begun = 0, 0.0, True
