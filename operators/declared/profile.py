"""The language profile: what the operators need to know of a language, validated like a recipe."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from operators.base.declare import Declared
from operators.declared.personal import PersonalNumbers
from operators.text.fold import Rule
from operators.text.phrases import Phrases


def code_range(text: str) -> str:
    """`AC00-D7A3` or `0E3F`: code points in hexadecimal, in order."""
    found = re.fullmatch(r"([0-9A-Fa-f]{2,6})(?:-([0-9A-Fa-f]{2,6}))?", text)
    if found is None:
        raise ValueError(f"`{text}` is no range of code points, such as AC00-D7A3")
    low, high = int(found[1], 16), int(found[2] or found[1], 16)
    if low > high or high > 0x10FFFF:
        raise ValueError(f"`{text}` is no range: the first code point comes before the last, up to 10FFFF")
    return f"{low:04X}-{high:04X}"


def some_ranges(ranges: tuple[str, ...]) -> tuple[str, ...]:
    """The ranges of a script, which is none without one."""
    if not ranges:
        raise ValueError("a script has one range of code points at least, such as AC00-D7A3")
    return ranges


CodeRange = Annotated[str, AfterValidator(code_range)]


class Segmenter(Declared):
    """The morphological analyser of the language."""

    library: str
    """The distribution that holds it, such as kiwipiepy."""
    model: str | None = None
    """The distribution that holds its dictionary or model."""


class Ngrams(Declared):
    """What n-grams of the language are made of, where texts are compared with benchmarks."""

    segments: Literal["kiwipiepy", "python-mecab-ko", "words", "characters"]
    """What cuts normalised text: a segmenter, white space, or nothing, for a language without spaces and segmenter."""
    raw: Literal["words", "characters"]
    """What the text as it is falls into: words between white space, or characters, for a language without spaces."""
    size: int = Field(1, ge=1, le=20)
    """How many characters stand for one word, where characters are counted."""
    dates: tuple[str, ...] = ()
    """Words for the parts of a date, which tell nothing behind a digit."""
    boilerplate: tuple[str, ...] = ()
    """Sentences that stand in many tasks and say nothing of one."""


class PromptFile(Declared):
    """A prompt that stands in a file of its own."""

    file: str = Field(min_length=1)
    """The file, relative to the profile; its last line end is not part of the prompt."""


CODE = r"^[a-z]{2,3}(-[A-Za-z0-9]+)*$"
#: Prompts that are said for each language that is reasoned in, by its code: another anchor is asked for in other words.
BY_ANCHOR = ("prompts.system",)


class Prompts(Declared):
    """Sentences that are put before a model, to the letter."""

    system: dict[Annotated[str, Field(pattern=CODE)], str | PromptFile] | None = None
    """The teacher's system prompt for a language-mixed chain of thought, by the anchor that it reasons in: `{en: ...}`."""
    monolingual: str | PromptFile | None = None
    """The teacher's system prompt for thinking in this language alone."""
    short: str | PromptFile | None = None
    """The teacher's system prompt for a short chain of thought."""
    translate: str | PromptFile | None = None
    """How a translation into this language is asked for."""
    answer: str | PromptFile | None = None
    """How the answer is asked for."""


class Behaviours(Declared):
    """How cognitive behaviours (Gandhi et al. 2025) are put into words: expressions, whose case does not matter."""

    verification: Phrases | None = None
    """Checks what was already reached."""
    backtracking: Phrases | None = None
    """Gives up an approach, assumption or result and takes another."""
    subgoals: Phrases | None = None
    """Breaks the problem into steps or goals."""
    backward: Phrases | None = None
    """Reasons from the wanted goal, or from a candidate answer, back to what it requires."""


class LabelWords(Declared):
    """Words that stand beside the label of an option and are no part of it."""

    before: tuple[str, ...] = ()
    """Before it, such as option in `option B`."""
    after: tuple[str, ...] = ()
    """Behind it, such as 번 in `2번`."""


class LanguageProfile(Declared):
    """One language, as the operators see it."""

    format: int = Field(1, ge=1, le=1)
    """The version of this file's form."""
    language: str = Field(pattern=CODE)
    """The code of the language, such as ko."""
    name: str
    """Its name in English."""
    scripts: dict[str, Annotated[tuple[CodeRange, ...], AfterValidator(some_ranges)]] | None = Field(None, min_length=1)
    """The scripts it is written in, as ranges of code points."""
    segmenter: Segmenter | None = None
    """How its text is cut into morphemes."""
    ngrams: Ngrams | None = None
    """How overlap with benchmarks is looked for."""
    fold: tuple[Rule, ...] | None = None
    """What counts as one letter where texts are compared: rules by name, for what its writers confuse. No text is changed."""
    near_ngram: int | None = Field(None, ge=1, le=50)
    """Characters of an n-gram by which two texts are nearly the same; 5 unless said, fewer where a character is a word."""
    squeezed_length: int | None = Field(None, ge=8, le=1000)
    """How many letters in a row are evidence that a text has an item of a benchmark, where nothing but letters is compared."""
    cased: bool | None = None
    """Whether its script has upper and lower case."""
    digits: str | None = None
    """Digits of its own, from zero to nine."""
    number_marks: dict[str, str] | None = None
    """The marks in numbers: `decimal` and `group`."""
    answer_labels: tuple[tuple[str, ...], ...] | None = None
    """The ways in which options are labelled, each from the first option on; Latin letters and numbers are read in any case."""
    label_words: LabelWords | None = None
    """Words that stand beside a label."""
    answer_marks: tuple[Annotated[str, Field(min_length=1)], ...] | None = None
    """Words that stand before a colon and the answer, besides `Answer`."""
    above_options: Phrases | None = None
    """Options that speak of the others, such as all of the above: expressions for the whole option, in any case."""
    negation_cues: tuple[str, ...] | None = None
    """Words that turn a question round (paper section 5.2): texts, and morphemes of the segmenter as `form/TAG`."""
    directives: tuple[str, ...] | None = None
    """Short stylistic directives for exam items (paper section 5.2)."""
    personal_data: PersonalNumbers | None = None
    """How telephone numbers and identity numbers of its countries are written."""
    own_letters: str | None = Field(None, min_length=1)
    """Letters by which it is told from others of its script, such as `ăâđêôơư`; of each the small one is enough."""
    behaviours: Behaviours | None = None
    """Expressions by which cognitive behaviours show in reasoning."""
    prompts: Prompts | None = None
    """Sentences that are put before a model."""

    def entry(self, name: str, anchor: str | None = None) -> Any:
        """One entry as plain data, or None where the profile lacks it; `prompts.short` is a part of one.

        Of an entry that is said for each `anchor`, what is said for that.
        """
        value: Any = self.model_dump(include={name.partition(".")[0]}, exclude_none=True)
        for part in (*name.split("."), *([anchor] if name in BY_ANCHOR else [])):
            value = value.get(part) if isinstance(value, dict) else None
        return value
