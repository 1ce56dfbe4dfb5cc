"""YI-SANG's size: a corpus of the paper's shape through the reference recipe, from prompts over recorded traces to the mixture.

    python benchmarks/yisang_scale.py --folder FOLDER [--percent 0.1 1] [--memory 2GB] [--tokens] [--data ../shared/data]

100 % are 5.79 million prompts and 3.7 million traces of 6.77 billion tokens, put together from sentences of real data in a
seeded order. Each percent has a folder of its own, in which generated files and the store are kept: what is done is not done
again, and a build that took two hours (`--hours`) is stopped, so that the same command goes on. `--tokens` counts traces in
tokens besides, by a tokenizer that is trained here. Prints a table for each percent, and what 100 % would take at the same
rates. Ends with an error where the disk is short, where a build reused what was not measured, and where a peak is above the
bound.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.scaling.building import Stage, build, outcome, recorded
from benchmarks.scaling.corpus import RECORDED, write_prompts, write_traces
from benchmarks.scaling.recipe import prompts_of, recipe_of, write_recipe
from runtime.store.bound import parse_size

#: Bytes on the disk at 100 %: generated files and the store, as measured at 1 %, and what is spilled at a time.
NEEDED = 170 << 30
TOKENS = "traces, token_length alone"
HEADINGS = (
    *("stage", "rows in", "rows out", "seconds", "rows/s", "CPU s", "peak MB", "written MB"),
    *("s/row, beside the first", "CPU s/row, beside the first", "CPU s at 100 %"),
)


@dataclass(frozen=True)
class Measured:
    """What one percent took."""

    percent: float
    stages: list[Stage]
    counts: dict[str, Any]
    """Stage -> rows in, born, out and dropped."""
    least: int
    """Bytes of the text that came in and of the output."""

    def rows(self, stage: Stage) -> tuple[int, int]:
        """(rows in, rows out) of a stage; a source has as many of both."""
        counted = self.counts.get(stage.name)
        return (counted["in"], counted["out"]) if counted and counted["in"] else (stage.rows, stage.rows)

    def each(self, stage: Stage, what: str = "seconds") -> float:
        """Seconds a row, on the clock or of all CPUs."""
        return float(getattr(stage, what)) / max(1, *self.rows(stage))

    def named(self, name: str) -> Stage | None:
        return next((stage for stage in self.stages if stage.name == name), None)


def make_room(folder: Path, percent: float) -> None:
    """Ends the benchmark where the disk has no room for a percent."""
    free, there = shutil.disk_usage(folder).free, sum(each.stat().st_size for each in folder.rglob("*") if each.is_file())
    needed = int(NEEDED * percent / 100)
    if needed > free + there:
        shown = f"{needed / 1e9:,.1f} GB, and {free / 1e9:,.1f} GB are free in `{folder}`"
        raise SystemExit(f"{percent:g} % needs {shown}: {100 * (free + there) / NEEDED:.1f} % would fit")


def train_tokenizer(traces: Path, path: Path) -> None:
    """A byte-level tokenizer of 32,000 tokens, as a student has one."""
    import pyarrow.parquet as pq
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    texts = next(pq.ParquetFile(min(traces.glob("*.parquet"))).iter_batches(1000, columns=["completion"])).column(0).to_pylist()
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer, tokenizer.decoder = pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=32_000, initial_alphabet=alphabet, show_progress=False)
    tokenizer.train_from_iterator(texts, trainer)
    tokenizer.save(str(path))


def measure(data: Path, folder: Path, percent: float, memory: str, hours: float, tokens: bool) -> Measured:
    """Every step of a percent that is not done; ends the benchmark where a build's time is over."""
    folder.mkdir(parents=True, exist_ok=True)
    make_room(folder, percent)
    (folder / ".recipe").mkdir(exist_ok=True)
    recipe, counts = recipe_of(data, percent), dict[str, Any]()

    def step(name: str, said: dict[str, Any]) -> dict[str, Any]:
        done = folder / f"{name}.json"
        if not done.exists():
            write_recipe(folder / f"{name}.yaml", said)
            if not build(folder, f"{name}.yaml", folder / f"{name}.stages", data, memory, hours * 3600):
                raise SystemExit(f"{percent:g} %: {hours:g} hours are over in the step `{name}`; the same command goes on")
            done.write_text(json.dumps(outcome(folder, f"{name}.yaml", data)))
        told: dict[str, Any] = json.loads(done.read_text())
        counts.update({stage["name"]: stage["counts"] for stage in told["stages"]})
        return told

    def shards(told: dict[str, Any]) -> list[Path]:
        return sorted((folder / told["outputs"][0]["path"]).glob("*.parquet"))

    write_prompts(data, folder / "prompts", percent)
    asked = step("prompts", prompts_of(recipe))
    # Links into the store move with the name of an output: what a teacher is asked stays where it is.
    names = [each.resolve() for each in shards(asked)]
    write_traces(data, names, folder / "traces", round(RECORDED * percent / 100))
    made = step("dataset", recipe)
    if tokens:
        tokenizer = folder / "tokenizer.json"
        if not tokenizer.exists():
            train_tokenizer(folder / "traces", tokenizer)
        step("tokens", recipe_of(data, percent, tokenizer))
    stages = [stage for name in ("prompts", "dataset") for stage in recorded(folder / f"{name}.stages")]
    counted = [stage for stage in recorded(folder / "tokens.stages") if tokens and stage.name == "traces"]
    files = [*(folder / "prompts").rglob("*.parquet"), *(folder / "traces").glob("*.parquet"), *shards(made)]
    stages += [Stage(**{**vars(stage), "name": TOKENS}) for stage in counted]
    return Measured(percent, stages, counts, sum(each.stat().st_size for each in files))


