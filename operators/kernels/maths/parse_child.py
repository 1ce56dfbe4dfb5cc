"""A process of its own that asks math-verify which answers parse or are equal: a JSON list comes in, a 0 or 1 goes out for each.

What is parsed was written by models and strangers, and SymPy evaluates text. So answers are parsed in forks that can do as
little as Python can arrange. A fork takes a batch, as long as no text is run: before Python runs or compiles any, the fork
ends, as it does where an answer takes long or too much memory. That answer is asked again in a fork of its own, which ends
with it, and those after it in another: no answer changes, stops or outlives what is said of another.
"""

from __future__ import annotations

import gc
import json
import logging
import os
import re
import select
import signal
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass

READY = "ready"
Question = str | list[str | list[str]]
"""An answer, or two that are compared."""
PARSES, PARSES_NOT = 71, 72
"""How a fork ends that has an answer: no other way of ending means either."""

NO, YES, OVERDUE = range(3)
"""What is said of an answer: `OVERDUE` where its time was up."""

MANY = 512
"""Answers that a fork takes."""
SLICE = 2
"""Seconds of CPU time that an answer may take in a batch."""
SECONDS = 10
"""Of CPU time, which a loaded machine does not use up; within the operator's limits a plain answer takes below two."""
PATIENCE = 300
"""Seconds after which a fork that does not even use its CPU time is given up, and with it the measurement."""
MOST = 8
"""Answers whose time may be up; with more the rest is not asked, for all of them would take longer than what they are among."""
MEMORY = 2 << 30
IDLE = 5
"""Seconds that it waits for more."""

WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
#: Python tells its hooks of these before it does them; what a hook raises is what the caller gets.
REFUSED = (
    *("socket.", "http.", "urllib.", "ftplib.", "smtplib.", "imaplib.", "poplib.", "webbrowser.", "syslog."),
    *("subprocess.", "os.system", "os.exec", "os.posix_spawn", "os.spawn", "os.startfile", "os.forkpty", "pty.", "os.kill"),
    *("os.chdir", "os.chflags", "os.chmod", "os.chown", "os.link", "os.lockf", "os.mkdir", "os.putenv", "os.remove"),
    *("os.removexattr", "os.rename", "os.rmdir", "os.setxattr", "os.symlink", "os.truncate", "os.unsetenv", "os.utime"),
    *("shutil.", "tempfile.", "sqlite3.", "mmap.", "fcntl.", "time.sleep", "signal.pthread_kill"),
)
ALONE = ("os.fork", "ctypes.", "resource.", "os.listxattr", "os.getxattr")
"""What a fork may not do besides; SymPy loads ctypes when it is imported."""


def refusing(events: tuple[str, ...]) -> Callable[[str, tuple[object, ...]], None]:
    """A hook that lets nothing happen whose name begins so, and no file be written."""

    def hook(event: str, arguments: tuple[object, ...]) -> None:
        written = event == "open" and isinstance(arguments[2], int) and arguments[2] & WRITING
        if written or event.startswith(events):
            raise PermissionError(f"an answer may not do this: {event}")

    return hook


def reading_only(folders: tuple[str, ...]) -> Callable[[str, tuple[object, ...]], None]:
    """A hook that lets no file be read outside these folders: SymPy imports some of itself late, and no more is needed."""

    def hook(event: str, arguments: tuple[object, ...]) -> None:
        if event == "open" and not os.path.realpath(os.fsdecode(arguments[0])).startswith(folders):  # type: ignore[arg-type]
            raise PermissionError("an answer may not read this")

    return hook


def limit() -> None:
    """Nothing that this process starts gets more memory than is due, leaves a core, or writes a byte into a file."""
    import resource

    limits = ((resource.RLIMIT_AS, MEMORY), (resource.RLIMIT_CORE, 0), (resource.RLIMIT_FSIZE, 0), (resource.RLIMIT_NOFILE, 64))
    for what, most in limits:
        hard = resource.getrlimit(what)[1]
        most = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(what, (most, most))


def parser(compares: bool) -> Callable[[Question], bool]:
    """What says whether an answer parses or two are the same, after it has learnt the forms that answers often have."""
    root = os.path.abspath(os.path.join(os.path.dirname(__file__), *[os.pardir] * 3))
    sys.path.insert(0, root)
    from operators.kernels.maths.comparing import FORMS, PAIRS
    from operators.kernels.maths.comparing import parser as made

    sys.path.remove(root)
    parses = made()
    for form in (*FORMS, *(map(list, PAIRS) if compares else ())):
        parses(form)
    return parses


def confine(folders: tuple[str, ...], seconds: int, hook: Callable[[str, tuple[object, ...]], None]) -> None:
    """What a fork may not do any more, and for how long it may work."""
    import resource

    for signaled in (signal.SIGXCPU, signal.SIGALRM, signal.SIGPROF):
        signal.signal(signaled, signal.SIG_DFL)
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 1))
    resource.setrlimit(resource.RLIMIT_NPROC, (0, 0))
    sys.addaudithook(reading_only(folders))
    sys.addaudithook(hook)


#: What the libraries have run themselves to read a number, or to multiply polynomials: no word of it is an answer's.
OWN_TEXT = re.compile(
    r"from sympy import \*|Integer \([0-9]+ \)|Float \('[0-9.]+' \)"
    r"|def monomial_[a-z]+\((?:A|A, B|A, k|A, B, k)\):\n"
    r"(?:\b(?:ret|return|if|else|None|not|and|or|min|max|k|[ABabr][0-9]{0,3})\b|[0-9]{1,3}|[\[\]=(),+*<>?: \n-])*"
)


