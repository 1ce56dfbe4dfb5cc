"""When a training has to stop: it is asked to by a signal, or who started it is gone."""

from __future__ import annotations

import os
import signal
import stat
import threading
from types import FrameType

GRACE = 300
"""Seconds in which a run whose starter is gone may finish its step and save; one that hangs is not left behind."""


class Stop:
    """Whether the training should save its state and end."""

    def __init__(self) -> None:
        self.wanted = False

    def listen(self) -> None:
        """Hear signals, and the end of standard input where that is a pipe or a socket of who started this."""
        for each in (signal.SIGTERM, signal.SIGINT):
            signal.signal(each, self.hear)
        try:
            mode = os.fstat(0).st_mode
        except OSError:
            return  # a process without standard input has no starter that could be gone
        if stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode):
            threading.Thread(target=self.wait, daemon=True).start()

    def hear(self, signum: int, frame: FrameType | None) -> None:
        self.wanted = True

    def wait(self) -> None:
        while os.read(0, 4096):
            pass
        self.wanted = True
        threading.Event().wait(GRACE)
        os._exit(1)
