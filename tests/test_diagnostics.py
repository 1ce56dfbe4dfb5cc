"""Diagnostics in a terminal, as JSON and on GitHub."""

from __future__ import annotations

import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compiler.text.diagnostics import Diagnostic, Note, as_github, as_json, render, suggest
from compiler.text.spans import Span, Text, span_at


def at(line: str, part: str) -> Span:
    start = line.index(part)
    return span_at(Text("r.yaml", Path("/p/r.yaml"), line), start, start + len(part))


def caret(line: str, part: str) -> tuple[str, str]:
    """The printed line and the line of carets, both without the frame."""
    printed = render([Diagnostic("m", at(line, part))]).splitlines()
    return printed[3].removeprefix("1 | "), printed[4].removeprefix("  | ")


def test_an_error_says_what_where_and_what_to_do() -> None:
    line = "  unique: {op: dedup_exact, from: raw, by: txt, order: id}"
    found = Diagnostic("there is no column `txt` in the input", at(line, "txt"), "did you mean `text`?")
    assert render([found]) == (
        "error: there is no column `txt` in the input\n"
        " --> r.yaml:1:44\n"
        "  |\n"
        "1 |   unique: {op: dedup_exact, from: raw, by: txt, order: id}\n"
        "  |                                            ^^^\n"
        "hint: did you mean `text`?\n"
        "\n"
        "1 error\n"
    )


@pytest.mark.parametrize(
    ("before", "cells"),
    [
        ("가나: ", 6),
        ("ｆｕｌｌ ", 9),
        ("e\u0301: ", 3),
        (unicodedata.normalize("NFD", "한글: "), 6),
        ("ไทยที่: ", 6),
        ("😀 ", 3),
        ("\ta: ", 7),
        ("\x1b[31m", 8),
        ("\u202e: ", 8),
        ("\ud800 ", 7),
    ],
)
def test_the_caret_stands_under_the_word(before: str, cells: int) -> None:
    assert caret(before + "WORD", "WORD")[1] == " " * cells + "^^^^"


def test_wide_characters_are_underlined_in_full() -> None:
    assert caret("a: 한글", "한글") == ("a: 한글", "   ^^^^")


def test_a_long_line_is_cut_around_the_caret() -> None:
    shown, under = caret("a" * 5000 + "WORD" + "b" * 5000, "WORD")
    assert shown.startswith("...a") and shown.endswith("b...") and len(shown) <= 126
    assert shown[under.index("^") :].startswith("WORD")


def test_several_lines_are_underlined_to_the_end_of_the_first() -> None:
    text = Text("r.yaml", None, "a:\n  bc: 1\n  d: 2\n")
    assert "  |   ^^^^^\n" in render([Diagnostic("m", Span(text, 2, 3, 3, 7))])


def test_diagnostics_come_in_the_order_of_the_file_and_once() -> None:
    line = "a: b"
    later, first = Diagnostic("later", at(line, "b")), Diagnostic("first", at(line, "a"), severity="warning")
    printed = render([later, first, later])
    assert printed.index("first") < printed.index("later")
    assert printed.endswith("\n1 error, 1 warning\n")


@given(st.text())
def test_nothing_raw_reaches_the_terminal(content: str) -> None:
    line = content.replace("\n", "").replace("\r", "") + "X"
    printed = render([Diagnostic(content, at(line, "X"), content, (Note(content, None),))])
    assert printed.encode("utf-8")
    assert not any(unicodedata.category(char) in ("Cc", "Zl", "Zp") for char in printed.replace("\n", ""))


def test_color_is_only_paint() -> None:
    import re

    found = [Diagnostic("m", at("a: b", "b"), "h")]
    assert re.sub(r"\x1b\[[0-9;]*m", "", render(found, color=True)) == render(found)


def test_json_has_every_field() -> None:
    found = Diagnostic("m", at("a: b", "b"), "h", (Note("n", None),))
    (plain,) = as_json([found])
    assert plain | {"notes": None} == {
        "file": "r.yaml",
        "line": 1,
        "column": 4,
        "end_line": 1,
        "end_column": 5,
        "severity": "error",
        "message": "m",
        "hint": "h",
        "notes": None,
    }


def test_a_workflow_command_cannot_be_broken_out_of() -> None:
    span = Span(Text("a,b:c.yaml", Path("/p"), "x"), 1, 1, 1, 2)
    command = as_github([Diagnostic("50%\n::error::x", span, "h")])
    assert command == (
        "::error file=a%2Cb%3Ac.yaml,line=1,endLine=1,col=1,endColumn=2,title=Recipe error::50%25\\n::error::x%0Ahint: h\n"
    )


def test_suggestions_know_hangul_letters() -> None:
    assert suggest("lenght", ["length", "unique"]) == "length"
    assert suggest("한굴", ["한글", "영어"]) == "한글"
    assert suggest("zzz", ["length"]) is None
