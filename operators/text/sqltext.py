"""The only two ways a name or a value gets into SQL text."""

from __future__ import annotations


def ident(name: str) -> str:
    """A quoted SQL identifier; any text is safe.

    Example:
        >>> ident('a"; DROP')
        '"a""; DROP"'
    """
    if "\0" in name:
        raise ValueError("a name in SQL cannot hold a NUL")
    return '"' + name.replace('"', '""') + '"'


def literal(value: str | int | bool | None) -> str:
    """A SQL literal of a string, a whole number, a truth value or NULL.

    Example:
        >>> literal("it's")
        "'it''s'"
    """
    match value:
        case None:
            return "NULL"
        case bool():
            return "TRUE" if value else "FALSE"
        case int():
            return str(value)
        case str():
            if "\0" in value:
                # DuckDB's parser ends at a NUL: the text is put together from its parts instead.
                return "(" + " || chr(0) || ".join(literal(part) for part in value.split("\0")) + ")"
            return "'" + value.replace("'", "''") + "'"
