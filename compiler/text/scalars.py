"""How an unquoted YAML scalar is read."""

from __future__ import annotations

import math
import re

Scalar = None | bool | int | float | str

# The YAML 1.2 core schema, but a leading zero is text: 012 is 10 to one reader and 12 to another.
_INT = re.compile(r"[-+]?(?:0|[1-9][0-9]*)|0x[0-9a-fA-F]+|0o[0-7]+")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|(?:0|[1-9][0-9]*)(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_NO_NUMBER = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")
_WORDS: dict[str, Scalar] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}


def resolve(text: str) -> Scalar:
    """Read an unquoted scalar; ValueError says why it cannot be held."""
    if text in _WORDS:
        return _WORDS[text]
    if _INT.fullmatch(text):
        # Python refuses to read very long decimals: the length is asked first.
        number = int(text, {"0x": 16, "0o": 8}.get(text[:2], 10)) if len(text) < 100 else 1 << 64
        if not -(1 << 63) <= number < 1 << 63:
            raise ValueError("is beyond 64 bits")
        return number
    if _FLOAT.fullmatch(text):
        value = float(text)
        if math.isinf(value):
            raise ValueError("is too large for a number")
        return value
    if _NO_NUMBER.fullmatch(text):
        raise ValueError("is not a finite number")
    return text


_TAGS: dict[str, tuple[type, ...]] = {
    "str": (str,),
    "int": (int,),
    "float": (float, int),
    "bool": (bool,),
    "null": (type(None),),
}


def resolve_tagged(text: str, kind: str, quoted: bool) -> Scalar:
    """Read a scalar that says its kind; ValueError says why it is not of that kind."""
    if kind == "str":
        return text
    value = None if kind == "null" and text == "" else resolve(text)
    # A bool is an int to Python, and a quoted nothing is no number.
    if type(value) not in _TAGS.get(kind, ()) or (quoted and text == "" and kind != "null"):
        raise ValueError(f"is not what the tag `!!{kind}` says")
    return float(value) if kind == "float" and value is not None else value


def hint_number(text: str) -> str | None:
    """What to write where a number is meant and this was said."""
    if re.fullmatch(r"[-+]?0+[0-9]+(\.[0-9]*)?", text):
        plain = re.sub(r"^([-+]?)0+(?=[0-9])", r"\1", text)
        return f"write {plain} (a leading zero is ambiguous)"
    if re.fullmatch(r"[-+]?[0-9]{1,3}([_,' ]?[0-9]{3})*(\.[0-9]+)?", text):
        number = re.sub(r"[_,' ]", "", text)
        return f"write {number} without " + ("quotes" if number == text else "separators")
    if re.fullmatch(r"[0-9_]+", text) and text.strip("_"):
        return f"write {text.replace('_', '')} without separators"
    if re.fullmatch(r"[-+]?[0-9]+(\.[0-9]+)?(e[-+]?[0-9]+)?", text):
        return f"write {text} without quotes"
    if re.fullmatch(r"[0-9]+(:[0-9]+)+", text):
        return "write the whole as one number, without `:`"
    if re.fullmatch(r"[0-9]+(\.[0-9]+)?%", text):
        return "write a share as a number between 0 and 1"
    return None
