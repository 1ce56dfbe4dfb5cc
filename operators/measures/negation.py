"""Negation cues: the words by which a question asks for what does not hold."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import Field

from operators.base.declare import Cost, Count, decided, field, tuning
from operators.base.ranged import Ranged
from operators.base.values import Texts, Values


class Negation(Ranged):
    """Keep rows whose text has at most `max` of the language's negation cues, so none unless said.

    A cue of the profile's `negation_cues` is a text or a morpheme. A text is found wherever it stands; where it begins or
    ends with a letter that has cases, no such letter stands beside it, and it ignores case where it has no capital. A
    morpheme is written `form/TAG`, such as 않/VX or 아니/VCN, and is found in what the profile's segmenter says: 아닐 has
    아니/VCN. Needs the extra `ko` where there are morphemes. A dear measure: a text is segmented once, whatever recipe,
    source or row it stands in. No cue finds "which of them is of another kind" (paper section 5.2 gives no list).
    """

    name: ClassVar[str] = "negation"
    cost: ClassVar[Cost] = "dear"
    values: ClassVar[tuple[str, ...]] = ("cues",)
    units: ClassVar[tuple[str, str]] = ("negation cue", "negation cues")
    may_read: ClassVar[tuple[str, ...]] = ("negation_cues", "segmenter")
    may_lack: ClassVar[tuple[str, ...]] = ("segmenter",)
    rests_on: ClassVar[tuple[str, ...]] = ("unicode", "pyarrow", "kiwipiepy", "kiwipiepy-model")

    of: str = field("label", "target")
    """`target`, `anchor`, or the code of a language; its profile has the cues."""
    cues: tuple[str, ...] | None = Field(None, min_length=1, json_schema_extra={"role": "measured"})
    """Other cues in the place of the profile's."""
    max: Count = decided(0)
    """The most cues kept."""
    workers: int = tuning(2, ge=1, le=64)
    """Threads of the segmenter."""

    def entries(self) -> tuple[tuple[str, str], ...]:
        listed = () if self.cues is not None else ((self.of, "negation_cues"),)
        return (*listed, (self.of, "segmenter"))

    def measure(self, texts: Texts, entries: Mapping[str, Any]) -> Values:
        import numpy as np
        import pyarrow.compute as pc

        cues = tuple(dict.fromkeys(self.cues if self.cues is not None else entries["negation_cues"]))
        morphemes = [cue for cue in cues if is_morpheme(cue)]
        found = np.zeros(texts.rows, dtype=np.int64)
        for cue in cues:
            if cue not in morphemes:
                found += pc.match_substring_regex(texts.column, pattern_of(cue)).to_numpy(zero_copy_only=False)
        if morphemes:
            wanted, segmenter = set(morphemes), entries.get("segmenter")
            strings = texts.strings()
            for row, tokens in enumerate(segmented([text or "" for text in strings], segmenter, self.workers)):
                found[row] += len(wanted & {f"{form}/{tag}" for form, tag in tokens})
        return [np.where(texts.null, -1, found)]


def is_morpheme(cue: str) -> bool:
    """Whether a cue is `form/TAG`."""
    return re.fullmatch(r"[^/\s]+/[A-Z]+", cue) is not None


def pattern_of(cue: str) -> str:
    """An RE2 expression for a cue that is a text."""
    no_letter = "[^\\p{Lu}\\p{Ll}]"
    before = f"(?:^|{no_letter})" if cue[0].lower() != cue[0].upper() else ""
    after = f"(?:$|{no_letter})" if cue[-1].lower() != cue[-1].upper() else ""
    return f"{'(?i)' if cue == cue.lower() else ''}{before}{re.escape(cue)}{after}"


def segmented(texts: list[str], segmenter: Mapping[str, Any] | None, workers: int = 2) -> list[list[tuple[str, str]]]:
    """(form, tag) of each morpheme of each text, by the segmenter that a profile names; equal texts are segmented once."""
    from operators.kernels.segments import kiwi

    if segmenter is None or segmenter["library"] != "kiwipiepy":
        raise ValueError(f"there is no adapter for the segmenter `{segmenter and segmenter['library']}`")
    distinct = list(dict.fromkeys(texts))
    found = kiwi(workers).tokenize(distinct)
    # A tag says besides how a word is inflected (VV-I), which is no part of a cue.
    morphemes = {
        text: [(each.form, each.tag.partition("-")[0]) for each in tokens] for text, tokens in zip(distinct, found, strict=True)
    }
    return [morphemes[text] for text in texts]
