"""How fast answers are scored beside plain math-verify, and what a hanging or hostile answer costs the rest.

    python benchmarks/score.py --data DIR [--rounds 3]

The pairs are real gold answers (MATH-500, GaoKao, Minerva, GSM8K) beside themselves in another spelling and beside another
gold answer. The peer parses both in a box and verifies, in one process, as its users do. CPU seconds are those of a whole
process and all its children, from start to end, imports included; the median of the rounds counts.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from importlib.metadata import version
from pathlib import Path

Pairs = list[tuple[str, str]]

HANGING = ("5", r"2003^{2002^{2001}}+\left(10^{10^{10}}\right)!")
#: Of many kinds, each of which took its 10 seconds as long as a library was asked.
LARGE = [
    ("5", text)
    for text in (
        *("9^{9^{9^{9}}}", "7^{123456789}+1", "1000000!", r"\binom{10^9}{5\cdot10^8}", r"\log_{2}(10^{10^{9}})", "2^{-10^{9}}+1"),
        *(r"\int_0^1 x^x \sin(x^2) e^{x^3} dx", r"\sum_{n=1}^{10000000} \frac{1}{n^2}", r"\prod_{n=1}^{100000000} n"),
        *("(" + "9" * 400 + ")^{" + "9" * 400 + "}", r"\lfloor 10^{10^{8}} \rfloor", r"\sin(10^{10^{6}})", r"\Gamma(10^{10})+1"),
    )
]
#: Told by nothing but time: a union of as many intervals as are tried.
SLOW = [
    (r"\cup".join(f"({at},{at + 1})" for at in range(9)), r"\cup".join(f"({at},{at + 1})" for at in (*range(7, -1, -1), place)))
    for place in range(20, 22)
]
HOSTILE = ("x=3", r"x=__import__('os').system('echo')")
#: As many as ten models answer in ten trials over 600 items.
LETTERS = [
    ("ABCDE"[place % 5], spelling.format("ABCDE"[place % 4]))
    for place in range(20_000)
    for spelling in ("({})", r"\text{{{}}}.", "{}")
]


def golds(data: Path) -> list[str]:
    """The gold answers of the sets, in their order."""
    from operators.kernels.boxes import first_box

    found: list[str] = []
    for name in ("math500", "gaokao2023en", "minerva_math", "gsm8k_test"):
        for line in (data / "math_en" / f"{name}.jsonl").read_text("utf-8").splitlines():
            row = json.loads(line)
            answer = first_box(row["solution"]) if name == "minerva_math" else str(row["answer"]).rpartition("####")[2].strip()
            found += [answer.strip("$")] if answer else []
    return found


def respelled(gold: str) -> str:
    """The same answer as another hand writes it."""
    return gold.replace(r"\frac", r"\dfrac").replace(",", ", ") if not gold.replace(",", "").isdigit() else f"{gold}.0"


def kinds(data: Path) -> dict[str, Pairs]:
    """Pairs by what decides them."""
    from operators.kernels.maths.guard import settled
    from operators.kernels.maths.numbers import as_math, plain

    told = golds(data)
    both = [pair for one, other in zip(told, [*told[1:], told[0]], strict=True) for pair in ((one, respelled(one)), (one, other))]
    # Sums and products turned around, which no spelling tells to be the same.
    both += [(f"{one}+{other}", f"{other}+{one}") for one, other in zip(told, told[2:], strict=False) if len(one + other) < 40]
    found: dict[str, Pairs] = {"reach math-verify": [], "plain numbers": [], "other": []}
    for pair in dict.fromkeys(both):
        read = as_math(pair[0], {}), as_math(pair[1], {})
        if isinstance(settled(*read), list):
            found["reach math-verify"].append(pair)
        else:
            found["plain numbers" if all(map(plain, read)) else "other"].append(pair)
    found["reach math-verify"] = found["reach math-verify"][:1500]
    # Numbers are quick, so that it takes more of them: each beside twenty others.
    numbers = [gold for gold in dict.fromkeys(told) if plain(as_math(gold, {}))]
    found["plain numbers"] += [pair for step in range(2, 22) for pair in zip(numbers, numbers[step:], strict=False)]
    found["all of one data set"] = both[: 2 * 500]
    return found


def ours(pairs: Pairs, kind: str) -> int:
    """How many are right by the project's operator."""
    import pyarrow as pa

    from operators.kernels.text import Texts
    from operators.measures.score import Score

    entries = {"number_marks": {"decimal": ".", "group": ","}, "answer_labels": [list("ABCDE")]}
    answers, told = ([pair[side] for pair in pairs] for side in (1, 0))
    score = Score.model_validate({"kind": kind})
    columns = [Texts(pa.array(each, pa.large_string())) for each in (answers, told)]
    (found,) = score.compare(columns[0], columns[1:], entries)
    return int(found.sum())


