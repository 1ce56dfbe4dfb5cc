"""A mapping proposed for a file by a look at its beginning: where its rows lie, and which columns look like what."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any, NamedTuple

from operators.declared.mapping import Listed
from operators.declared.source import Source
from operators.kernels.choices import labels_of
from runtime.sources.readers.inside import fields_in
from runtime.sources.readers.items import FORMS, Options, find_one, read_options
from runtime.sources.readers.rows import Bad

Row = dict[str, Any]

QUESTION = re.compile(r"(?i)(?:^|[^a-z])(question|prompt|problem|query|instruction|stem)(?:[^a-z]|$)")
PASSAGE = re.compile(r"(?i)(?:^|[^a-z])(context|passage|paragraph|input)(?:[^a-z]|$)")
OPTIONS = re.compile(r"(?i)(?:^|[^a-z])(choices?|options?|answers)(?:[^a-z]|$)")
RIGHT = re.compile(r"(?i)(?:answer|gold|correct|label|target|solution|cop|key)")
NUMBERED = re.compile(r"(?i)(?:^|[^a-z])(id|idx|index|num|number|no|type|count)s?$")
#: How the turns of a conversation are said -> the form that a source calls it by.
TURNS = {("role", "content"): "openai", ("from", "value"): "sharegpt"}
ASKING = ("?", "؟", "？", "՞", ";")
#: One letter or number behind a name that the columns of one item's options share.
SERIES = re.compile(r"(?i)^(?P<name>.*?)[_ ]?(?P<place>[a-h]|[0-9])$")
#: Entries of an object that is keyed by something, at least; fewer are fields.
MANY = 3
ROWS = 200
FITS = 0.9
"""The share of rows that a reading has to fit, to be proposed."""


@dataclass
class Proposal:
    """What a source would say of a file, each part with its reason."""

    records: str | None = None
    columns: dict[str, Any] = field(default_factory=dict)
    reasons: list[str] = field(default_factory=list)
    known: list[str] = field(default_factory=list)
    """The columns in reach of a row."""


def propose(documents: Sequence[Row]) -> Proposal:
    """What a source would say of a file with these first objects. Raises Bad where nothing in them is text."""
    made = Proposal()
    rows = list(documents[:ROWS])
    if (way := way_to_rows(documents)) is not None:
        made.records = way
        source = Source.model_validate({"file": "x.json", "category": "x", "license": "A", "records": way})
        rows = [row for row, _ in zip(fields_in(source, documents), range(ROWS), strict=False)]
        made.reasons.append(f"records: what looks like a question lies in `{way}`, {len(rows)} of them at the beginning")
    made.known = list(dict.fromkeys(name for row in rows for name in row))
    if propose_messages(made, rows):
        return made
    prompt = propose_prompt(made, rows)
    propose_options(made, rows, prompt)
    return made


def propose_messages(made: Proposal, rows: Sequence[Row]) -> bool:
    """Add the conversation, where nearly all rows have one and no column is called a question."""
    if any(QUESTION.search(name) and texts_of(rows, name) for name in made.known):
        return False
    for name in made.known:
        forms = Counter(turns_in(row.get(name)) for row in rows)
        form, fits = max(forms.items(), key=lambda each: (each[0] is not None, each[1]))
        if form is not None and fits >= FITS * len(rows):
            made.columns["messages"] = name if form == "openai" else {"field": name, "form": form}
            made.reasons.append(f"messages: `{name}` holds turns in {fits} of {len(rows)} rows")
            if "tools" in made.known and any(row.get("tools") for row in rows):
                made.columns["tools"] = "tools"
                made.reasons.append("tools: `tools` is called so")
            return True
    return False


def turns_in(value: Any) -> str | None:
    """The form of a conversation's turns, where a value is one."""
    if not isinstance(value, list) or not value or not all(isinstance(each, dict) for each in value):
        return None
    for (who, what), form in TURNS.items():
        if all(who in each for each in value) and any(what in each for each in value):
            return form
    return None


