"""The records inside nested documents: the elements that a source's way leads to, with the fields around them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from operators.declared.records import ITSELF, Step, around_of, depth_of, way_of, written_around
from operators.declared.source import Source
from runtime.sources.readers.nested import SHAPE, kind_of, shape_of
from runtime.sources.readers.rows import Bad, describe

Record = dict[str, Any]


class Inside:
    """The records of the documents of a source, with the fields around them that are read."""

    def __init__(self, source: Source) -> None:
        assert source.records is not None
        self.way, wanted = way_of(source.records), source.reads()
        self.around = {column: found for column in wanted if (found := around_of(column)) is not None}
        self.itself = ITSELF in wanted

    def records(self, document: Record) -> Iterator[Record | Bad]:
        """The records of one document, or why it has none."""
        for value, around, keys in walk(document, self.way, (), {}, ""):
            if isinstance(value, Bad):
                yield value
                continue
            row = dict(value) if isinstance(value, dict) else {ITSELF: value}
            if self.itself:
                row[ITSELF] = value
            for column, (up, name) in self.around.items():
                if up <= len(around) and name in around[-up]:
                    row[column] = around[-up][name]
            twice = next((name for name, key in keys.items() if name in row and str(row[name]) != key), None)
            if twice is None:
                yield row | keys
            else:
                # The name of the field first: of a restricted row nothing else in backticks is shown.
                yield Bad(f"its field `{twice}` is {shown(row[twice])}, and its key is {shown(keys[twice])}")


def shown(value: Any) -> str:
    """A value in a reason."""
    return f"`{describe(value)}`" if isinstance(value, (str, int, float)) else kind_of(value)


def walk(
    value: Any, way: Sequence[Step], around: tuple[Record, ...], keys: dict[str, str], here: str
) -> Iterator[tuple[Any, tuple[Record, ...], dict[str, str]]]:
    """Each value that a way leads to, with the objects around it from the outermost on, and the keys it was found by.

    Where it leads nowhere the reason stands in the place of a value; null and an empty list have no records.
    """
    if not way:
        yield value, around, keys
        return
    step, rest = way[0], way[1:]
    if step.key is not None:
        if isinstance(value, dict) and step.key in value:
            here = f"{here}.{step.key}" if here else step.key
            yield from walk(value[step.key], rest, (*around, value), keys, here)
        elif value is not None:
            yield lost(value, f"the key `{step.key}`", here), around, keys
    elif value is None:
        return
    elif step.named is not None:
        if not isinstance(value, dict):
            yield lost(value, f"an object keyed by `{step.named}`", here), around, keys
            return
        for key, each in value.items():
            yield from walk(each, rest, around, {**keys, step.named: key}, f"{here}{{{step.named}}}")
    elif isinstance(value, list):
        for each in value:
            yield from walk(each, rest, around, keys, f"{here}[]")
    else:
        yield lost(value, "a list", here), around, keys


def lost(value: Any, wanted: str, here: str) -> Bad:
    """Why a way goes no further."""
    shape = shape_of(value) if isinstance(value, (dict, list)) else kind_of(value)
    shape = shape if len(shape) <= SHAPE else shape[: SHAPE - 1] + "…"
    where = f"`{here}` is" if here else "it is"
    return Bad(f"`records` asks for {wanted}, and {where} {shape}")


def fields_in(source: Source, documents: Sequence[Record]) -> Iterator[Record]:
    """The records of some documents with all that is in reach of them, for a look at the columns."""
    assert source.records is not None
    way = way_of(source.records)
    for document in documents:
        for value, around, keys in walk(document, way, (), {}, ""):
            if isinstance(value, Bad):
                raise value
            row = dict(value) if isinstance(value, dict) else {ITSELF: value}
            for up, each in enumerate(reversed(around), 1):
                row |= {written_around(up, name): inner for name, inner in each.items()}
            yield {**row, **keys}


def outer_columns(source: Source) -> list[str]:
    """The columns of the documents themselves that are read, where a file has these as columns."""
    assert source.records is not None
    way = way_of(source.records)
    depth = depth_of(way)
    outer = {found[1] for column in source.reads() if (found := around_of(column)) is not None and found[0] == depth}
    return list(dict.fromkeys([way[0].key or "", *sorted(outer)]))
