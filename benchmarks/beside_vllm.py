"""A build that asks vLLM, beside bare vLLM on the same requests: alternating pairs, median and spread.

    python benchmarks/beside_vllm.py [--requests 200] [--pairs 5] [--noise]

Bare vLLM is `LLM.generate` with all prompts in one list, in a process of its own with the same settings; both run the built-in
model in float32. What is timed is from the first request to the last completion, on disk for a build, so that starting an
engine counts for neither. `ours` is the time in which the build did not wait for its engine. `--noise` runs each bare part twice
and tells the ratio of these two as well: what the machine alone does.
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
    from runtime.engines.engine import Answer, Engine, Request

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
        from runtime.engines import vllm_worker  # sets what vLLM reads when it is imported, and keeps its output apart

        serve_bare(vllm_worker.arguments, vllm_worker.say)
        return
    from operators.model import Model
    from runtime.engines.choose import embedded

    engine, alone = embedded(Model(id="x/y", license="mit", terms="mit")), Bare()
    alone.took(options.requests // 4, "warm")
    built(engine, options.requests // 4, "warm too")
    ratios, noise = [], []
    for pair in range(options.pairs):
        ours = theirs = spent = 0.0
        for each in ("bare", "built") if pair % 2 else ("built", "bare"):
            if each == "bare":
                theirs = alone.took(options.requests, f"round {pair}")
            else:
                ours, spent = built(engine, options.requests, f"round {pair}")
        ratios.append(ours / theirs)
        line = f"pair {pair + 1}: bare {theirs:.2f} s, built {ours:.2f} s, of it ours {spent:.2f} s, ratio {ratios[-1]:.3f}"
        if options.noise:
            noise.append(alone.took(options.requests, f"round {pair} again") / theirs)
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

    def took(self, count: int, salt: str) -> float:
        """Seconds for so many requests."""
        assert self.process.stdin is not None and self.process.stdout is not None
        print(json.dumps(prompts(count, salt + " bare")), file=self.process.stdin, flush=True)
        return float(json.loads(self.process.stdout.readline())["seconds"])


def serve_bare(arguments: Callable[..., dict[str, Any]], say: Callable[..., None]) -> None:
    from vllm import LLM, SamplingParams

    from runtime.engines.choose import WINDOW, embedded_folder
    from runtime.engines.embedded import unpacked

    settings = {"path": str(unpacked(embedded_folder())), "dtype": "float32", "window": WINDOW, "settings": {}}
    engine = LLM(**arguments(settings, gpu=False))
    say(ready=True)
    for line in sys.stdin:
        asked = json.loads(line)
        started = time.monotonic()
        sampling = [SamplingParams(temperature=0.6, max_tokens=TOKENS, seed=at) for at in range(len(asked))]
        made = engine.chat([[{"role": "user", "content": each}] for each in asked], sampling, use_tqdm=False)
        assert len(made) == len(asked) and all(each.finished for each in made)
        say(seconds=time.monotonic() - started)


def built(engine: Engine, count: int, salt: str) -> tuple[float, float]:
    """The same of a whole build: table, addresses, claims, journal, and the table that comes out.

    (seconds, those in which the build did not wait for its engine)
    """
    from runtime.cli.build import run_build
    from runtime.completions import stage
    from runtime.session import Session

    class Kept:
        """The engine that runs already; a build that is done with it does not end it."""

        name, version, window = engine.name, engine.version, engine.window
        waited = 0.0

        def run(self, requests: Iterator[Request]) -> Iterator[Answer]:
            def taken() -> Iterator[Request]:
                while True:
                    since = time.monotonic()
                    request = next(requests, None)
                    Kept.waited -= time.monotonic() - since
                    if request is None:
                        return
                    yield request

            answers = engine.run(taken())
            while True:
                since = time.monotonic()
                answer = next(answers, None)
                Kept.waited += time.monotonic() - since
                if answer is None:
                    return
                yield answer

        def close(self) -> None:
            pass

    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        (folder / ".recipe").mkdir()
        (folder / "rows.jsonl").write_text("".join(json.dumps({"prompt": each}) + "\n" for each in prompts(count, salt)))
        said = {
            "format": 1,
            "recipe": "bench/vllm",
            "language": {"target": "ko", "anchor": "en"},
            "models": {"teacher": {"id": "x/y", "license": "mit", "terms": "mit"}},
            "sources": {"a": {"file": "rows.jsonl", "category": "one", "license": "A"}},
            "tables": {
                "t": {"from": "a", "steps": [{"generate": {"model": "teacher", "temperature": 0.6, "max_tokens": TOKENS}}]}
            },
        }
        (folder / "recipe.yaml").write_text(json.dumps(said))
        stage.endpoint_of = lambda model, configuration: ("", None)
        stage.open_engine = lambda model, endpoint: Kept()
        started = time.monotonic()
        report = run_build(Session(str(folder / "recipe.yaml"), store_folder=str(folder / "store")), quiet=True)
        assert report["asked"]["t/generate"]["new"] == count
        seconds = time.monotonic() - started
        return seconds, seconds - Kept.waited


if __name__ == "__main__":
    main()
