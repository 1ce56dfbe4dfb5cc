"""Drift from the lock: what `--locked` refuses, by name."""

from __future__ import annotations

from typing import Any

from compiler.keys import digest_of
from operators.catalog import OPERATORS
from runtime.session import Session
from runtime.store import StoreError


def locked_or_fail(session: Session) -> Any:
    if session.lock is None:
        raise StoreError(f"there is no lock beside `{session.named}`", f"write one with `recipe lock {session.named}`")
    return session.lock


def drifted_leaves(session: Session) -> list[str]:
    """What the recipe is made from and differs from the lock."""
    lock = locked_or_fail(session)
    drift = []
    for name, leaf in session.facts.leaves.items():
        pinned = lock.sources.get(name)
        if pinned is None:
            drift.append(f"the source `{name}` is not in the lock")
        elif pinned.digest != leaf.digest:
            before = {shown: digest for shown, digest, _ in pinned.files}
            changed = [shown for shown, digest, _ in leaf.files if before.get(shown) != digest]
            changed += [shown for shown in before if shown not in {each for each, _, _ in leaf.files}]
            drift.append(f"the files of the source `{name}` differ: {', '.join(changed) or 'their bytes'}")
    drift += [
        f"the source `{name}` is in the lock and not in the recipe" for name in lock.sources if name not in session.facts.leaves
    ]
    for code, profile in session.read.profiles.items():
        if lock.profiles.get(code) != digest_of(profile):
            drift.append(f"the language profile `{code}` differs")
    for name, version in lock.operators.items():
        if name in OPERATORS and OPERATORS[name].version != version:
            drift.append(f"the operator `{name}` is version {OPERATORS[name].version}, and {version} in the lock")
    return drift


def complain_leaves(session: Session) -> None:
    """Raises StoreError before anything runs."""
    refuse(session, drifted_leaves(session))


def complain_outputs(session: Session, built: Any) -> None:
    """Raises StoreError after the build and before anything is named."""
    lock = locked_or_fail(session)
    drift = []
    for name, index in session.graph.outputs.items():
        digest = built.records[index].digest
        pin = lock.outputs.get(name)
        if pin is None:
            drift.append(f"the output `{name}` is not in the lock")
        elif pin.digest != digest:
            drift.append(f"the output `{name}` is {digest[:12]}, and {pin.digest[:12]} in the lock")
    refuse(session, drift)


def refuse(session: Session, drift: list[str]) -> None:
    if drift:
        raise StoreError(
            "it is not what the lock says:\n  " + "\n  ".join(drift),
            f"accept it with `recipe lock {session.named}`, or undo the change",
        )
