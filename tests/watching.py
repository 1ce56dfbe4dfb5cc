"""A command with a limit of CPU time, in a fork whose end, output and memory are told as JSON: `SECONDS ARGUMENTS`."""

from __future__ import annotations

import json
import os
import resource
import signal
import sys
import tempfile
import traceback
from types import FrameType
from typing import NoReturn

from runtime.cli.main import main


def be(arguments: list[str], streams: list[int], seconds: int) -> NoReturn:
    """The command, to its end."""
    for number, stream in enumerate(streams, 1):
        os.dup2(stream, number)
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    code = 1
    try:
        main(arguments)
        code = 0
    except SystemExit as ending:
        code = int(ending.code or 0)
    except BaseException:
        traceback.print_exc()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def watch(arguments: list[str], seconds: int) -> tuple[int, str, float]:
    """Its exit code (124 where it ran out of time), what it said, and the most memory it held, in MB."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        child = os.fork()
        if child == 0:
            be(arguments, [out.fileno(), err.fileno()], seconds)

        def end(number: int, frame: FrameType | None) -> None:
            os.kill(child, signal.SIGKILL)

        signal.signal(signal.SIGALRM, end)
        signal.alarm(20 * seconds)
        _, status, used = os.wait4(child, 0)
        code = os.waitstatus_to_exitcode(status)
        out.seek(0)
        err.seek(0)
        said = (out.read() + err.read()).decode("utf-8", "replace")
    return 124 if code in (-signal.SIGXCPU, -signal.SIGKILL) else code, said, used.ru_maxrss / 1024


if __name__ == "__main__":
    print(json.dumps(watch(sys.argv[2:], int(sys.argv[1]))))
