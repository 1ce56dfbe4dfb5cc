"""Drift from the lock: what `--locked` refuses, by name, and what `lock --update` accepts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from compiler.benchmarks import FEED
from compiler.keys import digest_of
from compiler.lock import Lock
from operators.catalog import OPERATORS
from operators.profile import LanguageProfile
from operators.source import Source
from runtime.session import Session
from runtime.store import StoreError


@dataclass(frozen=True)
class Drift:
    """One thing that is not as the lock has it."""

    kind: Literal["source", "weights", "profile", "prompt file", "operator", "output"]
    name: str
    what: str
    """The whole sentence."""


def profile_digests(profile: LanguageProfile) -> dict[str, str]:
    """Entry -> digest, of every entry that a profile has."""
    return {name: digest_of(value) for name, value in profile if value is not None}


def locked_or_fail(session: Session) -> Lock:
    if session.lock is None:
        raise StoreError(f"there is no lock beside `{session.named}`", f"write one with `recipe lock {session.named}`")
    return session.lock


def drifted_leaves(session: Session) -> Iterator[Drift]:
    """What the recipe is made from and differs from the lock."""
    lock = locked_or_fail(session)
    judged = {node.label for _, node in session.graph if isinstance(node.operator, Source)}
    for name, leaf in session.facts.leaves.items():
        if name.startswith(FEED) and name not in judged:
            continue
        pinned = lock.sources.get(name)
        if pinned is None:
            yield Drift("source", name, f"the source `{name}` is not in the lock")
        elif pinned.digest != leaf.digest:
            before = {shown: digest for shown, digest, _ in pinned.files}
            changed = [shown for shown, digest, _ in leaf.files if before.get(shown) != digest]
            changed += [shown for shown in before if shown not in {each for each, _, _ in leaf.files}]
            yield Drift("source", name, f"the files of the source `{name}` differ: {', '.join(changed) or 'their bytes'}")
    for name in lock.sources:
        if name not in session.facts.leaves:
            yield Drift("source", name, f"the source `{name}` is in the lock and not in the recipe")
    yield from drifted_texts(session, lock)
    for name, pinned_weights in lock.weights.items():
        if session.facts.weights.get(name, pinned_weights) != pinned_weights:
            yield Drift("weights", name, f"the weights of the model `{name}` are others than those in the lock")
    for name, version in lock.operators.items():
        if name in OPERATORS and OPERATORS[name].version != version:
            said = f"the operator `{name}` is version {OPERATORS[name].version}, and {version} in the lock"
            yield Drift("operator", name, said)


def drifted_texts(session: Session, lock: Lock) -> Iterator[Drift]:
    """Language profiles by the entries that differ, and prompts that stand in files of their own."""
    prompts = session.read.prompt_files
    for shown in sorted({*prompts, *lock.prompts}):
        if prompts.get(shown) != lock.prompts.get(shown):
            state = "differs" if shown in prompts and shown in lock.prompts else "is new" if shown in prompts else "is gone"
            yield Drift("prompt file", shown, f"the prompt file `{shown}` {state}")
    for code, profile in session.read.profiles.items():
        if code not in lock.profiles:
            yield Drift("profile", code, f"the language profile `{code}` is not in the lock")
            continue
        now, pinned = profile_digests(profile), lock.profiles[code]
        changed = [entry for entry in sorted({*now, *pinned}) if now.get(entry) != pinned.get(entry)]
        if changed:
            yield Drift("profile", code, f"the language profile `{code}` differs: {', '.join(changed)}")
    for code in lock.profiles:
        if code not in session.read.profiles:
            yield Drift("profile", code, f"the language profile `{code}` is in the lock, and the recipe reads it no more")


def drifted_outputs(session: Session, built: Any) -> Iterator[Drift]:
    """Outputs that are not those of the lock."""
    lock = locked_or_fail(session)
    for name, index in session.graph.outputs.items():
        digest, pin = built.records[index].digest, lock.outputs.get(name)
        if pin is None:
            yield Drift("output", name, f"the output `{name}` is not in the lock")
        elif pin.digest != digest:
            yield Drift("output", name, f"the output `{name}` is {digest[:12]}, and {pin.digest[:12]} in the lock")
    for name in lock.outputs if not session.targets else ():
        if name not in session.graph.outputs:
            yield Drift("output", name, f"the output `{name}` is in the lock, and the recipe makes it no more")


def refuse(session: Session, drift: list[Drift], accepted: frozenset[str] = frozenset()) -> None:
    """Raises StoreError for what drifted and was not accepted, with the ways to accept it."""
    left = [each for each in drift if each.name not in accepted]
    if left:
        names = " ".join(f"--update {each.name}" for each in left)
        raise StoreError(
            "it is not what the lock says:",
            f"accept it with `recipe lock {session.named} {names}`, accept everything with `recipe lock {session.named}`,"
            " or undo the change",
            [each.what for each in left],
        )
