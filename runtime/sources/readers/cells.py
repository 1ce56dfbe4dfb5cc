"""Conversion of a column of Python values to the type that its cell declares."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

from operators.conversations.canonical import is_deep
from operators.declared.mapping import Cell
from runtime.sources.readers.nested import follow
from runtime.sources.readers.rows import Bad, Converted, describe, type_of

#: Values of these types need no conversion, so a column of them is made at once.
PLAIN: dict[str, type] = {"text": str, "integer": int, "number": float, "boolean": bool}
Convert = Callable[[Any, str], Any]

#: A whole number, also as programs write it that know floating point alone.
INTEGER = re.compile(r"([+-]?[0-9]+)(?:\.0+)?", re.ASCII)
#: The largest double that tells each whole number below it from the next.
EXACT = 1 << 53
NUMBER = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?", re.ASCII)
BOOLEANS = {"true": True, "false": False, "1": True, "0": False}


def convert_cells(values: Sequence[Any], cell: Cell, untyped: bool) -> Converted:
    """The column of a cell; where files have no types, as csv has none, a cell's text says what it is."""
    import pyarrow as pa

    if cell.path is not None:
        return convert_path(values, cell, untyped)
    if set(map(type, values)) <= {PLAIN.get(cell.as_, type(None)), type(None)}:
        try:
            array = pa.array(values, type_of_cell(cell))
        except (UnicodeEncodeError, OverflowError, pa.ArrowInvalid):
            pass  # half a surrogate pair or a huge number somewhere: the rows are looked at one by one
        else:
            if cell.as_ != "number" or is_finite(array):
                return Converted(array, {})
    if untyped and cell.as_ != "text":
        values = [None if value is None or not value.strip() else value for value in values]
    if untyped and cell.as_ == "json":
        return convert_each(values, cell, convert_json_text)
    return convert_each(values, cell, CONVERSIONS[cell.as_])


def convert_path(values: Sequence[Any], cell: Cell, untyped: bool) -> Converted:
    """The column of what a path leads to; a row where it leads nowhere is bad."""
    path, lacks = cell.path or (), cell.missing is None
    found, bad = tried(values, lambda value: follow(value, cell.field or "", path, lacks))
    made = convert_cells(found, cell.model_copy(update={"path": None}), untyped)
    return Converted(made.array, {**made.bad, **bad})


def type_of_cell(cell: Cell) -> Any:
    """The Arrow type of the column that a cell becomes."""
    return type_of("text" if cell.as_ == "json" else cell.as_)


def is_finite(numbers: Any) -> bool:
    """Whether no number of a column is infinite or NaN."""
    import pyarrow.compute as pc

    return pc.all(pc.is_finite(numbers)).as_py() is not False


def convert_each(values: Sequence[Any], cell: Cell, convert: Convert) -> Converted:
    """The column made by a function of one value; null stays null."""
    import pyarrow as pa

    made, bad = tried(values, lambda value: None if value is None else convert(value, cell.field or "value"))
    return Converted(pa.array(made, type_of_cell(cell)), bad)


def tried(values: Sequence[Any], convert: Callable[[Any], Any]) -> tuple[list[Any], dict[int, str]]:
    """(what a function makes of each value, null where it is bad; the reason for each bad place)."""
    made: list[Any] = []
    bad: dict[int, str] = {}
    for place, value in enumerate(values):
        try:
            made.append(convert(value))
        except Bad as reason:
            bad[place] = str(reason)
            made.append(None)
    return made, bad


def convert_text(value: Any, field: str) -> str:
    """A value as text; nested values are not flattened by guess."""
    if isinstance(value, str):
        return check_text(value, field)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, float):
        return repr(convert_number(value, field))
    hint = "; say `as: json`" if isinstance(value, (dict, list)) else ""
    raise Bad(f"`{field}` is {name_kind(value)}, not text{hint}")


