"""Which leaks of benchmark items decontamination finds, by kind, and how many clean rows it takes for one.

    python benchmarks/leaks.py [--items 400] [--clean 60000] [--seed 1] [--datatrove PYTHON] [--data ../shared/data]

Items are real ones, mostly Korean: exams, word problems, sentences, docstrings. Each leaks once in every way that changes
it. Near-topic rows are of the same and like sets and share no 40 characters with an item; clean rows have nothing to do
with them. Prints Markdown, and the flagged clean rows for review. `--datatrove` names an interpreter that has
`datatrove[multilingual,io,processing]==0.10.1` and `kiwipiepy<0.22`; without, its column is left out.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from random import Random

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from leaking import corpora, naive, ours, peers
from leaking.corpora import Item, Row
from leaking.counting import Shared, markdown, upper_bound
from leaking.kinds import kinds
from leaking.reviewed import OVERLAPS

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
#: A text that so many near-topic rows have is a stem of questions, and tells of none of them.
USUAL = 3
Flag = Callable[[list[str], list[list[str]]], list[set[str]]]
"""Rows and the texts of items, of which the first is the question -> the names of the passes that fire for each row."""


@dataclass(frozen=True)
class Tool:
    """What is measured: a name for its columns, the passes that it has, and what asks it."""

    name: str
    passes: tuple[str, ...]
    flag: Flag

    def columns(self) -> dict[str, set[str]]:
        """Heading -> the passes of which one has to fire."""
        alone = {f"{self.name}: {each}": {each} for each in self.passes}
        if not set(naive.PASSES) <= set(self.passes):
            return alone
        return alone | {f"{self.name}: paper": {"segments", "raw"}, f"{self.name}: any": set(self.passes)}


TOOLS = [
    Tool("plain", tuple(naive.PASSES), naive.flag),
    Tool("open-r1", ("8 words",), peers.whitespace_8),
]


def leaks(items: list[Item], fillers: list[str], seed: int) -> Iterator[Row]:
    """Every item in every way that changes it; a translation where there is one."""
    for item in items:
        for kind, change in kinds(fillers).items():
            text = change(item.text, Random(f"{seed}/{kind}/{item.id}"))
            if text != item.text or kind == "exact":
                yield Row(item.id, kind, text)
        for kind, text in item.parallels.items():
            yield Row(item.id, kind, text)


@dataclass(frozen=True)
class Asked:
    """The rows of one run, and for each column whether it fires for each of them."""

    rows: list[Row]
    fired: dict[str, list[bool]]

    def places(self, chosen: Callable[[Row], bool]) -> list[int]:
        return [place for place, row in enumerate(self.rows) if chosen(row)]

    def hits(self, places: list[int]) -> list[int]:
        return [sum(map(fired.__getitem__, places)) for fired in self.fired.values()]

    def shares(self, places: list[int]) -> list[str]:
        return [f"{hits / len(places):.3f}" for hits in self.hits(places)]


def ask(tools: list[Tool], rows: list[Row], items: list[Item]) -> Asked:
    fired: dict[str, list[bool]] = {}
    texts, known = [row.text for row in rows], [list(item.texts) for item in items]
    first: dict[tuple[str, ...], tuple[str, list[set[str]]]] = {}
    for tool in tools:
        started = time.perf_counter()
        told = tool.flag(texts, known)
        print(f"{tool.name}: {time.perf_counter() - started:.0f} s", file=sys.stderr)
        name, before = first.setdefault(tool.passes, (tool.name, told))
        if name != tool.name:
            print(f"{tool.name} differs from {name} in {sum(a != b for a, b in zip(told, before, strict=True))} rows")
        for heading, passes in tool.columns().items():
            fired[heading] = [bool(each & passes) for each in told]
    return Asked(rows, fired)


def recall(asked: Asked, leaked: set[str], sources: list[str]) -> None:
    """Prints the share of leaks that is found: by kind, and for the paper's two passes by kind and set."""
    table, apart = [], []
    paper = next(heading for heading in asked.fired if heading.endswith(": paper"))
    for kind in leaked_in_order(asked.rows, leaked):
        places = asked.places(lambda row, kind=kind: row.group == kind)
        table.append([kind, str(len(places)), *asked.shares(places)])
        cells = []
        for source in sources:
            own = [place for place in places if asked.rows[place].id.startswith(f"{source}/")]
            cells.append(f"{sum(map(asked.fired[paper].__getitem__, own)) / len(own):.2f} ({len(own)})" if own else "-")
        apart.append([kind, *cells])
    print(f"\n{markdown(['leak', 'n', *asked.fired], table)}")
    print(f"\n`{paper}` by set (rows):\n\n{markdown(['leak', *sources], apart)}")


def leaked_in_order(rows: list[Row], leaked: set[str]) -> list[str]:
    return list(dict.fromkeys(row.group for row in rows if row.group in leaked))


