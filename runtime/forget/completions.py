"""Completions that are to be forgotten: they leave the database with the pages that they stood on."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator

from runtime.completions.memo import CompletionMemo
from runtime.forget.search import Sought
from runtime.store.store import Store, StoreError

TABLES = ("completions", "failures", "refusals", "claims", "unsent")


def forget_completions(store: Store, addresses: set[bytes], sought: Sought) -> int:
    """Take out completions at addresses, and whatever holds a text; how many completions these were. Raises StoreError."""
    memo = CompletionMemo(store)
    if not memo.exists:
        return 0
    try:
        memo.connection.execute("PRAGMA secure_delete = ON")
        gone = addresses | set(told(memo.connection, sought))
        with memo.writing() as connection:
            before = connection.execute("SELECT count(*) FROM completions").fetchone()[0]
            for table in TABLES:
                connection.executemany(f"DELETE FROM {table} WHERE address = ?", [(each,) for each in sorted(gone)])
            count: int = before - connection.execute("SELECT count(*) FROM completions").fetchone()[0]
        # Pages that were free already may hold what an earlier build took out.
        memo.connection.execute("VACUUM")
        memo.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    except sqlite3.Error as error:
        raise StoreError(f"the completions in `{memo.path}` cannot be used: {error}", "run the same command again") from None
    finally:
        memo.close()
    return count


def told(connection: sqlite3.Connection, sought: Sought) -> Iterator[bytes]:
    """The addresses of completions, failures and refusals that hold a text."""
    for address, body in connection.execute("SELECT address, body FROM completions"):
        if sought.in_bytes(body):
            yield address
    for table in ("failures", "refusals"):
        for address, reason in connection.execute(f"SELECT address, reason FROM {table}"):
            if sought.in_bytes(reason.encode()):
                yield address