def propose_prompt(made: Proposal, rows: Sequence[Row]) -> tuple[str, ...]:
    """Add the prompt; the columns that it is made of."""
    texts = {name: cells for name in made.known if (cells := texts_of(rows, name))}
    inner = {(name, key): cells for name in made.known for key in keys_of(rows, name) if (cells := texts_of(rows, name, key))}
    called = [name for name in texts if QUESTION.search(name)]
    nested = [path for path in inner if QUESTION.search(path[1])]
    if called:
        first = min(called, key=lambda name: (name.count("."), bool(NUMBERED.search(name)), made.known.index(name)))
        made.reasons.append(f"prompt: `{first}` is called so")
    elif nested:
        name, key = nested[0]
        made.columns["prompt"] = {"field": name, "path": [key]}
        made.reasons.append(f"prompt: `{key}` in `{name}` is called so")
        return (name,)
    elif texts:
        asking = {name: sum(cell.rstrip().endswith(ASKING) for cell in cells) for name, cells in texts.items()}
        first = max(texts, key=lambda name: (asking[name], median(map(len, texts[name]))))
        why = f"{asking[first]} of {len(texts[first])} end in a question mark" if asking[first] else "no other has longer texts"
        made.reasons.append(f"prompt: `{first}`, of which {why}" if asking[first] else f"prompt: `{first}`: {why}")
    else:
        raise Bad("none of its columns holds text")
    passage = next((name for name in texts if PASSAGE.search(name) and name != first), None)
    made.columns["prompt"] = first
    if passage is not None:
        lacks = sum(not row.get(passage) for row in rows)
        template: Any = [f"{{{passage}}}\n\n", f"{{{first}}}"] if lacks else f"{{{passage}}}\n\n{{{first}}}"
        made.columns["prompt"] = {"template": template}
        empty = f"; {lacks} of {len(rows)} have none, and it is left out there" if lacks else ""
        made.reasons.append(f"prompt: `{passage}` stands before it, as its name says{empty}")
    return (first,) if passage is None else (first, passage)


def propose_options(made: Proposal, rows: Sequence[Row], taken: Sequence[str]) -> None:
    """Add the options and the right one, where rows have some: what is not called so has a column that names one of them."""
    found = []
    for reading in readings(made.known, rows, taken):
        free = [name for name in made.known if name not in (*reading.columns, *taken)]
        golds = [each for name in free if (each := gold_of(rows, reading.options, name)) is not None]
        if not reading.called and all(text.isnumeric() for each in reading.options if each is not None for text in each.texts):
            golds = [each for each in golds if each[0] in ("letter", "text")]  # of numbers any other number counts one
        if golds or reading.called:
            found.append((reading, golds))
    if not found:
        return
    reading, golds = min(found, key=lambda each: (not each[0].called, not each[1]))
    made.columns["options"] = reading.declared
    made.reasons.append(f"options: {reading.why}")
    if golds:
        form, name, fits, said = max(golds, key=lambda each: (each[2], bool(RIGHT.search(each[1]))))
        made.columns["gold"] = {form: name}
        made.reasons.append(f"gold: `{name}` {said} in {fits} of {len(rows)} rows")


class Reading(NamedTuple):
    """One way to read the options of rows."""

    declared: Any
    """What `options` would say."""
    columns: Sequence[str]
    options: list[Options | None]
    called: bool
    """Whether its name says that it is options."""
    why: str


def readings(known: Sequence[str], rows: Sequence[Row], taken: Sequence[str]) -> Iterator[Reading]:
    """Each way to read options that fits nearly all rows."""
    for name in (each for each in known if not each.startswith("..")):
        ways = [Listed(field=name), *(Listed(field=name, path=(key,)) for key in keys_of(rows, name))]
        for way in ways if name not in taken else ways[1:]:
            for listed in (way, *textual(rows, way)):
                if fitting(read := [options_in(row, listed) for row in rows]):
                    said = listed.model_dump(exclude_defaults=True, mode="json")
                    last = str(listed.path[-1]) if listed.path else name
                    declared = name if said == {"field": name} else said
                    yield Reading(declared, [name], read, OPTIONS.search(last) is not None, f"`{last}` holds short lists")
    groups: dict[str, list[str]] = {}
    for name in known:
        if (found := SERIES.match(name)) and name not in taken:
            groups.setdefault(found["name"], []).append(name)
    for columns in groups.values():
        joined = [Options([str(row[name]) for name in columns if row.get(name) not in (None, "")]) for row in rows]
        read = [each if len(each.texts) > 1 else None for each in joined]
        if len(columns) > 1 and fitting(read):
            names = ", ".join(f"`{name}`" for name in columns)
            yield Reading(columns, columns, read, False, f"{names} are named in a series")


def textual(rows: Sequence[Row], way: Listed) -> list[Listed]:
    """How the objects of a list may call text and label, where they do not call them so."""
    for row in rows:
        value = row.get(way.field)
        for key in way.path or ():
            value = value.get(key) if isinstance(value, dict) else None
        if turns_in(value) is not None:
            return []  # who speaks is no label
        if isinstance(value, list) and value and all(isinstance(each, dict) for each in value):
            texts = [key for key in value[0] if all(isinstance(each.get(key), str) for each in value)]
            if "text" in texts and "label" in texts:
                return []
            by_length = sorted(texts, key=lambda key: (key != "text", -sum(len(each[key]) for each in value)))
            named = {"text": by_length[0]} if by_length else {}
            named |= {"label": by_length[-1]} if len(by_length) > 1 else {}
            return [way.model_copy(update=named)] if named else []
    return []


