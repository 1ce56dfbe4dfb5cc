"""The completion memo: every completion by its address, shared by all recipes of a store and by builds that run at once."""

from __future__ import annotations

import fcntl
import sqlite3
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple

from operators.asks.asks import Reply
from runtime.completions.packed import PARTS, pack_reply, unpack_reply
from runtime.store.database import open_database
from runtime.store.layout import DATABASE
from runtime.store.store import Store, StoreError

AT_ONCE = 2048
"""Addresses that are named in one query."""
CANNOT = "run the same command again; a damaged file can be moved away, and what it held is asked for or imported"
INSERT_UNSENT = "INSERT OR IGNORE INTO unsent SELECT ?1 WHERE NOT EXISTS (SELECT 1 FROM completions WHERE address = ?1)"
DELETE_UNSENT = "DELETE FROM unsent WHERE address = ?"

Claim = Literal["mine", "taken", "known", "refused"]


@dataclass(frozen=True)
class Completion:
    """A completion with where it came from, as it is written."""

    address: bytes
    model: str
    purpose: str
    """The operator that asked, such as generate."""
    engine: str
    """Engine, version and endpoint: provenance, which decides nothing."""
    reply: Reply
    seconds: float


class History(NamedTuple):
    """What completions of a model took, in the mean."""

    completions: int
    prompt_tokens: float
    tokens: float
    """Of a completion."""
    seconds: float
    """Of one, while others were under way."""


