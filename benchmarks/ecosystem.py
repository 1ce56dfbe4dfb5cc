"""Whether two checkouts make the same of a fixed corpus: every key, digest, ledger, completion's address and `--json`.

    python benchmarks/ecosystem.py OLD NEW [--data ../shared/data] [--edits 100] [--only NAME] [--but NAME] [--parts N]
                                   [--python PYTHON]

OLD and NEW are checkouts of this project; both run in the same Python, which has what they need installed. The corpus is
that of the checkout that this file stands in: recipes that ship, recipes over real data, random edits of one, traces asked of
a server, a training and an evaluation. Each checkout builds it in a store of its own. All differences are listed, and any is
exit code 1. Times, paths of a store and the address of the server are left out; with --parts, which NEW lays its tables in,
also which objects a table lies in.
"""

from __future__ import annotations

import argparse
import json
import os
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(HERE))

from benchmarks.corpus import Item, items_of  # noqa: E402

#: What differs from run to run by its nature.
VOLATILE = frozenset({"seconds", "path", "at", "made", "machine", "took", "rate", "finished", "started"})
SHOWN = 12

#: Runs commands in one process, so that most of the time is theirs and not the start's.
RUNNER = """
import contextlib, io, json, sys
import runtime.cli.main
print(json.dumps(runtime.cli.main.__file__), flush=True)
for line in sys.stdin:
    out, err, code = io.StringIO(), io.StringIO(), 0
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            runtime.cli.main.main(json.loads(line))
        except SystemExit as done:
            code = int(done.code or 0)
    print(json.dumps([code, out.getvalue(), err.getvalue()]), flush=True)
"""


@dataclass
class Made:
    """What a checkout made of an item: the answers of the commands, and what lies in its store."""

    told: dict[str, Any] = field(default_factory=dict)
    stored: dict[str, Any] = field(default_factory=dict)


def steady(value: Any, store: str) -> Any:
    """A value without what differs from run to run."""
    if isinstance(value, dict):
        return {key: steady(each, store) for key, each in value.items() if key not in VOLATILE}
    if isinstance(value, list):
        return [steady(each, store) for each in value]
    return value.replace(store, "STORE") if isinstance(value, str) else value


def unlaid(found: Any) -> Any:
    """What lies in a store without the objects that it lies in, and the rows of each part."""
    if isinstance(found, dict):
        return {key: unlaid(each) for key, each in found.items() if key != "spread" and not key.startswith("object ")}
    if isinstance(found, list) and not (found and all(isinstance(each, str) and each.startswith("object:") for each in found)):
        return [unlaid(each) for each in found]
    return "objects" if isinstance(found, list) or str(found).startswith("object:") else found


def stored_in(store: Path) -> dict[str, Any]:
    """What lies in a store: records by key, the names of objects, and completions by their address."""
    found: dict[str, Any] = {}
    for path in sorted(store.rglob("*")):
        if not path.is_file() or path.is_symlink():
            continue
        kind, name = path.relative_to(store).as_posix(), path.name
        if "/results/" in kind or "/beside/" in kind:
            # A checksum of the rest is the first line.
            found[f"record {name}"] = steady(json.loads(path.read_text("utf-8").partition("\n")[2]), str(store))
        elif "/objects/" in kind:
            found[f"object {name}"] = path.stat().st_size
        elif name.endswith((".sqlite", ".db")):
            found |= rows_of(path)
    return found


def rows_of(path: Path) -> dict[str, Any]:
    """The completions of a database: address -> a hash of what was said."""
    found = {}
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
        tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        if "completions" not in tables:
            return {}
        columns = [row[1] for row in connection.execute("PRAGMA table_info(completions)")]
        kept = [each for each in columns if each not in (*VOLATILE, "engine", "origin", "answered_by")]
        for row in connection.execute(f"SELECT {', '.join(kept)} FROM completions"):
            found[f"completion {row[0].hex()}"] = sha256(repr(row[1:]).encode()).hexdigest()[:16]
    return found


