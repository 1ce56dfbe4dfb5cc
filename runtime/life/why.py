"""Why: a row's whole life, read back from the ledgers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from compiler.graph.nodes import Graph
from compiler.graph.plan import Addresses, known_checkpoint, stage_name
from operators.asks.asks import Asks
from operators.asks.attach import Attach
from operators.base.declare import Measure
from operators.declared.aggregate import Aggregate
from operators.declared.source import Source
from operators.grow.expand import Expand
from operators.learn.train import Train
from operators.sets.combine import Combine
from operators.sets.output import Output
from runtime.completions.memo import CompletionMemo
from runtime.completions.requests import Requests
from runtime.life.remarks import told_of
from runtime.store.digest import Bytes, id_bytes
from runtime.store.record import AttachedRecord, ChildrenRecord, DecisionRecord, Record, SourceRecord
from runtime.store.store import Store, of_kind
from runtime.tables.ids import child_ids, position, starting
from runtime.tables.lineage import born_of, kin_of
from runtime.tables.table import Table, open_table, read_table, whole


@dataclass
class Life:
    """What became of one row."""

    row_id: str
    events: list[dict[str, Any]] = field(default_factory=list)
    cells: dict[str, Any] = field(default_factory=dict)
    license: str = "unknown"


@dataclass
class Ledgers:
    """The records of a recipe's stages, as far as they are built."""

    store: Store
    graph: Graph
    addresses: Addresses

    def records(self) -> Iterator[tuple[int, Record]]:
        for index, node in self.graph:
            if node.cut and (key := self.addresses.key(index)) is not None:
                record = self.store.find(key)
                if record is not None:
                    yield index, record

    def find(self, prefix: str) -> list[str]:
        """The row ids that begin with a prefix, of sources and of rows that were born later."""
        found: dict[str, None] = {}
        for index, record in self.records():
            node = self.graph.nodes[index]
            if isinstance(node.operator, Source | Attach) or record.counts["born"]:
                for place in starting(id_bytes(open_table(self.store, record.table).frame("row_id")), prefix):
                    found[place] = None
        return list(found)

    def bore(self, life: Life) -> list[str]:
        """The rows that were born of a row: its completions, and the children that a stage gave it."""
        told: dict[str, None] = {}
        for event in life.events:
            if event["fate"] == "asked" and event["completion"] is not None and event["reason"] is None:
                told[event["completion"]] = None
            told |= dict.fromkeys(event.get("children", ()))
        return list(told)

    def onward(self, row_id: str) -> Life:
        """The life of a row from its birth on: what came before is told with its parent."""
        life = self.life(row_id)
        born = [at for at, event in enumerate(life.events) if event["fate"] == "born"]
        life.events = life.events[born[-1] :] if born else life.events
        return life

    def life(self, row_id: str, until: int | None = None) -> Life:
        """Every event of a row, in the order of the graph; those before a node where `until` says so."""
        life = Life(row_id)
        wanted = np.frombuffer(bytes.fromhex(row_id), dtype=np.uint8)
        for index, record in self.records():
            if index == until:
                break
            node = self.graph.nodes[index]
            name = stage_name(self.graph, index)
            table = open_table(self.store, record.table)
            place = position(id_bytes(table.frame("row_id")), wanted)
            match node.operator:
                case Source():
                    if place is not None:
                        life.license = node.operator.license
                        life.cells = row_of(table, place)
                        life.events.append(
                            {
                                "stage": name,
                                "fate": "read",
                                "category": node.operator.category,
                                "license": node.operator.license,
                                "item_id": id_bytes(table.frame("item_id"))[place].tobytes().hex(),
                                "files": [shown for shown, _, _ in of_kind(record, SourceRecord).files],
                            }
                        )
                case Combine():
                    if place is not None:
                        life.events.append({"stage": name, "fate": "combined"})
                case Asks():
                    pass  # told where its completions get the columns of their rows
                case Train():
                    if place is not None:
                        life.events.append({"stage": name, "fate": f"trained on, checkpoint {record.digest[:12]}"})
                case Aggregate():
                    pass  # counts of answers, whose rows are no one's children
                case Attach():
                    self.asked_event(index, of_kind(record, AttachedRecord), f"{node.table}/{node.label}", life, place)
                case Expand():
                    if place is not None:
                        self.expand_event(index, of_kind(record, ChildrenRecord), name, life, place)
                case Output():
                    if place is not None:
                        life.events.append({"stage": name, "fate": "in the output", "digest": record.digest})
                case _:
                    if place is not None and life.cells:
                        # Columns that are made on the way, such as an answer and its score, are the row's too.
                        life.cells = {**row_of(table, place), **life.cells}
                    decided = of_kind(record, DecisionRecord)
                    event = self.decision_event(index, decided, wanted)
                    if event is not None:
                        life.events.append({"stage": name, **event})
                    elif place is not None:
                        parent = self.parent(index, decided, row_id)
                        life.cells = life.cells or row_of(table, place)
                        life.license = str(life.cells.get("license", life.license))
                        life.events.append({"stage": name, "fate": "born", "copy_of": parent})
        if until is None:
            life.events += self.failed_events(wanted)
        return life

    def failed_events(self, wanted: Bytes) -> Iterator[dict[str, Any]]:
        """Requests about a row that failed, of stages that stopped for it and so have no record."""
        memo = CompletionMemo(self.store)
        for index, node in self.graph:
            operator = node.operator
            if not isinstance(operator, Asks) or not memo.exists or self.addresses.address(index) is not None:
                continue
            key = self.addresses.key(node.inputs[0])
            record = self.store.find(key) if key is not None else None
            table = None if record is None else open_table(self.store, record.table)
            place = None if table is None else position(id_bytes(table.frame("row_id")), wanted)
            if table is None or place is None:
                continue
            requests = Requests(known_checkpoint(self.graph, index, self.addresses), table)
            messages = operator.messages(row_of(table, place), node.entries)
            samples = [] if messages is None else [requests.address(messages, each) for each in range(operator.samples)]
            failed = [f"{reason} (the next build asks again)" for reason in memo.failures(samples).values()]
            failed += [f"{reason} (refused; asked again with --retry-refused)" for reason in memo.refusals(samples).values()]
            for reason in failed:
                yield {"stage": f"{node.table}/{node.label}", "fate": "asked", "completion": None, "reason": reason}
        memo.close()

    def expand_event(self, index: int, record: ChildrenRecord, name: str, life: Life, place: int) -> None:
        """Of whom a row was born, with the life of that row before it, or what it bore and gave itself."""
        wanted = np.frombuffer(bytes.fromhex(life.row_id), dtype=np.uint8)
        origin = born_of(self.store, record, wanted)
        if origin is None:
            kin = kin_of(self.store, record, wanted)
            life.events.append({"stage": name, "fate": "stays", **kin})
            return
        life.events = self.life(origin[0], until=index).events
        life.cells = row_of(open_table(self.store, record.table), place)
        life.license = str(life.cells["license"])
        told = told_of(self.graph.nodes[index], record)
        life.events.append({"stage": name, "fate": "born", "copy_of": origin[0], "donors": origin[1], "told": told})

    def asked_event(self, index: int, record: AttachedRecord, name: str, life: Life, place: int | None) -> None:
        """What a model was asked about a row, or what a completion was born of, with the life of that row before it."""
        asked = read_table(self.store, record.asked)
        ids, parents = (id_bytes(whole(asked.column(column))) for column in ("row_id", "parent"))
        wanted = np.frombuffer(bytes.fromhex(life.row_id), dtype=np.uint8)
        reasons = whole(asked.column("reason"))
        own = position(ids, wanted)
        if own is not None:
            parent = parents[own].tobytes().hex()
            reason = reasons[own].as_py()
            if parent != life.row_id:
                before = self.life(parent, until=index)
                life.events = before.events
                life.cells, life.license = before.cells, before.license
            if place is not None:
                life.cells = row_of(open_table(self.store, record.table), place)
                life.license = str(life.cells["license"])
            fate = "dropped" if reason is not None else "answered" if parent == life.row_id else "born"
            told = {"fate": fate, "steps": [], "copy_of": parent if fate == "born" else None, "reason": reason}
            life.events.append({"stage": name, **told, "dropped_by": self.graph.nodes[index].label})
            return
        for at in np.flatnonzero((parents == wanted).all(axis=1)).tolist():
            reason = reasons[at].as_py()
            child = ids[at].tobytes().hex()
            life.events.append({"stage": name, "fate": "asked", "completion": child, "reason": reason})

    def decision_event(self, index: int, record: DecisionRecord, wanted: Bytes) -> dict[str, Any] | None:
        """What a stage decided of a row, with every measured value; None where it never came there."""
        ledger = read_table(self.store, record.ledger)
        place = position(id_bytes(whole(ledger.column("row_id"))), wanted)
        if place is None:
            return None
        node = self.graph.nodes[index]
        run = self.graph.run(node.inputs[0])
        dropped = int(ledger.column("dropped_by")[place].as_py())
        steps = []
        for number, at in enumerate(run, start=1):
            decision = self.graph.nodes[at]
            operator = decision.operator
            assert isinstance(operator, Measure)
            values = self.values(record, ledger, number - 1, operator, place)
            verdict = "dropped" if dropped == number else "passed" if dropped == 0 or number < dropped else "not decided"
            steps.append(
                {
                    "step": decision.label,
                    "verdict": verdict,
                    "wanted": operator.wanted(),
                    "values": values,
                    "measured": "not measured" if values is None else operator.wording(values),
                    "quoted": None if values is None else operator.quoted(values),
                }
            )
        event: dict[str, Any] = {"fate": "kept" if dropped == 0 else "dropped", "steps": steps}
        if dropped:
            event["dropped_by"] = node.label if dropped > len(run) else self.graph.nodes[run[dropped - 1]].label
        detail = ledger.column("detail")[place].as_py()
        if detail is not None and (dropped == 0 or dropped > len(run)):
            event["kept_instead" if node.operator.name == "unique" else "rank"] = detail.hex
        if event.get("kept_instead") == bytes(wanted).hex():
            del event["kept_instead"]
        return event

    def values(
        self, record: DecisionRecord, ledger: Any, step: int, operator: Measure, place: int
    ) -> dict[str, int | None] | None:
        """A row's measured values, or None where it was not measured."""
        beside = record.measured[step]
        table = ledger if beside is None else read_table(self.store, beside)
        raw = {
            value: table.column(f"{step + 1}.{value}" if beside is None else value)[place].as_py() for value in operator.values
        }
        if any(value is None for value in raw.values()):
            return None
        return {name: None if value < 0 else value for name, value in raw.items()}

    def parent(self, index: int, record: DecisionRecord, row_id: str) -> str | None:
        """The row that a repeated one is a copy of."""
        ledger = read_table(self.store, record.ledger)
        parents = id_bytes(whole(ledger.column("row_id")))
        for copy in range(1, 100):
            ids = child_ids(parents, self.graph.nodes[index].operator.name, np.full(len(parents), copy))
            hit = np.flatnonzero((ids == np.frombuffer(bytes.fromhex(row_id), dtype=np.uint8)).all(axis=1))
            if hit.size:
                return str(parents[hit[0]].tobytes().hex())
        return None


def row_of(table: Table, place: int) -> dict[str, Any]:
    """The cells of one row."""
    for start, batch in table.batches(list(table.columns)):
        count = len(next(iter(batch.values())))
        if start <= place < start + count:
            return {name: column[place - start].as_py() for name, column in batch.items()}
    raise AssertionError(f"row {place} is beyond the table")
