"""`parsable` tells which answers are mathematics, and no answer harms the machine, hangs the build or touches a neighbour."""

from __future__ import annotations

import importlib.util
import os
import time
from pathlib import Path

import pyarrow as pa
import pytest

from operators.kernels.maths import parse_child
from operators.kernels.maths.asking import ASKER
from operators.kernels.text import Texts
from operators.measures.parsable import DEEPEST, LONGEST, Parsable, fits, parsed
from tests.conftest import loaded

pytestmark = [
    pytest.mark.skipif(importlib.util.find_spec("math_verify") is None, reason="not installed: math-verify"),
    pytest.mark.skipif(os.name != "posix", reason="the limits are those of POSIX"),
]

PARSE = [
    *("1/2", r"\frac{9}{7}", "B", r"\text{B}", "12,000", "3:4", r"50\%", "x=3", "x<5", "(1,2)", "[0,1)", r"\{1,2\}", "1,2,3"),
    *(r"\begin{pmatrix}1&2\\3&4\end{pmatrix}", r"90^\circ", "10 cm", "10!", r"\infty", "yes", "$5$", " 7 "),
]
PARSE_NOT = [
    "②",
    "가",
    "①, ③",
    "두 번째",
    "정답은 3",
    "ㄱ, ㄴ",
    r"\frac{1}{",
    "1}",
    "{",
    "\\",
    "",
    "  ",
    "1}+{2",
    r"\frac",
]
#: Answers that would do harm if a parser ran them, or take one for ever.
TRAPS = {
    "__import__('os').system('touch HERE')": 0,
    "open('HERE','w').write('x')": 0,
    "__import__('socket').create_connection(('127.0.0.1',1))": 0,
    "2003^{2002^{2001}}": 1,
    r"10^{10^{10}} < (10^{10^{10}})!": 1,
    "{" * 100_000 + "1" + "}" * 100_000: 0,
    "9" * 1_000_000: 0,
    "|1" * 100: 0,
}


def values(answers: list[str | None]) -> list[int]:
    (found,) = Parsable().measure(Texts(pa.array(answers, pa.large_string())), {})
    return found.tolist()


def test_what_parses_and_what_does_not() -> None:
    found = values([*PARSE, *PARSE_NOT, None])
    told = dict(zip([*PARSE, *PARSE_NOT, None], found, strict=True))
    assert told == {**dict.fromkeys(PARSE, 1), **dict.fromkeys(PARSE_NOT, 0), None: -1}


def test_values_are_equal_whatever_the_batch_and_its_order() -> None:
    answers: list[str | None] = [*PARSE[::3], None, *PARSE_NOT[::3]]
    whole = values(answers)
    assert values(answers[::-1]) == whole[::-1]
    assert [value for answer in answers[::4] for value in values([answer])] == whole[::4]
    assert values([]) == [] and values([None, None]) == [-1, -1]


def test_a_trap_harms_nothing_hangs_nothing_and_changes_no_neighbour(tmp_path: Path) -> None:
    here, since = tmp_path / "here", time.process_time()
    answers: list[str | None] = []
    for trap in TRAPS:
        answers += [trap.replace("HERE", str(here)), "1/2", "②"]
    assert values(answers) == [value for trap in TRAPS.values() for value in (trap, 1, 0)]
    assert not here.exists() and time.process_time() - since < 20


def test_an_answer_beyond_the_limits_is_not_tried() -> None:
    assert fits("1" * LONGEST) and not fits("1" * (LONGEST + 1))
    assert fits("(" * DEEPEST + "1" + ")" * DEEPEST) and not fits("(" * (DEEPEST + 1))
    assert not fits("1}$ text $\\boxed{2")


# -- the child itself, with a parser that runs whatever it is given

CHILD = f"""
import runpy, sys
child = runpy.run_path({parse_child.__file__!r})
space = child["main"].__globals__
space.update(SECONDS=1, SLICE=1, parser=lambda compares: lambda answer: bool(eval(answer, {{"child": space}})))
child["main"]()
"""


