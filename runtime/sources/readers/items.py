"""Options of exam items, with the right one among them, however the files write them."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from operators.declared.mapping import Gold, Listed
from operators.declared.source import Source
from operators.kernels.choices import Labels, form_of, label_in, labels_of, place_of
from runtime.sources.readers.cells import INTEGER, convert_integer, convert_text, name_kind, name_value, parse_json
from runtime.sources.readers.nested import follow
from runtime.sources.readers.pythonic import json_of
from runtime.sources.readers.rows import Bad, Converted, describe, type_of

Find = Callable[[Any, "Options", str, Labels], int]


@dataclass(frozen=True)
class Options:
    """The options of one row, and what the row itself calls each of them."""

    texts: list[str]
    labels: Sequence[str] = ()


def convert_items(source: Source, columns: Mapping[str, Sequence[Any]], untyped: bool) -> dict[str, Converted]:
    """The columns `options` and `gold`, as far as the source maps them."""
    import pyarrow as pa

    fields, listed, gold = source.columns.option_columns(), source.columns.listed(), source.columns.gold
    if not fields:
        return {}
    made: list[list[str] | None] = []
    places: list[int | None] = []
    bad: dict[int, str] = {}
    form, right = gold.form() if gold is not None else ("", "")
    find = FORMS.get(form)
    beside = (gold.words or ()) if gold is not None else ()
    known = labels_of(gold.labels if gold is not None else None, words={"before": beside, "after": beside})
    cells = columns[listed.field] if listed is not None else zip(*(columns[name] for name in fields), strict=True)
    golds = columns[right] if find else None
    way = gold.path or () if gold is not None else ()
    for row, cell in enumerate(cells):
        options, place = None, None
        try:
            options = read_options(cell, listed) if listed is not None else join_options(cell, fields)
            answer = follow(golds[row], right, way) if golds else None
            if find and answer is not None and not (untyped and not answer.strip()):
                place = find_one(find, answer, require_options(options, right), right, known)
                require_one(options, place, right if listed is None else listed.field)
        except Bad as reason:
            bad[row] = str(reason)
        made.append(options.texts if options else None)
        places.append(place)
    converted = {"options": Converted(pa.array(made, type_of("list of text")), bad)}
    return converted | ({"gold": Converted(pa.array(places, type_of("integer")), {})} if isinstance(gold, Gold) else {})


def read_options(value: Any, listed: Listed) -> Options | None:
    """The options in one column: a list of texts, a list of objects with `text`, or an object keyed by letter."""
    field = listed.field
    if isinstance(value, str):
        value = parse_value(value, field) if value.strip() else None
    value = follow(value, field, listed.path or ())
    if value is None or value == [] or value == {}:
        return None
    if isinstance(value, list):
        return read_list(value, listed)
    if not isinstance(value, dict):
        raise Bad(f"`{field}` is {name_value(value)}, not a list of options")
    if listed.keys is not None:
        return join_options([value.get(key) for key in listed.keys], listed.keys)
    texts, labels = value.get(listed.text), value.get(listed.label)
    if isinstance(texts, list) and isinstance(labels, list) and len(value) == 2:
        if len(texts) != len(labels):
            raise Bad(f"`{field}` has {len(texts)} texts, but {len(labels)} labels")
        paired = zip(texts, labels, strict=True)
        return read_list([{listed.text: text, listed.label: label} for text, label in paired], listed)
    # Shorter keys first, or option 10 would stand before option 2.
    keys = sorted(value, key=lambda key: (len(key), key))
    options = join_options([value[key] for key in keys], keys)
    return Options(options.texts, keys) if options else None


def read_list(values: list[Any], listed: Listed) -> Options | None:
    """The options of a list; objects in it carry their own labels, all of them or none."""
    field, text, label = listed.field, listed.text, listed.label
    if not all(isinstance(value, dict) and text in value for value in values):
        if keys := next((value for value in values if isinstance(value, dict)), None):
            raise Bad(
                f"`{field}` is a list of objects with {', '.join(f'`{describe(key)}`' for key in keys)}; say which is the `text`"
            )
        return Options([require_text(value, f"{field}[{place}]") for place, value in enumerate(values)])
    texts = [require_text(value[text], f"{field}[{place}].{text}") for place, value in enumerate(values)]
    labels = [value.get(label) for value in values]
    if all(each is None for each in labels):
        return Options(texts)
    return Options(texts, [require_text(each, f"{field}[{place}].{label}") for place, each in enumerate(labels)])


def join_options(values: Sequence[Any], names: Sequence[str]) -> Options | None:
    """The options of several cells; empty ones at the end are left out."""
    count = len(values)
    while count and is_empty(values[count - 1]):
        count -= 1
    for value, name in zip(values[:count], names, strict=False):
        if is_empty(value):
            raise Bad(f"the option `{name}` is empty, but `{names[count - 1]}` is not")
    texts = [convert_text(value, name) for value, name in zip(values[:count], names, strict=False)]
    return Options(texts) if texts else None


def is_empty(value: Any) -> bool:
    """Whether a cell holds no option."""
    return value is None or (isinstance(value, str) and not value.strip())


def require_text(value: Any, field: str) -> str:
    """The text of an option, which may be neither null nor empty."""
    if is_empty(value):
        raise Bad(f"`{field}` is {'null, not text' if value is None else 'empty, and an option is not'}")
    return convert_text(value, field)


def require_options(options: Options | None, field: str) -> Options:
    """The options that an answer stands for."""
    if options is None:
        raise Bad(f"`{field}` is given, but there are no options")
    return options


def require_one(options: Options | None, place: int, field: str) -> None:
    """Complain about a right option that is the only one, or stands there twice."""
    texts = [] if options is None else [unicodedata.normalize("NFC", text).strip() for text in options.texts]
    if len(texts) == 1:
        raise Bad(f"`{field}` has 1 option, and a right one is chosen among two or more")
    if (twin := next((at for at, text in enumerate(texts) if text == texts[place] and at != place), None)) is not None:
        first, second = sorted((place + 1, twin + 1))
        raise Bad(f"`{field}` has the right option twice, as number {first} and number {second}")


def find_one(find: Find, value: Any, options: Options, field: str, known: Labels) -> int:
    """The place of the right option by one of the forms; a list of one, also as text, stands for what is in it."""
    try:
        if not isinstance(value, (list, tuple)):
            return find(value, options, field, known)
        listed, refused = value, Bad(f"`{field}` is a list of {len(value)}, and one option is right")
    except Bad as reason:
        if not (isinstance(value, str) and value.lstrip().startswith(("[", "("))):
            raise
        refused = reason
        try:
            listed = parse_value(value, field)
        except Bad:
            raise refused from None
    if not isinstance(listed, (list, tuple)) or len(listed) != 1 or isinstance(listed[0], (list, tuple, dict)):
        raise refused
    return find(listed[0], options, field, known)


def parse_value(text: str, field: str) -> Any:
    """The value of a cell that holds JSON, or lists and dictionaries of texts and numbers as Python prints them."""
    try:
        return parse_json(text, field)
    except Bad as reason:
        if text.lstrip()[:1] not in ("[", "(", "{") or "'" not in text:
            raise
        printed = json_of(text)
        try:
            if printed is not None:
                return parse_json(printed, field)
        except Bad:
            pass
        what = "dictionary" if text.lstrip().startswith("{") else "list"
        refusal = f"`{field}` looks like a Python {what}, and is none of texts and numbers with commas between them"
        raise Bad(refusal) from reason


def find_letter(value: Any, options: Options, field: str, known: Labels) -> int:
    """The place of the option with that label: one that the row gives, else one of the language, or a Latin letter."""
    if not isinstance(value, (str, int)) or isinstance(value, bool):
        raise Bad(f"`{field}` is {name_kind(value)}, not a letter")
    answer = str(value).strip()
    if options.labels:
        labels = [label.strip().casefold() for label in options.labels]
        if (count := labels.count(answer.casefold())) > 1:
            raise Bad(f"`{field}` is {name_value(value)}, and {count} options are labelled so")
        if count:
            return labels.index(answer.casefold())
        # `(B)` is B where the options are A to D, and nothing where they are 0 to 3.
        forms, right = [label_in(label, known, False) for label in labels], label_in(answer, known, False)
        same = [at for at, each in enumerate(forms) if each and right and each[1:] == right[1:]]
        if len(same) != 1:
            raise refuse_place(value, options, field)
        return same[0]
    place = place_of(answer, known)
    return check_place(-1 if place is None else place - 1, value, options, field)


def find_index(value: Any, options: Options, field: str, known: Labels) -> int:
    """The place of an answer that counts from 0."""
    return check_place(whole(value, field), value, options, field)


def find_number(value: Any, options: Options, field: str, known: Labels) -> int:
    """The place of an answer that counts from 1, as a number or as a label that is one."""
    # A letter is a place too, but none that was written as a number.
    numeric = isinstance(value, str) and any(char.isnumeric() or form_of(char).isdecimal() for char in value)
    place = place_of(value, known) if numeric else None
    return check_place((whole(value, field) if place is None else place) - 1, value, options, field)


def whole(value: Any, field: str) -> int:
    """A whole number, also as 1.0 and in the digits of any script."""
    if isinstance(value, str):
        text = "".join(str(unicodedata.decimal(char, char)) for char in value.strip())
        return convert_integer(text if INTEGER.fullmatch(text) else value, field)
    exact = isinstance(value, (float, Decimal)) and math.isfinite(value) and value == int(value)
    return convert_integer(int(value) if exact else value, field)


def find_text(value: Any, options: Options, field: str, known: Labels) -> int:
    """The place of the one option with that text."""
    text = convert_text(value, field).strip()
    stripped = [option.strip() for option in options.texts]
    if (count := stripped.count(text)) != 1:
        raise Bad(f"`{field}` is {name_value(value)}, and {count or 'none'} of the {len(stripped)} options equal it")
    return stripped.index(text)


def check_place(place: int, value: Any, options: Options, field: str) -> int:
    """A place that there is an option at."""
    if not 0 <= place < len(options.texts):
        raise refuse_place(value, options, field)
    return place


def refuse_place(value: Any, options: Options, field: str) -> Bad:
    """The complaint about an answer that no option stands for."""
    count = len(options.texts)
    return Bad(f"`{field}` is {name_value(value)}, but there {'is 1 option' if count == 1 else f'are {count} options'}")


FORMS: dict[str, Find] = {
    "letter": find_letter,
    "index": find_index,
    "number": find_number,
    "text": find_text,
}