def alarms(asked: Asked, near: set[str], clean: set[str]) -> None:
    """Prints how many rows are flagged that are no leaks, and how often that happens at most."""
    table = []
    for group in dict.fromkeys(row.group for row in asked.rows if row.group in near | clean):
        places = asked.places(lambda row, group=group: row.group == group)
        table.append([f"{'near' if group in near else 'clean'}: {group}", str(len(places)), *map(str, asked.hits(places))])
    every = asked.places(lambda row: row.group in clean)
    false = [place for place in every if asked.rows[place].id not in OVERLAPS]
    table.append(["**clean, all**", str(len(every)), *map(str, asked.hits(every))])
    table.append(["**without reviewed overlaps**", str(len(false)), *map(str, asked.hits(false))])
    bounds = [f"{upper_bound(hits, len(false)) * 10_000:.2f}" for hits in asked.hits(false)]
    table.append(["**at most, in 10,000 (95 %)**", "", *bounds])
    print(f"\n{markdown(['flagged', 'n', *asked.fired], table)}")


def review(asked: Asked, clean: set[str], items: list[Item], most: int) -> None:
    """Prints flagged clean rows with the longest text that each shares with an item, so that a person can judge."""
    shared = Shared([item.text for item in items])
    size = naive.PASSES["squeezed"].size
    for heading, fired in asked.fired.items():
        if heading.endswith((": paper", ": any")):
            continue
        flagged = [asked.rows[place] for place in asked.places(lambda row: row.group in clean) if fired[place]]
        found = [(row, *shared.longest(row.text)) for row in flagged]
        little = sum(len(text) < size for _, _, text in found)
        print(f"\n{heading}: {len(flagged)} clean rows, {little} of them share fewer than {size} characters with any item")
        for row, item, text in found[:most]:
            where = items[item].id if item >= 0 else "no item"
            verdict = OVERLAPS.get(row.id, "not reviewed")
            print(f"  {row.id} shares {len(text)} characters with {where}: {text[:60]!r} ({verdict})")


def stems(asked: Asked, near: set[str], items: list[Item]) -> None:
    """Prints how many flagged near-topic rows share with an item only what stands in many rows: stems of questions."""
    shared = Shared([item.text for item in items])
    texts = [naive.squeezed(row.text) for row in asked.rows if row.group in near]
    for heading, fired in asked.fired.items():
        flagged = [asked.rows[place] for place in asked.places(lambda row: row.group in near) if fired[place]]
        told = [shared.longest(row.text)[1] for row in flagged]
        usual = {text: sum(text in other for other in texts) >= USUAL for text in set(told)}
        print(f"{heading}: {len(flagged)} near-topic rows, {sum(map(usual.get, told))} by text of {USUAL} or more of them")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--items", type=int, default=400)
    parser.add_argument("--clean", type=int, default=60_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--review", type=int, default=10, help="flagged clean rows shown for each column")
    parser.add_argument("--datatrove", metavar="PYTHON", help="an interpreter that has datatrove")
    parser.add_argument("--data", type=Path, default=DATA)
    options = parser.parse_args()
    if not options.data.is_dir():
        sys.exit(f"the real data is not in {options.data}")
    items, others = corpora.drawn(options.data, options.items, options.seed)
    beside = [(item.source, item.texts) for item in others]
    parts = [item.parts for item in items]
    own = partial(ours.flag, [item.source for item in items], beside, parts=parts)
    tools = [*TOOLS, Tool("decontaminate", (*naive.PASSES, "parts"), own)]
    if options.datatrove:
        tools.append(Tool("datatrove", ("13 words",), partial(peers.datatrove, options.datatrove)))
    else:
        print("datatrove is left out: --datatrove names no interpreter that has it")
    near, left_out = corpora.near(options.data, items, others)
    clean = corpora.clean(options.data, options.clean, options.seed)
    known = {piece for item in items for piece in corpora.pieces(item.text, naive.PASSES["squeezed"].size)}
    fillers = [row.text for row in clean if row.group in ("kin", "kqma") and 100 <= len(row.text) <= 600]
    fillers = [text for text in fillers if known.isdisjoint(corpora.pieces(text, naive.PASSES["squeezed"].size))]
    made = list(leaks(items, fillers, options.seed))
    asked = ask(tools, [*made, *near, *clean], items)
    print(f"{len(items)} items, {len(made)} leaks, {len(near)} near-topic rows ({left_out} left out), {len(clean)} clean rows")
    print(f"seed {options.seed}, kiwipiepy {importlib.metadata.version('kiwipiepy')}")
    leaked, topic, apart = ({row.group for row in rows} for rows in (made, near, clean))
    recall(asked, leaked, list(corpora.BENCHMARKS))
    alarms(asked, topic, apart)
    print()
    stems(asked, topic, items)
    review(asked, apart, items, options.review)


if __name__ == "__main__":
    main()
