"""What is equated by accident is refused, what is truly equal is not, and every verdict is the same both ways."""

from __future__ import annotations

import random

import pytest

from operators.kernels.maths.guard import in_one_order, settled
from operators.kernels.maths.nouns import counted
from operators.kernels.maths.numbers import as_math
from tests.test_scoring import compared, pytestmark, scored

__all__ = ["pytestmark"]

#: Kind -> pairs that are no accident to refuse, and pairs beside them that are equal.
TWINS: dict[str, tuple[list[tuple[str, str]], list[tuple[str, str]]]] = {
    "sizes": (
        [
            (r"6.6\times10^{-34}", r"1.1\times10^{-34}"),
            ("10^{-20}x", "10^{-21}x"),
            (r"1-10^{-20}", "1"),
            (r"\frac{1}{900!}", r"\frac{1}{901!}"),
        ]
        + [(r"7.34\times10^{22}", r"7.35\times10^{22}"), (r"2^{-80}\sqrt{3}", r"2^{-81}\sqrt{3}"), ("10^{-17},1", "10^{-18},1")]
        + [
            (r"\left[10^{-19},1\right]", r"[10^{-18},1]"),
            (r"\begin{pmatrix}10^{-20}&1\end{pmatrix}", r"\begin{pmatrix}10^{-21}&1\end{pmatrix}"),
        ],
        [
            (r"\frac{1}{2^{10}}", "2^{-10}"),
            (r"\frac{900}{900!}", r"\frac{1}{899!}"),
            ("10^{-20}x", r"\frac{x}{10^{20}}"),
            ("1e-7", "0.0000001"),
        ],
    ),
    "letters": (
        [
            ("BDAC", "ABCD"),
            ("stop", "pots"),
            ("ABC", "BCA"),
            ("yx", "xy"),
            ("A, C, B", "A, B, C"),
            (r"\text{TOP}", r"\text{POT}"),
            ("left", "felt"),
        ]
        + [("C-A-B", "A-B-C"), ("A>C>B", "A>B>C"), ("A B D C", "A B C D"), ("2V", "2v"), ("tea", "eat"), ("D C B A", "ABCD")],
        [
            ("2xy+1", "1+2yx"),
            ("x^2y", "yx^2"),
            ("ab+ba", "2ab"),
            ("A B C", "ABC"),
            (r"\text{east}", "East"),
            ("C", "c"),
            (r"3\text{B}", "3B"),
        ],
    ),
    "order": (
        [
            ("1,3,2", "1,2,3"),
            ("(2,1)", "(1,2)"),
            ("7 3 9 5 2 3", "8 6 5 7 1 2"),
            ("2 3 4", "24"),
            ("1 2", "3"),
            ("1 2", "2 1"),
            ("5;4", "4;5"),
        ]
        + [
            ("x=1,2", "y=1,2"),
            ("[1,2]", "(1,2)"),
            ("[1,2)", "[1,2]"),
            ("(1,2)", r"\{1,2\}"),
            ("1,2", "1,2,2"),
            ("x=1,y=2", "x=2,y=1"),
        ],
        [
            (r"\{2,1\}", r"\{1,2\}"),
            ("x=1,2", "x=2,1"),
            ("1 or 2", "2 or 1"),
            (r"\pm 3", "-3, 3"),
            ("-2", r"\{-2\}"),
            ("1 2 3", "1, 2, 3"),
            ("(1,2)", "1,2"),
        ]
        + [
            ("x=1, y=2", "y=2, x=1"),
            (r"1\pm\sqrt{2}", r"x=1-\sqrt{2}, x=1+\sqrt{2}"),
            (r"3,1,2", r"\{1,2,3\}"),
            ("x=1,y=2", "(1,2)"),
        ],
    ),
    "bases": (
        [
            ("2516_8", "2516_9"),
            ("2516_8", "2516"),
            ("101_2", "101"),
            ("1101_{2}", "1011_{2}"),
            ("3A_{16}", "3B_{16}"),
            ("12_5+1", "13"),
        ],
        [("2516_8", "2516_{8}"), (r"101_{\text{two}}", "101_2"), ("3A_{16}", r"3a_{16}"), ("0101_2", "101_2"), ("x_1", "x_{1}")],
    ),
    "equations": (
        [("5", "x+y=5"), ("7", "2+4=7"), ("x=3", "y=3"), ("x^2=-1+x^2", "1=2"), ("5", "5 mod 7"), ("x>1 and x<3", "x>1 or x<3")],
        [("6", "2+4=6"), ("3", "x=3"), ("2x+3y=5", "3y=5-2x"), ("f(x)=x^2", "x^2"), ("x<1 or x>3", r"(-\infty,1)\cup(3,\infty)")],
    ),
    "intervals": (
        [("x<3", r"(-\infty,3]"), ("x<3", "x<4"), (r"-2 \le x \le 7", "(-2,7)"), ("x>3", r"(-\infty,3)")],
        [
            (r"(-\infty,3)", "x<3"),
            (r"[-2,7]", r"-2 \le x \le 7"),
            ("x≥2", r"[2,\infty)"),
            (r"x \ne 3", r"(-\infty,3)\cup(3,\infty)"),
        ],
    ),
    "hidden": (
        [
            ("2", r"\phantom{2}"),
            (r"\phantom{2}", r"\phantom{2}"),
            (r"\text{}", r"\text{}"),
            ("2", r"2\boxed{3}"),
            (r"\hphantom{5}", "5"),
        ],
        [("2", r"2\phantom{0}"), ("2", r"\boxed{2}")],
    ),
    "garbled": (
        [
            ("the answer is 5", "5"),
            (r"\frac{1}{", "1"),
            ("so x = 3 !! 4", "4"),
            ("x #= 5", "5"),
            (r"### \frac{1}{2} ###", r"\frac{1}{2}"),
            ("…", "5"),
        ]
        + [("답은 5", "5"), ("5.", "5"), ("?", "5"), ("a = b = # = 5", "5"), (r"\text{no} \frac{3}{4} 값", r"\frac{3}{4}")],
        [("1/0", "1/0"), ("가나", "가나"), ("x #= 5", "x #= 5")],
    ),
}
PAIRS = [(kind, *pair, right) for kind, twins in TWINS.items() for right in (0, 1) for pair in twins[right]]

