"""Reading YAML: what a scalar means, what is refused, and where everything stands."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from compiler.text import mending
from compiler.text.composing import read_document
from compiler.text.diagnostics import RecipeError, render
from compiler.text.document import TextNode, load_text
from compiler.text.spans import Text


def read(content: str) -> TextNode:
    return read_document(Text("r.yaml", None, content))


def problems(content: str) -> list[tuple[str, int, int]]:
    with pytest.raises(RecipeError) as caught:
        read(content)
    return [(one.message, one.span.line, one.span.column) for one in caught.value.diagnostics if one.span]


def value(written: str) -> object:
    return read(f"a: {written}").plain()["a"]


@pytest.mark.parametrize("written", ["no", "yes", "on", "off", "012", "1_000", "1:30", "2024-01-01", "-", "0b1", "+0x1", "01.5"])
def test_it_is_a_string(written: str) -> None:
    assert value(written if written != "-" else "'-'") == written


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("12", 12),
        ("-3", -3),
        ("+4", 4),
        ("0x1F", 31),
        ("0o17", 15),
        ("1e3", 1000.0),
        (".5", 0.5),
        ("2.0e-5", 2.0e-5),
        ("1.", 1.0),
        ("true", True),
        ("FALSE", False),
        ("~", None),
        ("", None),
        ("null", None),
        ("'12'", "12"),
        ("!!str 12", "12"),
        ("!!float 3", 3.0),
        ("9223372036854775807", 2**63 - 1),
    ],
)
def test_it_is_read_as(written: str, meant: object) -> None:
    assert value(written) == meant
    assert type(value(written)) is type(meant)


@pytest.mark.parametrize("written", [".inf", "-.INF", ".nan", "1e999", "9223372036854775808", "1" * 5000, "0x" + "f" * 17])
def test_no_number_beyond_what_can_be_stored(written: str) -> None:
    assert len(problems(f"a: {written}")) == 1


def test_a_key_is_always_text() -> None:
    assert read("{no: 1, 12: 2, null: 3, 1.0: 4}").plain() == {"no": 1, "12": 2, "null": 3, "1.0": 4}


def test_columns_count_code_points() -> None:
    node = read("\ufeff한글: {값: 😀, b: x}\n").find(["한글", "b"])
    assert (node.line, node.column, node.end_column) == (1, 15, 16)


def test_a_line_ends_where_an_editor_ends_it() -> None:
    assert read("a: 'x\u2028y'\r\nb: z").find(["b"]).label == "r.yaml:2:4"


def test_a_block_ends_with_its_last_value() -> None:
    span = read("a:\n  b: 1\n  c: |\n    text\n\n\n# remark\nd: 2\n").find(["a"])
    assert (span.line, span.end_line, span.end_column) == (2, 4, 9)


def test_find_stops_at_the_deepest_node() -> None:
    root = read("a: {b: [1, 2]}")
    assert root.find(["a", "b", 1]).column == 12
    assert root.find(["a", "b", 9]).column == 8
    assert root.find(["a", "b"], key=True).column == 5
    assert root.find(["zz"], key=True) == root.span


def test_every_mistake_is_reported_at_once() -> None:
    content = "a: 1\na: 2\n<<: {}\nb: !!python/object/apply:os.system [ls]\nc: .inf\nd: *x\n"
    assert [place[1:] for place in problems(content)] == [(2, 1), (3, 1), (4, 4), (5, 4), (6, 4)]


def test_the_second_key_is_shown_with_the_first() -> None:
    with pytest.raises(RecipeError) as caught:
        read("a: 1\nb: 2\na: 3\n")
    (problem,) = caught.value.diagnostics
    assert problem.span is not None and problem.span.line == 3
    assert problem.notes[0].span is not None and problem.notes[0].span.line == 1


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("a:\n\tb: c", "a tab indents this line"),
        ("a: 1\nb\nc: 2", "this line has no `:` after its key"),
        ("a: [1, 2\nb: 3", "this list is not closed, or a `,` is missing"),
        ("a: {b: 1\n", "this map is not closed, or a `,` is missing"),
        ('a: "x\n', "the quoted text is never closed"),
        ("a: @x", "a value cannot begin with `@`"),
        ("a: 1\n---\nb: 2", "a second document begins here"),
        ("? [a]\n: b", "a key is text, not a list, a map or an alias"),
        ("", "the file says nothing"),
        ("# nothing\n---\n", "the file says nothing"),
        ("a: &a [*a]", "`*a` contains itself"),
        ("a: \x00", "the character U+0000 is not allowed in YAML"),
        ("a: \ud800", "the character U+D800 is not allowed in YAML"),
        ("x" * 1_000_001, "the text is larger than 1 MB"),
    ],
)
def test_it_is_refused(content: str, said: str) -> None:
    assert [problem[0] for problem in problems(content)] == [said]


def test_an_alias_is_a_copy() -> None:
    assert read("a: &x {b: 1}\nc: *x").plain() == {"a": {"b": 1}, "c": {"b": 1}}


def test_a_bomb_of_aliases_is_refused_before_it_grows() -> None:
    lines = ["x0: &x0 [1, 1, 1, 1, 1, 1, 1, 1, 1]"]
    lines += [f"x{i}: &x{i} [{', '.join([f'*x{i - 1}'] * 9)}]" for i in range(1, 40)]
    assert "more than 10,000 values" in problems("\n".join(lines))[0][0]


@pytest.mark.parametrize("deep", ["[" * 100_000, "{a: " * 100_000, "- " * 100_000, "[" * 100_000 + "]" * 100_000])
def test_deep_nesting_is_refused(deep: str) -> None:
    assert "nested deeper than 50 levels" in problems(deep)[0][0]


def test_aliases_do_not_hide_depth() -> None:
    lines = ["x0: &x0 [1]"] + [f"x{i}: &x{i} [*x{i - 1}]" for i in range(1, 60)]
    assert "nested deeper than 50 levels" in problems("\n".join(lines))[0][0]


def test_a_file_that_is_not_utf8_says_where(tmp_path: Path) -> None:
    (tmp_path / "r.yaml").write_bytes("\ufeffa: 한\nb: ".encode() + b"\xff\n")
    with pytest.raises(RecipeError) as caught:
        load_text(tmp_path / "r.yaml", "r.yaml")
    (problem,) = caught.value.diagnostics
    assert problem.span is not None and problem.span.label == "r.yaml:2:4"


def test_what_is_no_file_is_a_diagnostic(tmp_path: Path) -> None:
    import os

    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "big").write_bytes(b"x" * 1_000_001)
    for name in ("absent", ".", "pipe", "big", "a\0b"):
        with pytest.raises(RecipeError):
            load_text(tmp_path / name, name)


MARKS = st.sampled_from(
    [
        *"{}[]:,-?&*!|>'\"%@`#~ \n\t\r",
        "a",
        "b: ",
        "- ",
        "\n  ",
        "&a ",
        "*a",
        "!!int ",
        "<<: ",
        "---\n",
        "...\n",
        "한",
        "é",
        "😀",
        "\u2028",
        "\ufeff",
        "\x00",
        "\ud800",
        "\\",
        "\\x",
        "1e9",
        ".inf",
        "0x",
    ]
)


@settings(max_examples=1500, deadline=None)
@given(st.lists(MARKS | st.text(max_size=3), max_size=30).map("".join))
def test_no_text_ends_in_a_traceback(content: str) -> None:
    try:
        node = read(content)
    except RecipeError as error:
        assert error.diagnostics
        assert render(error.diagnostics).encode("utf-8")  # and nothing raw that a terminal could not take
    else:
        assert node.plain() is not None or node.text


@settings(max_examples=500, deadline=None)
@given(st.lists(MARKS | st.text(max_size=3), max_size=30).map("".join))
def test_the_pure_parser_fails_as_politely(content: str) -> None:
    fast, mending._LOADER = mending._LOADER, yaml.SafeLoader
    try:
        read(content)
    except RecipeError as error:
        assert error.diagnostics
    finally:
        mending._LOADER = fast
