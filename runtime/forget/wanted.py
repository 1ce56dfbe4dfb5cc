"""What is to be forgotten: the rows of sources with all that was born of them, and by what else a store knows these."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from blake3 import blake3

from compiler.graph.plan import known_checkpoint
from compiler.graph.stages import AskStage, SourceStage, of_kind
from operators.base.declare import LABELS
from runtime.completions.requests import Requests
from runtime.forget.search import Sought
from runtime.life.seek import find_quarantined, rows_with, searched_tables
from runtime.life.why import Ledgers
from runtime.stages.life import row_of
from runtime.store.digest import Bytes, id_bytes
from runtime.store.store import StoreError
from runtime.tables.finding import find_row
from runtime.tables.ids import cell_digest, digest_name, hash_rows
from runtime.tables.table import ARROW, TEXT, Table, open_table

TELLING = 16
"""Characters of a cell from which on it is searched for where a row is named: a shorter one says nothing of a row."""


@dataclass
class Wanted:
    """What is to be forgotten."""

    listed: dict[str, set[str]] = field(default_factory=dict)
    """Source -> the ids under which its rows are not read."""
    rows: set[str] = field(default_factory=set)
    """The rows themselves, and those that were born of them or have text of theirs."""
    texts: list[str] = field(default_factory=list)
    """What the store is searched for."""
    cells: set[bytes] = field(default_factory=set)
    """The digests by which measured values are known."""
    addresses: set[bytes] = field(default_factory=set)
    """Of the completions that were asked for about them."""
    unknown: bool = False
    """Whether an id was given that no row of what is built has."""

    @property
    def count(self) -> int:
        """How many rows of sources."""
        return sum(map(len, self.listed.values()))


def wanted_by_row(ledgers: Ledgers, prefix: str) -> Wanted | None:
    """What a row is, by the beginning of its id; None where no row has it. Raises StoreError for several."""
    found = ledgers.find(prefix)
    if len(found) > 1:
        raise StoreError(f"{len(found)} rows begin with `{prefix}`", "give more of the id")
    if not found:
        return None
    wanted = gathered(ledgers, found)
    wanted.texts = own_texts(ledgers, wanted.rows)
    return wanted


def wanted_by_text(ledgers: Ledgers, text: str, most: int) -> Wanted:
    """All rows that a text stands in, such as could not be read too. Raises StoreError for more than so many."""
    found = list(islice(rows_holding(ledgers, text), most + 1))
    unread = [each for form in Sought([text]).texts for each in find_quarantined(ledgers, form, most + 1)[0]]
    bad = {(each["source"], cell_digest(each["raw"])) for each in unread}
    if len(found) > most or len(bad) > most:
        raise StoreError(f"more than {most:,} rows hold this text", "say more of it, or a larger --most")
    wanted = gathered(ledgers, found)
    for source, digest in bad:
        wanted.listed.setdefault(source, set()).add(digest)
    wanted.texts = [text]
    return wanted


def rows_holding(ledgers: Ledgers, text: str) -> Iterator[str]:
    """The rows in which a text stands, as it is or as JSON has it, when they were read or born, or as maps left them."""
    records = dict(ledgers.records())
    outputs = [records[index].table for index in ledgers.graph.outputs.values() if index in records]
    told = set[str]()
    for tree in (*(table.tree for table in searched_tables(ledgers)), *outputs):
        for form in Sought([text]).texts:
            for row_id in rows_with(open_table(ledgers.store, tree), form):
                if row_id not in told:
                    told.add(row_id)
                    yield row_id


def gathered(ledgers: Ledgers, found: Iterable[str]) -> Wanted:
    """The rows of sources that some rows are, or were born of, with what was born of them."""
    wanted = Wanted()
    origins = {row_id: origin_of(ledgers, row_id) for row_id in found}
    read = {row_id for row_id, (root, _) in origins.items() if row_id == root}
    # A row that was given a text by one that is to be forgotten goes with that one, and its own root stays.
    given = {row_id for row_id, (root, donors) in origins.items() if root not in read and donors & read}
    for root in dict.fromkeys(root for row_id, (root, _) in origins.items() if row_id not in given):
        wanted.rows |= family(ledgers, root)
        for source, base in bases(ledgers, root):
            wanted.listed.setdefault(source, set()).add(base)
    wanted.cells |= set(cells_of(ledgers, wanted.rows))
    wanted.addresses |= set(addresses_of(ledgers, wanted.rows))
    return wanted


def origin_of(ledgers: Ledgers, row_id: str) -> tuple[str, set[str]]:
    """(the row that a row was born of first, itself where it was read; the rows that gave text on the way, by their own)."""
    donors, new = set[str](), set[str]()
    for _ in range(64):
        births = [event for event in ledgers.life(row_id).events if event["fate"] == "born" and event["copy_of"]]
        if not births:
            break
        row_id, new = births[-1]["copy_of"], new | set(births[-1].get("donors", ()))
    while new:
        donor = new.pop()
        if donor not in donors:
            donors.add(donor)
            root, more = origin_of(ledgers, donor)
            donors.add(root)
            new |= more
    return row_id, donors


def family(ledgers: Ledgers, root: str) -> set[str]:
    """A row with all that was born of it, or has text of it."""
    rows, new = {root}, [root]
    while new:
        life = ledgers.life(new.pop())
        born = [*ledgers.children(life), *(each for event in life.events for each in event.get("gave_to", ()))]
        new += [each for each in dict.fromkeys(born) if each not in rows]
        rows.update(born)
    return rows


def as_id(row_id: str) -> Bytes:
    """(16,) the bytes of an id."""
    return np.frombuffer(bytes.fromhex(row_id), dtype=np.uint8)


def places(table: Table, rows: Iterable[str]) -> list[int]:
    """Where some rows stand in a table, of those that do."""
    found = (find_row(table, as_id(row_id)) for row_id in rows)
    return sorted(place for place in found if place is not None)


def bases(ledgers: Ledgers, root: str) -> Iterator[tuple[str, str]]:
    """(source, id of a row before equal ones were told apart): a copy has the text of the row that it is one of."""
    for source, ids in ledgers.session.forgotten.items():
        if root in ids:
            yield source, root
    records = dict(ledgers.records())
    for stage in of_kind(SourceStage, ledgers.graph, records):
        table = open_table(ledgers.store, records[stage.index].table)
        columns = {name: kind for name, kind in stage.operator.made().items() if name not in LABELS}
        for place in places(table, [root]):
            ((_, cells),) = table.batches(list(columns), 1, place, place + 1)
            content = pa.table({name: cells[name].cast(ARROW[kind]) for name, kind in columns.items()})
            yield stage.node.label, hash_rows(stage.node.label, content, columns)["row_id"][0].tobytes().hex()


def cells_of(ledgers: Ledgers, rows: set[str]) -> Iterator[bytes]:
    """The digests of the text cells of some rows, at every stage, and those that segments of them lie under."""
    for _, record in ledgers.records():
        table = open_table(ledgers.store, record.table)
        names = [name for name, kind in table.columns.items() if kind in TEXT]
        for place in places(table, rows):
            for name in names:
                yield from (each.tobytes() for each in id_bytes(table.window(digest_name(name), place, place + 1)))
            cells = row_of(table, place)
            yield from (blake3(cells[name].encode()).digest(16) for name in names if isinstance(cells[name], str))


def addresses_of(ledgers: Ledgers, rows: set[str]) -> Iterator[bytes]:
    """Where the completions of what was asked about some rows lie."""
    records = dict(ledgers.records())
    for stage in of_kind(AskStage, ledgers.graph):
        if stage.looked_up or stage.rows not in records:
            continue
        table, operator = open_table(ledgers.store, records[stage.rows].table), stage.operator
        requests = Requests(known_checkpoint(ledgers.graph, stage.index, ledgers.addresses), table)
        for place in places(table, rows):
            cells = row_of(table, place)
            messages = operator.messages({name: cells[name] for name in stage.node.carried}, stage.node.entries)
            if messages is not None:
                yield from (requests.address(messages, each) for each in range(operator.samples))


def own_texts(ledgers: Ledgers, rows: set[str]) -> list[str]:
    """The cells of some rows by which these are known: long enough, and of no other row."""
    tables, told, others = list(searched_tables(ledgers)), set[str](), set[str]()
    names = {at: [name for name, kind in table.columns.items() if kind in TEXT] for at, table in enumerate(tables)}
    mine = {at: set(places(table, rows)) for at, table in enumerate(tables)}
    for at, table in enumerate(tables):
        for place in mine[at]:
            cells = row_of(table, place)
            told |= {text for name in names[at] for text in texts_in(cells[name]) if len(text) >= TELLING}
    sought = pa.array(sorted(told), pa.large_string())
    for at, table in enumerate(tables if told else ()):
        for start, batch in table.batches(names[at]) if names[at] else ():
            for column in batch.values():
                others |= shared(column, sought, {place - start for place in mine[at]})
    return sorted(told - others)


def texts_in(cell: Any) -> list[str]:
    """The texts of a cell, be it one or a list."""
    return [each for each in (cell if isinstance(cell, list) else [cell]) if isinstance(each, str)]


def shared(column: pa.Array, sought: pa.Array, mine: set[int]) -> set[str]:
    """Those of some texts that a column has in rows besides those at `mine`."""
    parents = np.arange(len(column))
    if pa.types.is_large_list(column.type):
        parents, column = pc.list_parent_indices(column).to_numpy(zero_copy_only=False), pc.list_flatten(column)
    hits = np.flatnonzero(pc.is_in(column, value_set=sought).to_numpy(zero_copy_only=False))
    return {column[at].as_py() for at in hits.tolist() if int(parents[at]) not in mine}