NOUNS = (
    "apples",
    "people",
    "km",
    "square meters",
    "개",
    "명",
    "시간",
    "рублей",
    "бала",
    "เมตร",
    "quả táo",
    "kitap",
    "کتاب",
    "किताबें",
    "个",
    "本",
)
NO_NOUNS = (
    *(
        " or 6",
        " and 7",
        " thousand",
        "만",
        "천원",
        "만 명",
        " million",
        " squared",
        "x",
        " x",
        " i",
        " pi",
        r"\pi",
        " mod 7",
    ),
    *(
        "/6",
        "^2",
        "!",
        " to 6",
        " or more",
        " 이상",
        "가 아니다",
        " not",
        "万",
        "百",
        " ล้าน",
        " тысяч",
        " triệu",
        " bin",
        " लाख",
        "°+1",
        "xy",
    ),
)


@pytest.fixture(scope="module")
def verdicts() -> dict[tuple[str, str], int]:
    """Each pair both ways, in one go."""
    both = [pair for _, one, other, _ in PAIRS for pair in ((one, other), (other, one))]
    return dict(zip(both, scored([answer for _, answer in both], [gold for gold, _ in both], "math"), strict=True))


@pytest.mark.parametrize(("kind", "one", "other", "right"), PAIRS)
def test_an_accident_is_refused_and_its_twin_is_not(
    kind: str, one: str, other: str, right: int, verdicts: dict[tuple[str, str], int]
) -> None:
    assert (verdicts[one, other], verdicts[other, one]) == (right, right)


def test_one_verdict_for_all_nouns() -> None:
    for noun in NOUNS:
        for number in ("5", r"\frac{1}{2}", "12,000", "0.25"):
            for written in (
                f"{number} {noun}",
                rf"{number}\text{{ {noun}}}",
                rf"{number}\,{noun}",
                rf"{number}\mathrm{{ {noun}}}",
            ):
                head, told = counted(as_math(written, {}))
                assert head == number and told, written
                assert settled(as_math(number, {}), as_math(written, {})) is True
                assert settled(as_math(written, {}), as_math(written, {})) is True


def test_nouns_are_told_apart_where_both_numbers_have_one() -> None:
    for at, noun in enumerate(NOUNS):
        for other in NOUNS[:at]:
            assert settled(f"5 {noun}", f"5 {other}") is False
    told = [
        ("5 km", "5 kilometers"),
        ("5 apple", "5 apples"),
        (r"\$5", "5 dollars"),
        ("5 m²", r"5\text{ m}^2"),
        ("5 glasses", "5 glass"),
    ]
    assert [settled(as_math(pair[0], {}), as_math(pair[1], {})) for pair in told] == [True] * len(told)
    assert settled("5 km", "5 m") is False and settled("6 km", "5") is False and settled("5 m^2", "5 m") is False


def test_what_changes_a_number_is_no_noun() -> None:
    answers = [f"5{tail}" for tail in NO_NOUNS] + ["not 5", "about 5", "x", "x5"]
    wrong = scored(list(answers), ["5"] * len(answers), "math")
    assert dict(zip(answers, wrong, strict=True)) == dict.fromkeys(answers, 0)
    assert scored(["5"] * len(answers), list(answers), "math") == wrong


def test_percent_is_a_hundredth_and_the_sign_may_be_left_out_after_a_whole_number() -> None:
    told = [
        ("50%", "0.5", 1),
        ("50%", "50", 1),
        ("12.5%", "12.5", 0),
        ("12.5%", "0.125", 1),
        ("5 percent", "5%", 1),
        ("5 percent", "5", 1),
        ("5.5 percent", "5.5", 0),
        ("%5", "0.05", 1),
        (r"5\text{\%}", "5", 1),
        ("yüzde 5", "5 Prozent", 1),
    ]
    assert scored([each[0] for each in told], [each[1] for each in told], "math") == [each[2] for each in told]


def test_settling_is_symmetric_on_answers_of_all_kinds() -> None:
    texts = [text for _, one, other, _ in PAIRS for text in (one, other)] + [f"5 {noun}" for noun in NOUNS[::3]]
    read = [as_math(text, {}) for text in dict.fromkeys(texts)]
    for one in read:
        for other in random.Random(len(one)).sample(read, 40):
            asked = [settled(*pair) for pair in ((one, other), (other, one))]
            told = [sorted(map(in_one_order, each), key=str) if isinstance(each, list) else each for each in asked]
            assert told[0] == told[1], (one, other)


def test_a_long_list_of_things_without_order_is_no_trap() -> None:
    one, other = (",".join(f"x_{{{place}}}" for place in places) for places in (range(80), range(80)[::-1]))
    assert settled(rf"\{{{one}\}}", rf"\{{{other}\}}") is True and settled(rf"\{{{one}\}}", rf"\{{{other},y\}}") is False


def test_letters_of_other_scripts_are_words() -> None:
    english = {"decimal": ".", "group": ","}
    assert compared("가나다", "가나다", english) == [1] and compared("나가다", "가나다", english) == [0]
