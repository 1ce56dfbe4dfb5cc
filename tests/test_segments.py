"""What cuts text into segments leaves nothing out, whatever the text, and cuts Korean words at their particles."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from operators.kernels.segments import cuts_of

ODD = [
    "",
    " \n\t ",
    "a\0b 서울",
    "🙂🙂 안녕",
    "줄1\r\n줄2\t탭　전각",
    "\u200b영폭",
    "EOS 서울은\nEOS",
    "ﬁ ㎏ e\u0301",
    "가" * 5000,
]


@pytest.fixture(scope="module", params=[("kiwipiepy", "kiwipiepy"), ("python-mecab-ko", "mecab")], ids=["kiwi", "mecab"])
def library(request: pytest.FixtureRequest) -> str:
    """A segmenter; each is an extra of its own."""
    name, module = request.param
    pytest.importorskip(module)
    return str(name)


def assert_whole(library: str, text: str) -> None:
    (cuts,) = cuts_of(library, [text], 1)
    assert cuts[0] == 0 and cuts[-1] == len("".join(text.split())), text
    assert (np.diff(cuts) > 0).all(), text


@pytest.mark.parametrize("text", ODD)
def test_every_character_but_white_space_is_in_one_segment(library: str, text: str) -> None:
    assert_whole(library, text)


@given(text=st.text(max_size=60))
@settings(deadline=None)
def test_no_text_is_too_odd(library: str, text: str) -> None:
    assert_whole(library, text)


def test_a_particle_is_a_segment_of_its_own(library: str) -> None:
    assert cuts_of(library, ["서울은 한강이 흐른다"], 1)[0][:5].tolist() == [0, 2, 3, 5, 6]