def options_in(row: Row, listed: Listed) -> Options | None:
    """The options of a row by one reading, where it has some."""
    value = row.get(listed.field)
    if value is None or (isinstance(value, str) and not value.lstrip().startswith(("[", "{", "("))):
        return None
    try:
        read = read_options(value, listed)
    except Bad:
        return None
    return read if read is not None and 2 <= len(read.texts) <= 12 else None


def fitting(read: Sequence[Options | None]) -> bool:
    """Whether nearly all rows have options by a reading."""
    return sum(each is not None for each in read) >= FITS * len(read) > 0


def gold_of(rows: Sequence[Row], options: Sequence[Options | None], name: str) -> tuple[str, str, int, str] | None:
    """(form, column, rows that it fits, why) of a column that names one of the options."""
    known = labels_of(None)
    both = [(row[name], each) for row, each in zip(rows, options, strict=True) if each is not None and row.get(name) is not None]
    places: dict[str, list[int]] = {}
    for form in ("letter", "text", "index", "number"):
        found = []
        for value, each in both:
            try:
                found.append(find_one(FORMS[form], value, each, name, known))
            except Bad:
                continue
        places[form] = found
    wanted = FITS * max(1, len(both))
    words = {"text": "is the text of an option", "letter": "is the label of an option"}
    numeric = all(isinstance(value, int) or str(value).strip().isnumeric() for value, _ in both)
    for form in ("text",) if numeric else ("text", "letter"):
        if both and len(places[form]) >= wanted:
            return form, name, len(places[form]), words[form]
    if not both or not numeric:
        return None
    if len(places["number"]) == len(both) and (0 not in places["index"] or len(places["index"]) < len(both)):
        return "number", name, len(both), "counts the options from 1"
    return ("index", name, len(places["index"]), "counts the options from 0") if len(places["index"]) >= wanted else None


def texts_of(rows: Sequence[Row], name: str, key: str | None = None) -> list[str]:
    """The texts of a column, where most of its values are text and they are not all alike."""
    cells = [row.get(name) for row in rows]
    if key is not None:
        cells = [cell.get(key) if isinstance(cell, dict) else None for cell in cells]
    texts = [cell for cell in cells if isinstance(cell, str) and cell.strip()]
    return texts if 2 * len(texts) >= len(cells) and (len(set(texts)) > 1 or len(texts) == 1) else []


def keys_of(rows: Sequence[Row], name: str) -> list[str]:
    """The keys of a column's objects."""
    return list(dict.fromkeys(key for row in rows if isinstance(row.get(name), dict) for key in row[name]))[:20]


def way_to_rows(documents: Sequence[Row]) -> str | None:
    """The way to what looks like rows inside some documents; None where they are rows themselves."""
    found: Counter[str] = Counter()
    for document in documents[:20]:
        found.update(dict.fromkeys(ways(document, ""), 1))
    if not found or any(QUESTION.search(name) for row in documents[:ROWS] for name in row):
        return None
    return max(found, key=lambda way: (found[way], -way.count("[")))


def ways(value: Any, here: str, depth: int = 6) -> Iterator[str]:
    """The ways to lists and keyed objects whose elements have a question."""
    if depth and isinstance(value, dict):
        inner = list(value.values())
        if (
            len(inner) >= MANY
            and all(isinstance(each, dict) for each in inner)
            and len({*map(frozenset, inner)}) * 3 <= len(inner) + 2
        ):
            yield from asked(inner, f"{here}{{id}}", depth)
            return
        for key, each in value.items():
            name = key if re.fullmatch(r'[^\s.\[\]{}"][^.\[\]{}"]*', key) else f'"{key}"'
            yield from ways(each, f"{here}.{name}" if here else name, depth - 1)
    elif depth and isinstance(value, list) and value and all(isinstance(each, dict) for each in value):
        yield from asked(value, f"{here}[]", depth)


def asked(values: Sequence[Row], here: str, depth: int) -> Iterator[str]:
    """The way to values that have a question, or the ways further in."""
    if any(QUESTION.search(key) for key in values[0]):
        yield here
        return
    for each in values[:20]:
        yield from ways(each, here, depth - 1)