def check_text(value: str, field: str) -> str:
    """The text, where it can be written as UTF-8."""
    try:
        value.encode()
    except UnicodeEncodeError:
        raise Bad(f"`{field}` holds half a surrogate pair") from None
    return value


def convert_integer(value: Any, field: str) -> int:
    """A whole number that fits 64 bits, also where it is written as text or with a fraction of zeros."""
    if isinstance(value, float) and value.is_integer():
        if abs(value) > EXACT:
            raise Bad(f"`{field}` is {name_value(value)}, beyond the whole numbers that a double tells apart")
        value = int(value)
    if isinstance(value, Decimal) and value == value.to_integral_value():
        value = int(value)
    if isinstance(value, str) and (found := INTEGER.fullmatch(value.strip())):
        # Python refuses to read thousands of digits; so many do not fit in any case.
        text = found[1]
        digits = text.lstrip("+-").lstrip("0")
        value = int(text) if len(digits) < 20 and len(text) < 4000 else 1 << 64
    if isinstance(value, bool) or not isinstance(value, int):
        raise Bad(f"`{field}` is {name_value(value)}, not a whole number")
    if not -(1 << 63) <= value < 1 << 63:
        raise Bad(f"`{field}` is too large for 64 bits")
    return value


def convert_number(value: Any, field: str) -> float:
    """A finite number, also where it is written as text."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str, Decimal)):
        raise Bad(f"`{field}` is {name_value(value)}, not a number")
    if isinstance(value, str) and not NUMBER.fullmatch(value.strip()):
        raise Bad(f"`{field}` is {name_value(value)}, not a number")
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise Bad(f"`{field}` is not a finite number")
    return number


def convert_boolean(value: Any, field: str) -> bool:
    """True or false, also where it is written as text or as 0 and 1."""
    if isinstance(value, bool):
        return value
    if isinstance(value, (str, int)):
        found = BOOLEANS.get(value.strip().lower() if isinstance(value, str) else str(value) if value in (0, 1) else "")
        if found is not None:
            return found
    raise Bad(f"`{field}` is {name_value(value)}, not true or false")


def convert_json(value: Any, field: str) -> str:
    """A value as canonical JSON: equal values are equal text."""
    try:
        text = json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    except TypeError:
        raise Bad(f"`{field}` holds a value that JSON cannot hold") from None
    except ValueError:
        raise Bad(f"`{field}` holds a number that is not finite, or too large") from None
    except RecursionError:
        raise Bad(f"`{field}` is nested too deeply") from None
    return check_text(text, field)


def convert_json_text(value: str, field: str) -> str:
    """JSON text made canonical."""
    return convert_json(parse_json(value, field), field)


def parse_json(text: str, field: str) -> Any:
    """The value of a cell that holds JSON text; NaN and Infinity are no JSON."""
    constants: list[str] = []
    try:
        value = json.loads(text, parse_constant=constants.append)
    except RecursionError:
        raise Bad(f"`{field}` is nested too deeply") from None
    except ValueError:
        raise Bad(f"`{field}` is {name_value(text)}, not JSON") from None
    if constants:
        raise Bad(f"`{field}` holds {constants[0]}, which is not JSON")
    if is_deep(text, value):
        raise Bad(f"`{field}` is nested too deeply")
    return value


def name_kind(value: Any) -> str:
    """What a value is, in plain words."""
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, (list, tuple)):
        return "a list"
    if isinstance(value, bool):
        return "true or false"
    if isinstance(value, (int, float, Decimal)):
        return "a number"
    if isinstance(value, str):
        return "text"
    return "bytes that are not UTF-8" if isinstance(value, bytes) else f"a {type(value).__name__}"


def name_value(value: Any) -> str:
    """A value as a reason shows it: nested ones by their kind only."""
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    return f"`{describe(value)}`" if isinstance(value, (str, int, float, Decimal)) else name_kind(value)


CONVERSIONS: dict[str, Convert] = {
    "text": convert_text,
    "integer": convert_integer,
    "number": convert_number,
    "boolean": convert_boolean,
    "json": convert_json,
}
