"""Mutated files through the readers: `python -m tests.fuzz_readers --count 20000` is what a night tries.

Each is looked at, proposed for and read; every row is right, or the file or the row is refused in a sentence. Some are built.
"""

from __future__ import annotations

import json
import os
import re
import resource
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache, partial
from pathlib import Path
from typing import Any

from operators.declared.source import Source, packed_as
from tests.fuzz import KEPT, Kind, asked, held, measured, report, run
from tests.reader_mutants import ELEMENT, LINE, RECORD, WHOLE, Mutant, Seed, mutant, seeds

#: What reading a file may take: CPU seconds and MB, beside what the readers and their libraries hold themselves.
SECONDS = 5.0
MEGABYTES = 1000.0
WALL = 120
#: One mutant in so many is built besides, by its recipe.
BUILT = 25
RECIPE = """format: 1
recipe: fuzz/{name}
language: {{target: ko, anchor: en}}
sources: {{a: {source}}}
tables: {{t: {{from: a}}}}
"""


@dataclass(frozen=True)
class Told:
    """What a reader says of a file."""

    rows: list[tuple[int, dict[str, Any]]] = field(default_factory=list)
    """(its number, the row) of each."""
    bad: list[tuple[int, str]] = field(default_factory=list)
    refused: str | None = None


def declared(seed: Seed, **more: Any) -> dict[str, Any]:
    return {"file": seed.name, "category": "c", "license": "A", **seed.source, **more}


def lay_out(folder: Path) -> None:
    """Each seed in a folder of its own, with a recipe that reads it."""
    for seed in seeds():
        there = folder / seed.name.replace(".", "-")
        (there / ".recipe").mkdir(parents=True)
        (there / seed.name).write_bytes(seed.content)
        text = RECIPE.format(name=there.name, source=json.dumps(declared(seed, on_bad_row="quarantine"), ensure_ascii=False))
        (there / "recipe.yaml").write_text(text, "utf-8")


def read(seed: Seed, path: Path, batch_rows: int = 16384) -> Told:
    """What the readers make of a file, as a build asks them."""
    from runtime.sources.archives import unpack
    from runtime.sources.readers.files import Unreadable
    from runtime.sources.readers.read import read_batches

    source = Source.model_validate(declared(seed, batch_rows=batch_rows))
    told = Told()
    try:
        members = [path] if packed_as(path.name) is None else [where for _, where in unpack(path, None).members]
        for each in members:
            for batch in read_batches(source, each):
                batch.table.validate(full=True)
                told.rows.extend(zip(batch.lines.tolist(), batch.table.to_pylist(), strict=True))
                told.bad.extend((bad.line, bad.reason) for bad in batch.bad)
    except Unreadable as error:
        return Told(told.rows, told.bad, error.message)
    return Told(told.rows, sorted(told.bad))


def look(seed: Seed, path: Path) -> None:
    """What `check`, `recipe sources FILE` and a forecast ask of a file; they refuse in a sentence, or not at all."""
    from runtime.cli.sources import member_of
    from runtime.sources.probe import bound_rows
    from runtime.sources.propose import propose
    from runtime.sources.readers.files import Unreadable
    from runtime.sources.readers.read import probe, sample_objects
    from runtime.sources.readers.rows import Bad
    from runtime.sources.sizes import size_of

    source = Source.model_validate(declared(seed))
    for act in (
        lambda where: probe(source, where),
        lambda where: bound_rows(source, [where]),
        lambda where: size_of(source, [where]),
        lambda where: propose(sample_objects(where, {})),
    ):
        try:
            act(path if packed_as(path.name) is None else member_of(path)[0])
        except (Unreadable, Bad):
            continue


@cache
def whole(seed: Seed, folder: Path) -> Told:
    """What is read of a seed itself."""
    path = folder / f"whole-{seed.name}"
    path.write_bytes(seed.content)
    return read(seed, path)


def starts(seed: Seed) -> list[int]:
    """Where in the bytes of a seed each of its numbered parts begins."""
    if seed.unit == RECORD:
        return [found.start() for found in re.finditer(rb"WARC/1.1\r\n", seed.content)]
    lines = [0, *(found.end() for found in re.finditer(rb"\n", seed.content))]
    return lines[1:] if seed.unit == ELEMENT else lines


def common(one: bytes, two: bytes) -> tuple[int, int]:
    """How many first and how many last bytes two texts share; no byte counts as both."""
    first = len(os.path.commonprefix((one, two)))
    most = min(len(one), len(two)) - first
    return first, len(os.path.commonprefix((one[::-1][:most], two[::-1][:most])))


def strayed(seed: Seed, content: bytes, told: Told, of_seed: Told) -> str | None:
    """What is wrong with the rows of a mutant: those of parts that were not touched are as they were."""
    if told.refused is not None or seed.unit == WHOLE or (seed.unit == LINE and b"\n" not in content):
        return None
    if seed.unit == ELEMENT and not content.lstrip(b" \t\r\n").startswith(b"["):
        return None  # what is no array any more is read as lines, of which each is named that is no row
    first, last = common(seed.content, content)
    begins = starts(seed)
    if seed.name.endswith((".csv", ".tsv")) and first < begins[1]:
        return None  # other names of columns are another file
    numbers = sorted({number for number, _ in of_seed.rows})
    ends = dict(zip(numbers, [*(begins[number - 1] for number in numbers[1:]), len(seed.content)], strict=True))
    before = [(number, row) for number, row in of_seed.rows if ends[number] <= first]
    if told.rows[: len(before)] != before:
        return f"rows before the change are others: {told.rows[: len(before)]} and not {before}"[:2000]
    between = seed.content[first : len(seed.content) - last], content[first : len(content) - last]
    if any(byte in text for text in between for byte in seed.reaching):
        return None
    behind = [row for number, row in of_seed.rows if begins[number - 1] - (seed.unit == LINE) >= len(seed.content) - last]
    if behind and [row for _, row in told.rows[-len(behind) :]] != behind:
        return f"rows behind the change are others: {told.rows[-len(behind) :]} and not {behind}"[:2000]
    return None


