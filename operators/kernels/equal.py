"""Texts as they are compared for being equal: form, letters, case, white space and punctuation, each where it is declared."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

import pyarrow as pa
import pyarrow.compute as pc

from operators.kernels.text import SPACES, normal
from operators.text.fold import Folding

#: Formulas, code, and names as programs have them: what they say depends on each letter. Each alternative stops where another
#: of its kind begins, so that many that are never closed cost no more than one.
VERBATIM = re.compile(
    r"```.*?(?:```|\Z)|`[^`\n]+`|\$\$(?:(?!\$\$).)+\$\$|\$[^$\n]+\$|\\\((?:(?!\\[()]).)+\\\)|\\\[(?:(?!\\[\[\]]).)+\\\]"
    r"|\\begin\{[a-z*]+\}(?:(?!\\(?:begin|end)\{).)*\\end\{[a-z*]+\}"
    r"|(?<![A-Za-z0-9_])(?:[A-Za-z]+_[A-Za-z0-9_]*|_[A-Za-z0-9_]+|[A-Za-z]+[0-9][A-Za-z0-9_]*|[a-z]+[A-Z][A-Za-z0-9_]*)",
    re.DOTALL,
)
PUNCTUATION = r"[\p{P}\p{S}]+"


def compared(column: pa.Array, rules: Iterable[str], folding: Folding | None = None) -> pa.Array:
    """The column as it is compared: what shows nothing, Unicode form, letters, case, punctuation, white space, in that order.

    `rules` are those of `unique`; letters and case stay as they are in formulas, code and identifiers.
    """
    rules, folding = set(rules), folding or Folding()
    form = "NFKC" if "nfkc" in rules else "NFC" if "nfc" in rules else folding.form
    unseen = folding.unseen | (Folding.of(["invisible"]).letters if "invisible" in rules else {})
    if unseen:
        column = pc.replace_substring_regex(column, one_of(unseen), "")
    if form is not None:
        column = normal(column, form)
    letters = Folding(tuple(rule for rule in folding.rules if rule not in ("nfc", "nfkc", "joiners", "invisible")))
    if letters.rules or "case" in rules:
        column = written_alike(column, letters, "case" in rules)
    if "punctuation" in rules:
        column = pc.replace_substring_regex(column, PUNCTUATION, "")
    if "space" in rules:
        column = pc.utf8_trim_whitespace(pc.replace_substring_regex(column, SPACES, " "))
    return column


def one_of(points: Iterable[int]) -> str:
    """An RE2 class of these code points."""
    return "[" + "".join(f"\\x{{{point:X}}}" for point in sorted(points)) + "]"


def written_alike(column: pa.Array, folding: Folding, case: bool) -> pa.Array:
    """The column with letters by the rules, and in one case where that is asked for."""
    if case:
        touched = pc.is_valid(column)
    else:
        # Letters are exchanged one text after another, where a text has any.
        parts = {ord(sequence[0]) for sequence in folding.sequences}
        touched = pc.fill_null(pc.match_substring_regex(column, one_of({*folding.letters, *parts})), False)
    texts = [alike(text, folding, case) for text in column.filter(touched).to_pylist()]
    return pc.replace_with_mask(column, touched, pa.array(texts, column.type))


def alike(text: str, folding: Folding, case: bool) -> str:
    """One text with letters by the rules, and in one case where that is asked for, but for what is verbatim.

    Example:
        >>> alike("Kitab $X$ İÇİNDE `A` camelCase", Folding.of(["turkish_case"]), True)
        'kitab $X$ içinde `A` camelCase'
    """
    made, done = [], 0
    for found in VERBATIM.finditer(text):
        made += [one_case(text[done : found.start()], folding, case), found.group()]
        done = found.end()
    return "".join([*made, one_case(text[done:], folding, case)])


def one_case(text: str, folding: Folding, case: bool) -> str:
    text = folding.seen(text)
    return folding.seen(unicodedata.normalize("NFC", text.casefold())) if case else text
