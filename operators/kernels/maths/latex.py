"""An answer as LaTeX that a parser of mathematics reads: Unicode mathematics, and what is layout alone."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

from operators.kernels.answer import FORMULA, seen
from operators.kernels.boxes import first_box

#: Signs of Unicode and what LaTeX writes for them; a command is followed by a space, so that no letter joins it.
SIGNS = {
    **dict(zip("×·⋅∙÷±∓∗", (r"\times ", *[r"\cdot "] * 3, r"\div ", r"\pm ", r"\mp ", "*"), strict=True)),
    **dict(zip("−﹣⁻₋⁄∕∶∣", ("-", "-", "⁻", "₋", "/", "/", ":", "|"), strict=True)),
    **dict(zip("≤≥⩽⩾≦≧≠≈≡∞", (*[r"\le ", r"\ge "] * 3, r"\ne ", r"\approx ", r"\equiv ", r"\infty "), strict=True)),
    **dict(zip("∪∩∈∉∅⊂⊆⊃⊇∖", (r"\cup ", r"\cap ", r"\in ", r"\notin ", r"\emptyset ", r"\subset ", r"\subseteq ", r"\supset ",
                              r"\supseteq ", r"\setminus "), strict=True)),
    **dict(zip("→←⇒⇔↔∧∨¬∀∃", (r"\to ", r"\leftarrow ", r"\Rightarrow ", r"\Leftrightarrow ", r"\leftrightarrow ", r"\land ",
                              r"\lor ", r"\lnot ", r"\forall ", r"\exists "), strict=True)),
    **dict(zip("∑∏∫∂∇∠△⊥∥", (r"\sum ", r"\prod ", r"\int ", r"\partial ", r"\nabla ", r"\angle ", r"\triangle ", r"\perp ",
                            r"\parallel "), strict=True)),
    **dict(zip("⌊⌋⌈⌉⟨⟩〈〉", (r"\lfloor ", r"\rfloor ", r"\lceil ", r"\rceil ", *[r"\langle ", r"\rangle "] * 2), strict=True)),
    **{sign: rf"\mathbb{{{letter}}}" for sign, letter in zip("ℝℤℕℚℂ", "RZNQC", strict=True)},
    **{"°": r"^\circ ", "º": r"^\circ ", "℃": r"^\circ C", "℉": r"^\circ F", "…": r"\ldots ", "⋯": r"\cdots ", "′": "'"},
    **{"₩": r"\text{원}", "٪": r"\%", "٫": ".", "٬": ","},
}  # fmt: skip
GREEK = """
    alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi omicron pi rho . sigma tau upsilon phi chi psi omega
