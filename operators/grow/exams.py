"""Exam items whose options are merged: which can be, whose wrong options each takes, and in which order they stand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from operators.base.declare import Only
from operators.grow.expand import Born, Parents, holds
from operators.kernels.alike import Alike, forms, grams, near
from operators.kernels.bm25 import Pool
from operators.kernels.labels import Convention, extended, in_order, labelled
from operators.kernels.ranks import ranks
from operators.kernels.text import Ints
from operators.text.fold import Folding

Mask = np.ndarray[Any, np.dtype[np.bool_]]


@dataclass(frozen=True)
class Rules:
    """What `merge_options` says; the fields are described there."""

    name: str
    salt: str
    of: str
    options: str
    gold: str
    only: Only | None
    from_: Only | None
    tokens: str
    k: int
    max_options: int
    near: Decimal


#: Similar questions that are looked at for each item: of these the first `k` give that may.
LOOKED = 32

NO_QUESTION, NO_OPTIONS, NO_GOLD = "no question", "fewer than two options", "no right option"
TWICE, IN_QUESTION, NEGATION = "an option stands twice", "the options stand in the question", "a negation cue"
ABOVE = "an option speaks of the others"
NO_DONOR, NO_GAIN = "no similar item", "no option left to merge"


@dataclass
class Items:
    """The rows as exam items: their options without labels, and why some are none."""

    options: list[list[str]]
    gold: Ints
    conventions: list[Convention | None]
    reasons: list[str | None]
    """Why a row is neither an item nor a donor."""

    @property
    def able(self) -> Mask:
        return np.array([reason is None for reason in self.reasons], dtype=bool)


@dataclass
class Merging:
    """Children as they are found, and what is counted on the way."""

    parents: list[int] = field(default_factory=list)
    texts: list[list[str]] = field(default_factory=list)
    """The options of each child without labels, its own first."""
    donors: list[list[int]] = field(default_factory=list)
    refused: list[tuple[int, str]] = field(default_factory=list)
    leaks: int = 0
    near_options: int = 0


def merged(operator: Rules, rows: Parents, entries: Mapping[str, Any], seed: int) -> Born:
    """The children of exam items."""
    items = items_of(operator, rows, entries)
    able, wanted = items.able, holds(operator.only, rows.columns)
    pool = first_of_items(able & (wanted if operator.from_ is None else holds(operator.from_, rows.columns)), rows.item_id)
    takers = np.flatnonzero(able & wanted)
    words = words_of(operator, rows.columns[operator.of], able, entries)
    least = Fraction(operator.near)
    folding = Folding.of(entries.get("fold"))
    donors, near_questions = donors_of(operator, rows, words, takers, pool, least, folding)
    found = Merging(refused=[(at, reason) for at, reason in enumerate(items.reasons) if reason is not None and wanted[at]])
    forms_of = Forms(items.options, folding)
    for at, candidates in zip(takers.tolist(), donors, strict=True):
        merge(operator, items, forms_of, at, candidates, least, found)
    return born_of(operator, rows, items, found, near_questions, seed)


def items_of(operator: Rules, rows: Parents, entries: Mapping[str, Any]) -> Items:
    """The rows as items; the first reason that holds is told."""
    prompts, listed, golds = (rows.columns[name] for name in (operator.of, operator.options, operator.gold))
    conventions = list(dict.fromkeys(extended(labels) for labels in entries["answer_labels"]))
    options = [each if each and all(text and text.strip() for text in each) else [] for each in listed.to_pylist()]
    gold = pc.fill_null(golds, -1).to_numpy(zero_copy_only=False).astype(np.int64)
    cues = pc.fill_null(rows.columns["negation"], 1).to_numpy(zero_copy_only=False)
    inside = stand_inside(prompts, np.array([len(each) for each in options], np.int64), conventions)
    items = Items([], gold, [], [])
    readings = [labelled(each, conventions) for each in options]
    bare = [each if known is None else known[1] for each, known in zip(options, readings, strict=True)]
    above = speaking(bare, entries.get("above_options"))
    for at, (prompt, each) in enumerate(zip(prompts.is_valid().to_pylist(), options, strict=True)):
        known, texts = readings[at], bare[at]
        items.options.append(texts)
        items.conventions.append(None if known is None else known[0])
        faults = (
            (not prompt, NO_QUESTION),
            (len(each) < 2, NO_OPTIONS),
            (not 0 <= gold[at] < len(each), NO_GOLD),
            (inside[at] or not all(texts), IN_QUESTION),
            (len(set(texts)) < len(texts), TWICE),
            (above[at], ABOVE),
            (cues[at], NEGATION),
        )
        items.reasons.append(next((reason for found, reason in faults if found), None))
    return items


def speaking(options: Sequence[Sequence[str]], expressions: Sequence[str] | None) -> list[bool]:
    """The items of which an option, without its label and full stop, is one that speaks of the others."""
    if not expressions:
        return [False] * len(options)
    flat = pa.array([" ".join(text.split()) for each in options for text in each], pa.large_string())
    whole = rf"(?i)\A[\s(\[“\"']*(?:{'|'.join(f'(?:{each})' for each in expressions)})[\s)\]”\"'.!。]*\z"
    found = np.concatenate([[0], np.cumsum(pc.match_substring_regex(flat, whole).to_numpy(zero_copy_only=False))])
    ends = np.cumsum([0, *map(len, options)])
    flags: list[bool] = (found[ends[1:]] > found[ends[:-1]]).tolist()
    return flags


def stand_inside(prompts: pa.Array, counts: Ints, conventions: Sequence[tuple[str, ...]]) -> Mask:
    """The rows whose prompt has, in order, the labels of one convention for as many options as the row has."""
    inside = np.zeros(len(prompts), dtype=bool)
    for count in np.unique(counts[counts >= 2]).tolist():
        at = np.flatnonzero(counts == count)
        texts = pc.fill_null(prompts.take(pa.array(at)), "")
        for labels in conventions:
            if count <= len(labels):
                found = pc.match_substring_regex(texts, in_order(labels[:count]))
                inside[at] |= found.to_numpy(zero_copy_only=False)
    return inside


def first_of_items(mask: Mask, item_ids: np.ndarray[Any, Any]) -> Ints:
    """The first row of each item among some rows: children of an item are no further item."""
    places = np.flatnonzero(mask)
    if not len(places):
        return places
    _, first = np.unique(np.ascontiguousarray(item_ids[places]).view("V16").ravel(), return_index=True)
    return places[np.sort(first)]


def words_of(operator: Rules, prompts: pa.Array, able: Mask, entries: Mapping[str, Any]) -> list[Sequence[str]]:
    """What BM25 compares of each row; nothing of a row that is no item."""
    texts = [(text or "").lower() if known else "" for text, known in zip(prompts.to_pylist(), able.tolist(), strict=True)]
    if operator.tokens == "words":
        return [text.split() for text in texts]
    from operators.measures.negation import segmented

    return [[form for form, _ in tokens] for tokens in segmented(texts, entries["segmenter"])]


def donors_of(
    operator: Rules,
    rows: Parents,
    words: list[Sequence[str]],
    takers: Ints,
    pool: Ints,
    least: Fraction,
    folding: Folding,
) -> tuple[list[list[int]], int]:
    """(the rows that give to each item asked, most similar first; how many near-duplicate questions were passed over)."""
    index = Pool([words[at] for at in pool.tolist()])
    found = np.full((len(takers), LOOKED), -1, np.int64)
    for row, (near_by, _) in zip(found, index.nearest([words[at] for at in takers.tolist()], LOOKED), strict=True):
        row[: len(near_by)] = pool[near_by]
    items = (
        np.unique(np.ascontiguousarray(rows.item_id).view("V16").ravel(), return_inverse=True)[1] if len(rows.item_id) else pool
    )
    place, rank = np.nonzero(found >= 0)
    ones, others = takers[place], found[place, rank]
    same = items[ones] == items[others]
    alike = Alike(forms(pc.fill_null(rows.columns[operator.of].cast(pa.large_string()), ""), folding))
    twin = alike.pairs(ones, others, least) & ~same
    gives = np.zeros(found.shape, dtype=bool)
    gives[place, rank] = ~same & ~twin
    chosen = gives & (np.cumsum(gives, axis=1) <= operator.k)
    # Those alone count as passed over that stood before the last one taken.
    last = np.where(gives.sum(axis=1) >= operator.k, chosen.shape[1] - np.argmax(chosen[:, ::-1], axis=1), chosen.shape[1])
    return [row[mine].tolist() for row, mine in zip(found, chosen, strict=True)], int((twin & (rank < last[place])).sum())


class Forms:
    """The forms of options, each text once, and their grams, each where somebody asks."""

    def __init__(self, options: list[list[str]], folding: Folding) -> None:
        texts = list(dict.fromkeys(text for each in options for text in each))
        self.form: dict[str, str] = dict(zip(texts, forms(pa.array(texts, pa.large_string()), folding).to_pylist(), strict=True))
        self.known: dict[str, frozenset[str]] = {}

    def grams(self, form: str) -> frozenset[str]:
        if form not in self.known:
            self.known[form] = grams(form)
        return self.known[form]


def merge(
    operator: Rules, items: Items, forms_of: Forms, at: int, candidates: list[int], least: Fraction, found: Merging
) -> None:
    """Give one item the wrong options of others, as long as there is room."""
    texts, convention = list(items.options[at]), items.conventions[at]
    room = operator.max_options if convention is None else min(operator.max_options, len(convention.labels))
    right = forms_of.form[texts[items.gold[at]]]
    taken = {forms_of.form[text] for text in texts}
    listed = [each for form in taken if (each := forms_of.grams(form))]
    donors, own = [], len(texts)
    for donor in candidates:
        before = len(texts)
        for place, text in enumerate(items.options[donor]):
            if len(texts) >= room:
                break
            form = forms_of.form[text]
            if place == items.gold[donor]:
                continue
            if form in right or right in form:
                found.leaks += 1
                continue
            mine = forms_of.grams(form)
            if form in taken or near(mine, listed, least):
                found.near_options += 1
                continue
            texts.append(text)
            taken.add(form)
            listed += [mine] if mine else []
        donors += [donor] if len(texts) > before else []
    if len(texts) > own:
        found.parents.append(at)
        found.texts.append(texts)
        found.donors.append(donors)
    else:
        found.refused.append((at, NO_GAIN if candidates else NO_DONOR))


def born_of(operator: Rules, rows: Parents, items: Items, found: Merging, near_questions: int, seed: int) -> Born:
    """The children with their options in the seeded order, and the figures of all of them."""
    counts = np.array([len(each) for each in found.texts], np.int64)
    parents, flat = np.array(found.parents, np.int64), [text for each in found.texts for text in each]
    child = np.repeat(np.arange(len(parents)), counts)
    ranked = ranks(seed, operator.name + operator.salt, rows.row_id[parents[child]], pa.array(flat, pa.large_string()))
    first = np.cumsum(counts) - counts
    order = np.lexsort((np.arange(len(flat)), ranked, child))
    gold = np.flatnonzero(order == (first + items.gold[parents])[child]) - first
    places = np.arange(len(flat)) - first[child]
    written = []
    for at, place in zip(order.tolist(), places.tolist(), strict=True):
        convention = items.conventions[found.parents[child[at]]]
        written.append(flat[at] if convention is None else convention.written(place, flat[at]))
    bounds = np.concatenate([[0], np.cumsum(counts)])
    cells = {
        operator.options: pa.LargeListArray.from_arrays(pa.array(bounds, pa.int64()), pa.array(written, pa.large_string())),
        operator.gold: pa.array(gold, pa.int64()),
    }
    donated = np.array([len(each) for each in found.donors], np.int64)
    donors = np.array([at for each in found.donors for at in each], np.int64)
    own = np.array([len(items.options[at]) for at in found.parents], np.int64)
    figures = {
        "children": len(parents),
        "merged": int(counts.sum() - own.sum()),
        "leaks": found.leaks,
        "near_options": found.near_options,
        "near_questions": near_questions,
        "options_before": int(own.sum()),
        "options_after": int(counts.sum()),
        "gold_rank_before": sum(twice_rank(items.options[at], int(items.gold[at])) for at in found.parents),
        "gold_rank_after": sum(
            twice_rank(each, int(items.gold[at])) for at, each in zip(found.parents, found.texts, strict=True)
        ),
    }
    return Born(parents, cells, donors, donated, np.zeros(len(parents), np.int64), found.refused, figures)


def twice_rank(options: Sequence[str], gold: int) -> int:
    """Twice the rank of the right option by length, from 1 for the shortest; equal lengths share the mean of their ranks."""
    lengths = [len(text) for text in options]
    mine = lengths[gold]
    return 2 * sum(each < mine for each in lengths) + sum(each == mine for each in lengths) + 1