@pytest.fixture
def evil(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that no answer may write to; what is parsed is run."""
    path = tmp_path / "evil.py"
    path.write_text(CHILD, "utf-8")
    monkeypatch.setattr(parse_child, "__file__", str(path))
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "secret").write_text("secret")
    return folder


def test_the_child_sees_no_environment(evil: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAKE_API_KEY", "sk-fake")
    seen = "__import__('os').environ"
    # Python itself may say which locale it fell back to.
    asked = [f"'FAKE_API_KEY' in {seen}", f"set({seen}) <= {{'PYTHONHASHSEED', 'LC_CTYPE'}}", f"len({seen}) > 0"]
    assert parsed(asked) == [0, 1, 1] and os.environ["FAKE_API_KEY"] == "sk-fake"


@pytest.mark.parametrize(
    "harm",
    [
        "open('FOLDER/made', 'w')",
        "open('FOLDER/secret', 'a').write('x')",
        "__import__('os').open('FOLDER/made', 65)",
        "__import__('os').mkdir('FOLDER/made') is None",
        "__import__('os').remove('FOLDER/secret') is None",
        "__import__('os').rename('FOLDER/secret', 'FOLDER/made') is None",
        "__import__('os').system('touch FOLDER/made') == 0",
        "__import__('subprocess').run(['touch', 'FOLDER/made'])",
        "__import__('os').fork() + 1",
        "__import__('socket').socket()",
        "__import__('socket').getaddrinfo('localhost', 1)",
        "__import__('urllib.request').request.urlopen('http://example.org')",
        "__import__('ctypes').CDLL(None).getpid()",
        "open('FOLDER/secret').read()",
        "open('/proc/self/environ').read()",
        "__import__('resource').setrlimit(0, (-1, -1)) is None",
        "__import__('os').kill(__import__('os').getppid(), 9) is None",
        "__import__('os').kill(__import__('os').getpid(), 9) is None",
        "'x' * (3 << 30)",
        "sum(iter(int, 1)) is None",
        "9 ** 9 ** 9 ** 9",
        "__import__('os')._exit(0)",
        "__import__('os').abort()",
        "child.update(ask=lambda *_: True) is None and child.update(PARSES=child['PARSES_NOT']) is None and 0",
    ],
)
def test_what_an_answer_runs_ends_with_it(harm: str, evil: Path) -> None:
    said = harm.replace("FOLDER", str(evil))
    assert parsed(["1", said, "0", "2"]) == [1, 0, 0, 1]
    assert [(path.name, path.read_text()) for path in evil.iterdir()] == [("secret", "secret")]


def test_the_harm_is_real_where_nothing_prevents_it(evil: Path) -> None:
    """The twin: the same texts do what they say outside the child."""
    assert eval(f"open('{evil}/made', 'w').write('x')") == 1 and (evil / "made").exists()  # noqa: S307
    assert "secret" in eval(f"open('{evil}/secret').read()")  # noqa: S307


def test_what_a_library_prints_is_no_result(evil: Path) -> None:
    assert parsed(["print('1') or 0", "__import__('os').write(1, b'1\\n') * 0", "1"]) == [0, 0, 1]


def test_a_child_that_cannot_start_or_is_ended_from_outside_decides_nothing(evil: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = evil.parent / "evil.py"
    with pytest.raises(ChildProcessError, match="ended early: ModuleNotFoundError"):
        script.write_text(CHILD.replace("import runpy", "import missing_module, runpy"), "utf-8")
        parsed(["1"])
    with pytest.raises(ChildProcessError, match="from outside by signal 14"):
        script.write_text(CHILD.replace("SECONDS=1", "PATIENCE=1"), "utf-8")
        parsed(["1", "__import__('select').select([], [], [])"])
    with pytest.raises(ChildProcessError, match="it said nothing"):
        script.write_text("import os\nos.kill(os.getpid(), 9)\n", "utf-8")
        parsed(["1"])


def test_the_parent_does_not_import_what_parses() -> None:
    program = "from operators.measures.parsable import parsed\nassert parsed(['1/2', 'x']) == [True, True]"
    assert not {"math_verify", "latex2sympy2_extended"} & loaded(program)


def test_a_child_is_asked_again_and_another_one_after_it_has_ended() -> None:
    ASKER.end()
    assert parsed(["1/2", "x+"]) == [1, 0]
    first = ASKER.waiting
    assert parsed([["x+1", "1+x"], "1/3"]) == [1, 1] and ASKER.waiting is first is not None
    first.process.stdin.close()  # as if it had waited for long
    first.process.wait()
    with open(os.devnull, "wb") as first.process.stdin:
        assert parsed(["1/2", "x+"]) == [1, 0]
    assert ASKER.waiting is not first


def test_a_fork_asks_no_child_of_another_process() -> None:
    assert parsed(["1/2"]) == [1]
    child = os.fork()
    if child == 0:
        os._exit(0 if parsed(["x+", "1/2"]) == [0, 1] else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0 and parsed(["1/2"]) == [1]
