"""How far something is, how fast it goes and how long it takes still, in words for a person."""

from __future__ import annotations

FIRST = 1
"""Seconds before which nothing is told: what is short is told when it is done."""


def show_left(seconds: float) -> str:
    """`40 s left`, `12 min left`, `2.5 h left`."""
    if seconds < 90:
        return f"{seconds:.0f} s left"
    return f"{seconds / 60:.0f} min left" if seconds < 90 * 60 else f"{seconds / 3600:.1f} h left"


def show_pace(done: int, total: int | None, since: int, seconds: float, what: str = "rows", about: bool = False) -> str:
    """`1,200 of 4,000 rows, 35/s, 80 s left`, where `since` of them were there when the `seconds` began.

    Without a `total` nobody knows how long it takes; where that is one `about`, it is passed without a word.
    """
    if total is None or (about and done > total):
        parts = [f"{done:,} {what}"]
    else:
        parts = [f"{done:,} of {'about ' * about}{total:,} {what}"]
    rate = (done - since) / seconds if seconds > 0 else 0.0
    if rate > 0:
        parts.append(f"{rate:,.0f}/s" if rate >= 10 else f"{rate:.2g}/s")
        if total is not None and total > done:
            parts.append(show_left((total - done) / rate))
    return ", ".join(parts)
