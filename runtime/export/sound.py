"""Whether records and names that somebody else wrote fit their objects, so that whoever reads them need not check again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pyarrow as pa

from compiler.text.document import MAX_DEPTH
from runtime.store.digest import id_bytes
from runtime.store.names import LastBuild
from runtime.store.parts import Unsound
from runtime.store.record import BesideRecord, Keyed, Record
from runtime.store.store import Store
from runtime.store.trees import Tree, references
from runtime.tables.objects import Reference, object_name, read_part, whole
from runtime.tables.table import ARROW, TEXT
from runtime.tables.write import small_columns


def complain_objects(store: Store, record: Keyed, left: set[str]) -> None:
    """Raises Unsound where a record's objects do not fit it; `left` are those that did not come with it."""
    tree = Objects(store, left)
    if isinstance(record, Record) and (rows := tree.rows_of(record.table)) != record.rows:
        raise Unsound(f"it says {record.rows} rows, and its table has {rows}")
    if isinstance(record, BesideRecord):
        columns = None if record.of["kind"] == "filtered" else record.of["columns"]
        if columns is not None and not columns.keys() >= {*record.reads.values()}:
            raise Unsound("it reads columns that its table has not")
        if tree.rows_of(record.of) != record.rows or tree.length(record.object) not in (record.rows, None):
            raise Unsound("its columns have not as many rows as its table")


def complain_name(build: LastBuild, name: str) -> None:
    """Raises Unsound for what the last build of a recipe cannot have been."""
    if build.recipe != name:
        raise Unsound("it is of another recipe")
    for output in build.outputs:
        if "/" in output or output in ("", ".", ".."):
            raise Unsound(f"an output is called `{output[:80]}`")


class Objects:
    """Follows the tree of a table down to its objects."""

    def __init__(self, store: Store, left: set[str]) -> None:
        self.store, self.left = store, left

    def rows_of(self, tree: Tree, depth: int = 0) -> int:
        """How many rows a table has. Raises Unsound where its objects have others, or are no part of such a table."""
        kind = tree["kind"]
        if depth > MAX_DEPTH:
            raise Unsound("its table is nested too deep")
        inner = tree["parts"] if "parts" in tree else [tree["of"]] if "of" in tree else []
        below = [self.rows_of(each, depth + 1) for each in inner]
        columns = tree.get("columns", {})
        rows: int = below[0] if kind == "carried" else tree["rows"]
        wrong = (kind == "combined" and sum(below) != rows) or (kind == "attached" and below[0] != rows)
        if kind == "filtered":
            wrong |= rows > below[0] or (self.length(tree["ledger"], "dropped_by") or below[0]) < below[0]
            wrong |= parts_in(tree) != parts_in(tree["of"])
        elif kind == "carried":
            self.complain_origins(tree["from"], columns, rows)
        else:
            names = ["row_id", "item_id", *small_columns(columns).values(), *([".part"] if kind == "combined" else [])]
            wrong |= self.length(tree["frame"], *names) not in (rows, None)
            self.complain_types(tree["frame"], columns)
        if wrong:
            raise Unsound("the parts of its table have not as many rows as it")
        if "spread" in tree:
            self.complain_spread(tree)
        return rows

    def complain_spread(self, tree: Tree) -> None:
        """Raises Unsound where the parts of a table have other rows than it says, or ids of other ranges."""
        spread = tree["spread"]
        named = references(tree["ledger"] if tree["kind"] == "filtered" else tree["frame"])
        if sum(spread) != tree["rows"]:
            raise Unsound("its parts have not as many rows as it")
        for part, (name, rows) in enumerate(zip(named, spread, strict=True)):
            if object_name(name) in self.left:
                continue
            table = read_part(self.store, name, 0)
            if "row_id" not in table.column_names or table.schema.field("row_id").type != pa.uuid():
                raise Unsound("its parts have no ids")
            ids = id_bytes(whole(table.column("row_id")))[:, 0].astype(np.int64) * len(spread) // 256
            held = len(ids)
            if tree["kind"] == "filtered":
                held = int((whole(table.column("dropped_by")).to_numpy() == 0).sum())
            if held != rows or (ids != part).any():
                raise Unsound("its parts are not of the ids that they should be of")

    def tables(self, reference: Reference) -> Iterator[pa.Table]:
        """The tables that objects hold, of those that came along."""
        for part, name in enumerate(references(reference)):
            if object_name(name) not in self.left:
                yield read_part(self.store, reference, part)

    def length(self, reference: Reference, *names: str) -> int | None:
        """The rows of objects that have some columns; None where not all of them are here."""
        tables = list(self.tables(reference))
        if any(not set(names) <= set(table.column_names) for table in tables):
            raise Unsound("its objects lack columns")
        return sum(table.num_rows for table in tables) if len(tables) == len(references(reference)) else None

    def complain_types(self, reference: Reference, columns: Mapping[str, Any]) -> None:
        """Raises Unsound for a frame whose columns are of other types than those of its table."""
        wanted = {"row_id": pa.uuid(), "item_id": pa.uuid()}
        wanted |= {
            small: pa.uuid() if columns[name] in TEXT else ARROW[columns[name]] for name, small in small_columns(columns).items()
        }
        for table in self.tables(reference):
            for name, kind in wanted.items():
                found = table.schema.field(name).type
                if found != kind and not (pa.types.is_dictionary(found) and pa.types.is_dictionary(kind)):
                    raise Unsound(f"its column `{name[:80]}` is {found}")

    def complain_origins(self, origins: Mapping[str, Any], columns: Mapping[str, Any], rows: int) -> None:
        """Raises Unsound for columns that come from nowhere, or from columns with another number of rows."""
        if origins.keys() != columns.keys():
            raise Unsound("its columns come from nowhere")
        for maker, _, _ in origins.values():
            if maker is not None and self.length(maker) not in (rows, None):
                raise Unsound("its columns have not as many rows as its table")


def parts_in(tree: Tree) -> int:
    """How many parts a table has."""
    return parts_in(tree["of"]) if tree["kind"] == "carried" else len(tree.get("spread", (0,)))
