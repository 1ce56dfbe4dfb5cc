"""Whether records and names that somebody else wrote say what ours say, so that whoever reads them need not ask again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pyarrow as pa

from compiler.text.document import MAX_DEPTH
from runtime.store.store import DIGEST, Store
from runtime.tables.cursors import object_name
from runtime.tables.table import ARROW, KINDS, TEXT, read_table
from runtime.tables.write import small_columns


class Unsound(Exception):
    """What is wrong, in a few words."""


def need(value: Any, kind: type | tuple[type, ...], what: str) -> Any:
    """The value, which is of a kind; numbers are not negative. Raises Unsound."""
    if not isinstance(value, kind) or isinstance(value, bool) or (isinstance(value, int | float) and value < 0):
        raise Unsound(f"its {what} is not what we write there")
    return value


def need_digest(value: Any, what: str) -> str:
    if not DIGEST.fullmatch(need(value, str, what)):
        raise Unsound(f"its {what} is no digest")
    return str(value)


def part(value: Any, name: str, kind: type | tuple[type, ...]) -> Any:
    """A part of a map."""
    return need(need(value, dict, name).get(name), kind, name)


def complain_result(store: Store, body: Mapping[str, Any], left: set[str]) -> None:
    """Raises Unsound for a record of a table that is none of ours; `left` are the objects that did not come with it."""
    for name in ("digest", "ids"):
        need_digest(body.get(name), name)
    for name, kind in (("kind", str), ("counts", dict), ("snapshot", dict), ("made", dict)):
        part(body, name, kind)
    for column in part(body, "columns", dict).values():
        need_digest(part(column, "digest", str), "columns")
    rows = Tree(store, left).rows_of(part(body, "table", dict))
    if part(body, "rows", int) != rows:
        raise Unsound(f"it says {body['rows']} rows, and its table has {rows}")


def complain_beside(store: Store, body: Mapping[str, Any], left: set[str]) -> None:
    """Raises Unsound for a record of columns beside a table that is none of ours."""
    tree, rows = Tree(store, left), part(body, "rows", int)
    need_digest(body.get("measure"), "measure")
    of = part(body, "of", dict)
    columns = None if of.get("kind") == "filtered" else part(of, "columns", dict)
    for name in part(body, "reads", dict).values():
        if columns is not None and need(name, str, "reads") not in columns:
            raise Unsound("it reads columns that its table has not")
    if tree.rows_of(of) != rows or tree.length(part(body, "object", str)) not in (rows, None):
        raise Unsound("its columns have not as many rows as its table")


def complain_name(body: Mapping[str, Any], name: str) -> None:
    """Raises Unsound for what the last build of a recipe cannot have been."""
    if body.get("recipe") != name:
        raise Unsound("it is of another recipe")
    for stage in part(body, "stages", dict).values():
        need_digest(part(stage, "key", str), "key")
        need_digest(part(stage, "digest", str), "digest")
        part(stage, "snapshot", dict)
    for key in part(body, "beside", list):
        need_digest(key, "beside")
    for said in part(body, "fields", dict).values():
        if len(need(said, list, "fields")) != 2 or not all(isinstance(each, str) for each in need(said[1], list, "fields")):
            raise Unsound("its fields are not what we write there")
        need_digest(said[0], "fields")
    for output, said in part(body, "outputs", dict).items():
        if "/" in output or output in ("", ".", ".."):
            raise Unsound(f"an output is called `{output[:80]}`")
        need_digest(part(said, "digest", str), "digest")
        need_digest(part(said, "key", str), "key")
        part(said, "rows", int)


class Tree:
    """Follows the tree of a table down to its objects."""

    def __init__(self, store: Store, left: set[str]) -> None:
        self.store, self.left = store, left

    def rows_of(self, tree: Any, depth: int = 0) -> int:
        """How many rows a table has. Raises Unsound where its objects say otherwise, or are no part of such a table."""
        kind = part(tree, "kind", str)
        if kind not in KINDS or depth > MAX_DEPTH:
            raise Unsound("its table is of no kind that we write")
        below = [self.rows_of(each, depth + 1) for each in part(tree, "parts", list)] if kind == "combined" else []
        below += [self.rows_of(part(tree, "of", dict), depth + 1)] if kind not in ("combined", "based") else []
        columns = {} if kind == "filtered" else part(tree, "columns", dict)
        if not all(isinstance(each, str) and each in ARROW for each in columns.values()):
            raise Unsound("its columns are of no type that we know")
        rows: int = below[0] if kind == "carried" else part(tree, "rows", int)
        wrong = (kind == "combined" and sum(below) != rows) or (kind == "attached" and below[0] != rows)
        if kind == "filtered":
            wrong |= rows > below[0] or (self.length(part(tree, "ledger", str), "dropped_by") or below[0]) < below[0]
        elif kind == "carried":
            self.complain_origins(part(tree, "from", dict), columns, rows)
        else:
            names = ["row_id", "item_id", *small_columns(columns).values(), *([".part"] if kind == "combined" else [])]
            wrong |= self.length(part(tree, "frame", str), *names) not in (rows, None)
            self.complain_types(tree["frame"], columns)
        if wrong:
            raise Unsound("the parts of its table have not as many rows as it")
        return rows

    def table(self, reference: str) -> pa.Table | None:
        """The table that an object holds; None where it did not come along."""
        digest = need_digest(object_name(reference), "objects")
        return None if digest in self.left else read_table(self.store, reference)

    def length(self, reference: str, *names: str) -> int | None:
        """The rows of an object that has some columns."""
        table = self.table(reference)
        if table is None:
            return None
        if not set(names) <= set(table.column_names):
            raise Unsound("its objects lack columns")
        return int(table.num_rows)

    def complain_types(self, reference: str, columns: Mapping[str, Any]) -> None:
        """Raises Unsound for a frame whose columns are of other types than those that its table says."""
        table = self.table(reference)
        if table is None:
            return
        wanted = {"row_id": pa.uuid(), "item_id": pa.uuid()}
        wanted |= {
            small: pa.uuid() if columns[name] in TEXT else ARROW[columns[name]] for name, small in small_columns(columns).items()
        }
        for name, kind in wanted.items():
            found = table.schema.field(name).type
            if found != kind and not (pa.types.is_dictionary(found) and pa.types.is_dictionary(kind)):
                raise Unsound(f"its column `{name[:80]}` is {found}")

    def complain_origins(self, origins: Mapping[str, Any], columns: Mapping[str, Any], rows: int) -> None:
        """Raises Unsound for columns that come from nowhere, or from columns with another number of rows."""
        if set(origins) != set(columns):
            raise Unsound("its columns come from nowhere")
        for said in origins.values():
            if len(need(said, list, "columns")) != 3 or not isinstance(said[1], str):
                raise Unsound("its columns come from nowhere")
            if said[0] is not None and self.length(need(said[0], str, "columns")) not in (rows, None):
                raise Unsound("its columns have not as many rows as its table")
