"""What comparing answers takes is bounded: hostile ones are refused by their text, and time decides nothing in silence."""

# ruff: noqa: E501 (answers of one kind in one line)

from __future__ import annotations

import json
import logging
import random
import resource
import time
from pathlib import Path

import pytest

from operators.kernels.maths import parse_child
from operators.kernels.maths.asking import ASKER
from operators.kernels.maths.effort import too_much
from operators.kernels.maths.numbers import as_math
from operators.measures.parsable import TooSlow, parsed
from operators.measures.score import Score
from tests.conftest import Project
from tests.test_scoring import pytestmark, scored

__all__ = ["pytestmark"]

#: Kind -> what a library would not end with, or not soon.
HOSTILE = {
    "a tower": (
        r"2003^{2002^{2001}}",
        "9^{9^{9^{9}}}",
        "9^9^9",
        "2^{2^{2^{2^{2^{2}}}}}",
        r"e^{e^{e^{79}}}",
        r"{{9}^{9}}^{{9}^{9}}",
    ),
    "a large power": (
        "7^{123456789}+1",
        "3^{10000000}",
        "2^{-10^{9}}",
        "(3+4i)^{99999}",
        r"(x+1)^{1000000000}",
        "0.3^{77777777}",
    ),
    "a power below one below a bar": (
        r"7^{\frac{1}{10^{-9}}}",
        "7^{9/10^{-9}}",
        r"7^{\frac{9}{0.000000001}}",
        r"2^{\frac{9}{1/10^9}}",
    ),
    "a factorial": ("1000000!", "(10^{9})!", "((9!)!)!", "9!!!!", r"\Gamma(10^{10})", r"\binom{10^9}{5\cdot10^8}", "99999999!x"),
    "digits as an exponent": (
        "9" * 400 + "^{" + "9" * 400 + "}",
        "0." + "3" * 900 + "^{" + "7" * 50 + "}",
        "2^{" + "1" * 30 + "}",
    ),
    "under a function": (r"\lfloor 10^{10^{8}} \rfloor", r"\log_{2}(10^{10^{9}})", r"\sin(10^{10^{6}})", r"\sqrt{3^{9999}+1}"),
    "a root": (r"\sqrt[1000000007]{2^{1000000}+1}", r"\gcd(2^{9999}-1,2^{9998}-1)"),
    "no answer yet": (
        r"\int_0^1 x^x dx",
        r"\sum_{n=1}^{10000000} \frac{1}{n}",
        r"\sum_{n=1}^{\infty} \frac{1}{n^2}",
        r"\lim_{x\to0} x",
    ),
    "a product": (r"\prod_{n=1}^{100000000} n", r"\sum_{i=1}^{99}\sum_{j=1}^{99} ij", r"\prod_{n=1}^{1000} (n^2+1)"),
    "many of a kind": (r"\cup".join(f"({n},{n + 1})" for n in range(40)), "|" * 40 + "x" + "|" * 40),
    "a determinant": (r"\begin{vmatrix}" + r"\\".join(["&".join("xyzabc")] * 9) + r"\end{vmatrix}",),
}
#: What looks like it, and is an answer.
PLAIN = [
    *(
        r"\frac{1}{2004!}",
        "2^{1000}",
        "3^{2023}-1",
        "10^{-20}",
        "10^{10}!".replace("10^{10}", "20"),
        r"\binom{20}{3}",
        "(x+1)^{100}",
    ),
    *(
        "x^{y}",
        "e^{2\\pi i}",
        r"e^{-x^{2}}",
        r"\sqrt[3]{2}",
        r"\sqrt{1234567}",
        r"\sum_{k=1}^{n} k",
        r"\log_{2} 10",
        r"90^{\circ}",
    ),
    *(
        r"x^{\frac{2023}{2024}}",
        r"\frac{3^{50}-1}{2}",
        r"2^{1/1000}",
        r"|x-3|",
        r"(1,2)\cup(3,4)",
        r"\begin{pmatrix}1&2\\3&4\end{pmatrix}",
    ),
    *("9" * 300, "0." + "3" * 200, r"\frac{\pi^{2}}{6}", r"7^{7^{2}}", r"5!\cdot 4!", "x^23", r"2^{2^{10}}", r"\det A", "1.5e5"),
]


def told(pairs: list[tuple[str, str]]) -> list[int]:
    """What `score` says of (gold, answer)."""
    return scored([answer for _, answer in pairs], [gold for gold, _ in pairs], "math")


@pytest.mark.parametrize("kind", HOSTILE)
def test_what_would_not_end_is_told_by_its_text(kind: str) -> None:
    assert [text for text in HOSTILE[kind] if not too_much(text)] == []


def test_answers_are_no_effort() -> None:
    assert [text for text in PLAIN if too_much(as_math(text, {}))] == []


