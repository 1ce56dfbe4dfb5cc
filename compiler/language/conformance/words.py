"""Words and sentences that a speaker has to say: cues, marks, directives and prompts."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import cache

from compiler.language.conformance.letters import inside, letters_in
from compiler.language.conformance.subject import Subject, Verdict, not_tried, some, verdict
from operators.declared.profile import LanguageProfile, PromptFile
from operators.kernels.text import Texts
from operators.measures.negation import Negation, is_morpheme, pattern_of

#: Share of the paragraphs, or of their words, from which on an expression is found in everything.
EVERYWHERE, USUAL = 0.9, 0.05
#: So many exam items should hold a cue.
ENOUGH = 30
#: A name that is no longer is not inflected, or is with all its letters.
SHORT = 5


def spoken(subject: Subject) -> Iterator[Verdict]:
    """Words are in the language: in its letters, and not those of the English profile."""
    profile, english = subject.profile, listed(english_profile())
    for entry, texts in listed(profile).items():
        able = [text for text in texts if letters_in([text])]
        if not able:
            continue
        if profile.language == "en":
            yield verdict(entry, None, f"{len(able)} texts")
            continue
        own = [text for text in able if written(subject, text) and text not in english[entry]]
        wrong = None if 2 * len(own) >= len(able) else f"not in {subject.name}: {some(text for text in able if text not in own)}"
        yield verdict(entry, wrong, f"{len(own)} of {len(able)} in {subject.name}", f"{entry}: in {subject.name}")


@cache
def english_profile() -> LanguageProfile:
    """The profile of English, whose words are those that a draft begins with."""
    import yaml

    from compiler.text.project import package_root

    text = (package_root() / "languages" / "en.yaml").read_text("utf-8")
    return LanguageProfile.model_validate(yaml.safe_load(text))


def listed(profile: LanguageProfile) -> dict[str, tuple[str, ...]]:
    """Entry -> the words in it, where it is a list of words."""
    words = profile.label_words
    return {
        "label_words": (*words.before, *words.after) if words is not None else (),
        "answer_marks": profile.answer_marks or (),
        "negation_cues": tuple(cue for cue in profile.negation_cues or () if not is_morpheme(cue)),
        "directives": profile.directives or (),
    }


def written(subject: Subject, text: str) -> bool:
    """Whether half of a text's letters are of the scripts of the language."""
    letters = letters_in([text])
    return 2 * sum(inside(subject, char) for char in letters) >= len(letters)


def cues(subject: Subject) -> Iterator[Verdict]:
    """Cues of negation are found in exam items, and none of them in every text."""
    import pyarrow as pa
    import pyarrow.compute as pc

    check, said = "negation_cues", subject.profile.negation_cues
    if not said:
        yield not_tried(check, "the profile has no `negation_cues`", "negation_cues: [not, except], in the language")
        return
    texts = pa.array(subject.texts, pa.large_string())
    everywhere = [
        cue
        for cue in said
        if not is_morpheme(cue)
        and len(texts)
        and pc.sum(pc.match_substring_regex(texts, pattern_of(cue))).as_py() >= EVERYWHERE * len(texts)
    ]
    if everywhere:
        line = f"negation_cues: without {some(everywhere)}"
        yield Verdict(check, "wrong", f"found in nearly every text: {some(everywhere)}", line)
        return
    if not subject.exams:
        yield not_tried(f"{check}, found", "no exam items were given (`--exams FILE`)")
        return
    plain = tuple(cue for cue in said if not is_morpheme(cue))
    step = Negation.model_validate({"cues": plain}) if plain else None
    questions = texts_of([item.question for item in subject.exams])
    count = sum(int(each) > 0 for each in step.measure(questions, subject.entries(step))[0]) if step is not None else 0
    few = count == 0 and len(subject.exams) >= ENOUGH
    told = f"in {count} of {len(subject.exams)} exam items"
    yield verdict(
        f"{check}, found", f"{told}: none of {some(plain)}" if few else None, told, "negation_cues: as the exams put it"
    )


def texts_of(texts: Sequence[str]) -> Texts:
    """Texts as a measure reads them."""
    import pyarrow as pa

    return Texts(pa.array(texts, pa.large_string()))


def above(subject: Subject) -> Iterator[Verdict]:
    """Expressions for options that speak of others are found in exam items, and are no usual words."""
    from operators.grow.exams import speaking

    check, said = "above_options", subject.profile.above_options
    if not said:
        yield not_tried(check, "the profile has no `above_options`", "above_options: ['all of the above'], in the language")
        return
    words = [*{word.strip(".,;:!?") for text in subject.texts for word in text.split()}, *subject.texts]
    usual = [each for each in said if sum(speaking([[word] for word in words], [each])) > USUAL * len(words)]
    if usual:
        yield Verdict(check, "wrong", f"stands for usual words: {some(usual)}", f"above_options: without {some(usual)}")
        return
    if not subject.exams:
        yield not_tried(f"{check}, found", "no exam items were given (`--exams FILE`)")
        return
    count = sum(speaking([item.options for item in subject.exams], said))
    yield verdict(f"{check}, found", None, f"in {count} of {len(subject.exams)} exam items")


