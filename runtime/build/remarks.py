"""What a build tells of rows that no decision dropped and a person should know of, and of those that were born."""

from __future__ import annotations

from compiler.graph.nodes import Graph
from runtime.build.built import Built
from runtime.stages.table import kind_at
from runtime.store.store import Store


def remark_lines(store: Store, graph: Graph, built: Built) -> list[str]:
    """A line for each kind of completion and each word of a column that an operator has something to tell of."""
    return [line for index in built.records for line in kind_at(graph, index).remarks(store, built.records)]


def born_lines(graph: Graph, built: Built) -> list[str]:
    """A line for each stage in which rows have children: these, what had none and why, and what else its operator tells."""
    return [line for index, record in built.records.items() for line in kind_at(graph, index).birth_lines(record)]