def test_telling_takes_no_effort() -> None:
    chosen, parts = (
        random.Random(3),
        ["^", "{", "}", "(", ")", "9", "x", "!", "_", "/", "\\frac", "\\sqrt", "[", "-", "\\sum", "\\binom", "."],
    )
    since = time.process_time()
    for _ in range(2000):
        too_much("".join(chosen.choice(parts) for _ in range(chosen.randint(1, 400)))[:1000])
    for part in parts:
        too_much((part + "^{") * 300)
    assert time.process_time() - since < 20


def test_hostile_answers_cost_nothing_beside_others() -> None:
    """All of them together take less CPU time than one of them took."""
    pairs = [("5", text) for texts in HOSTILE.values() for text in texts] + [("2x+1", "1+2x")]
    ASKER.end()
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    found = told(pairs)
    ASKER.end()  # what a child took is known when it has ended
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert found == [*[0] * (len(pairs) - 1), 1]
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 9


def test_the_same_text_is_equal_however_large() -> None:
    assert told([("9^{9^{9^{9}}}", "9^{9^{9^{9}}}"), (r"\int_0^1 x dx", r"\int_0^1 x dx")]) == [1, 1]


# -- what is not told by the text

CHILD = f"""
import math, runpy
child = runpy.run_path({parse_child.__file__!r})
space = child["main"].__globals__
def slow(asked):
    while "slow" in str(asked):
        pass
    return True
confine = space["confine"]
def whole(folders, seconds, hook):
    confine(folders, math.ceil(seconds), hook)
space.update(SECONDS=1, SLICE=0.1, MOST=2, parser=lambda compares: slow, confine=whole)
child["main"]()
"""


@pytest.fixture
def slow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A library that takes for ever where it reads `slow`, and two such answers are let pass."""
    path = tmp_path / "child.py"
    path.write_text(CHILD, "utf-8")
    monkeypatch.setattr(parse_child, "__file__", str(path))
    monkeypatch.setattr(parse_child, "MOST", 2)


def test_an_answer_that_takes_its_time_is_counted_told_and_not_credited(slow: None, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "recipe"):
        assert parsed(["a", "slow 1", "b", "slow 2", "c"]) == [1, 0, 1, 0, 1]
    assert "2 answers take more than" in caplog.text


@pytest.mark.nightly
def test_too_many_such_answers_stop_and_change_no_verdict(slow: None) -> None:
    with pytest.raises(TooSlow) as raised:
        parsed(["a", *(f"slow {number}" for number in range(40)), "b"])
    assert 3 <= len(raised.value.places) <= 5


@pytest.mark.nightly
def test_the_pairs_that_were_too_slow_are_named(slow: None) -> None:
    pairs = [("2x", "x2"), *((f"slow+{number}x", f"x{number}+slow") for number in range(2, 9)), ("2x", "x2")]
    import pyarrow as pa

    from operators.kernels.text import Texts

    golds, answers = (Texts(pa.array([pair[side] for pair in pairs], pa.large_string())) for side in (0, 1))
    with pytest.raises(TooSlow) as raised:
        Score.model_validate({"kind": "math"}).compare(answers, [golds], {"number_marks": {"target": {}}})
    assert raised.value.places and set(raised.value.places) <= set(range(1, 8))


def test_a_build_with_too_many_such_answers_ends_and_names_their_rows(slow: None, project: Project) -> None:
    answers = [f"slow+{number}x" for number in range(2, 9)]
    project.rows("a.jsonl", [{"prompt": "why?", "answer": answer} for answer in (*answers, "1/2")])
    recipe = project.folder / "recipe.yaml"
    columns = "columns: {prompt: prompt, answer: answer}"
    recipe.write_text(recipe.read_text().replace("license: A", f"license: A, {columns}") + "  - parsable: {in: answer}\n")
    ran = project.run("build", "recipe.yaml")
    assert ran.code == 1 and "answers take all the time" in ran.err and "Traceback" not in ran.err
    row = ran.err.split("of the rows ")[1].split(",")[0].split("\n")[0]
    assert "slow" in project.run("why", "recipe.yaml", row).out
    # Without them it is built, and nothing is left of the verdicts that time decided.
    project.rows("a.jsonl", [{"prompt": "why?", "answer": "1/2"}])
    assert project.build(store=".recipe")["outputs"][0]["rows"] == 1


def test_benchmarks_hold_no_answer_that_is_too_much() -> None:
    data = Path(__file__).parent.parent.parent / "shared" / "data" / "math_en" / "math500.jsonl"
    if not data.is_file():
        pytest.skip("the benchmark's answers are not beside the project")
    golds = [str(json.loads(line)["answer"]) for line in data.read_text("utf-8").splitlines()]
    assert len(golds) == 500 and [gold for gold in golds if too_much(as_math(gold, {}))] == []