def found_everywhere(subject: Subject) -> Iterator[Verdict]:
    """No expression of a behaviour, and no number of a person, is found in plain text."""
    import pyarrow as pa
    import pyarrow.compute as pc

    texts = pa.array(subject.texts, pa.large_string())
    behaviours = subject.profile.behaviours
    if behaviours is not None and len(texts):
        usual = [
            phrase
            for _, phrases in behaviours
            for phrase in phrases or ()
            if pc.sum(pc.match_substring_regex(texts, phrase, ignore_case=True)).as_py() >= EVERYWHERE * len(texts)
        ]
        line = f"behaviours: without {some(usual)}"
        count = sum(len(phrases or ()) for _, phrases in behaviours)
        yield verdict("behaviours", f"found in nearly every text: {some(usual)}" if usual else None, f"{count} expressions", line)
    if subject.profile.personal_data is not None:
        from operators.measures.personal_data import PersonalData

        step = PersonalData.model_validate({"languages": ["target"]})
        values = step.measure(texts_of(subject.texts), subject.entries(step))
        count = sum(int(number) for value in values for number in value if int(number) > 0)
        told = f"{count} numbers are found in {len(texts)} paragraphs that have none"
        yield verdict("personal_data", told if count else None, told, "personal_data: patterns that plain text has not")


def directives(subject: Subject) -> Iterator[Verdict]:
    """A directive is one line whose braces close."""
    said = subject.profile.directives
    if said is None:
        yield not_tried(
            "directives",
            "the profile has no `directives`",
            "directives: ['Give the final answer in \\boxed{}.'], in the language",
        )
        return
    torn = [text for text in said if not text.strip() or "\n" in text or not balanced(text)]
    yield verdict(
        "directives, rendered",
        f"torn: {some(torn)}" if torn else None,
        f"{len(said)} directives",
        "directives: with closed braces",
    )


def balanced(text: str) -> bool:
    """Whether braces close in order."""
    depth = 0
    for char in text:
        depth += (char == "{") - (char == "}")
        if depth < 0:
            return False
    return depth == 0


def prompts(subject: Subject) -> Iterator[Verdict]:
    """What asks to reason in the anchor names the language, in the anchor; what is for the language alone is in it."""
    said = subject.profile.prompts
    anchor = subject.anchor.language
    system = None if said is None or said.system is None else said.system.get(anchor)
    if said is None or not isinstance(system, str):
        yield not_tried(
            f"prompts.system.{anchor}",
            "the profile has none",
            f"prompts: {{system: {{{anchor}: ...}}}}, in {subject.anchor.name}",
        )
    else:
        wrong = None
        if subject.profile.language != anchor and not named(subject, system):
            wrong = f"it does not name {subject.name}"
        elif (language := identified(system)) not in (None, anchor):
            wrong = f"it is in `{language}`, and asks to reason in {subject.anchor.name}"
        line = f"prompts: {{system: {{{anchor}: ...}}}}, in {subject.anchor.name}, which says {subject.name}"
        yield verdict(f"prompts.system.{anchor}", wrong, f"in {subject.anchor.name}, and names {subject.name}", line)
    if said is None:
        return
    for name in ("monolingual", "short", "answer"):
        text = getattr(said, name)
        if text is None or isinstance(text, PromptFile):
            yield not_tried(f"prompts.{name}", "the profile has none", f"prompts: {{{name}: ...}}, in {subject.name}")
            continue
        mine = subject.profile.language.partition("-")[0]
        language = identified(text)
        wrong = (
            f"it is in `{language}`"
            if language not in (None, mine) and not (written(subject, text) and scripts_differ(subject))
            else None
        )
        wrong = wrong or (f"it is not in the letters of {subject.name}" if not written(subject, text) else None)
        yield verdict(f"prompts.{name}", wrong, f"in {subject.name}", f"prompts: {{{name}: ...}}, in {subject.name}")
    if isinstance(said.translate, str):
        wrong = None if named(subject, said.translate) else f"it does not name {subject.name}"
        yield verdict(
            "prompts.translate", wrong, f"names {subject.name}", f"prompts: {{translate: ...}}, which says {subject.name}"
        )


def scripts_differ(subject: Subject) -> bool:
    """Whether the language has other letters than its anchor."""
    return not {*subject.known.scripts} & {*subject.known_anchor.scripts}


def named(subject: Subject, text: str) -> bool:
    """Whether a text names the language, in English, in the anchor's words or its own, however it is inflected."""
    from babel.core import Locale

    code = subject.profile.language.partition("-")[0]
    names = [subject.profile.name, subject.known.name.partition(" (")[0], subject.known.autonym]
    names += [Locale.parse(anchor).languages.get(code, "") for anchor in {"en", subject.anchor.language.partition("-")[0]}]
    return any(
        name and re.search(rf"(?<!\w){re.escape(stem(name))}", text, re.IGNORECASE) for name in names if name.isascii()
    ) or any(stem(name) in text.casefold() for name in names if name and not name.isascii())


def stem(name: str) -> str:
    """A name without what is inflected of it."""
    return name.casefold()[: len(name) if len(name) <= SHORT else max(SHORT, len(name) - 2)]


def identified(text: str) -> str | None:
    """The language of a text by the model of `language`; None where that is not installed, or not sure."""
    try:
        from operators.kernels.identify import confidences, model
    except ImportError:
        return None
    found = confidences(text)
    if found is None or float(found.max()) < 0.9:
        return None
    return str(model().labels[int(found.argmax())])