"""
for place, name in enumerate(GREEK.split()):
    SIGNS |= {chr(0x3B1 + place): rf"\{name} "}
    if name in ("gamma", "delta", "theta", "lambda", "xi", "pi", "sigma", "upsilon", "phi", "psi", "omega"):
        SIGNS |= {chr(0x391 + place): rf"\{name.capitalize()} "}
SIGNS |= {"ς": r"\sigma ", "ϕ": r"\phi ", "ε": r"\epsilon ", "ϵ": r"\epsilon ", "ο": "o", "µ": r"\mu "}
TABLE = str.maketrans(SIGNS)

RAISED = dict(zip("⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁼⁽⁾ⁿⁱ", "0123456789+-=()ni", strict=True))
LOWERED = dict(zip("₀₁₂₃₄₅₆₇₈₉₊₋₌₍₎ₐₑₒₓₙₘₖᵢⱼ", "0123456789+-=()aeoxnmkij", strict=True))
SCRIPTS = re.compile(f"[{''.join(RAISED)}]+|[{''.join(LOWERED)}]+")
#: ½ and the like: a numerator, a fraction slash and a denominator in NFKD.
VULGAR = re.compile(r"[¼-¾⅐-⅞↉]")
ROOT = re.compile(r"([√∛∜])\s*(\d+(?:\.\d+)?|[A-Za-z]|\\[A-Za-z]+)?")
ROOTS = {"√": r"\sqrt", "∛": r"\sqrt[3]", "∜": r"\sqrt[4]"}
STYLED = re.compile(r"[\U0001D400-\U0001D7FF]")

#: A dash is a minus where nothing stands before it to be taken from; between numbers it may be a range.
DASH = re.compile(r"(?:(?<=^)|(?<=[(\[{,;=+*/<>]))(\s*)[–—‐‑](?=\s*[0-9.\\(A-Za-z])")
HIDDEN = re.compile(r"\\[hv]?phantom\s*\{")
STYLES = re.compile(
    r"\\(?:textnormal|textbf|textit|textrm|textsf|texttt|mathrm|mathbf|mathit|mathsf|mathtt|mbox|operatorname\*?)(?=\s*\{)"
)
LAYOUT = re.compile(
    r"\\(?:left|right|[bB]igg?[lrm]?|mleft|mright)(?![A-Za-z])\.?|\\(?:displaystyle|textstyle|limits|nolimits)(?![A-Za-z])|\\!|"
    r"\\(?:h|v)space\s*\{[^{}]*\}"
)
FRACTION = re.compile(r"\\[dtc]frac(?![A-Za-z])")
#: What is a space and shows as one; where it groups the digits of a number it is read before this.
BLANK = re.compile(r"\\(?:[,;:> ]|q?quad(?![A-Za-z]))|~|\s+")
BESIDE = (" ", "\t", "\n")


def without_hidden(text: str) -> str:
    r"""The text without what `\phantom` hides; what never closes hides the rest.

    Example:
        >>> without_hidden(r"\phantom{2}5")
        '5'
    """
    while (found := HIDDEN.search(text)) is not None:
        depth, end = 1, found.end()
        while end < len(text) and depth:
            depth += {"{": 1, "}": -1}.get(text[end], 0)
            end += 1
        text = text[: found.start()] + text[end:]
    return text


def in_latex(text: str) -> str:
    r"""Unicode mathematics as its LaTeX, in ASCII but for words.

    Example:
        >>> in_latex("10−2√5"), in_latex("½x²"), in_latex("2π ≤ x₁")
        ('10-2\\sqrt{5}', '\\frac{1}{2}x^{2}', '2\\pi  \\le  x_{1}')
    """
    if text.isascii():
        return text
    text = STYLED.sub(lambda found: unicodedata.normalize("NFKC", found[0]), text)
    text = VULGAR.sub(fraction, text)
    text = DASH.sub(r"\1-", text)
    text = text.translate(TABLE)
    text = ROOT.sub(lambda found: ROOTS[found[1]] + (f"{{{found[2]}}}" if found[2] else ""), text)
    text = re.sub(r"(\\sqrt(?:\[\d\])?)\s*\(([^()]*)\)", r"\1{\2}", text)
    return SCRIPTS.sub(script, text)


def fraction(found: re.Match[str]) -> str:
    """A fraction of one character."""
    over, _, under = unicodedata.normalize("NFKD", found[0]).partition("⁄")
    return rf"\frac{{{over}}}{{{under}}}"


def script(found: re.Match[str]) -> str:
    """What is written raised or lowered, as LaTeX raises and lowers it."""
    run = found[0]
    raised = run[0] in RAISED
    return f"{'^' if raised else '_'}{{{''.join((RAISED if raised else LOWERED)[char] for char in run)}}}"


def unwrapped(text: str) -> str:
    r"""What stands within a formula's marks or a box that is all of the text, such as a line's `$\boxed{7}$`.

    Example:
        >>> [unwrapped(text) for text in (r"$\boxed{\frac{1}{2}}$", r"5 \boxed{3}", "$5$")]
        ['\\frac{1}{2}', '5 \\boxed{3}', '5']
    """
    for _ in range(4):
        before = text
        for begin, end in FORMULA:
            inner = text[len(begin) : -len(end)]
            if (
                inner.strip()
                and text.startswith(begin)
                and text.endswith(end)
                and begin not in inner
                and not inner.endswith("\\")
            ):
                text = inner.strip()
        box = first_box(text) if text.startswith("\\boxed") else None
        text = box.strip() if box is not None and re.fullmatch(r"\\boxed\s*", text[: -len(box) - 2]) else text
        if text == before:
            break
    return text


def plainly(text: str) -> str:
    r"""An answer without marks and boxes around it, in LaTeX, and without what changes its look alone; spaces still differ.

    Example:
        >>> plainly(r" $\left( \dfrac{1}{2},\, √3 \right)$ ")
        '( \\frac{1}{2},\\, \\sqrt{3} )'
    """
    text = in_latex(without_hidden(unwrapped(seen(text).strip())))
    if "\\" not in text:
        return text.strip()
    text = LAYOUT.sub("", text)
    text = FRACTION.sub(r"\\frac", STYLES.sub(r"\\text", text))
    return unwrapped(text.strip())


def spaced(text: str) -> str:
    """The text with one kind of space."""
    return re.sub(" +", " ", BLANK.sub(" ", text)).strip()


@lru_cache(maxsize=1 << 14)
def form(text: str) -> str:
    r"""A text by which answers are equal that differ in space and in braces around single characters alone.

    Example:
        >>> form(r"x_{1} + \frac12") == form(r"x_1+\frac{1}{2}")
        True
    """
    if text.isdigit():
        return text
    text = re.sub(r"\\frac\s*(\d)\s*(\d)", r"\\frac{\1}{\2}", text)
    text = re.sub(r"([_^])\{([A-Za-z0-9])\}", r"\1\2", text)
    text = re.sub(r"\\(?:leq|geq|neq)(?![A-Za-z])", lambda found: found[0][:-1], text)
    return re.sub(r"(?<![0-9A-Za-z])\s+|\s+(?![0-9A-Za-z])|(?<=[0-9])\s+(?=[A-Za-z])", "", text)
