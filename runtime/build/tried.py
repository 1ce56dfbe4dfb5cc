"""An operator tried by the example of its docstring, in builds of its own: what it says, in any order, and on odd texts."""

from __future__ import annotations

import inspect
import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from operators.asks.asks import Asks
from operators.base.declare import Operator, Step
from runtime.build.run import Wishes, run_build
from runtime.build.session import Session
from runtime.store.store import StoreError

#: Texts on which kernels have failed: nothing, blanks, a NUL, marks without letters, what NFC composes, what has no planes below.
ODD = (
    "",
    " \n\t ",
    "\0",
    "...?!",
    "\u1112\u1161\u11ab",
    "e\u0301\u0301",
    "\U0001f469\u200d\U0001f469",
    "\u202eabc",
    "x" * 5000,
    "가" * 5000,
)
SEED = 5
"""Of the recipe in which examples are built, for operators that choose by it."""
HINT = "write `Example:` at the end of its docstring, with `with`, `in` and `out`, as docs/architecture.md shows"


def example_of(kind: type[Operator]) -> dict[str, Any]:
    """What the docstring of an operator gives as its example; raises StoreError where it gives none that can be built."""
    _, _, text = (inspect.getdoc(kind) or "").partition("Example:\n")
    try:
        example = yaml.safe_load(inspect.cleandoc(text)) if text else None
    except yaml.YAMLError as error:
        raise StoreError(f"the example of `{kind.name}` is no YAML: {' '.join(str(error).split())[:200]}", HINT) from None
    if not issubclass(kind, Step) or issubclass(kind, Asks):
        raise StoreError(f"`{kind.name}` is tried with files or a model, not with rows alone", None)
    if not (isinstance(example, dict) and {*example} == {"with", "in", "out"} and example["in"] and example["out"]):
        raise StoreError(f"`{kind.name}` has no example with rows that come out", HINT)
    return example


def try_example(kind: type[Operator]) -> Iterator[str]:
    """What holds of an operator, a line each; raises StoreError at what does not, and what a build raises."""
    example = example_of(kind)
    rows, names = example["in"], list(example["out"][0])
    digest, made = built(kind.name, example["with"], rows)
    found = [{name: row.get(name) for name in names} for row in made]
    if sorted(map(repr, found)) != sorted(map(repr, example["out"])):
        raise StoreError(f"the example of `{kind.name}` gives {found}", f"its docstring says {example['out']}")
    yield f"its example gives the rows that it says, {len(found):,} of {len(rows):,}"
    odd = [{**rows[0], **{name: text for name, cell in rows[0].items() if isinstance(cell, str)}} for text in ODD]
    others = [built(kind.name, example["with"], each)[0] for each in (rows[::-1], [*rows, *odd], [*odd[::-1], *rows[::-1]])]
    if others[0] != digest or others[1] != others[2]:
        raise StoreError(
            f"`{kind.name}` gives other rows where they come in another order", "its result may depend on rows alone"
        )
    yield "rows in another order give the same digest"
    yield f"{len(odd):,} odd texts are taken, from an empty one to one of 5,000 characters"


def built(name: str, said: Any, rows: list[dict[str, Any]]) -> tuple[str, list[dict[str, Any]]]:
    """(digest, rows) of what a step makes of some rows, in a store of its own."""
    import pyarrow.parquet as pq

    columns = {column: column for row in rows for column in row}
    whole = {column for column in columns if all(type(row.get(column, 0)) is int for row in rows)}
    mapped: dict[str, Any] = {each: {"field": each, "as": "integer"} if each in whole else each for each in columns}
    mapped |= {"gold": {"index": "gold"}} if "gold" in whole else {}
    source = {"file": "rows.jsonl", "category": "x", "license": "A"}
    recipe = {
        "format": 1,
        "recipe": "tried",
        "language": {"target": "ko", "anchor": "en"},
        "seed": SEED,
        "sources": {"rows": {**source, "columns": mapped}},
        "prompts": [{name: said}],
    }
    with tempfile.TemporaryDirectory(prefix="recipe-try-") as made:
        folder = Path(made).resolve()
        (folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
        (folder / "recipe.yaml").write_text(json.dumps(recipe), "utf-8")
        session = Session(str(folder / "recipe.yaml"), store_folder=str(folder / "store"), allow=(str(folder),))
        (output,) = run_build(session, Wishes(allow_empty=True, quiet=True)).outputs
        assert output.path is not None
        return output.digest, pq.read_table(Path(output.path)).to_pylist()
