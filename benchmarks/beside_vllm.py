"""A build that asks vLLM, beside bare vLLM on the same requests: alternating pairs, median and spread.

    python benchmarks/beside_vllm.py [--requests 200] [--pairs 5] [--noise]

Bare vLLM is `LLM.chat` with all requests in one list, in a process of its own with the same settings; both run the built-in
model in float32. Requests have the same seeds, so that the same tokens come out. What is timed is from the first request to the
last completion, on disk for a build, so that starting an engine counts for neither. `ours` is the time in which the build did
not wait for its engine. `--noise` runs each bare part twice and tells the ratio of these two as well: what the machine does.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

if TYPE_CHECKING:
    from runtime.completions.engines.engine import Answer, Engine, Request

TOKENS = 24
STEP = {"model": "teacher", "temperature": 0.6, "max_tokens": TOKENS}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--requests", type=int, default=200)
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--noise", action="store_true")
    parser.add_argument("--bare", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.bare:
        from runtime.completions.engines import (
            vllm_worker,  # sets what vLLM reads when it is imported, and keeps its output apart
        )

        vllm_worker.bind_threads()
        serve_bare(vllm_worker.arguments, vllm_worker.say)
        return
    from operators.declared.model import Model
    from runtime.completions.engines.choose import open_embedded

    engine, alone = open_embedded(Model(id="x/y", license="mit", terms="mit")), Bare()
    warm = prompts(options.requests // 4, "warm")
    alone.took(requested(warm))
    built(Watched(engine), warm)
    ratios, noise = [], []
    for pair in range(options.pairs):
        said = prompts(options.requests, f"round {pair}")
        asked, watched, ours, theirs, made = requested(said), Watched(engine), 0.0, 0.0, 0
        for each in ("bare", "built") if pair % 2 else ("built", "bare"):
            if each == "bare":
                theirs, made = alone.took(asked)
            else:
                ours = built(watched, said)
        ratios.append(ours / theirs)
        line = f"pair {pair + 1}: bare {theirs:.2f} s, {made:,} tokens; built {ours:.2f} s, {watched.tokens:,} tokens,"
        line += f" of it ours {ours - watched.waited:.2f} s; ratio {ratios[-1]:.3f}"
        if options.noise:
            noise.append(alone.took(asked)[0] / theirs)
            line += f"; bare again {noise[-1]:.3f}"
        print(line, flush=True)
    engine.close()
    alone.process.kill()
    told = f"{engine.name} {engine.version}, {options.requests} requests of {TOKENS} tokens"
    print(f"{told}: built / bare {spread(ratios)}" + (f"; bare / bare {spread(noise)}" if noise else ""))


def spread(ratios: list[float]) -> str:
    return f"median {statistics.median(ratios):.3f} ({min(ratios):.3f} to {max(ratios):.3f})"


def prompts(count: int, salt: str) -> list[str]:
    return [f"{salt}: what is {at} plus {at * 7 % 13}, and why is that so? 물은 왜 끓나요?" for at in range(count)]


class Bare:
    """A process that runs vLLM and nothing else."""

    def __init__(self) -> None:
        command = [sys.executable, __file__, "--bare"]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        self.process.stdout.readline()

    def took(self, asked: list[Request]) -> tuple[float, int]:
        """(seconds, tokens made) for some requests."""
        assert self.process.stdin is not None and self.process.stdout is not None
        print(json.dumps([[each.messages[0][1], each.seed] for each in asked]), file=self.process.stdin, flush=True)
        told = json.loads(self.process.stdout.readline())
        return float(told["seconds"]), int(told["tokens"])


def serve_bare(arguments: Callable[..., dict[str, Any]], say: Callable[..., None]) -> None:
    from vllm import LLM, SamplingParams

    from runtime.completions.engines.choose import WINDOW, embedded_folder
    from runtime.completions.engines.embedded import unpack

    settings = {"path": str(unpack(embedded_folder())), "dtype": "float32", "window": WINDOW, "settings": {}}
    engine = LLM(**arguments(settings, gpu=False))
    say(ready=True)
    for line in sys.stdin:
        asked = json.loads(line)
        engine.reset_prefix_cache()
        started = time.monotonic()
        sampling = [SamplingParams(temperature=0.6, max_tokens=TOKENS, seed=seed) for _, seed in asked]
        made = engine.chat([[{"role": "user", "content": prompt}] for prompt, _ in asked], sampling, use_tqdm=False)
        seconds = time.monotonic() - started
        say(seconds=seconds, tokens=sum(len(each.outputs[0].token_ids) for each in made))


class Watched:
    """An engine that runs already, and is not ended by the build that it answers."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.name, self.version, self.window = engine.name, engine.version, engine.window
        self.waited, self.tokens = 0.0, 0

    def run(self, requests: Iterator[Request]) -> Iterator[Answer]:
        def taken() -> Iterator[Request]:
            while (request := self.timed(requests, -1)) is not None:
                yield request

        answers = self.engine.run(taken())
        while (answer := self.timed(answers, 1)) is not None:
            assert answer.reply is not None
            self.tokens += answer.reply.completion_tokens or 0
            yield answer

    def timed(self, each: Iterator[Any], sign: int) -> Any:
        """The next one; what it took is waiting, or for a request no waiting."""
        since = time.monotonic()
        try:
            return next(each, None)
        finally:
            self.waited += sign * (time.monotonic() - since)

    def close(self) -> None:
        pass


class Collected:
    """An engine that answers at once, and keeps what it was asked."""

    name, version, window = "none", "", 256

    def __init__(self) -> None:
        self.requests: list[Request] = []

    def run(self, requests: Iterator[Request]) -> Iterator[Answer]:
        from operators.asks.asks import Reply
        from runtime.completions.engines.engine import Answer

        for request in requests:
            self.requests.append(request)
            yield Answer(request.address, Reply("a", None, "stop", 1, 1))

    def close(self) -> None:
        pass


def requested(asked: list[str]) -> list[Request]:
    """What a build asks an engine."""
    built(engine := Collected(), asked)
    return engine.requests


def built(engine: Engine, asked: list[str]) -> float:
    """Seconds of a whole build: table, addresses, claims, journal, and the table that comes out."""
    from runtime.build.run import Wishes, run_build
    from runtime.build.session import Session
    from runtime.completions import stage

    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        (folder / ".recipe").mkdir()
        (folder / "rows.jsonl").write_text("".join(json.dumps({"prompt": each}) + "\n" for each in asked))
        said = {
            "format": 1,
            "recipe": "bench/vllm",
            "language": {"target": "ko", "anchor": "en"},
            "models": {"teacher": {"id": "x/y", "license": "mit", "terms": "mit"}},
            "sources": {"a": {"file": "rows.jsonl", "category": "one", "license": "A"}},
            "tables": {"t": {"from": "a", "steps": [{"generate": STEP}]}},
        }
        (folder / "recipe.yaml").write_text(json.dumps(said))
        stage.endpoint_of = lambda model, configuration: ("", None)
        stage.open_engine = lambda model, endpoint: engine
        started = time.monotonic()
        report = run_build(Session(str(folder / "recipe.yaml"), store_folder=str(folder / "store")), Wishes(quiet=True))
        assert report.filled["t/generate"].new == len(asked)
        return time.monotonic() - started


if __name__ == "__main__":
    main()