def peer(pairs: Pairs) -> int:
    """How many are right by plain math-verify."""
    from math_verify import parse, verify

    return sum(bool(verify(parse(rf"\boxed{{{gold}}}"), parse(rf"\boxed{{{answer}}}"))) for gold, answer in pairs)


def measured(what: str, pairs: Pairs) -> tuple[float, float, int]:
    """(CPU seconds, seconds, right answers) of a process that scores the pairs."""
    before, since = os.times(), time.perf_counter()
    done = subprocess.run(
        [sys.executable, __file__, "--measure", what], input=json.dumps(pairs), capture_output=True, text=True, check=False
    )
    after = os.times()
    if done.returncode or not done.stdout.strip().isdigit():
        sys.exit(f"`{what}` measured nothing: {done.stderr.strip()[-500:]}")
    used = after.children_user + after.children_system - before.children_user - before.children_system
    return used, time.perf_counter() - since, int(done.stdout)


def median(rounds: int, measure: Callable[[], tuple[float, float, int]]) -> tuple[float, float, int]:
    """The round in the middle by CPU seconds."""
    found = sorted(measure() for _ in range(rounds))
    return found[len(found) // 2]


def main() -> None:
    """Measure all kinds, one after another, and print the tables."""
    reader = argparse.ArgumentParser(description=__doc__)
    reader.add_argument("--data", type=Path, default=Path("../shared/data"))
    reader.add_argument("--rounds", type=int, default=3)
    reader.add_argument("--measure")
    said = reader.parse_args()
    if said.measure:
        pairs = [tuple(pair) for pair in json.load(sys.stdin)]
        print(peer(pairs) if said.measure == "peer" else ours(pairs, said.measure))
        return
    if not (said.data / "math_en").is_dir():
        print(f"skipped: there is no {said.data / 'math_en'}")
        return
    print(f"math-verify {version('math-verify')}, {platform.machine()}, {os.cpu_count()} cores\n")
    starts = {what: median(max(said.rounds, 5), partial(measured, what, [("1", "1")])) for what in ("math", "choice", "peer")}
    shown = ", ".join(f"{what} {start[0]:.2f}" for what, start in starts.items())
    print(f"started and one number scored, in CPU s: {shown}\n")
    titles = ("pairs", "n", "ours/CPU s beyond the start", "math-verify", "ratio", "ratio with it", "ours/s", "right", "theirs")
    print(f"| {' | '.join(titles)} |\n|{' --- |' * len(titles)}")
    found = kinds(said.data)
    for name, pairs in (*found.items(), ("choice", LETTERS)):
        if not pairs:
            sys.exit(f"there are no pairs of the kind `{name}`")
        kind = "choice" if name == "choice" else "math"
        mine, theirs = (median(said.rounds, partial(measured, what, pairs)) for what in (kind, "peer"))
        beyond = (mine[0] - starts[kind][0], theirs[0] - starts["peer"][0])
        each = [len(pairs) / max(used, 0.01) for used in beyond]
        whole = [len(pairs) / told[0] for told in (mine, theirs)]
        print(
            f"| {name} | {len(pairs)} | {each[0]:,.0f} | {each[1]:,.0f} | {each[0] / each[1]:.2f} | {whole[0] / whole[1]:.2f} ",
            end="",
        )
        print(f"| {len(pairs) / mine[1]:,.0f} | {mine[2]} | {theirs[2]} |")
    rest = found["reach math-verify"][::5]
    print(f"\n| {len(rest)} pairs that reach math-verify, and | CPU s | s | right |\n| --- | --- | --- | --- |")
    hanging = [(HANGING[0], f"{HANGING[1]}+{place}") for place in range(4)]
    others: dict[str, Pairs] = {
        "nothing else": [],
        "one that hangs": hanging[:1],
        "four that hang": hanging,
        f"{len(LARGE)} of other kinds that hang": LARGE,
        f"{len(SLOW)} that are slow": SLOW,
        "one that would run a command": [HOSTILE],
    }
    for name, more in others.items():
        used, seconds, right = median(said.rounds, partial(measured, "math", rest[:150] + more + rest[150:]))
        print(f"| {name} | {used:.1f} | {seconds:.1f} | {right} |")


if __name__ == "__main__":
    main()
