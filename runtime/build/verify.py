"""Verify: read everything in the store, and list what is not what its name says."""

from __future__ import annotations

from pathlib import Path

from runtime.build.built import manifest_of, shows
from runtime.completions.memo import CompletionMemo
from runtime.store.files import NoFile, hash_path
from runtime.store.names import last_builds, output_name
from runtime.store.record import BesideRecord, OutputRecord, Record, read_record
from runtime.store.store import Store
from runtime.tables.memo import broken_entries
from runtime.tables.segmented import ENDING, broken_cuts


def verify(store: Store, mend: bool = False) -> list[str]:
    """Every problem found, in words; with `mend`, what is damaged is set aside so that a build makes it anew."""
    problems: list[str] = []
    damaged: list[Path] = []

    def report(what: str, path: Path) -> None:
        problems.append(f"the {what} is damaged")
        damaged.append(path)

    objects = sorted((store.root / "objects").glob("*/*"))
    for path in objects:
        if not whole(path):
            report(f"object {path.name[:12]}", path)
    present = {path.name for path in objects}
    for kind in (Record, BesideRecord):
        for path in sorted((store.root / kind.folder).glob("*/*.json")):
            name, record = f"record {kind.folder}/{path.stem[:12]}", read_record(kind, path.stem, path.read_bytes())
            if record is None:
                report(name, path)
                continue
            # What was pulled came without its text, and says so; what a cache lacks is in the bucket.
            absent = record.objects() - present - set(record.without or ()) if store.location.url is None else ()
            for digest in sorted(absent):
                problems.append(f"the {name} names the object {digest[:12]}, which is not here")
    for path, recipe, build in last_builds(store.root):
        if build is None:
            report(f"name {recipe}", path)
    for path in sorted((store.memos / "memo").glob("*/*/*.journal")):
        if broken := broken_entries(path):
            problems.append(f"{broken} entries of the memo {path.parent.name[:12]} are damaged; they will be measured again")
    for path in sorted((store.memos / "memo").glob(f"*/*/*{ENDING}")):
        if broken_cuts(path):
            problems.append(f"entries of the segments {path.parent.name[:12]} are damaged; their texts will be segmented again")
    memo = CompletionMemo(store)
    if completions := memo.damaged():
        first = next(iter(completions.values()))
        problems.append(f"{len(completions)} completions are damaged, the first is {first[:12]}")
    if mend:
        for path in damaged:
            store.set_aside(path)
        memo.set_aside(completions)
    return problems + name_problems(store)


def whole(path: Path) -> bool:
    """Whether an object is what its name says."""
    try:
        return hash_path(path) == path.name
    except NoFile:
        return False


def name_problems(store: Store) -> list[str]:
    """Names that no longer match what they stand for."""
    problems = []
    for recipe, build in store.builds():
        for output, shown in build.outputs.items():
            folder = store.root / "names" / recipe / "outputs" / output
            if store.location.url is not None and not folder.is_dir():
                continue  # it is shown where it was built
            record = store.find(shown["key"])
            if record is not None and record.without is not None and not folder.is_dir():
                continue  # it was pulled without its text, so there is nothing to show
            if not folder.is_dir():
                problems.append(f"the name {output_name(recipe, output)} leads nowhere")
            elif isinstance(record, OutputRecord) and not shows(folder, manifest_of(recipe, output, record)):
                problems.append(f"the manifest of {output_name(recipe, output)} is damaged, or another than its last build's")
    return problems
