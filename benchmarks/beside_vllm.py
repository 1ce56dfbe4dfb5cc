"""A build that asks vLLM, beside bare vLLM on the same requests: alternating pairs, median and spread.

    python benchmarks/beside_vllm.py [--requests 200] [--pairs 5]

Both run the built-in model in float32 with the same engine settings in a process of their own; what is timed is from the
first request to the last completion on disk, so that starting the engine counts for neither.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

if TYPE_CHECKING:
    from runtime.engines.engine import Engine

TOKENS = 24
STEP = {"model": "teacher", "temperature": 0.6, "max_tokens": TOKENS}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--requests", type=int, default=200)
    parser.add_argument("--pairs", type=int, default=5)
    options = parser.parse_args()
    from operators.model import Model
    from runtime.engines.choose import embedded

    engine = embedded(Model(id="x/y", license="mit", terms="mit"))
    bare(engine, options.requests // 4, "warm")
    ratios, ours, theirs = [], [], []
    for pair in range(options.pairs):
        first, second = (bare, built) if pair % 2 else (built, bare)
        took = {each.__name__: each(engine, options.requests, f"round {pair}") for each in (first, second)}
        ours.append(took["built"])
        theirs.append(took["bare"])
        ratios.append(took["built"] / took["bare"])
        print(f"pair {pair + 1}: bare {took['bare']:.2f} s, built {took['built']:.2f} s, ratio {ratios[-1]:.3f}", flush=True)
    engine.close()
    spread = f"{min(ratios):.3f} to {max(ratios):.3f}"
    told = f"{engine.name} {engine.version}, {options.requests} requests of {TOKENS} tokens"
    print(f"{told}: median ratio {statistics.median(ratios):.3f} ({spread})")


def prompts(count: int, salt: str) -> list[str]:
    return [f"{salt}: what is {at} plus {at * 7 % 13}, and why is that so? 물은 왜 끓나요?" for at in range(count)]


def bare(engine: Engine, count: int, salt: str) -> float:
    """The requests handed to the engine, and its completions counted."""
    from runtime.engines.engine import Request

    def requests() -> Iterator[Request]:
        for at, prompt in enumerate(prompts(count, salt + " bare")):
            address = at.to_bytes(32, "big")
            yield Request(address, (("user", prompt),), {"temperature": 0.6, "max_tokens": TOKENS}, at)

    started = time.monotonic()
    answers = list(engine.run(requests()))
    assert len(answers) == count and all(answer.reply is not None for answer in answers)
    return time.monotonic() - started


def built(engine: Engine, count: int, salt: str) -> float:
    """The same of a whole build: table, addresses, claims, journal, and the table that comes out."""
    from runtime.cli.build import run_build
    from runtime.completions import stage
    from runtime.session import Session

    class Kept:
        """The engine that runs already; a build that is done with it does not end it."""

        name, version, window, run = engine.name, engine.version, engine.window, engine.run

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
        return time.monotonic() - started


if __name__ == "__main__":
    main()