def ending(folders: tuple[str, ...]) -> Callable[[str, tuple[object, ...]], None]:
    """A hook that ends the process before any text is run, or anything is done besides; a late import is no text."""
    allowed = 0

    def hook(event: str, arguments: tuple[object, ...]) -> None:
        nonlocal allowed
        if event == "compile":
            text = arguments[0]
            text = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
            if not isinstance(text, str) or OWN_TEXT.fullmatch(text) is None:
                os._exit(PARSES_NOT)
            allowed += 1
        elif event == "exec":
            file = getattr(arguments[0], "co_filename", "")
            if file == "<string>" and allowed:
                allowed -= 1
            elif not file.startswith(folders):
                os._exit(PARSES_NOT)
        elif event.startswith(ALONE) or event == "code.__new__":
            os._exit(PARSES_NOT)

    return hook


def parse_many(parses: Callable[[Question], bool], answers: Sequence[Question], out: int, folders: tuple[str, ...]) -> None:
    """What a fork does with a batch: a byte for each, as long as none of them takes long or has text run."""
    try:
        confine(folders, len(answers) * SLICE + SECONDS, ending(folders))
        for answer in answers:
            signal.alarm(PATIENCE)
            signal.setitimer(signal.ITIMER_PROF, SLICE)
            os.write(out, b"1" if parses(answer) else b"0")
    finally:
        os._exit(PARSES_NOT)


def parse_alone(parses: Callable[[Question], bool], answer: Question, folders: tuple[str, ...]) -> None:
    """What a fork does with one answer: it ends with what it found."""
    code = PARSES_NOT
    try:
        confine(folders, SECONDS, refusing(ALONE))
        signal.alarm(PATIENCE)
        code = PARSES if parses(answer) else PARSES_NOT
    finally:
        os._exit(code)


@dataclass
class Batch:
    """Answers that a fork is at work on, by their places, and what it said of them so far."""

    places: Sequence[int]
    fork: int = 0
    verdicts: bytes = b""

    @property
    def alone(self) -> bool:
        return len(self.places) == 1


class Pool:
    """Forks that parse, no more at a time than there are cores."""

    def __init__(
        self, parses: Callable[[Question], bool], answers: Sequence[Question], folders: tuple[str, ...], out: int
    ) -> None:
        self.parses, self.answers, self.folders, self.out = parses, answers, folders, out
        self.found = [NO] * len(answers)
        self.running: dict[int, Batch] = {}

    def start(self, batch: Batch) -> None:
        """Fork, for one answer or for many."""
        ours, theirs = os.pipe()
        batch.fork = os.fork()
        if batch.fork == 0:
            os.close(0)
            os.close(self.out)
            for other in (ours, *self.running):
                os.close(other)
            if batch.alone:
                parse_alone(self.parses, self.answers[batch.places[0]], self.folders)
            parse_many(self.parses, [self.answers[place] for place in batch.places], theirs, self.folders)
        os.close(theirs)
        self.running[ours] = batch

    def ended(self, batch: Batch) -> list[Batch]:
        """What is still to be asked after a fork has ended: the answer that it ended at, and those after it."""
        _, status, used = os.wait4(batch.fork, 0)
        if batch.alone:
            by = os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0
            # Whoever ended it this way judged the machine and not the answer, unless its time was up.
            if by in (signal.SIGKILL, signal.SIGTERM, signal.SIGALRM) and used.ru_utime + used.ru_stime < SECONDS:
                raise SystemExit(f"the process of an answer was ended from outside by signal {by}")
            late = by in (signal.SIGXCPU, signal.SIGKILL)
            self.found[batch.places[0]] = (
                OVERDUE if late else YES if os.WIFEXITED(status) and os.WEXITSTATUS(status) == PARSES else NO
            )
            return []
        for place, verdict in zip(batch.places, batch.verdicts, strict=False):
            self.found[place] = YES if verdict == ord("1") else NO
        rest = batch.places[len(batch.verdicts) :]
        return [Batch(each) for each in (rest[:1], rest[1:]) if each]

    def run(self) -> list[int]:
        """What is found of every answer; where more than `MOST` are overdue, of those until then."""
        cores, size = len(os.sched_getaffinity(0)), len(self.answers)
        step = max(2, min(MANY, -(-size // cores)))
        waiting = [Batch(range(begin, min(begin + step, size))) for begin in range(0, size, step)][::-1]
        while waiting or self.running:
            while waiting and len(self.running) < cores:
                self.start(waiting.pop())
            for ready in select.select(list(self.running), [], [])[0]:
                output = os.read(ready, 1 << 16)
                if output:
                    self.running[ready].verdicts += output
                else:
                    os.close(ready)
                    waiting += self.ended(self.running.pop(ready))
                    if self.found.count(OVERDUE) > MOST:
                        waiting.clear()
        return self.found


def main() -> None:
    """Read a list of answers, say `ready`, and tell of each in order, until no more come."""
    out = os.dup(1)
    os.dup2(2, 1)  # what a library prints is no result
    limit()
    sys.addaudithook(refusing(REFUSED))
    logging.disable(logging.CRITICAL)
    folders = tuple({os.path.realpath(folder) + os.sep for folder in (*sys.path, sys.prefix, sys.base_prefix) if folder})
    parses, learnt = None, False
    while asked := sys.stdin.buffer.readline():
        answers = json.loads(asked)
        compares = any(isinstance(each, list) for each in answers)
        if parses is None or compares > learnt:
            parses, learnt = parser(compares), compares
            gc.collect()
            gc.freeze()  # a fork copies what it touches
        found = Pool(parses, answers, folders, out).run()
        lines = "\n".join([READY, *map(str, found), ""]).encode()
        while lines:
            lines = lines[os.write(out, lines) :]
        if not select.select([0], [], [], IDLE)[0]:
            break


if __name__ == "__main__":
    main()
