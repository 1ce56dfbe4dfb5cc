"""Orders of ids, and where one stands among sorted ones."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np

from runtime.store.digest import Bytes

MANY = 1 << 19
"""Beyond so many numbers two threads sort them."""


def sorted_order(ids: Bytes) -> np.ndarray:
    """The order that sorts ids as bytes."""
    return settled(argsorted(halves(ids)[0]), ids)


def tied_order(ids: Bytes, ties: Bytes) -> np.ndarray:
    """The order that sorts ids as bytes, and equal ones by their ties."""
    (high, low), (first, second) = halves(ids), halves(ties)
    return np.lexsort((second, first, low, high))


def argsorted(numbers: np.ndarray) -> np.ndarray:
    """The order of unsigned 64-bit numbers: where they are many, the upper half of their range is sorted beside the lower."""
    if len(numbers) < MANY:
        return np.argsort(numbers)
    upper = numbers >> np.uint64(63) != 0

    def part(chosen: np.ndarray) -> np.ndarray:
        places = np.flatnonzero(chosen)
        return places[np.argsort(numbers[places])]

    with ThreadPoolExecutor(1) as pool:
        last = pool.submit(part, upper)
        return np.concatenate([part(~upper), last.result()])


def settled(order: np.ndarray, ids: Bytes) -> np.ndarray:
    """An order that sorts the first halves of ids, or that which sorts them whole where two share a half."""
    high, low = halves(ids)
    ranked = high[order]
    ties = np.flatnonzero(ranked[1:] == ranked[:-1])
    # Equal first halves are equal rows, or so rare that the full sort may pay for them.
    if ties.size and not (low[order[ties + 1]] >= low[order[ties]]).all():
        return np.lexsort((low, high))
    return order


def places_of(ids: Bytes, wanted: Bytes) -> np.ndarray:
    """Where each of the wanted ids stands among sorted ones, all of which are there."""
    (high, low), (first, second) = halves(ids), halves(wanted)
    places = np.searchsorted(high, first)
    while (elsewhere := low[places] != second).any():  # ids that share their first half stand side by side
        places[elsewhere] += 1
    return places


def starting(ids: Bytes, prefix: str) -> list[str]:
    """The sorted ids that begin with hexadecimal digits."""
    low = np.frombuffer(bytes.fromhex(prefix.ljust(32, "0")), dtype=np.uint8)
    found = []
    for place in range(lower_bound(ids, low), len(ids)):
        text = ids[place].tobytes().hex()
        if not text.startswith(prefix):
            break
        found.append(text)
    return found


def lower_bound(ids: Bytes, wanted: Bytes) -> int:
    """The place of the first id that is not below."""
    low, high = 0, len(ids)
    target = wanted.tobytes()
    while low < high:
        middle = (low + high) // 2
        if ids[middle].tobytes() < target:
            low = middle + 1
        else:
            high = middle
    return low


def position(ids: Bytes, wanted: Bytes) -> int | None:
    """Where an id stands among sorted ones."""
    place = lower_bound(ids, wanted)
    return place if place < len(ids) and ids[place].tobytes() == wanted.tobytes() else None


def halves(ids: Bytes) -> tuple[np.ndarray, np.ndarray]:
    """Ids as two 64-bit numbers that sort as the bytes do."""
    words = np.ascontiguousarray(ids).view(">u8").astype(np.uint64)
    return words[:, 0], words[:, 1]
