"""Between a store in a folder and a shared one: what recipes were last built with is copied whole, with its text."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import Any

from runtime.completions.leases import bucket_of
from runtime.completions.memo import Completion, CompletionMemo
from runtime.completions.segments import MOST, SEGMENTS, Segments, name_of, pack_segment
from runtime.export.push import Transfer
from runtime.stages.expected.counts import counted_labels
from runtime.store.batches import batched
from runtime.store.journals import JOURNAL, Journals
from runtime.store.layout import MEMOS
from runtime.store.lease import wait_for_gc
from runtime.store.names import LAST, PUSHED, LastBuild
from runtime.store.parts import sealed
from runtime.store.record import AttachedRecord, BesideRecord, CompletionsRecord, Keyed, Record, SourceRecord, read_record
from runtime.store.shared import SharedStore
from runtime.store.store import Store, StoreError
from runtime.tables.memo import broken_entries
from runtime.tables.segmented import ENDING, broken_cuts
from runtime.tables.table import open_table

ASK = "if only those who may see them can read that store, say --show-restricted"
#: Where the journals of one measure lie.
KEY = re.compile(rf"{MEMOS}/memo/[0-9a-f]{{2}}/[0-9a-f]{{64}}")


def records_of(store: Store, build: LastBuild) -> Iterator[Keyed]:
    """The records that a last build names, as far as they are here with their text."""
    found: list[Keyed | None] = [store.hold_record(key, BesideRecord) for key in build.beside]
    found += [store.hold_record(stage["key"], Record) for stage in build.stages.values()]
    return (record for record in found if record is not None and record.without is None)


def push_shared(store: Store, shared: SharedStore, restricted: bool) -> Transfer:
    """Copy the last builds of a folder into a shared store; what is there already stays.

    So does the last build of a recipe that others made: one is written over only where this folder has all that it names.

    Text of rows that may not be redistributed leaves this machine only where `restricted` says so, and completions, which
    may quote any row. Raises StoreError.
    """
    transfer = Transfer()
    with store.building(), shared.building():
        pushed = [(build, list(records_of(store, build))) for _, build in store.builds()]
        for build, records in pushed:
            if not restricted:
                complain_restricted(store, build, records)
            for record in records:
                shared.held.update({record.key}, record.objects())
        shared.lease.write()
        wait_for_gc(shared.remote)
        for build, records in pushed:
            for record in records:
                push_record(store, shared, record, transfer)
            if not all(store.find(stage["key"]) for stage in shared.last_build(build.recipe).stages.values()):
                transfer.newer += 1
                name_beside(shared, build)
            elif {stage["key"] for stage in build.stages.values()} <= {record.key for record in records}:
                shared.remote.bucket.put(shared.remote.name_path(build.recipe), sealed(build.body()))
        push_journals(store, shared)
        if restricted:
            push_completions(CompletionMemo(store), shared)
    return transfer


def name_beside(shared: SharedStore, build: LastBuild) -> None:
    """Let gc keep what was pushed beside a name that stays, until the recipe is built or pushed under it."""
    data = sealed(build.body())
    folder = shared.remote.name_path(build.recipe).removesuffix(LAST) + PUSHED
    shared.remote.bucket.put(f"{folder}/{name_of(data)}", data)


def complain_restricted(store: Store, build: LastBuild, records: list[Keyed]) -> None:
    """Raises StoreError where a source of a build, or what a model wrote for it, may not be redistributed."""
    attached = [record for record in records if isinstance(record, AttachedRecord)]
    judged = {name.removeprefix("input ") for record in attached for name in record.snapshot}
    asked = {record.key for record in records if isinstance(record, CompletionsRecord)}
    unjudged = any(stage["key"] in asked and name not in judged for name, stage in build.stages.items())
    classes = [each for record in records if isinstance(record, SourceRecord) for each in classes_in(store, record)]
    classes += [parameter(record, "terms") for record in attached]
    if unjudged or any(each != "A" for each in classes):
        message = f"`{build.recipe}` has rows of a licence class that may not be redistributed"
        raise StoreError(message, ASK)


def classes_in(store: Store, record: SourceRecord) -> list[str]:
    """The licence classes of a source: the one that its recipe says, or those of its rows where they say their own.

    What a row says that could not be read nobody knows, and its text lies beside the others.
    """
    said = parameter(record, "license")
    if isinstance(said, str):
        return [said]
    return [*sorted(counted_labels(open_table(store, record.table), "license", None)), *["unknown"] * (record.raw is not None)]


def parameter(record: Record, name: str) -> Any:
    """A parameter of the operator that made a record, or None."""
    return record.snapshot["itself"].get("parameters", {}).get(name)


def push_record(store: Store, shared: SharedStore, record: Keyed, transfer: Transfer) -> None:
    """One record after its objects."""
    there = shared.remote.record(record.folder, record.key)
    theirs = None if there is None else read_record(type(record), record.key, there)
    if theirs is not None:
        if theirs.content != record.content:
            listed = f"{record.content[:12]} and {theirs.content[:12]}"
            raise StoreError(f"the key {record.key[:12]} has several results: {listed}", "build with one of the stores alone")
        return
    for digest in sorted(record.objects()):
        path = store.read_path(digest)
        if shared.remote.send_object(digest, path):
            transfer.objects, transfer.bytes = transfer.objects + 1, transfer.bytes + path.stat().st_size
    shared.remote.replace_record(record) if there is not None else shared.remote.create_record(record)
    transfer.records += 1


def push_journals(store: Store, shared: SharedStore) -> None:
    """Values of dear measures; no text is in them."""
    there = {item.path for item in shared.remote.bucket.list(f"{MEMOS}/memo")}
    for path in sorted((store.memos / "memo").glob("*/*/*")):
        if JOURNAL.fullmatch(path.name) and f"{MEMOS}/{path.relative_to(store.memos).as_posix()}" not in there:
            Journals(shared.remote, store.files).send(path, store.memos)


def pull_journals(store: Store, shared: SharedStore) -> None:
    for above in sorted({item.path.rpartition("/")[0] for item in shared.remote.bucket.list(f"{MEMOS}/memo")}):
        if KEY.fullmatch(above):
            folder = store.memos / above.removeprefix(f"{MEMOS}/")
            Journals(shared.remote, store.files).bring(folder, store.root / "tmp", store.memos, is_whole)


def is_whole(path: Path) -> bool:
    return not (broken_cuts(path) if path.suffix == ENDING else broken_entries(path))


def push_completions(memo: CompletionMemo, shared: SharedStore) -> None:
    """Every completion, in segments that are the same each time as long as nothing new is in their bucket."""
    rows: Iterator[Completion] = memo.rows() if memo.exists else iter(())
    for _, inside in groupby(rows, lambda each: bucket_of(each.address)):
        for batch in batched(inside, MOST):
            data = pack_segment(batch)
            shared.remote.bucket.create(f"{SEGMENTS}/{name_of(data)}", data)


def pull_shared(store: Store, shared: SharedStore) -> Transfer:
    """Copy the last builds of a shared store, and all completions, into a folder; every file is checked against its name."""
    transfer = Transfer()
    with store.building(), shared.building():
        for recipe, build in shared.builds():
            for record in records_of(shared, build):
                pull_record(store, shared, record, transfer)
            if not store.last_build(recipe).stages:
                store.write_last_build(build)
        pull_journals(store, shared)
        memo = CompletionMemo(store)
        segments = Segments(memo, shared.remote)
        segments.take_in()
        memo.close()
    return transfer


def pull_record(store: Store, shared: SharedStore, record: Keyed, transfer: Transfer) -> None:
    """One record after its objects."""
    local = store.look_up(record.key, type(record))
    if local is not None and local.content != record.content:
        listed = f"{record.content[:12]} and {local.content[:12]}"
        raise StoreError(f"the key {record.key[:12]} has several results: {listed}", "build with one of the stores alone")
    for digest in sorted(record.objects()):
        if store.has(digest):
            continue
        made: list[str] = []
        source = shared.read_path(digest)
        with store.new_object(made) as target, open(source, "rb") as file:
            while block := file.read(1 << 22):
                target.write(block)
        transfer.objects, transfer.bytes = transfer.objects + 1, transfer.bytes + source.stat().st_size
    if local is None:
        store.write_record(record)
        transfer.records += 1
