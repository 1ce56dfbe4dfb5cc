"""Benchmarks: the one that the recipe declares, over the one beside it, before the one that ships with the project."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from compiler.diagnostics import Diagnostic, RecipeError, suggest
from compiler.document import Entry, Node, load_text, read_document
from compiler.merge import merge
from compiler.profiles import shipped_schema
from compiler.project import Place, package_root
from compiler.validate import validate
from operators.benchmark import Benchmark

FEED = "benchmark."
"""What the source with a benchmark's rows is called by, before its name; no name that a recipe may give has a dot."""


@dataclass(frozen=True)
class BenchmarkSaid:
    """One benchmark and its place."""

    benchmark: Benchmark
    node: Node

    @property
    def items(self) -> Node:
        """The part that says its files and columns."""
        return self.node.get("items") or self.node


def find_benchmark(name: str, place: Place) -> Path | None:
    """`benchmarks/NAME.yaml` beside the recipe, above it, or in the package. Raises RecipeError for one outside."""
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,100}", name):
        return None
    return place.find(f"benchmarks/{name}.yaml")


def load_benchmarks(node: Node, place: Place) -> Mapping[str, BenchmarkSaid]:
    """Every benchmark that `evaluate` or `decontaminate` names or `benchmarks` declares, and the sets they are parallel to.

    Raises RecipeError with every mistake.
    """
    found: list[Diagnostic] = []
    own = node.get("benchmarks")
    declared = {} if own is None or not isinstance(own.value, dict) else {name: each.node for name, each in own.value.items()}
    named = {str(each.value): each.span for each in (*listed(node), *looked_for(node))}
    loaded: dict[str, BenchmarkSaid] = {}
    waiting = list({**named, **declared})
    while waiting:
        name = waiting.pop(0)
        path = find_benchmark(name, place)
        if path is None and name not in declared:
            near = suggest(name, shipped(place))
            hint = (
                f"did you mean `{near}`?"
                if near
                else f"declare it under `benchmarks:`, or in benchmarks/{name}.yaml beside the recipe"
            )
            found.append(Diagnostic(f"there is no benchmark `{name}`", named[name], hint))
            continue
        try:
            said = None if path is None else read_benchmark(path, name, place)
            over = declared.get(name)
            whole = over if said is None else said if over is None else merge(said, over)
            assert whole is not None
            loaded[name] = BenchmarkSaid(typed_benchmark(name, whole), whole)
        except RecipeError as error:
            found += error.diagnostics
            continue
        for at, parallel in enumerate(loaded[name].benchmark.parallel_to):
            if parallel not in {**named, **declared}:
                named[parallel] = whole.find(("parallel_to", at))
                waiting.append(parallel)
    if found:
        raise RecipeError(tuple(found))
    return loaded


def listed(node: Node) -> list[Node]:
    """The benchmarks that a recipe's `evaluate` lists."""
    evaluate = node.get("evaluate")
    lists = [] if evaluate is None else [evaluate.get(name) for name in ("held_in", "held_out")]
    return [each for one in lists if one is not None and isinstance(one.value, list) for each in one.value]


def looked_for(node: Node) -> list[Node]:
    """The benchmarks that any `decontaminate` of a recipe names."""
    if isinstance(node.value, list):
        return [each for part in node.value for each in looked_for(part)]
    if not isinstance(node.value, dict):
        return []
    found = [each for entry in node.value.values() for each in looked_for(entry.node)]
    step = node.get("decontaminate")
    against = None if step is None else step.get("against")
    return [*found, *(against.value if against is not None and isinstance(against.value, list) else ())]


def shipped(place: Place) -> list[str]:
    """The names of the benchmarks that can be found from a recipe."""
    folders = (each / "benchmarks" for each in place.folders)
    return sorted({path.stem for folder in folders if not folder.is_symlink() for path in folder.glob("*.yaml")})


def read_benchmark(path: Path, name: str, place: Place) -> Node:
    """A benchmark's own file, without its head."""
    node = read_document(load_text(path, place.show(path)))
    found = validate(node, shipped_schema(package_root(), "benchmark"))
    if found:
        raise RecipeError(tuple(found))
    said = node.get("benchmark")
    if said is not None and said.value != name:
        message = f"the file is called `{name}`, and says `{said.value}`"
        raise RecipeError(Diagnostic(message, said.span, "one of them is wrong"))
    assert isinstance(node.value, dict)
    body: dict[str, Entry] = {key: entry for key, entry in node.value.items() if key not in ("format", "benchmark")}
    return Node(body, node.span)


def typed_benchmark(name: str, node: Node) -> Benchmark:
    """The benchmark that a node declares; raises RecipeError with every mistake."""
    try:
        benchmark = Benchmark.model_validate(node.plain())
    except ValidationError as error:
        raise RecipeError(
            tuple(
                Diagnostic(
                    f"the benchmark `{name}` needs `{problem['loc'][-1]}`"
                    if problem["type"] == "missing"
                    else problem["msg"].removeprefix("Value error, "),
                    node.find(
                        [
                            part
                            for part in problem["loc"]
                            if not str(part).startswith(("function-", "str", "tuple", "Cell", "Taken", "literal"))
                        ]
                    ),
                )
                for problem in error.errors(include_url=False)
            )
        ) from None
    lacks = benchmark.lacks()
    if lacks:
        message = f"the benchmark `{name}` maps no column `{lacks[0]}`, which the task `{benchmark.task}` needs"
        raise RecipeError(Diagnostic(message, node.find(("items", "columns")), "map it under `items: columns:`"))
    return benchmark
