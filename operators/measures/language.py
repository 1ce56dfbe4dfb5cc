"""Whether a text is in a language, by a model that identifies languages."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, ClassVar, Literal

from operators.base.declare import Cost, Count, Share, decided, field
from operators.base.ranged import Bound, Ranged
from operators.base.values import Texts, Values
from operators.measures.language_share import Ignored

#: The codes of the languages that the model of py3langid knows.
CODES = (
    "ace af am an ar ary arz as az ba bcl be bg bn br bs ca crh cs cy da de dz el en eo es et eu ext fa fi fo fr fuv fy "
    "ga gcf gcr gd gl gom grc gu gug guw ha hbo he hi hr ht hu hy id ig is it ja jv ka kab kik kk km kn ko ku ky la lb "
    "lg lij ln lo lt ltg lv mg mk ml mn mr ms mt my ne nl nn no nso oc om or pa pcm pl ps pt qu ro ru rw sa sdh se si sk "
    "sl sn so sq sr st sv sw ta te tg th tk tl tr tt ug uk ur uz uzs vec vi vo wa wuu xh yo yue zh zu"
)


class Language(Ranged):
    """Keep rows whose text is in a language: the model's confidence is between `min` and `max`.

    The model of py3langid knows 139 languages by n-grams of letters, so it tells languages of one script apart: Kazakh
    from Russian, Vietnamese and Indonesian from English. `of` may name several, such as `[id, ms]`, whose confidences are
    added. It abstains, and the row stays unless `unknown: drop`, where fewer than `fewest` letters are left of the text, or
    where that is in no language, such as code or numbers. A mixed text is judged as a whole; how much of it is in a script
    tells `language_share`, and `own_letters` is a cheap second. How often it is right is told in docs/filters.md. A dear
    measure: a text is read once, whatever recipe it stands in. As a column it is the confidence, in thousandths. Needs the
    extra `language`.

    Example:
        with: {of: ko}
        in:   [{prompt: 물은 왜 백 도에서 끓는지 알고 싶어요. 산에서는요}, {prompt: Why does water boil at all}, {prompt: 네}]
        out:  [{prompt: 물은 왜 백 도에서 끓는지 알고 싶어요. 산에서는요}, {prompt: 네}]
    """

    name: ClassVar[str] = "language"
    cost: ClassVar[Cost] = "dear"
    values: ClassVar[tuple[str, ...]] = ("letters", "likeliest", "confidence")
    rests_on: ClassVar[tuple[str, ...]] = ("unicode", "pyarrow", "py3langid")
    may_read: ClassVar[tuple[str, ...]] = ("language",)

    of: str | tuple[str, ...] = field("label", "target", min_length=1)
    """The language, or several: `target`, `anchor`, or codes."""
    min: Share | None = decided(Decimal("0.5"))
    """The smallest confidence kept."""
    max: Share | None = decided()
    """The largest confidence kept: with `of: en, min: 0, max: 0.5` English goes."""
    fewest: Count = decided(20)
    """It abstains where fewer letters than these are left."""
    ignoring: tuple[Ignored, ...] = field("measured", ("code_fences", "inline_code", "latex", "urls", "tags"))
    """Parts of the text that are not looked at."""
    first: Count = field("measured", 2000)
    """How many characters are looked at, from the beginning."""
    unknown: Literal["drop", "keep"] = decided("keep")
    """What becomes of a row where the measure abstains."""

    @property
    def bounds(self) -> tuple[Bound, Bound]:
        least, most = (None if each is None else int(each * 1000) for each in (self.min, self.max))
        return least, most

    def languages(self) -> tuple[str, ...]:
        """The languages that are asked for."""
        return (self.of,) if isinstance(self.of, str) else tuple(dict.fromkeys(self.of))

    def entries(self) -> tuple[tuple[str, str], ...]:
        return tuple((each, "language") for each in self.languages())

    def unfit(self, entry: str, value: Any) -> str | None:
        known = value.partition("-")[0] in CODES.split()
        return None if known else f"the model that identifies languages does not know `{value}`"

    def measure(self, texts: Texts, entries: Mapping[str, Any]) -> Values:
        import numpy as np

        from operators.kernels.identify import NO_LANGUAGE, confidences, model, numbered

        said = entries["language"]
        codes = {each.partition("-")[0] for each in (said.values() if isinstance(said, Mapping) else (said,))}
        left = texts.without(self.ignoring)
        _, letters = left.share(((0, 0x10FFFF),), "letters")
        labels = model().labels
        wanted = [labels.index(each) for each in sorted(codes)]
        likeliest, confidence = np.zeros(texts.rows, np.int64), np.full(texts.rows, -1, np.int64)
        for row, text in enumerate(left.strings()):
            found = None if text is None or letters[row] <= 0 else confidences(text[: self.first])
            if found is not None and labels[first := int(found.argmax())] != NO_LANGUAGE:
                likeliest[row], confidence[row] = numbered(labels[first]), int(found[wanted].sum() * 1000 + 1e-6)
        return [np.maximum(letters, 0), likeliest, confidence]

    def compared(self, value: Mapping[str, str], sign: str, bound: Any) -> str:
        return f"{value['confidence']} {sign} {bound}"

    def condition(self, value: Mapping[str, str]) -> str:
        return f"CASE WHEN {value['letters']} >= {self.fewest} THEN {super().condition(value)} END"

    def wording(self, value: Mapping[str, int | None]) -> str:
        from operators.kernels.identify import coded

        confidence, letters, likeliest = value["confidence"], value["letters"], value["likeliest"]
        if confidence is None or letters is None or likeliest is None:
            return "unknown (in no language)"
        few = f", too few letters to tell: {letters}, fewer than {self.fewest}" if letters < self.fewest else ""
        return f"{confidence / 1000:.3f} (likeliest {coded(likeliest)}{few})"
