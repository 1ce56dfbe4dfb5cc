"""A Python that starts warm: a process has loaded the libraries already, and forks for each program that is run in it.

`python(...)` is the path of an interpreter that takes `-m MODULE ARGUMENTS` or `FILE ARGUMENTS`. What runs has the caller's
streams, folder and environment, takes its signals, ends with its exit code, and dies where it is killed. `start(...)` runs
the same without a process between. Both are for programs that are run to be watched, killed or interrupted; where the
start itself is what is proven (hash seeds, locales, what is imported), run `sys.executable`.
"""

from __future__ import annotations

import atexit
import gc
import importlib
import json
import os
import runpy
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import traceback
import warnings
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent

#: What a build loads, with httpx for those that ask somebody.
BUILD = "tests.warm_build"
#: What a training's worker loads.
TRAINING = "tests.training_warm"

#: The process that the caller sees. It starts in 20 ms, hands its streams over, passes signals on and ends as the other did.
CLIENT = """
import json, os, signal, socket, sys
warm = socket.socket(socket.AF_UNIX)
warm.connect(%r)
asked = json.dumps({"arguments": sys.argv[1:], "folder": os.getcwd(), "environment": dict(os.environ)}).encode()
socket.send_fds(warm, [len(asked).to_bytes(8, "big")], [0, 1, 2])
warm.sendall(asked)
for number in (signal.SIGINT, signal.SIGTERM):
    signal.signal(number, lambda number, frame: warm.send(bytes([number])))
told = warm.makefile()
told.readline()
code = int(told.readline() or 99)
if code < 0:
    signal.signal(-code, signal.SIG_DFL)
    os.kill(os.getpid(), -code)
os._exit(code)
"""


@cache
def server(preload: str) -> Path:
    """The folder with the socket of the process that has loaded a module, and all that it imports."""
    folder = Path(tempfile.mkdtemp(prefix="warm-"))
    warm = subprocess.Popen(
        [sys.executable, "-m", "tests.warm", str(folder / "socket"), preload],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdin=subprocess.PIPE,  # it ends with this process, however that ends
        stdout=subprocess.PIPE,
    )
    atexit.register(end, warm, folder)
    assert warm.stdout is not None
    assert warm.stdout.readline() == b"ready\n", f"what loads {preload} does not start"
    return folder


@cache
def python(preload: str = BUILD) -> str:
    """The path of an interpreter whose programs find a module, and all that it imports, loaded."""
    folder = server(preload)
    (folder / "client.py").write_text(CLIENT % str(folder / "socket"), "utf-8")
    path = folder / "python"
    path.write_text(f'#!/bin/sh\nexec "{sys.executable}" -IS "{folder}/client.py" "$@"\n', "utf-8")
    path.chmod(0o755)
    return str(path)


@dataclass
class Started:
    """A program that runs in a child of a warm process; `pid` is its own."""

    connection: socket.socket
    pid: int
    returncode: int | None = None

    def poll(self) -> int | None:
        """How it ended, where it did."""
        return self.wait(0)

    def wait(self, timeout: float | None = None) -> int | None:
        """How it ended; None where it has not after so many seconds."""
        if self.returncode is None and select.select([self.connection], [], [], timeout)[0]:
            self.returncode = int(self.connection.recv(16) or 99)
            self.connection.close()
        return self.returncode

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)


def start(preload: str, *arguments: str, environment: Mapping[str, str], streams: list[int]) -> Started:
    """Run a program; `streams` are its standard input, output and error."""
    warm = socket.socket(socket.AF_UNIX)
    warm.connect(str(server(preload) / "socket"))
    asked = json.dumps({"arguments": arguments, "folder": str(ROOT), "environment": dict(environment)}).encode()
    socket.send_fds(warm, [len(asked).to_bytes(8, "big")], streams)
    warm.sendall(asked)
    told = b""
    while not told.endswith(b"\n"):
        told += warm.recv(1)
    return Started(warm, int(told))


def end(server: subprocess.Popen[bytes], folder: Path) -> None:
    assert server.stdin is not None
    server.stdin.close()
    server.wait()
    shutil.rmtree(folder, ignore_errors=True)


# -- the process that is warm


def serve(address: str, preload: str) -> None:
    """Fork for each program until standard input ends."""
    importlib.import_module(preload)
    gc.collect()
    gc.freeze()  # a child that collects garbage would walk, and so copy, all that it only inherits
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(address)
        listening.listen(64)
        print("ready", flush=True)
        while listening in select.select([listening, sys.stdin], [], [])[0]:
            connection, _ = listening.accept()
            if os.fork() == 0:
                listening.close()
                watch(connection)
            connection.close()
            reap()
    reap()
    os._exit(0)  # without a word on what is frozen


def reap() -> None:
    """Take leave of those that ended, so that what they cost counts as the tests'."""
    with suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def watch(connection: socket.socket) -> None:
    """Run one program in a child; pass on what is sent to it, and how it ended. Does not return."""
    size, streams, _, _ = socket.recv_fds(connection, 8, 3)
    asked = json.loads(connection.recv(int.from_bytes(size, "big"), socket.MSG_WAITALL))
    child = os.fork()
    if child == 0:
        connection.close()
        run(streams, asked)
    connection.sendall(f"{child}\n".encode())
    for stream in (*streams, 0, 1):
        os.close(stream)
    ended = os.pidfd_open(child)
    while ended not in (ready := select.select([connection, ended], [], [])[0]):
        told = connection.recv(1)
        os.kill(child, told[0] if told else signal.SIGKILL)  # who was to wait for it was killed
        if not told:
            break
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if ended in ready:
        connection.sendall(str(code).encode())
    os._exit(0)


def run(streams: list[int], asked: dict[str, Any]) -> None:
    """Be the program, to its end."""
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    os.setsid()
    os.chdir(asked["folder"])
    os.environ.clear()
    os.environ.update(asked["environment"])
    signal.signal(signal.SIGINT, signal.default_int_handler)
    sys.stdin = os.fdopen(0, encoding="utf-8")
    sys.stdout = os.fdopen(1, "w", encoding="utf-8")
    sys.stderr = os.fdopen(2, "w", encoding="utf-8", errors="backslashreplace", buffering=1)
    code = 1
    try:
        arguments = [each for each in asked["arguments"] if each not in ("-P", "-u")]
        module = arguments[0] == "-m"
        sys.argv = arguments[module:]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # that the module is loaded is what this is for
            if module:
                runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
            else:
                runpy.run_path(sys.argv[0], run_name="__main__")
        code = 0
    except SystemExit as ending:
        code = ending.code if isinstance(ending.code, int) else int(ending.code is not None)
    except KeyboardInterrupt:
        traceback.print_exc()
        code = -signal.SIGINT
    except BaseException:
        traceback.print_exc()
    leave(code)


def leave(code: int) -> None:
    """End as an interpreter does, but for taking apart what is loaded."""
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    if code < 0:
        signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    os._exit(code)


if __name__ == "__main__":
    serve(*sys.argv[1:])
