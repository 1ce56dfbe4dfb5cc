"""Numbers of rows by source, category and licence, where not every row is known: at least and at most."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from operators.base.bounds import MANY, Between, exactly
from operators.base.licence import CLASSES, Licence
from runtime.stages.expected.frames import Frame, windows

KINDS = ("source", "category", "license")
ALL = "all"

Groups = dict[str, Between]


class SourceLabels(NamedTuple):
    """What is known of the labels of a source's rows at one point of a graph."""

    categories: tuple[str, ...]
    licences: tuple[Licence, ...]
    """The classes that its rows may have there: its own, and what text of others and models' terms make of it."""

    def groups(self, kind: str) -> tuple[str, ...]:
        """The groups of a kind, other than `source`, that a row may be in."""
        return self.categories if kind == "category" else self.licences


Sources = Mapping[str, SourceLabels]
"""Source -> the labels of its rows."""


@dataclass(frozen=True)
class Counts:
    """The number of rows of each group of each kind."""

    by: dict[str, Groups] = field(default_factory=dict)

    @property
    def rows(self) -> Between:
        """All rows."""
        return self.by[ALL][""]

    def of(self, kind: str | None) -> Groups:
        """The groups of a kind; None is one group of all rows."""
        return self.by[kind or ALL]

    def group(self, kind: str, name: str) -> Between:
        """The rows of one group."""
        return self.by[kind].get(name, exactly(0))


def tally(frame: Frame, sure: np.ndarray[Any, Any] | None, unseen: Mapping[str, int], sources: Sources) -> Counts:
    """The rows of a frame: those that are sure at least, those and the unseen at most."""
    low = frame.rows if sure is None else int(sure.sum())
    by: dict[str, Groups] = {ALL: {"": Between(low, frame.rows + sum(unseen.values()))}}
    for kind in KINDS:
        groups = {name: Between(*numbers) for name, numbers in counted_labels(frame, kind, sure).items()}
        for source, most in unseen.items():
            for group in (source,) if kind == "source" else sources[source].groups(kind):
                groups[group] = groups.get(group, exactly(0)).plus(Between(0, most))
        by[kind] = dict(sorted(groups.items()))
    return Counts(by)


def unlabelled_counts(rows: Between) -> Counts:
    """Rows without source, category or licence."""
    return Counts({ALL: {"": rows}, **{kind: {} for kind in KINDS}})


def label_counts(labels: pa.Array, sure: np.ndarray[Any, Any] | None) -> dict[str, tuple[int, int]]:
    """Label -> (sure rows, all rows)."""
    encoded = labels.dictionary_encode()
    codes, names = encoded.indices.to_numpy(zero_copy_only=False), encoded.dictionary.to_pylist()
    most = np.bincount(codes, minlength=len(names))
    least = most if sure is None else np.bincount(codes[sure], minlength=len(names))
    return {name: (int(a), int(b)) for name, a, b in zip(names, least, most, strict=True) if b}


def counted_labels(frame: Frame, kind: str, sure: np.ndarray[Any, Any] | None) -> dict[str, tuple[int, int]]:
    """The same of a frame, some rows at a time."""
    found: dict[str, tuple[int, int]] = {}
    for first, last in windows(frame.rows):
        counted = label_counts(frame.window(kind, first, last), None if sure is None else sure[first:last])
        for name, (least, most) in counted.items():
            before = found.get(name, (0, 0))
            found[name] = before[0] + least, before[1] + most
    return found


def source_counts(source: str, labels: SourceLabels, rows: Between) -> Counts:
    """The rows of one source, read or not: they all have its labels, or each may have any where rows say their own."""
    any_of = Between(0, rows.high)
    groups: dict[str, Groups] = {
        kind: {name: rows if len(labels.groups(kind)) == 1 else any_of for name in labels.groups(kind)}
        for kind in ("category", "license")
    }
    return Counts({ALL: {"": rows}, "source": {source: rows}, **groups})


