"""What a build loads, loaded once for all that are forked from the process that imports this; it starts no thread of its own."""

from __future__ import annotations

import contextlib
import importlib.util
import tempfile
from pathlib import Path

import duckdb  # noqa: F401
import pyarrow as pa
import pyarrow.parquet  # noqa: F401

import compiler.compile  # noqa: F401
import operators.kernels.equal
import operators.kernels.names  # noqa: F401
import runtime.build.builder  # noqa: F401
import runtime.build.drift  # noqa: F401
import runtime.build.funnel  # noqa: F401
import runtime.build.looks  # noqa: F401
import runtime.build.progress  # noqa: F401
import runtime.build.run  # noqa: F401
import runtime.cli.build
import runtime.cli.main
import runtime.completions.stage
import runtime.sources.ingest  # noqa: F401
import runtime.sources.readers.counting  # noqa: F401
import runtime.stages.ledger  # noqa: F401
import runtime.stages.relation  # noqa: F401
import runtime.stages.shards  # noqa: F401
from runtime.build.session import Session

RECIPE = """
format: 1
recipe: test/warm
language: {target: ko, anchor: en}
sources: {a: {file: a.jsonl, category: one, license: A}}
prompts: [{length: {min: 3}}, {unique: {}}]
"""

pa.array([0])  # which loads pandas, where it is installed
if importlib.util.find_spec("httpx") is not None:
    import httpx  # noqa: F401
    import tenacity  # noqa: F401

with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
    Path("recipe.yaml").write_text(RECIPE, "utf-8")
    Path("a.jsonl").write_text('{"prompt": "one"}\n', "utf-8")
    opened = Session("recipe.yaml", store_folder="store")
    assert opened.graph and opened.facts
