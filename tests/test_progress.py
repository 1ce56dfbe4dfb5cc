"""How far a build is: of how many rows, how fast, how long still; live on a terminal, in plain lines elsewhere."""

from __future__ import annotations

import sys

import pytest

from runtime.build.progress import Progress
from runtime.store.pace import show_left, show_pace


class Clock:
    """A clock that a test moves."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize(
    "given, shown",
    [
        ((600, 4000, 0, 60.0), "600 of 4,000 rows, 10/s, 6 min left"),
        ((600, 4000, 500, 10.0, "completions"), "600 of 4,000 completions, 10/s, 6 min left"),
        ((3, 40, 0, 10.0), "3 of 40 rows, 0.3/s, 2 min left"),
        ((600, None, 0, 6.0), "600 rows, 100/s"),
        ((4000, 4000, 0, 4.0), "4,000 of 4,000 rows, 1,000/s"),
        ((0, 4000, 0, 4.0), "0 of 4,000 rows"),
    ],
)
def test_how_far_how_fast_and_how_long_still(given: tuple[int, int | None, int, float], shown: str) -> None:
    assert show_pace(*given) == shown


def test_what_is_about_a_total_is_passed_in_silence() -> None:
    assert show_pace(900, 1000, 0, 9.0, about=True) == "900 of about 1,000 rows, 100/s, 1 s left"
    assert show_pace(1100, 1000, 0, 11.0, about=True) == "1,100 rows, 100/s"


def test_time_is_told_as_people_do() -> None:
    told = {3: "3 s left", 89: "89 s left", 100: "2 min left", 5000: "83 min left", 9000: "2.5 h left"}
    assert {seconds: show_left(seconds) for seconds in told} == told


def run_stage(clock: Clock, every: float, count: int) -> None:
    """A stage of a hundred rows a step."""
    with Progress(quiet=False, clock=clock) as progress:
        progress.start("prompts/length", 100 * count)
        for step in range(1, count + 1):
            clock.now += every
            progress.rows("prompts/length", 100 * step)
        progress.done("prompts/length", 40)


def test_a_stage_over_a_second_is_told_and_then_every_ten_seconds(capsys: pytest.CaptureFixture[str]) -> None:
    run_stage(Clock(), 1.0, 15)
    assert capsys.readouterr().err.splitlines() == [
        "        prompts/length  100 of 1,500 rows, 100/s, 14 s left",
        "        prompts/length  1,100 of 1,500 rows, 100/s, 4 s left",
        "built   prompts/length  40 rows  15.00 s",
    ]


def test_a_short_stage_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    run_stage(Clock(), 0.3, 3)
    assert capsys.readouterr().err.splitlines() == ["built   prompts/length  40 rows  0.90 s"]


def test_on_a_terminal_it_is_one_live_line(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "200")
    clock = Clock()
    with Progress(quiet=False, clock=clock) as progress:
        progress.say("fetching", "a line of what is no stage")
        progress.start("prompts/length", 1000)
        clock.now += 2
        progress.rows("prompts/length", 500)
        assert progress.live.tasks[0].fields["text"] == "prompts/length  500 of 1,000 rows, 250/s, 2 s left"
        progress.done("prompts/length", 40)
        assert not progress.live.tasks
    assert "built   prompts/length  40 rows" in capsys.readouterr().err


def test_a_quiet_build_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    with Progress(quiet=True) as progress:
        progress.start("prompts", 10)
        progress.rows("prompts", 10)
        progress.reuse("traces", 1)
        progress.done("prompts", 10)
    assert capsys.readouterr().err == ""
