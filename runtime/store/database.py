"""The SQLite file of completions: its tables, and how it is opened."""

from __future__ import annotations

import fcntl
import os
import sqlite3
from pathlib import Path

TABLES = """
CREATE TABLE IF NOT EXISTS completions (
  address BLOB NOT NULL UNIQUE, model TEXT NOT NULL, purpose TEXT NOT NULL, engine TEXT NOT NULL, made REAL NOT NULL,
  prompt_tokens INTEGER, completion_tokens INTEGER, seconds REAL NOT NULL, finish_reason TEXT NOT NULL, size INTEGER NOT NULL,
  reasoning INTEGER, body BLOB NOT NULL, seal BLOB NOT NULL
);
CREATE TABLE IF NOT EXISTS claims (address BLOB NOT NULL PRIMARY KEY, owner TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS failures (address BLOB NOT NULL PRIMARY KEY, reason TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS refusals (address BLOB NOT NULL PRIMARY KEY, reason TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS unsent (address BLOB NOT NULL PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS segments (name TEXT NOT NULL PRIMARY KEY) WITHOUT ROWID;
"""


def open_database(path: Path) -> sqlite3.Connection:
    """A connection that any thread may use, one at a time; where nobody may write, one that only reads."""
    if path.exists() and not os.access(path.parent, os.W_OK):
        # Nobody writes to it, so that SQLite needs none of the files that it makes beside a database.
        name = f"{path.absolute().as_uri()}?immutable=1"
        return sqlite3.connect(name, uri=True, isolation_level=None, check_same_thread=False)
    path.parent.mkdir(parents=True, exist_ok=True)
    made = sqlite3.connect(path, timeout=120, isolation_level=None, check_same_thread=False)
    with open(path.parent / "opening", "a") as opening:
        fcntl.flock(opening, fcntl.LOCK_EX)  # SQLite does not wait where two connections turn to WAL at once
        made.execute("PRAGMA journal_mode = WAL")
        made.execute("PRAGMA synchronous = FULL")  # what is committed survives a power cut
        made.executescript(TABLES)
    return made


def merge(old: Path, new: Path) -> None:
    """Write what one file of completions holds into another, in one transaction; what is there already stays."""
    made = open_database(new)
    try:
        made.execute("ATTACH DATABASE ? AS old", (str(old),))
        made.execute("BEGIN IMMEDIATE")
        for table in ("completions", "failures", "refusals"):
            made.execute(f"INSERT OR IGNORE INTO main.{table} SELECT * FROM old.{table}")
        for table in ("failures", "refusals"):
            made.execute(f"DELETE FROM main.{table} WHERE address IN (SELECT address FROM main.completions)")
        made.execute("COMMIT")
    finally:
        made.close()
