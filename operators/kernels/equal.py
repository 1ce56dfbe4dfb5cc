"""Texts as they are compared for being equal: form, letters, case, white space and punctuation, each where it is declared."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from typing import Literal

import pyarrow as pa
import pyarrow.compute as pc

from operators.kernels.text import SPACES, Texts, normal, restore
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
Form = Literal["NFC", "NFKC"]


def compared(column: pa.Array, rules: Iterable[str], folding: Folding | None = None) -> pa.Array:
    """The column as it is compared: what shows nothing, Unicode form, letters, case, punctuation, white space, in that order.

    `rules` are those of `unique`; letters and case stay as they are in formulas, code and identifiers.
    """
    rules, folding = set(rules), folding or Folding()
    form, unseen = form_of(rules, folding), unseen_by(rules, folding)
    return spelt(in_form(column, form, unseen), rules, folding)


def compared_texts(texts: Texts, rules: Iterable[str], folding: Folding) -> pa.Array:
    """The same of the cells of texts, which are in NFC already."""
    rules = set(rules)
    form, unseen = form_of(rules, folding), unseen_by(rules, folding)
    if form != "NFC":
        return spelt(in_form(texts.cells, form, unseen), rules, folding)
    column = restore(texts.column, texts.null).cast(texts.cells.type)
    touched = pa.array(texts.having(unseen))
    if unseen and pc.any(touched).as_py():
        column = pc.replace_with_mask(column, touched, in_form(texts.cells.filter(touched), form, unseen))
    return spelt(column, rules, folding)


def form_of(rules: set[str], folding: Folding) -> Form | None:
    """The Unicode form that texts are compared in."""
    return "NFKC" if "nfkc" in rules else "NFC" if "nfc" in rules else folding.form


def unseen_by(rules: set[str], folding: Folding) -> frozenset[int]:
    """The code points that are left out, as they show nothing."""
    return frozenset(folding.unseen) | (frozenset(Folding.of(["invisible"]).letters) if "invisible" in rules else frozenset())


def in_form(column: pa.Array, form: Form | None, unseen: frozenset[int]) -> pa.Array:
    """The column without what shows nothing, in a Unicode form."""
    if unseen:
        column = pc.replace_substring_regex(column, one_of(unseen), "")
    return column if form is None else normal(column, form)


def spelt(column: pa.Array, rules: set[str], folding: Folding) -> pa.Array:
    """The column, in its Unicode form already, by the rules on letters, case, punctuation and white space."""
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
