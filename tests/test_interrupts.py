"""Ctrl-C is answered whatever a build is in the middle of, and a second one ends it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from runtime.cli.interrupts import LEFT, STOPPING
from tests.conftest import ROOT

#: The main thread does not end by it, as where it is in a function of C that goes on.
DEAF = """
import signal, sys
from runtime.cli import interrupts
signal.signal(signal.SIGINT, lambda number, frame: None)
interrupts.GRACE = 0.1
interrupts.hear_interrupts()
print("deaf", flush=True)
sys.stdin.read()
"""


#: It is interrupted where Python drops what is raised.
DROPPING = """
import signal, time
from runtime.cli.interrupts import hear_interrupts
class Dropping:
    def __del__(self):
        signal.raise_signal(signal.SIGINT)
hear_interrupts()
try:
    Dropping()
    while True:
        time.sleep(0.01)
except KeyboardInterrupt:
    time.sleep(0.2)  # what would be said is said
    print("interrupted")
"""


def test_an_interrupt_that_python_drops_is_sent_once_more_and_told_once() -> None:
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    ran = subprocess.run([sys.executable, "-c", DROPPING], cwd=ROOT, text=True, env=env, capture_output=True)
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "interrupted\n", f"\n{STOPPING}\n")


@pytest.mark.parametrize("more", [1, 2])
def test_what_is_deaf_to_ctrl_c_says_that_it_stops_and_leaves_when_it_is_told_again(more: int) -> None:
    pipes = {each: subprocess.PIPE for each in ("stdin", "stdout", "stderr")}
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen([sys.executable, "-c", DEAF], cwd=ROOT, text=True, env=env, **pipes) as deaf:  # type: ignore[call-overload]
        assert deaf.stdout.readline() == "deaf\n"
        deaf.send_signal(signal.SIGINT)
        assert [deaf.stderr.readline(), deaf.stderr.readline()] == ["\n", f"{STOPPING}\n"]
        for _ in range(more):
            deaf.send_signal(signal.SIGINT)
        assert deaf.wait() == 130, "its input is open still"
        assert deaf.stderr.read() == f"\n{LEFT}\n"
