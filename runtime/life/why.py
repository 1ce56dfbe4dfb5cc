"""Why: a row's whole life, read back from the ledgers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from compiler.graph.plan import known_checkpoint
from compiler.graph.stages import AskStage, of_kind, stages
from runtime.build.session import Session
from runtime.completions.memo import CompletionMemo
from runtime.completions.requests import Requests
from runtime.stages.life import Life, row_of
from runtime.stages.table import kind_at
from runtime.store.digest import Bytes
from runtime.store.record import Record
from runtime.tables.finding import find_row, rows_starting
from runtime.tables.table import open_table


@dataclass
class Ledgers:
    """The records of a recipe's stages, as far as they are built."""

    session: Session

    def __post_init__(self) -> None:
        self.store, self.graph = self.session.open_store(), self.session.graph
        self.addresses = self.session.addresses(self.store)

    def records(self) -> Iterator[tuple[int, Record]]:
        for stage in stages(self.graph):
            if (record := self.store.find(self.addresses.key(stage.index))) is not None:
                yield stage.index, record

    def find(self, prefix: str) -> list[str]:
        """The row ids that begin with a prefix, of sources and of rows that were born later."""
        row_ids: dict[str, None] = {}
        for index, record in self.records():
            if kind_at(self.graph, index).bears or record.counts["born"]:
                row_ids |= dict.fromkeys(rows_starting(open_table(self.store, record.table), prefix))
        row_ids |= dict.fromkeys(each for ids in self.session.forgotten.values() for each in ids if each.startswith(prefix))
        return list(row_ids)

    def children(self, life: Life) -> list[str]:
        """The rows that were born of a row: its completions, and those that an expand stage made."""
        row_ids: dict[str, None] = {}
        for event in life.events:
            if event["fate"] == "asked" and event["completion"] is not None and event["reason"] is None:
                row_ids[event["completion"]] = None
            row_ids |= dict.fromkeys(event.get("children", ()))
        return list(row_ids)

    def onward(self, row_id: str) -> Life:
        """The life of a row from its birth on: what came before is its parent's."""
        life = self.life(row_id)
        births = [at for at, event in enumerate(life.events) if event["fate"] == "born"]
        life.events = life.events[births[-1] :] if births else life.events
        return life

    def life(self, row_id: str, until: int | None = None) -> Life:
        """Every event of a row, in the order of the graph; those before a node where `until` says so."""
        life = Life(row_id)
        for index, record in self.records():
            if index == until:
                break
            place = find_row(open_table(self.store, record.table), life.id)
            kind_at(self.graph, index).live(self, record, life, place)
        for source, ids in self.session.forgotten.items():
            if row_id in ids:
                life.add(source, "forgotten")
        if until is None:
            life.events += self.failed_events(life.id)
        return life

    def cells(self, record: Record, place: int) -> dict[str, Any]:
        """The cells of one row of the table that a stage made."""
        return row_of(open_table(self.store, record.table), place)

    def failed_events(self, wanted: Bytes) -> Iterator[dict[str, Any]]:
        """Requests about a row that failed, of stages that stopped for it and so have no record."""
        memo = CompletionMemo(self.store)
        for stage in of_kind(AskStage, self.graph):
            operator, node = stage.operator, stage.node
            if not memo.exists or self.addresses.address(stage.index) is not None:
                continue
            if (record := self.store.find(self.addresses.key(stage.rows))) is None:
                continue
            table = open_table(self.store, record.table)
            if (place := find_row(table, wanted)) is None:
                continue
            requests = Requests(known_checkpoint(self.graph, stage.index, self.addresses), table)
            row = row_of(table, place)
            messages = operator.messages({name: row[name] for name in node.carried}, node.entries)
            samples = [] if messages is None else [requests.address(messages, each) for each in range(operator.samples)]
            failed = [f"{reason} (the next build asks again)" for reason in memo.failures(samples).values()]
            failed += [f"{reason} (refused; asked again with --retry-refused)" for reason in memo.refusals(samples).values()]
            for reason in failed:
                yield {"stage": f"{node.table}/{node.label}", "fate": "asked", "completion": None, "reason": reason}
        memo.close()