def labelled_counts(source: str, rows: Mapping[tuple[str, str], int]) -> Counts:
    """The rows of one source that say their own (category, licence class)."""
    by: dict[str, Groups] = {"category": {}, "license": {}}
    for labels, count in rows.items():
        for kind, name in zip(by, labels, strict=True):
            by[kind][name] = by[kind].get(name, exactly(0)).plus(exactly(count))
    every = exactly(sum(rows.values()))
    return Counts({ALL: {"": every}, "source": {source: every}, **by})


def summed(parts: Iterable[Counts]) -> Counts:
    """The rows of several tables together."""
    by: dict[str, Groups] = {ALL: {"": exactly(0)}, **{kind: {} for kind in KINDS}}
    for part in parts:
        for kind, groups in part.by.items():
            for name, rows in groups.items():
                by[kind][name] = by[kind].get(name, exactly(0)).plus(rows)
    return Counts(by)


def narrowed(counts: Counts, kind: str | None, limits: Mapping[str, Between]) -> Counts:
    """The counts, with some groups within limits that are known besides."""
    groups = counts.of(kind)
    return Counts({**counts.by, kind or ALL: {name: rows.within(limits.get(name, rows)) for name, rows in groups.items()}})


def narrowed_by(counts: Counts, other: Counts) -> Counts:
    """Two counts of the same rows as one, as narrow as both allow."""
    for kind in (None, *KINDS):
        groups = {name: other.of(kind).get(name) for name in counts.of(kind)}
        counts = narrowed(counts, kind, {name: rows for name, rows in groups.items() if rows is not None})
    return counts


def around(counts: Counts, whole: Counts, missing: int, further: int) -> Counts:
    """The counts, of which `missing` rows may be lacking, and to which `further` rows of a whole may come."""
    return Counts(
        {
            kind: {
                name: Between(
                    max(0, counts.group(kind, name).low - missing), min(counts.group(kind, name).high + further, most.high)
                )
                for name, most in groups.items()
            }
            for kind, groups in whole.by.items()
        }
    )


def united(parts: Sequence[Sources]) -> Sources:
    """The sources of several tables together, with the labels that their rows may have in any of them."""
    sources: dict[str, SourceLabels] = {}
    for part in parts:
        for source, labels in part.items():
            before = sources.setdefault(source, labels)
            categories = tuple(dict.fromkeys((*before.categories, *labels.categories)))
            sources[source] = SourceLabels(categories, classes(*before.licences, *labels.licences))
    return sources


def classes(*listed: Licence) -> tuple[Licence, ...]:
    """Some classes, each once, from the most open on."""
    return tuple(each for each in CLASSES if each in listed)


def settled(counts: Counts, sources: Sources) -> Counts:
    """The counts, narrowed by one another: the groups of each kind sum up to all rows."""
    for _ in range(2):
        for kind in KINDS:
            counts = balanced(counts, ALL, "", kind, list(counts.of(kind)))
        for kind in ("category", "license"):
            for name in counts.of(kind) if all(len(labels.groups(kind)) == 1 for labels in sources.values()) else ():
                members = [source for source in counts.of("source") if sources[source].groups(kind) == (name,)]
                counts = balanced(counts, kind, name, "source", members)
    return counts


def balanced(counts: Counts, kind: str, name: str, parts: str, members: list[str]) -> Counts:
    """The counts where the group `name` is the sum of some groups of another kind."""
    each, whole = [counts.group(parts, member) for member in members], counts.group(kind, name)
    low, high = sum(rows.low for rows in each), min(sum(rows.high for rows in each), MANY)
    whole = whole.within(Between(low, high)) if each else whole
    counts = narrowed(counts, kind, {name: whole})
    limits = {}
    for member, rows in zip(members, each, strict=True):
        # What the whole needs and the others cannot give; what the others leave of it.
        least = max(rows.low, whole.low - (high - rows.high)) if high < MANY else rows.low
        limits[member] = Between(least, min(rows.high, whole.high - (low - rows.low)))
    return narrowed(counts, parts, limits)
