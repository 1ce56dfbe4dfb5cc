"""The journal: completions go to disk while the batch still runs, from a thread of their own."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from runtime.completions.memo import Completion, CompletionMemo

SECONDS = 0.05
"""How long a finished completion waits for others to be written with: a kill loses no more, and a second is promised."""


class Journal:
    """Writes completions within `SECONDS` of `add`; a failure to write is raised by the next `add`, or at the end."""

    def __init__(self, memo: CompletionMemo) -> None:
        self.memo = memo
        self.new = 0
        self.failure: BaseException | None = None
        self.queue: queue.SimpleQueue[Completion | threading.Event | None] = queue.SimpleQueue()
        self.thread = threading.Thread(target=self.write, name="journal", daemon=True)

    def add(self, kept: Completion) -> None:
        if self.failure is not None:
            raise self.failure
        self.queue.put(kept)

    def write(self) -> None:
        """Take what is there, wait a moment for more, write it; until None comes."""
        ended = False
        stopping = threading.Event()
        while not ended:
            batch = [self.queue.get()]
            if batch[0] is not None:
                stopping.wait(SECONDS)
            while not self.queue.empty():
                batch.append(self.queue.get())
            ended = None in batch
            kept = [each for each in batch if isinstance(each, Completion)]
            try:
                if kept and self.failure is None:
                    self.new += self.memo.keep(kept)
            except BaseException as error:  # noqa: BLE001 - raised where the build hears of it
                self.failure = error
            for each in batch:
                if isinstance(each, threading.Event):
                    each.set()

    def settle(self) -> None:
        """Wait until everything that was added is on disk."""
        settled = threading.Event()
        self.queue.put(settled)
        settled.wait()
        if self.failure is not None:
            raise self.failure

    @contextmanager
    def running(self) -> Iterator[Journal]:
        """While this lasts; everything added is on disk when it ends, however it ends."""
        self.thread.start()
        try:
            yield self
        finally:
            self.queue.put(None)
            self.thread.join()
        if self.failure is not None:
            raise self.failure
