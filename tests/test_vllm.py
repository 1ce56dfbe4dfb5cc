"""A real engine: vLLM's CPU build generates for the tiny recipe, and its server is killed and started in the middle."""

from __future__ import annotations

import importlib.util
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.request import urlopen

import pytest

from tests.conftest import ROOT, Project

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("vllm") is None or not os.environ.get("RECIPE_NIGHTLY"),
    reason="vLLM is not installed, or this is no nightly run (.ci/nightly)",
)

TINY = str(ROOT / "recipes/ko/tiny.yaml")
WEIGHTS = ("HF_HUB_OFFLINE", "1"), ("VLLM_CPU_KVCACHE_SPACE", "2"), ("VLLM_NO_USAGE_STATS", "1")


@pytest.fixture
def nobodys(new_project: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A project of somebody without a configuration."""
    monkeypatch.setenv("RECIPE_CONFIG", str(tmp_path / "none.yaml"))
    (tmp_path / ".recipe").mkdir()
    return Project(tmp_path)


def test_the_tiny_recipe_generates_on_vllm_and_asks_once(nobodys: Project) -> None:
    first = nobodys.build(TINY)["asked"]["traces/generate"]
    assert (first["needed"], first["new"]) == (4, 4)
    assert nobodys.build(TINY)["asked"] == {}
    more = nobodys.build(TINY, "--set", "recipe=test/more", "--set", "prompts.sample.rows=8")["asked"]["traces/generate"]
    assert (more["needed"], more["memoised"], more["new"]) == (8, 4, 4)
    told = nobodys.run("store", "completions", "stats", "--store", "store").out
    assert "vllm 0.32" in told
    print(told)


def free_port() -> int:
    with socket.socket() as chosen:
        chosen.bind(("127.0.0.1", 0))
        return int(chosen.getsockname()[1])


@contextmanager
def serving(port: int, weights: Path) -> Iterator[subprocess.Popen[bytes]]:
    """vLLM's own server with the interface of OpenAI, once it answers."""
    arguments = {
        "model": weights, "served-model-name": "smol", "host": "127.0.0.1", "port": port, "dtype": "float32",
        "max-model-len": 1024, "max-num-seqs": 16, "max-num-batched-tokens": 16384, "block-size": 32,
    }  # fmt: skip
    command = [sys.executable, "-m", "vllm.entrypoints.openai.api_server", "--enforce-eager"]
    command += [f"--{name}={value}" for name, value in arguments.items()]
    server = subprocess.Popen(
        command, env=os.environ | dict(WEIGHTS), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    try:
        for _ in range(240):
            try:
                urlopen(f"http://{'127.0.0.1'}:{port}/health", timeout=2).read()
                break
            except OSError:
                time.sleep(0.5)
        yield server
    finally:
        with suppress(ProcessLookupError):
            os.killpg(server.pid, signal.SIGKILL)  # its workers too, which outlive it and hold the weights
        server.wait()


def test_a_server_that_is_killed_in_the_middle_loses_nothing(nobodys: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    from runtime.completions.engines.choose import embedded_folder
    from runtime.completions.engines.embedded import unpack

    port, weights = free_port(), unpack(embedded_folder())
    at = {"engine": "openai", "url": f"http://{'127.0.0.1'}:{port}/v1", "model": "smol"}
    endpoint = at | {"concurrency": 4, "attempts": 40, "wait": 3}
    config = nobodys.write("config.yaml", json.dumps({"endpoints": {"lab": endpoint}}))
    monkeypatch.setenv("RECIPE_CONFIG", str(config))
    settings = ["--set", "models.teacher.endpoint=lab", "--set", "prompts.sample.rows=24"]
    command = [sys.executable, "-m", "runtime.cli.main", "build", TINY, *settings, "--store", "store", "--json"]
    with serving(port, weights) as server:
        build = subprocess.Popen(command, cwd=nobodys.folder, stdout=subprocess.PIPE, env=os.environ | {"PYTHONPATH": str(ROOT)})
        while stored(nobodys) < 6 and build.poll() is None:
            time.sleep(0.05)
        before = stored(nobodys)
        os.killpg(server.pid, signal.SIGKILL)
    assert 6 <= before < 24 and build.poll() is None
    with serving(port, weights):
        out, _ = build.communicate(timeout=300)
    report = json.loads(out)
    assert build.returncode == 0, report
    assert report["asked"]["traces/generate"]["new"] == 24
    print(f"killed with {before} of 24 completions stored; all 24 are there, each once: {stored(nobodys)}")
    assert stored(nobodys) == 24


def stored(project: Project) -> int:
    """How many completions the store has, as another process sees them."""
    import sqlite3

    path = project.folder / "store/memos/v1/completions/completions.sqlite"
    try:
        connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
        try:
            return int(connection.execute("SELECT count(*) FROM completions").fetchone()[0])
        finally:
            connection.close()
    except sqlite3.Error:
        return 0
