"""The hash of an operator's code: what it reaches counts wherever it stands, and nothing else; each check has a twin."""

from __future__ import annotations

from pathlib import Path

import pytest

from operators.catalog import CATALOG, STEPS
from tests.definitions import Definitions, Place, ours

STEP = '''
"""A step."""
from operators.helper import Counter, first
LIMIT = 3

class Step:
    """Doc."""

    size: int = LIMIT

    def measure(self, texts):
        """Doc."""
        return [first(text) for text in texts], Counter().total()
'''
HELPER = '''
"""Helpers."""
from operators.deep import second
import zlib

def first(text):
    return second(text) + 1

class Counter:
    rows = 0

    def total(self):
        return self.rows
'''
DEEP = '''
"""Deeper."""
MARKS = ("a", "b")

def second(text):
    return text.count(MARKS[0])
'''


def hashed(folder: Path, **files: str) -> str:
    """The hash of `Step` in a small package of these files."""
    for name, text in ({"step": STEP, "helper": HELPER, "deep": DEEP} | files).items():
        path = folder / "operators" / f"{name}.py"
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, "utf-8")
    outside = folder / "runtime" / "run.py"
    outside.parent.mkdir(exist_ok=True)
    outside.write_text("def run(step, texts):\n    return step.measure(texts)\n", "utf-8")
    return Definitions(folder).hash_of(type("Step", (), {"__module__": "operators.step"}))


SAME = {
    "an unused function beside a used one": {"helper": HELPER + "\ndef unused(text):\n    return text\n"},
    "an unused constant": {"deep": DEEP + "\nOTHER = 5\n"},
    "an unused class": {"deep": DEEP + "\nclass Other:\n    rows = 5\n"},
    "an unused method of a used class": {"helper": HELPER + "\n    def forgotten(self):\n        return 5\n"},
    "an unused import": {"deep": "import json\n" + DEEP},
    "a comment and a docstring": {"deep": DEEP.replace("Deeper", "Deepest") + "# why\n"},
    "layout": {"deep": DEEP.replace('("a", "b")', '(\n    "a",\n    "b",\n)')},
    "a definition in another file": {
        "step": STEP.replace("import Counter, first", "import Counter\nfrom operators.other import first"),
        "helper": HELPER.replace("def first(text):\n    return second(text) + 1\n", ""),
        "other": '"""Other."""\nfrom operators.deep import second\n\ndef first(text):\n    return second(text) + 1\n',
    },
}
OTHER = {
    "a helper two calls away": {"deep": DEEP.replace("count(MARKS", "find(MARKS")},
    "a constant three names away": {"deep": DEEP.replace('"b"', '"c"')},
    "a helper": {"helper": HELPER.replace("+ 1", "+ 2")},
    "a called method of a helper's class": {"helper": HELPER.replace("return self.rows", "return self.rows + 1")},
    "a field of a helper's class": {"helper": HELPER.replace("rows = 0", "rows = 1")},
    "a method that Python calls": {"helper": HELPER + "\n    def __init__(self):\n        self.rows = 5\n"},
    "a method by a text": {
        "step": STEP.replace("Counter().total()", 'getattr(Counter(), "quietly")()'),
        "helper": HELPER + "\n    def quietly(self):\n        return 5\n",
    },
    "the constant of a field": {"step": STEP.replace("LIMIT = 3", "LIMIT = 4")},
    "another function under the same name": {
        "helper": HELPER.replace("operators.deep", "operators.other"),
        "other": DEEP.replace("count", "find"),
    },
    "what a file does when it is imported": {"deep": DEEP + "\nfor each in MARKS:\n    assert each\n"},
}


@pytest.mark.parametrize("change", SAME)
def test_what_is_not_reached_is_not_in_the_hash(change: str, tmp_path: Path) -> None:
    assert hashed(tmp_path, **SAME[change]) == hashed(tmp_path)


@pytest.mark.parametrize("change", OTHER)
def test_what_is_reached_is_in_the_hash(change: str, tmp_path: Path) -> None:
    assert hashed(tmp_path, **OTHER[change]) != hashed(tmp_path)


def test_two_helpers_that_change_places_are_another_hash(tmp_path: Path) -> None:
    body = "\n\nclass Step:\n    def measure(self, texts):\n        return up(texts) - down(texts)\n"
    files = {"helper": "def f(texts):\n    return 1\n", "deep": "def f(texts):\n    return 2\n"}
    one = hashed(tmp_path, step=f"from operators.helper import f as up\nfrom operators.deep import f as down{body}", **files)
    assert one != hashed(
        tmp_path, step=f"from operators.deep import f as up\nfrom operators.helper import f as down{body}", **files
    )


def test_a_library_by_another_name_is_another_hash(tmp_path: Path) -> None:
    deep = "import zlib as packer\n\ndef second(text):\n    return packer.crc32(text)\n"
    assert hashed(tmp_path, deep=deep) != hashed(tmp_path, deep=deep.replace("import zlib", "import binascii"))


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.name)
def test_every_kernel_of_a_step_is_reached(step: type) -> None:
    """Whatever of it runs on rows, it is among what is hashed."""
    reached = ours().reached(Place(step.__module__, step.__name__))
    kernels = {"measure", "compare", "change", "expand", "verdicts", "form", "messages", "cells", "overlaps", "made"}
    own = {name for name in vars(step) if name in kernels}
    assert own <= {place.method for place in reached if place.name == step.__name__}


def test_kernels_far_from_their_operator_are_reached() -> None:
    far = {
        "language_share": ("operators.kernels.text", "category_table"),
        "score": ("operators.kernels.equal", None),
        "decontaminate": ("operators.kernels.overlap.search", None),
        "merge_options": ("operators.grow.exams", "merged"),
    }
    for name, (module, definition) in far.items():
        step = CATALOG[name]
        places = ours().reached(Place(step.__module__, step.__name__))
        assert any(place.module == module and definition in (None, place.name) for place in places), name
