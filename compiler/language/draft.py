"""The draft of a language profile, from what Unicode and CLDR know; every entry stands in it with what it is for."""

from __future__ import annotations

import json
from collections.abc import Iterator
from textwrap import indent, wrap

from compiler.language.entries import Entry, entries
from compiler.language.known import ASCII_DIGITS, DENSE, Known
from compiler.text.project import package_root

#: Letters of a word and marks that its writers confuse, by script; what all languages have comes first.
CONFUSED = {"Arabic": ("arabic_letters", "hamza", "vowel_marks"), "Hebrew": ("vowel_marks",), "Thai": ("sara_ae",)}
INDIC = {
    "Devanagari": ("nukta", "chandrabindu", "nasals"),
    "Bengali": ("nukta", "chandrabindu"),
    "Gurmukhi": ("nukta",),
    "Gujarati": ("nukta",),
}
LABELS = 5
#: Lines of an example in English that a draft shows.
SHOWN = 4
WIDTH = 118
#: Words that YAML takes for something else, by one version or the other.
NO_TEXT = frozenset({"no", "yes", "on", "off", "y", "n", "true", "false", "null"})


def draft(known: Known, schema: str) -> str:
    """A profile: what is known as entries, what a speaker has to say as comments with the English entry to go by.

    `schema` is the path of the profile's JSON Schema from where the draft will lie.
    """
    whose = f"# {known.name} ({known.autonym}): drafted from Unicode and CLDR, not yet read by a speaker."
    head = f"# yaml-language-server: $schema={schema}\n{whose}"
    told = dict(facts(known))
    return "\n".join([head, *(block for entry in entries() for block in lines_of(entry, told))]) + "\n"


def lines_of(entry: Entry, told: dict[str, str]) -> Iterator[str]:
    """One entry: what it is for, and its lines or those of English as a comment."""
    if entry.readers or entry.name not in told:
        about = f"{entry.about.rstrip('.')}: {entry.readers}." if entry.readers else entry.about
        yield "\n" + indent("\n".join(wrap(about, WIDTH)), "# ")
    yield told[entry.name] if entry.name in told else indent(example_of(entry.name), "# ")


def facts(known: Known) -> Iterator[tuple[str, str]]:
    """(entry, its lines) for what is known."""
    yield "format", "format: 1"
    yield "language", f"language: {known.code}"
    yield "name", f"name: {quoted(known.name)}"
    if known.scripts:
        yield "scripts", "\n".join(["scripts:", *(f"  {name}: [{', '.join(found)}]" for name, found in known.scripts.items())])
    if known.unspaced:
        size = 2 if {*known.scripts} & DENSE else 4
        why = f"# No spaces part its words, and no segmenter is known: {size} characters stand for a word."
        yield "ngrams", f"{why}\nngrams: {{segments: characters, raw: characters, size: {size}}}"
    else:
        yield "ngrams", "ngrams: {segments: words, raw: words}"
    yield "fold", f"fold: [{', '.join(confused(known))}]"
    # A letter that stands for a syllable says as much as two or three of an alphabet.
    yield "squeezed_length", f"squeezed_length: {24 if {*known.scripts} & (DENSE | {'Hangul'}) else 48}"
    yield "cased", f"cased: {str(known.cased).lower()}"
    yield "digits", f"digits: {quoted(known.digits)}"
    if known.decimal and known.group and known.decimal != known.group:
        yield "number_marks", f"number_marks: {{decimal: {quoted(known.decimal)}, group: {quoted(known.group)}}}"
    rows = [list("ABCDE"), list(ASCII_DIGITS[1 : LABELS + 1])]
    if known.digits != ASCII_DIGITS:
        rows.insert(0, list(known.digits[1 : LABELS + 1]))
    labels = [f"  - [{', '.join(map(quoted, row))}]" for row in rows]
    yield "answer_labels", "\n".join(["answer_labels:", *labels, f"# - [{', '.join(map(quoted, first_letters(known)))}]"])
    if known.own:
        yield "own_letters", f"own_letters: {known.own}"
    yield "prompts", prompts(known)


def confused(known: Known) -> list[str]:
    """The rules by which texts of the language are compared."""
    rules = ["nfc", "joiners", "invisible", *(["digits"] if known.digits != ASCII_DIGITS else [])]
    for script in known.scripts:
        rules += [*CONFUSED.get(script, ()), *INDIC.get(script, ())]
    return rules


def first_letters(known: Known) -> list[str]:
    """The first letters of its alphabet, as a guess at how options are labelled."""
    return list(dict.fromkeys(letter.upper() for letter in known.letters if letter.isalpha() and len(letter) == 1))[:LABELS]


def prompts(known: Known) -> str:
    """The prompts: those in English name the language; the rest is English still, for a speaker to say."""
    name = known.name
    return f"""\
# To be read by a speaker. A system prompt stands by the anchor that it asks to reason in.
prompts:
  system:
    en: >-
      Think carefully, do not translate the question while solving. Preserve the question in {name} so that you keep all
      details without adding noise. After you finish thinking, state your answer in fluent and coherent {name}.
  translate: >-
    Translate the user's text into natural {name}. Keep numbers, formulas, code and option labels exactly as they are, do
    not answer the question, and reply with the translation only.
  # To be said in {name}:
  # monolingual: Think carefully, in {name} only. After you finish thinking, write your answer in natural {name}.
  # short: Solve the problem in a few sentences, and answer in natural {name}.
  # answer: Solve the problem, then give the final answer as \\boxed{{N}}."""


def example_of(name: str) -> str:
    """The first lines of an entry in the English profile; of one that English lacks, its name alone."""
    lines = (package_root() / "languages" / "en.yaml").read_text("utf-8").splitlines()
    at = next((place for place, line in enumerate(lines) if line.startswith(f"{name}:")), None)
    if at is None:
        return f"{name}:"
    block = [lines[at]]
    for line in lines[at + 1 :]:
        if not line.startswith(" "):
            break
        block.append(line)
    return "\n".join(block if len(block) <= SHOWN else [*block[:SHOWN], "  # and more: pkg:languages/en.yaml"])


def quoted(text: str) -> str:
    """A text as YAML has it in one line: plain where it is words, else in quotes, what shows nothing as its number."""
    if text == text.strip() and all(word.isalpha() for word in text.split(" ")) and text.lower() not in NO_TEXT:
        return text
    shown = json.dumps(text, ensure_ascii=False)
    return "".join(char if char.isprintable() else f"\\u{ord(char):04X}" for char in shown)
