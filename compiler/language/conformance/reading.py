"""Digits, marks in numbers, and labels of options: read back in every place that reads them."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence

from compiler.language.conformance.subject import Subject, Verdict, not_tried, some, verdict
from compiler.language.known import ASCII_DIGITS
from operators.kernels.text import Texts
from operators.maps.extract import Extract
from operators.measures.score import Score

#: How a label is written alone, and with its option behind it.
ALONE = ("{}", "({})", "{}.", "{})", "\\boxed{{{}}}")
SPACES = {"\xa0": " ", "\u202f": " ", "’": "'"}


def digits(subject: Subject) -> Iterator[Verdict]:
    """The digits are ten, in order."""
    said, line = subject.profile.digits, f'digits: "{subject.known.digits}"'
    if said is None:
        yield not_tried("digits", "the profile has no `digits`", line)
        return
    values = [unicodedata.numeric(char, None) for char in said]
    wrong = None
    if len(said) != 10 or len({*said}) != 10:
        wrong = f"{len({*said})} different digits, and ten are needed"
    elif misplaced := [char for place, char in enumerate(said) if values[place] not in (None, place)]:
        wrong = f"{some(misplaced)} stand in another place than their value"
    unknown = sum(value is None for value in values)
    yield verdict("digits", wrong, f"zero to nine: {said}" + (f", {unknown} of them words" if unknown else ""), line)


def number_marks(subject: Subject) -> Iterator[Verdict]:
    """Numbers as the language writes them are read as what they are."""
    check, marks, known = "number_marks", subject.profile.number_marks, subject.known
    usual = known.decimal and known.group and known.decimal != known.group
    line = (
        f'number_marks: {{decimal: "{known.decimal}", group: "{known.group}"}}' if usual else "number_marks: {decimal: , group: }"
    )
    if not marks:
        yield not_tried(check, "the profile has no `number_marks`", line)
        return
    decimal, group = marks.get("decimal", ""), marks.get("group", "")
    if not decimal or decimal == group:
        yield Verdict(check, "wrong", f"`{decimal}` is the mark of decimals and of groups", line)
        return
    if usual and plain(decimal) != plain(known.decimal or "") and plain(decimal) == plain(known.group or ""):
        yield Verdict(check, "wrong", f"CLDR has the decimal mark `{known.decimal}`, and the profile `{decimal}`", line)
        return
    written = [(f"3{decimal}25", "13/4"), (f"12{group}345{decimal}5", "24691/2"), (f"1{group}234{group}567", "1234567")]
    own = subject.profile.digits or ASCII_DIGITS
    if own != ASCII_DIGITS and len(own) == len(ASCII_DIGITS) and all(char.isdecimal() for char in own):
        written += [(text.translate(dict(zip(map(ord, ASCII_DIGITS), own, strict=True))), value) for text, value in list(written)]
    score = Score.model_validate({"kind": "math", "language": "target", "in": "a", "gold": "b"})
    found = compared(score, subject, [text for text, _ in written], [value for _, value in written])
    misread = [text for (text, _), right in zip(written, found, strict=True) if not right]
    yield verdict(
        check,
        f"not read as numbers: {some(misread)}" if misread else None,
        f"{len(written)} numbers are read, such as {written[1][0]}",
        line,
    )


def plain(mark: str) -> str:
    """A mark without the differences of spaces and quotes."""
    return SPACES.get(mark, mark)


def compared(score: Score, subject: Subject, answers: Sequence[str], golds: Sequence[str]) -> list[bool]:
    """Which answers are right."""
    import pyarrow as pa

    one, other = (Texts(pa.array(each, pa.large_string())) for each in (answers, golds))
    (found,) = score.compare(one, [other], {"answer_labels": (), **subject.entries(score)})
    return [int(each) == 1 for each in found]


def labels(subject: Subject) -> Iterator[Verdict]:
    """Each label is read as its place, alone, in a box, and behind every mark and word of the profile."""
    import pyarrow as pa

    check, conventions = "answer_labels", subject.profile.answer_labels
    if not conventions:
        yield not_tried(check, "the profile has no `answer_labels`", "answer_labels:\n  - [A, B, C, D, E]")
        return
    if wrong := misordered(conventions):
        yield Verdict(check, "wrong", *wrong)
        return
    score = Score.model_validate({"kind": "choice", "language": "target", "in": "a", "gold": "b"})
    extract = Extract.model_validate({"rule": "choice_label", "language": "target"})
    words, marks = subject.profile.label_words, subject.profile.answer_marks or ()
    forms = [*ALONE, *(f"{mark}: {{}}" for mark in marks)]
    if words is not None:
        forms += [
            *(f"{word} {{}}" for word in words.before),
            *(f"{{}}{'' if word in glued(words.after) else ' '}{word}" for word in words.after),
        ]
    tried = [(form.format(label), place) for names in conventions for place, label in enumerate(names, 1) for form in forms]
    answers = extract.change(pa.array([text for text, _ in tried], pa.large_string()), subject.entries(extract))[0].to_pylist()
    found = compared(score, subject, [each or "" for each in answers], [str(place) for _, place in tried])
    misread = [text for (text, _), right in zip(tried, found, strict=True) if not right]
    told = f"{len(tried)} labels in {len(forms)} forms are read back"
    yield verdict(check, f"{len(misread)} of {len(tried)} are not read back: {some(misread)}" if misread else None, told)


def glued(words: Sequence[str]) -> Sequence[str]:
    """Words that stand behind a label without a space: those of scripts without cases."""
    return [word for word in words if word.lower() == word.upper()]


def misordered(conventions: Sequence[Sequence[str]]) -> tuple[str, str] | None:
    """(what is wrong with the lists of labels, the line to write)."""
    most = max(map(len, conventions))
    for names in conventions:
        shown = f"[{', '.join(names)}]"
        if len({*names}) < len(names):
            return f"{shown} has a label twice", f"- {shown}"
        if len(names) < most:
            return (
                f"{shown} has {len(names)} labels, and another list {most}: one is missing",
                f"- {shown}, with the label that is missing",
            )
        values = [unicodedata.numeric(name, None) for name in names if len(name) == 1]
        if len(values) == len(names) and None not in values and values != list(range(1, len(names) + 1)):
            return (
                f"{shown} is not in order from 1",
                f"- [{', '.join(sorted(names, key=lambda name: unicodedata.numeric(name)))}]",
            )
    places: dict[str, int] = {}
    for names in conventions:
        for place, name in enumerate(names):
            if places.setdefault(name.casefold(), place) != place:
                return f"`{name}` stands for two options in two lists", f"- [{', '.join(names)}]"
    return None
