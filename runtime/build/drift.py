"""Drift from the lock: what `--locked` refuses, by name, and what `lock --update` accepts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from compiler.graph.lock import Lock
from compiler.graph.nodes import stage_name
from compiler.graph.stages import SourceStage, of_kind
from compiler.text.canonical import digest_of
from operators.declared.profile import LanguageProfile
from operators.plugins import package_of
from runtime.build.session import Session
from runtime.store.store import StoreError

if TYPE_CHECKING:
    from runtime.build.built import Built


@dataclass(frozen=True)
class Drift:
    """One thing that is not as the lock has it."""

    kind: Literal["source", "weights", "profile", "prompt file", "operator", "stage", "output"]
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
    """What the recipe is made from, where it differs from the lock."""
    lock = locked_or_fail(session)
    used = {stage.node.label for stage in of_kind(SourceStage, session.graph)}
    for name, leaf in session.facts.leaves.items():
        if name not in used and session.read.recipe.spared(name):
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
    for name, operator in sorted({node.operator.name: node.operator for _, node in session.graph}.items()):
        version = lock.operators.get(name, operator.version)  # of one that is new there, the outputs tell
        if version != operator.version:
            yield Drift("operator", name, f"the operator `{name}` is version {operator.version}, and {version} in the lock")
        package, locked = package_of(type(operator)), lock.packages.get(name)
        if name in lock.operators and package != locked:
            now, then = (f"of the package `{each}`" if each else "the project's own" for each in (package, locked))
            yield Drift("operator", name, f"the operator `{name}` is {now}, and {then} in the lock")


def drifted_texts(session: Session, lock: Lock) -> Iterator[Drift]:
    """Language profiles by the entries that differ, and prompts that stand in files of their own."""
    prompts = session.read.profiles.prompt_files
    for shown in sorted({*prompts, *lock.prompts}):
        if prompts.get(shown) != lock.prompts.get(shown):
            state = "differs" if shown in prompts and shown in lock.prompts else "is new" if shown in prompts else "is gone"
            yield Drift("prompt file", shown, f"the prompt file `{shown}` {state}")
    for code, entries in sorted(entries_read(session).items()):
        if code not in lock.profiles:
            yield Drift("profile", code, f"the language profile `{code}` is not in the lock")
            continue
        now, pinned = profile_digests(session.read.profiles.loaded[code].profile), lock.profiles[code]
        changed = [entry for entry in sorted(entries) if now.get(entry) != pinned.get(entry)]
        if changed:
            yield Drift("profile", code, f"the language profile `{code}` differs: {', '.join(changed)}")


def entries_read(session: Session) -> dict[str, set[str]]:
    """Language -> the entries of its profile that the recipe's operators read: no other decides anything."""
    languages = session.read.recipe.languages
    entries: dict[str, set[str]] = {}
    for _, node in session.graph:
        for role, entry in node.operator.entries():
            code = languages.get(role, role)
            if code in session.read.profiles.loaded:
                entries.setdefault(code, set()).add(entry.partition(".")[0])
    return entries


def drifted_stages(session: Session, built: Built) -> Iterator[Drift]:
    """Results that differ under the key that the lock pins, and results of models that the lock pins under another key."""
    pins = locked_or_fail(session).tables
    for index, record in built.records.items():
        node, name = session.graph.nodes[index], stage_name(session.graph, index)
        pin = pins.get(name)
        if pin is None:
            continue
        if pin.key == record.key and pin.digest != record.digest:
            what = f"the stage `{name}` is {record.digest[:12]}, and {pin.digest[:12]} in the lock under the same key"
            yield Drift("stage", name, what)
        elif pin.key != record.key and pin.digest == record.digest and node.operator.repeats != "bitwise":
            yield Drift("stage", name, f"the stage `{name}` has another key in the lock: what decides it is not what was locked")


def otherwise_keyed(session: Session, built: Built) -> str | None:
    """A note on results that the lock pins under other keys and that came out the same; None where there is none."""
    lock = locked_or_fail(session)
    pins = {**lock.tables, **{f"output {name}": pin for name, pin in lock.outputs.items()}}
    records = {stage_name(session.graph, index): record for index, record in built.records.items()}
    same = [name for name, record in records.items() if name in pins and pins[name].digest == record.digest]
    moved = [name for name in same if pins[name].key != records[name].key]
    if not moved:
        return None
    several = f"`{moved[0]}`" + (f" and {len(moved) - 1} more stages" if len(moved) > 1 else "")
    return (
        f"{several} came out as the lock says, under another key: an installed version, or what the recipe says, is another than"
        " when it was locked"
    )


def drifted_outputs(session: Session, built: Built) -> Iterator[Drift]:
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