def at_whole(measured: Measured, before: Measured, stage: Stage, what: str) -> float:
    """Seconds of a stage at 100 %, extrapolated: on the line through two percents, else in proportion.

    What costs the same at every size, such as cutting the items of benchmarks, is in the line; what grows faster is not.
    """
    took, earlier = float(getattr(stage, what)), before.named(stage.name)
    if earlier is None or before.percent == measured.percent:
        return took * 100 / measured.percent
    slope = (took - float(getattr(earlier, what))) / (measured.percent - before.percent)
    return took + max(0.0, slope) * (100 - measured.percent)


def table(measured: Measured, first: Measured) -> list[str]:
    """The lines of a percent; growth is told beside the first one."""
    lines = [f"| {' | '.join(HEADINGS)} |", f"|{' --- |' * len(HEADINGS)}"]
    for stage in measured.stages:
        came, out = measured.rows(stage)
        earlier = first.named(stage.name) or stage
        growth = (measured.each(stage, what) / max(1e-9, first.each(earlier, what)) for what in ("seconds", "cpu"))
        cells = (
            *(stage.name + ("" if stage.whole else " (went on)"), f"{came:,}", f"{out:,}", f"{stage.seconds:,.1f}"),
            *(f"{max(came, out) / max(stage.seconds, 0.001):,.0f}", f"{stage.cpu:,.1f}", f"{stage.peak >> 10:,}"),
            *(f"{stage.written / 1e6:,.1f}", *(f"{each:.2f}" for each in growth)),
            f"{at_whole(measured, first, stage, 'cpu'):,.0f}",
        )
        lines.append(f"| {' | '.join(cells)} |")
    usual = [stage for stage in measured.stages if stage.name != TOKENS]
    seconds, cpu = (sum(getattr(stage, name) for stage in usual) for name in ("seconds", "cpu"))
    hours, cores = (sum(at_whole(measured, first, stage, name) for stage in usual) / 3600 for name in ("seconds", "cpu"))
    written, peak = sum(stage.written for stage in usual), max(stage.peak for stage in measured.stages)
    lines += [
        "",
        f"{measured.percent:g} %: {seconds:,.0f} s in stages ({cpu:,.0f} s of CPU), peak {peak >> 10:,} MB,"
        f" {written / 1e6:,.0f} MB written beside {measured.least / 1e6:,.0f} MB, the text once and the output once"
        f" ({written / measured.least:.1f}x); 100 %, extrapolated: {hours:,.1f} hours, {cores:,.1f} hours of CPU",
    ]
    return lines


def main() -> None:
    """Print what each percent took, and end with an error where a peak is above the bound."""
    reader = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    reader.add_argument("--data", type=Path, default=Path("../shared/data"))
    reader.add_argument("--folder", type=Path, required=True, help="where files and stores are kept")
    reader.add_argument("--percent", type=float, nargs="+", default=[0.1, 1])
    reader.add_argument("--memory", default="2GB")
    reader.add_argument("--hours", type=float, default=2, help="the most that a build takes before it is to be run again")
    reader.add_argument("--tokens", action="store_true", help="count traces in tokens besides")
    said = reader.parse_args()
    if not said.data.is_dir():
        raise SystemExit(f"there is no {said.data}")
    over, first = list[str](), None
    for percent in said.percent:
        folder = said.folder / f"{percent:g}"
        made = measure(said.data.resolve(), folder, percent, said.memory, said.hours, said.tokens)
        first = first or made
        print("\n".join(table(made, first)), flush=True)
        most = parse_size(said.memory) >> 10
        over += [
            f"{stage.name} at {percent:g} % takes {stage.peak >> 10:,} MB, and the bound is {said.memory}"
            for stage in made.stages
            if stage.peak > most
        ]
    if over:
        raise SystemExit("; ".join(over))


if __name__ == "__main__":
    main()
