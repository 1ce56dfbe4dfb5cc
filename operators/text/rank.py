"""Ranks: the seeded hash by which rows or items are chosen, so that a new row displaces at most one."""

from __future__ import annotations

from operators.text.sqltext import literal


def rank_sql(seed: int, purpose: str, column: str) -> str:
    """SQL for the rank of a row or item: H(seed, purpose, id), a 128-bit number that sorts as bytes."""
    return f"left(sha256({literal(f'{seed}/{purpose}/')} || {column}::VARCHAR), 32)::UUID"