def run(checkout: Path, python: str, items: list[Item], folder: Path, store: Path) -> dict[str, Made]:
    """What a checkout makes of all items."""
    environment = {**os.environ, "PYTHONPATH": str(checkout)}
    with subprocess.Popen(
        [python, "-c", RUNNER], cwd=folder, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdin is not None and child.stdout is not None
        where = json.loads(child.stdout.readline() or "null")
        if where is None or not Path(where).resolve().is_relative_to(checkout):
            raise SystemExit(f"the code of {checkout} was not run, but {where}")
        made: dict[str, Made] = {}
        known: dict[str, Any] = {}
        for item in items:
            own = made[item.name] = Made()
            for number, (command, *arguments) in enumerate(item.commands):
                named = [*arguments, item.recipe] if command == "diff" else [item.recipe, *arguments]
                line = [command, *named, *item.more, "--json"]
                line += [] if command == "check" else ["--store", str(store)]
                child.stdin.write(json.dumps(line) + "\n")
                child.stdin.flush()
                code, out, err = json.loads(child.stdout.readline())
                try:
                    told = json.loads(out)
                except ValueError:
                    told = out + err
                own.told[f"{number} {command} {' '.join(arguments)}".strip()] = steady([code, told], str(store))
            now = stored_in(store)
            own.stored = {name: value for name, value in now.items() if name not in known}
            known |= own.stored
        child.stdin.close()
    return made


def differences(old: Any, new: Any, at: str = "") -> Iterator[str]:
    """Where two values differ, as paths."""
    if isinstance(old, dict) and isinstance(new, dict):
        for name in dict.fromkeys([*old, *new]):
            if name not in old or name not in new:
                yield f"{at}/{name}: only in {'NEW' if name in new else 'OLD'}"
            else:
                yield from differences(old[name], new[name], f"{at}/{name}")
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for place, pair in enumerate(zip(old, new, strict=True)):
            yield from differences(*pair, f"{at}/{place}")
    elif old != new:
        yield f"{at}: {str(old)[:80]!r} -> {str(new)[:80]!r}"


def main() -> None:
    """Run both checkouts and print a line for each item, and its differences."""
    reader = argparse.ArgumentParser(description=__doc__)
    reader.add_argument("old", type=Path)
    reader.add_argument("new", type=Path)
    reader.add_argument("--data", type=Path, default=Path("../shared/data"))
    reader.add_argument("--edits", type=int, default=100)
    reader.add_argument("--only", action="append", help="items whose name begins so")
    reader.add_argument("--but", action="append", default=[], help="leave these items out")
    reader.add_argument("--parts", help="how many parts NEW lays every table in")
    reader.add_argument("--python", default=sys.executable)
    said = reader.parse_args()
    from tests.teacher import KEY, teaching, varied

    data = said.data.resolve() if said.data.is_dir() else None
    if data is None:
        print(f"there is no {said.data}: recipes over real data and edits are left out")
    with tempfile.TemporaryDirectory(prefix="ecosystem-") as made, teaching() as teacher:
        whole = Path(made).resolve()
        folder = whole / "corpus"
        (folder / ".recipe").mkdir(parents=True)

        def misbehave(handler: Any, request: dict[str, Any], times: int) -> bool:
            told = sha256(json.dumps(request, sort_keys=True, ensure_ascii=False).encode()).hexdigest()
            handler.say(200, varied(request, told))
            return True

        teacher.fault = misbehave
        settings = whole / "config.yaml"
        settings.write_text(json.dumps({"endpoints": {"lab": {"engine": "openai", "url": teacher.url, "key": "LAB_KEY"}}}))
        os.environ |= {"RECIPE_CONFIG": str(settings), "LAB_KEY": KEY}
        items = list(items_of(folder, data, said.edits))
        if said.only:
            items = [each for each in items if each.name.startswith(tuple(said.only))]
        items = [each for each in items if each.name not in said.but]
        both, took = [], []
        for name, checkout in (("old", said.old), ("new", said.new)):
            since = time.perf_counter()
            if said.parts and name == "new":
                os.environ["RECIPE_PARTS"] = said.parts
            both.append(run(checkout.resolve(), said.python, items, folder, whole / name))
            took.append(time.perf_counter() - since)
    if said.parts:
        for each in [*both[0].values(), *both[1].values()]:
            each.stored = unlaid(each.stored)
    wrong = report(items, *both)
    compared = sum(len(each.told) + len(each.stored) for each in both[0].values())
    seconds = " and ".join(f"{each:.0f} s" for each in took)
    print(f"\n{len(items)} items, {compared:,} answers, records, objects and completions compared, made in {seconds}")
    failed = [f"{name}: {command}" for name, each in both[0].items() for command, told in each.told.items() if told[0]]
    print(f"commands that OLD ended with another code than 0: {', '.join(failed[:SHOWN]) or 'none'}")
    edits = [told[0] for name, each in both[0].items() if name.startswith("e0") for told in each.told.values()]
    if 2 * sum(map(bool, edits)) > len(edits):
        sys.exit("most edits did not build in OLD: there was little to compare")
    if not compared:
        sys.exit("nothing was compared")
    sys.exit(f"{wrong} items differ" if wrong else 0)


def report(items: list[Item], old: dict[str, Made], new: dict[str, Made]) -> int:
    """Print what was compared, and all that differs; the number of items that do."""
    wrong = 0
    print("| item | answers | records | objects | completions | differences |\n| --- | --- | --- | --- | --- | --- |")
    for item in items:
        own = old[item.name]
        counts = [sum(name.startswith(kind) for name in own.stored) for kind in ("record", "object", "completion")]
        found = [*differences(own.told, new[item.name].told), *differences(own.stored, new[item.name].stored)]
        print(f"| {item.name} | {len(own.told)} | {' | '.join(map(str, counts))} | {len(found)} |", flush=True)
        for each in found[:SHOWN]:
            print(f"    {each}")
        wrong += bool(found)
    return wrong


if __name__ == "__main__":
    main()