def misread(seed: Seed, content: bytes, told: Told, of_seed: Told) -> str | None:
    """What is wrong with rows by another reading: JSON by the standard library's, packed bytes by what was packed."""
    known = [row for _, row in of_seed.rows]
    # Behind its end a tar has zeros without number.
    cut = seed.content.startswith(content) and seed.content[len(content) :].strip(b"\0")
    if cut and told.refused is None and seed.name.endswith((".gz", ".zst", ".zip", ".tar", ".parquet", ".xlsx")):
        return f"it was cut off at {len(content)} of {len(seed.content)}, and {len(told.rows)} rows are read"
    if not seed.parse or told.refused is not None or b"\n" not in content:
        return None
    lines = content.removeprefix(b"\xef\xbb\xbf").split(b"\n")
    numbers = [number for number, _ in (*told.rows, *told.bad)]
    wanted = [number for number, line in enumerate(lines, 1) if line.strip(b" \t\r")]
    if sorted(numbers) != wanted:
        return f"of lines {wanted}, those that are read or refused are {sorted(numbers)}"
    for number, row in told.rows:
        value = json.loads(lines[number - 1]).get("t")
        if isinstance(value, str | None) and row["prompt"] != value and row not in known:
            return f"line {number} says {value!r}, and is read as {row['prompt']!r}"
    return None


def wrong_with(made: Mutant, path: Path, folder: Path) -> tuple[int | None, str | None]:
    """(0 for rows, 1 for a file that is refused or None for a traceback; what is wrong)."""
    try:
        look(made.seed, path)
        told, again = read(made.seed, path), read(made.seed, path, 3)
    except BaseException:  # whatever it is, it is what is looked for
        return None, traceback.format_exc()[-3000:]
    if told.refused is not None and (not told.refused.strip() or "Traceback" in told.refused):
        return 1, f"it is refused for no reason: {told.refused!r}"
    if any(number < 1 or not reason.strip() for number, reason in told.bad):
        return 0, f"a bad row has no place or no reason: {told.bad}"[:2000]
    # Arrow finds another of several faults first where it reads fewer rows at a time.
    if (told.refused is None) != (again.refused is None) or (told.refused is None and told != again):
        return 0, f"three rows at a time it is read otherwise: {told} and {again}"[:3000]
    of_seed = whole(made.seed, folder)
    found = strayed(made.seed, made.content, told, of_seed) or misread(made.seed, made.content, told, of_seed)
    return int(told.refused is not None), found


def built(path: Path) -> tuple[int | None, str | None]:
    """(exit code, what is wrong) of a build of a recipe that reads the mutant: where it fails, it names the file."""
    code, said, trace = run(["build", str(path.parent / "recipe.yaml"), "--quiet", "--allow-empty"])
    if code is None or "Traceback (most recent call last)" in said:
        return None, (trace or said)[-3000:]
    named = code == 0 or path.name in said or (code == 2 and "-->" in said)
    return code, None if code in (0, 1, 2) and named else f"exit code {code}, and it does not name the file: {said[-900:]}"


def work(folder: Path, first: int, last: int) -> None:
    """Try the mutants of a range; a line of JSON tells of each."""
    resource.setrlimit(resource.RLIMIT_AS, (16 << 30, 16 << 30))
    os.chdir(folder)
    tell = os.fdopen(os.dup(1), "w")
    for seed in seeds():
        whole(seed, folder)
    for number in range(first, last):
        made = mutant(number)
        path = folder / made.seed.name.replace(".", "-") / made.seed.name
        path.write_bytes(made.content)
        acts: dict[str, Callable[[], tuple[int | None, str | None]]] = {"read": partial(wrong_with, made, path, folder)}
        if number // len(seeds()) % BUILT == 0:
            acts["build"] = partial(built, path)
        for name, act in acts.items():
            print(json.dumps({"at": number, "command": name}), file=tell, flush=True)
            (code, wrong), seconds, megabytes = measured(act, WALL)
            if wrong is None and seconds > SECONDS:
                wrong = f"it took {seconds:.1f} CPU seconds"
            if wrong is None and megabytes > MEGABYTES:
                wrong = f"it held {megabytes:,.0f} MB"
            wrong = wrong and f"{made.seed.name} ({', '.join(made.how)}): {wrong}"
            result = {"done": number, "command": name, "code": code, "wrong": wrong, "seconds": seconds, "megabytes": megabytes}
            print(json.dumps(result), file=tell, flush=True)
        if held("VmRSS") > KEPT:
            return


READERS = Kind("tests.fuzz_readers", lay_out)


def main() -> None:
    said = asked().parse_args()
    if said.worker:
        folder, first, last = said.worker
        work(Path(folder), int(first), int(last))
    else:
        report(said, READERS)


if __name__ == "__main__":
    main()
