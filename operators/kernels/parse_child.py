"""A process of its own that asks math-verify which answers parse or are equal: JSON lines come in, a 0 or 1 goes out for each.

What is parsed was written by models and strangers, and SymPy evaluates text. So each answer is parsed in a fork that can
do as little as Python can arrange, and that ends with it: no answer changes, stops or outlives what is said of another.
"""

from __future__ import annotations

import gc
import json
import logging
import os
import signal
import sys
from collections.abc import Callable

READY = "ready"
Asked = str | list[str]
"""An answer, or a gold answer and one that is compared with it."""
PARSES, PARSES_NOT = 71, 72
"""How a fork ends that has an answer: no other way of ending means either."""

SECONDS = 10
"""Of CPU time, which a loaded machine does not use up; within the operator's limits a plain answer takes below two."""
PATIENCE = 300
"""Seconds after which a fork that does not even use its CPU time is given up, and with it the measurement."""
MEMORY = 2 << 30

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

#: A parser learns each form once, and a fork inherits what is learnt: these are the forms that answers often have.
FORMS = (
    *("7", "-3.5", "12,000", "1,2,3", "3:4", r"50\%", "x=3", "x<5", r"a \le b", "(1,2)", "[0,1)", r"\{1,2\}", "C_2", r"\text{B}"),
    *(r"\frac{9}{7}", r"3\sqrt{2}+x^2", "(x+1)(x-1)", "2^{10}", r"\frac{\pi}{2}", r"\sin x", r"\log_2 3", "10!", r"\infty"),
    *(r"\begin{pmatrix}1&2\\3&4\end{pmatrix}", "|x|", r"\pi r^2", "90^\\circ", r"\frac{\sqrt{3}}{2}", "2x+3y=5", r"x \in [1,2]"),
)
#: The same of comparing, for where answers are compared.
PAIRS = (
    *(["7", "8"], ["1/2", "0.3"], [r"50\%", "7"], ["x=3", "y=4"], ["x<5", "x<6"], ["x^2+1", "x^2+2"], ["(1,2)", "(1,3)"]),
    *(["(1,2,3)", "(1,2,4)"], ["1,2", "1,3"], [r"\{1,2\}", "(1,3)"], ["[0,1)", "[0,2)"], [r"3\sqrt{2}", "4"], [r"\text{a}", "b"]),
)


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


def parser() -> Callable[[Asked], bool]:
    """Whether math-verify makes anything but plain text of an answer in a box, or the same of a gold answer and another."""
    from math_verify import LatexExtractionConfig, parse, verify

    wanted = [LatexExtractionConfig(boxed_match_priority=0)]

    def made(answer: str) -> list[object]:
        # Its own time limit counts seconds on the wall; without the fallback, what it cannot parse is no result.
        found = parse(f"$\\boxed{{{answer}}}$", wanted, fallback_mode="no_fallback", parsing_timeout=None)
        return [each for each in found if not isinstance(each, str)]

    def parses(asked: Asked) -> bool:
        if isinstance(asked, str):
            return bool(made(asked))
        gold, answer = (made(each) for each in asked)
        return bool(gold and answer and verify(gold, answer, timeout_seconds=None))

    return parses


def parse_alone(parses: Callable[[Asked], bool], answer: Asked, folders: tuple[str, ...]) -> None:
    """What a fork does: it ends with what it found."""
    import resource

    code = PARSES_NOT
    try:
        signal.signal(signal.SIGXCPU, signal.SIG_DFL)
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.alarm(PATIENCE)
        resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS + 1))
        resource.setrlimit(resource.RLIMIT_NPROC, (0, 0))
        sys.addaudithook(reading_only(folders))
        sys.addaudithook(refusing(ALONE))
        code = PARSES if parses(answer) else PARSES_NOT
    finally:
        os._exit(code)


def ask(parses: Callable[[Asked], bool], answer: Asked, out: int, folders: tuple[str, ...]) -> bool:
    """Whether an answer parses: by a fork, which is alone with it."""
    fork = os.fork()
    if fork == 0:
        os.close(out)
        parse_alone(parses, answer, folders)
    _, status, used = os.wait4(fork, 0)
    ended_by = os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0
    # Whoever ended it this way judged the machine and not the answer, unless its time was up.
    if ended_by in (signal.SIGKILL, signal.SIGTERM, signal.SIGALRM) and used.ru_utime + used.ru_stime < SECONDS:
        raise SystemExit(f"the process of an answer was ended from outside by signal {ended_by}")
    return os.WIFEXITED(status) and os.WEXITSTATUS(status) == PARSES


def main() -> None:
    """Read all answers, say `ready`, and tell of each in order."""
    answers = [json.loads(line) for line in sys.stdin.buffer]
    out = os.dup(1)
    os.dup2(2, 1)  # what a library prints is no result
    limit()
    sys.addaudithook(refusing(REFUSED))
    logging.disable(logging.CRITICAL)
    parses = parser()
    for form in (*FORMS, *(PAIRS if any(isinstance(each, list) for each in answers) else ())):
        parses(form)
    gc.collect()
    gc.freeze()  # a fork copies what it touches
    folders = tuple({os.path.realpath(folder) + os.sep for folder in (*sys.path, sys.prefix, sys.base_prefix) if folder})
    os.write(out, f"{READY}\n".encode())
    for answer in answers:
        os.write(out, b"1\n" if ask(parses, answer, out, folders) else b"0\n")


if __name__ == "__main__":
    main()
