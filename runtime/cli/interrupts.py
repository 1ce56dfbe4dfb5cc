"""Ctrl-C is answered at once: a thread hears of it, whatever the main one is in the middle of."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time

STOPPING = "stopping: what is under way is brought to its end; Ctrl-C again leaves at once"
LEFT = "left; what is finished is in the store, run the same command again to go on"
SHOW_CURSOR = "\x1b[?25h"
GRACE = 3.0
"""Seconds in which a second Ctrl-C is left to the main thread, which lets go of leases and of what it began."""

STOPPED = threading.Event()
"""Set where the main thread has heard of it, and says so itself."""

AGAIN: list[float] = []
"""When interrupts were sent that no person sent."""


def hear_interrupts() -> None:
    """From now on a person hears of Ctrl-C; called once, in the main thread. Python tells that thread only between two steps."""
    heard, hear = os.pipe()
    os.set_blocking(hear, False)
    signal.set_wakeup_fd(hear, warn_on_full_buffer=False)
    threading.Thread(target=answer, args=(heard,), name="interrupts", daemon=True).start()
    sys.unraisablehook = interrupt_again


def interrupt_again(dropped: sys.UnraisableHookArgs) -> None:
    """Python drops what is raised where nobody can catch it, as while an object is forgotten: an interrupt is sent once more."""
    if dropped.exc_type is KeyboardInterrupt:
        threading.Thread(target=interrupt, name="interrupting", daemon=True).start()
    else:
        sys.__unraisablehook__(dropped)


def interrupt() -> None:
    """Interrupt the main thread, a little later."""
    time.sleep(0.05)
    AGAIN.append(time.monotonic())
    signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)


def answer(heard: int) -> None:
    """Say of the first Ctrl-C that it was heard, and leave some seconds after the second, or at the third."""
    times = 0
    while data := os.read(heard, 64):
        for _ in range(data.count(signal.SIGINT)):
            if AGAIN:
                AGAIN.pop()
                continue
            times += 1
            if times == 1:
                if not STOPPED.is_set():
                    say(STOPPING)
            elif times == 2:
                threading.Thread(target=leave, args=(GRACE,), name="leaving", daemon=True).start()
            else:
                leave(0)


def leave(seconds: float) -> None:
    """End the process, if it is still there after so many seconds: no more of it runs."""
    time.sleep(seconds)
    say((SHOW_CURSOR if os.isatty(2) else "") + LEFT)
    os._exit(130)


def say(line: str) -> None:
    """Written past all buffers, which the main thread may hold."""
    os.write(2, f"\n{line}\n".encode())