class CompletionMemo:
    """A SQLite file beside the store's objects: it is whole after any kill, and several builds may write to it."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None

    @property
    def path(self) -> Path:
        return self.store.memos / "completions" / DATABASE

    @property
    def exists(self) -> bool:
        return self.path.exists()

    @property
    def connection(self) -> sqlite3.Connection:
        if self._connection is None:
            self._connection = open_database(self.path)
        return self._connection

    @contextmanager
    def using(self) -> Iterator[sqlite3.Connection]:
        """The connection, for one thread at a time. Raises StoreError where SQLite fails."""
        with self.lock:
            try:
                yield self.connection
            except (sqlite3.Error, UnicodeDecodeError) as error:  # the latter where SQLite quotes what was damaged
                raise StoreError(f"the completions in `{self.path}` cannot be used: {error}", CANNOT) from None

    @contextmanager
    def reading(self, addresses: Sequence[bytes]) -> Iterator[sqlite3.Connection]:
        """One transaction with a temporary table `wanted` of addresses to join with."""
        with self.using() as connection:
            connection.execute("CREATE TEMP TABLE IF NOT EXISTS wanted (address BLOB PRIMARY KEY) WITHOUT ROWID")
            connection.execute("BEGIN")
            try:
                # In their order, in which the index is read from front to back.
                connection.executemany("INSERT OR IGNORE INTO temp.wanted VALUES (?)", ((each,) for each in sorted(addresses)))
                yield connection
            finally:
                connection.execute("DELETE FROM temp.wanted")
                connection.execute("COMMIT")

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """One transaction that no other build writes during."""
        with self.using() as connection:
            try:
                connection.execute("BEGIN IMMEDIATE")  # Ctrl-C may come as soon as it has begun
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise

    def close(self) -> None:
        with self.lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    # -- reading

    def present(self, addresses: Sequence[bytes]) -> set[bytes]:
        """Those of the addresses whose completion is here."""
        if not self.exists:
            return set()
        with self.reading(addresses) as connection:
            rows = connection.execute("SELECT w.address FROM wanted w JOIN completions c ON c.address = w.address")
            return {address for (address,) in rows}

    def fetch(self, addresses: Sequence[bytes]) -> dict[bytes, Reply]:
        """Address -> completion, of those that are here and whole; a damaged one is taken out, and asked for again."""
        replies: dict[bytes, Reply | None] = {}
        with self.using() as connection:
            for first in range(0, len(addresses), AT_ONCE):
                few = addresses[first : first + AT_ONCE]
                query = f"SELECT address, {PARTS} FROM completions WHERE address IN ({', '.join('?' * len(few))})"
                replies.update((row[0], unpack_reply(*row)) for row in connection.execute(query, few))
        self.set_aside([address for address, reply in replies.items() if reply is None])
        return {address: reply for address, reply in replies.items() if reply is not None}

    def set_aside(self, damaged: Iterable[bytes | int]) -> None:
        """Take damaged completions out, by address or row; what is left of them stays beside the store's other damaged parts."""
        for each in damaged:
            condition = f"{'rowid' if isinstance(each, int) else 'address'} = ?"
            with self.writing() as connection:
                row = connection.execute(f"SELECT body FROM completions WHERE {condition}", (each,)).fetchone()
                if row is not None:
                    self.store.files.make_folder(self.store.root / "damaged")
                    name = f"row-{each}" if isinstance(each, int) else each.hex()[:32]
                    left = row[0] if isinstance(row[0], bytes) else repr(row[0]).encode()
                    (self.store.root / "damaged" / f"completion-{name}").write_bytes(left)
                    connection.execute(f"DELETE FROM completions WHERE {condition}", (each,))
                    connection.execute("DELETE FROM segments")  # a shared store may have it: they are looked through again

    def damaged(self) -> dict[int, str]:
        """Row -> address of each completion that is not whole, by reading them all."""
        if not self.exists:
            return {}
        with self.using() as connection:
            rows = connection.execute(f"SELECT rowid, address, {PARTS} FROM completions")
            broken = {row: address for row, address, *parts in rows if unpack_reply(address, *parts) is None}
        # A damaged file may say that an address is of another type.
        return {row: address.hex() if isinstance(address, bytes) else "not readable" for row, address in broken.items()}

    def failures(self, addresses: Sequence[bytes]) -> dict[bytes, str]:
        """Address -> why it failed the last time, of those that did."""
        return self.reasons("failures", addresses)

    def refusals(self, addresses: Sequence[bytes]) -> dict[bytes, str]:
        """Address -> how it was refused, of those that no build asks for again by itself."""
        return self.reasons("refusals", addresses)

    def reasons(self, table: Literal["failures", "refusals"], addresses: Sequence[bytes]) -> dict[bytes, str]:
        if not self.exists or not addresses:
            return {}
        with self.reading(addresses) as connection:
            return dict(connection.execute(f"SELECT address, reason FROM wanted JOIN {table} USING (address)").fetchall())

    def has_model(self, model: str) -> bool:
        """Whether there is a completion of a model."""
        with self.using() as connection:
            return connection.execute("SELECT 1 FROM completions WHERE model = ? LIMIT 1", (model,)).fetchone() is not None

    def history(self, model: str) -> History | None:
        """What the completions of a model with a token count took; None without any."""
        if not self.exists:
            return None
        with self.using() as connection:
            row = connection.execute(
                "SELECT count(*), avg(prompt_tokens), avg(completion_tokens), avg(seconds) FROM completions"
                " WHERE model = ? AND completion_tokens IS NOT NULL",
                (model,),
            ).fetchone()
        return None if not row[0] else History(row[0], row[1] or 0.0, row[2], row[3])

    def stats(self) -> list[dict[str, Any]]:
        """Completions by model and engine, with tokens and seconds."""
        if not self.exists:
            return []
        with self.using() as connection:
            rows = connection.execute(
                "SELECT model, purpose, engine, count(*), sum(prompt_tokens), sum(completion_tokens), sum(seconds),"
                " sum(length(body)) FROM completions GROUP BY model, purpose, engine ORDER BY model, purpose, engine"
            ).fetchall()
        names = ("model", "purpose", "engine", "completions", "prompt_tokens", "completion_tokens", "seconds", "bytes")
        return [dict(zip(names, row, strict=True)) for row in rows]

    def rows(self) -> Iterator[Completion]:
        """Every whole completion with its provenance, by address."""
        with self.using() as connection:
            query = f"SELECT address, model, purpose, engine, seconds, {PARTS} FROM completions ORDER BY address"
            for address, model, purpose, engine, seconds, *parts in connection.execute(query):
                reply = unpack_reply(address, *parts)
                if reply is not None:
                    yield Completion(address, model, purpose, engine, reply, seconds)

    # -- writing

    def keep(self, batch: Sequence[Completion], sent: bool = False) -> int:
        """Write completions and end their claims; one that is there already wins. How many were new.

        Of a shared store each is noted that other machines cannot have yet, unless it was `sent` by one of them.
        """
        rows = []
        for each in batch:
            reply = each.reply
            size, cut, body, seal = pack_reply(each.address, reply)
            tokens = reply.prompt_tokens, reply.completion_tokens
            provenance = each.model, each.purpose, each.engine, time.time()
            rows.append((each.address, *provenance, *tokens, each.seconds, reply.finish_reason, size, cut, body, seal))
        done = [(each.address,) for each in batch]
        with self.writing() as connection:
            if self.store.location.url is not None:
                connection.executemany(DELETE_UNSENT if sent else INSERT_UNSENT, done)
            before = connection.total_changes
            connection.executemany("INSERT OR IGNORE INTO completions VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", rows)
            new = connection.total_changes - before
            connection.executemany("DELETE FROM claims WHERE address = ?", done)
            connection.executemany("DELETE FROM failures WHERE address = ?", done)
            connection.executemany("DELETE FROM refusals WHERE address = ?", done)
        return new

    def fail(self, reasons: dict[bytes, str]) -> None:
        """Write why requests failed for good, and end their claims, so that the next build asks again."""
        with self.writing() as connection:
            connection.executemany("INSERT OR REPLACE INTO failures VALUES (?, ?)", list(reasons.items()))
            connection.executemany("DELETE FROM claims WHERE address = ?", [(address,) for address in reasons])

    def refuse(self, reasons: dict[bytes, str]) -> None:
        """Write how requests were refused, and end their claims: no build asks for them again by itself."""
        with self.writing() as connection:
            connection.executemany("INSERT OR REPLACE INTO refusals VALUES (?, ?)", list(reasons.items()))
            for table in ("failures", "claims"):
                connection.executemany(f"DELETE FROM {table} WHERE address = ?", [(address,) for address in reasons])

    def claim(self, addresses: Sequence[bytes], owner: str, refused_too: bool = False) -> list[Claim]:
        """Say of each address that this build asks for it, unless it is here, was refused, or a living build does."""
        claims: list[Claim] = []
        with self.writing() as connection:
            for address in addresses:
                if connection.execute("SELECT 1 FROM completions WHERE address = ?", (address,)).fetchone():
                    claims.append("known")
                    continue
                if not refused_too and connection.execute("SELECT 1 FROM refusals WHERE address = ?", (address,)).fetchone():
                    claims.append("refused")
                    continue
                row = connection.execute("SELECT owner FROM claims WHERE address = ?", (address,)).fetchone()
                if row is not None and row[0] != owner and self.alive(row[0]):
                    claims.append("taken")
                    continue
                connection.execute("INSERT OR REPLACE INTO claims VALUES (?, ?)", (address, owner))
                claims.append("mine")
        return claims

    def free(self, addresses: Sequence[bytes]) -> set[bytes]:
        """Those of the addresses that no living build asks for."""
        with self.reading(addresses) as connection:
            query = "SELECT w.address, c.owner FROM wanted w LEFT JOIN claims c ON c.address = w.address"
            claims = connection.execute(query).fetchall()
        living = {owner for owner in {owner for _, owner in claims} if owner is not None and self.alive(owner)}
        return {address for address, owner in claims if owner not in living}

    def release(self, owner: str) -> None:
        """End every claim of a build."""
        with self.writing() as connection:
            connection.execute("DELETE FROM claims WHERE owner = ?", (owner,))

    def alive(self, owner: str) -> bool:
        """Whether the build that made a claim still runs: it holds a lock on its file as long as it does."""
        for root in self.store.folder.glob("v*"):  # a build of another version may ask for the same
            with suppress(OSError, ValueError, TypeError), open(root / "running" / owner) as running:
                try:
                    fcntl.flock(running, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except OSError:
                    return True
        return False
