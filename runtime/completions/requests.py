"""The requests of a step that asks a model: made from the rows of its table, in their order, each under its address."""

from __future__ import annotations

import json
from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from blake3 import blake3

from compiler.graph.nodes import Node
from compiler.text.canonical import canonical
from operators.asks.asks import Asks, Messages
from runtime.completions.engines.engine import Request
from runtime.tables.table import Table

ROWS = 4096
"""Rows that are read at a time: their prompts are in memory."""

Addresses = np.ndarray[Any, np.dtype[np.uint8]]


@dataclass(frozen=True)
class Row:
    """One row of the table with what is asked about it."""

    place: int
    cells: Mapping[str, Any]
    messages: Messages | None


def asked_model(node: Node) -> str:
    """What the completions of a node's model are kept under; empty for a checkpoint that is not trained yet."""
    model = node.entries["model"]
    return str(model["id"]) if "id" in model else f"checkpoint {model['checkpoint'][:16]}" if "checkpoint" in model else ""


class Requests:
    """All that one node wants to know; nothing is kept but addresses."""

    def __init__(self, node: Node, table: Table) -> None:
        assert isinstance(node.operator, Asks)
        self.node, self.table, self.operator = node, table, node.operator
        self.sampling = self.operator.sampling()
        # All but messages and sample number, which come between the two halves.
        about = {"model": node.entries["model"], "sampling": self.sampling}
        self.about = blake3(as_json(canonical(about)))

    def rows(self) -> Iterator[Row]:
        """Every row, in order."""
        reads = list(self.node.carried)
        for start, batch in self.table.batches(reads, ROWS):
            columns = {name: column.to_pylist() for name, column in batch.items()}
            for at in range(len(next(iter(columns.values())))):
                cells = {name: column[at] for name, column in columns.items()}
                yield Row(start + at, cells, self.operator.messages(cells, self.node.entries))

    def address(self, messages: Messages, sample: int) -> bytes:
        """What decides one completion, hashed: model, messages, sampling and the number of the sample."""
        hasher = self.about.copy()
        hasher.update(as_json([list(map(list, messages)), sample]))
        return hasher.digest()

    @cached_property
    def addresses(self) -> Addresses:
        """(rows, samples, 32): the address of each sample of each row; zeros where nothing is asked."""
        samples = self.operator.samples
        addresses = np.zeros((self.table.rows, samples, 32), dtype=np.uint8)
        for row in self.rows():
            if row.messages is not None:
                for sample in range(samples):
                    addresses[row.place, sample] = np.frombuffer(self.address(row.messages, sample), np.uint8)
        return addresses

    @cached_property
    def wanted(self) -> list[bytes]:
        """Every address once, in the order of the rows."""
        flat = self.addresses.reshape(-1, 32)
        return [each for each in dict.fromkeys(map(bytes, flat)) if any(each)]

    def of(self, addresses: Container[bytes]) -> Iterator[Request]:
        """The requests with these addresses, each once, in the order of the rows."""
        sent: set[bytes] = set()
        for row in self.rows():
            for address in map(bytes, self.addresses[row.place]):
                if row.messages is not None and address in addresses and address not in sent:
                    sent.add(address)
                    yield Request(address, row.messages, self.sampling, int.from_bytes(address[:4], "big") >> 1)


def as_json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=True, separators=(",", ":"), sort_keys=True).encode()
