"""Random edits of a recipe over real data, each predicted before it is built."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from operators.base.bounds import Between
from runtime.build.run import Wishes, run_build
from runtime.build.session import Session
from runtime.forecast.predictor import Predictor
from runtime.review.fates import ids_in_one
from runtime.review.rows import count_moves
from runtime.stages.expected.counts import KINDS
from runtime.stages.expected.expected import Expected
from runtime.store.digest import id_bytes
from runtime.tables.table import Table, open_table
from tests.conftest import DATA


class Words:
    """What stands between spaces, behind the interface of the segmenter."""

    def tokenize(self, texts: list[str]) -> list[list[str]]:
        return [text.split() for text in texts]


#: Name -> (file, format, prompt, category, licence).
SOURCES: dict[str, tuple[str, str, str, str, str]] = {
    "gsm8k": ("kt_ai/kor-gsm8k-test.jsonl", "jsonl", "kor_question", "math", "A"),
    "mwp": ("kt_ai/public_mwp_data_v2_reasoning-test.jsonl", "jsonl", "question", "math", "A"),
    "addsub": ("kt_ai/kor-D_addsub-*.json", "jsonl", "question", "math", "A"),
    "kqma": ("kqma/kmqa_full.jsonl.zst", "jsonl", "raw_question", "medical", "unknown"),
    "puzzles": ("puzzles_ko/puzzles_ko.jsonl.gz", "jsonl", "question", "science", "A"),
    "exaone": ("puzzle_traces/ko_exaone-4.0-32b.jsonl.gz", "jsonl", "question", "science", "B"),
    "faq": ("python_faq_ko/python_faq_ko.jsonl", "jsonl", "question_ko", "code", "A"),
    "logickor": ("mhumaneval/mHumanEval-kor_Hang.json", "json", "prompt", "code", "A"),
}


@dataclass
class Recipe:
    """A recipe as a sequence of edits leaves it."""

    folder: Path
    chance: random.Random
    dear: bool = True
    sources: list[str] = field(default_factory=lambda: ["gsm8k", "mwp", "addsub", "kqma", "puzzles", "faq"])
    labels: dict[str, str] = field(default_factory=dict)
    """Source -> another category than its own."""
    said: dict[str, Any] = field(default_factory=dict)
    seed: int = 7

    def __post_init__(self) -> None:
        (self.folder / ".recipe").mkdir(exist_ok=True)
        self.said = {
            "share": {"of": "target", "min": 0.3},
            "length": {"min": 30, "max": 600},
            "where": None,
            "morphemes": {"min": 12} if self.dear else None,
            "unique": {"by": "prompt"},
            "second": {"max": 500},
            "sample": None,
            "mixture": {"take": {"math": 900, "medical": 500, "science": 700, "code": 60}},
        }

    def category(self, source: str) -> str:
        return self.labels.get(source, SOURCES[source][3])

    def plain(self) -> dict[str, Any]:
        """The recipe as it stands."""
        sources = {}
        for name in self.sources:
            file, format, prompt, _, license = SOURCES[name]
            sources[name] = {
                "file": str(DATA / file),
                "format": format,
                "category": self.category(name),
                "license": license,
                "columns": {"prompt": prompt},
            }
        kinds = {"share": "language_share", "second": "length"}
        steps: list[dict[str, Any]] = [{"measure": {"size": {"length": {}}}}]
        for part in ("share", "length", "where", "morphemes", "unique", "second", "sample"):
            if self.said[part] is not None:
                steps.append({"name": part, kinds.get(part, part): self.said[part]})
        categories = {self.category(name) for name in self.sources}
        mixture = {"shortage": "up_to"} | {
            name: {group: each for group, each in value.items() if group in categories} if isinstance(value, dict) else value
            for name, value in self.said["mixture"].items()
        }
        return {
            "format": 1,
            "recipe": "test/predicted",
            "language": {"target": "ko", "anchor": "en"},
            "seed": self.seed,
            "sources": sources,
            "tables": {"rows": {"from": sorted(self.sources), "steps": steps}},
            "mixture": mixture,
        }

    def session(self) -> Session:
        path = self.folder / f"recipe-{self.chance.getrandbits(60):x}.yaml"
        path.write_text(json.dumps(self.plain(), ensure_ascii=False), "utf-8")
        return Session(str(path), allow=(str(DATA),), store_folder=str(self.folder / "store"))

    # -- the edits

    def edit_length(self) -> None:
        low, high = self.chance.randint(5, 90), self.chance.randint(120, 900)
        more = self.chance.choice([{}, {}, {"only": {"category": "math"}}, {"unknown": "keep"}])
        self.said["length"] = self.chance.choice([{"min": low}, {"max": high}, {"min": low, "max": high}]) | more

    def edit_tighten(self) -> None:
        """A threshold that drops more than before: every value that it looks at is known."""
        bounds = [("length", "min", 7), ("share", "min", 0.05), ("second", "max", -40), ("morphemes", "min", 4)]
        kind, bound, step = self.chance.choice(bounds)
        if self.said[kind] is None:
            kind, bound, step = "length", "min", 7
        old = self.said[kind].get(bound, 600 if bound == "max" else 20)
        self.said[kind] = self.said[kind] | {bound: min(round(old + step, 2), 100) if bound == "min" else max(old + step, 110)}

    def edit_share(self) -> None:
        self.said["share"] = self.said["share"] | {"min": self.chance.choice([0.1, 0.2, 0.4, 0.5, 0.6, 0.7])}

    def edit_measured(self) -> None:
        """What is counted, so that no value is known before it is measured."""
        self.said["share"] = {"of": "target", "min": 0.3, "count": self.chance.choice(["letters", "non_space", "all"])}

    def edit_where(self) -> None:
        number = self.chance.randint(0, 9)
        self.said["where"] = self.chance.choice([None, f"contains(prompt, '{number}')", f"NOT ends_with(prompt, '{number}?')"])

    def edit_dear(self) -> None:
        if self.dear:
            bounds = [{"min": self.chance.randint(5, 40)}, {"max": self.chance.randint(90, 400)}]
            self.said["morphemes"] = self.chance.choice(bounds)

    def edit_unique(self) -> None:
        rules = self.chance.choice([["nfc", "space"], ["nfc", "space"], [], ["nfkc", "case", "space", "punctuation"]])
        self.said["unique"] = {"by": "prompt", "normalise": rules}

    def edit_second(self) -> None:
        bounds = [None, {"max": self.chance.randint(150, 500)}, {"min": 40, "only": {"category": "math"}}]
        self.said["second"] = self.chance.choice(bounds)

    def edit_sample(self) -> None:
        rows = {"rows": self.chance.randint(800, 4000)}
        kinds = [None, rows, rows, {"share": self.chance.choice([0.3, 0.8])}, rows | {"unit": "item"}, rows | {"salt": "x"}]
        self.said["sample"] = self.chance.choice(kinds)

    def edit_take(self) -> None:
        take = {name: self.chance.randint(20, 1200) for name in ("math", "medical", "science", "code")}
        self.said["mixture"] = {"take": take} | self.chance.choice([{}, {}, {"salt": "y"}])

    def edit_ratio(self) -> None:
        weights = {name: self.chance.randint(1, 5) for name in ("math", "medical", "science", "code")}
        self.said["mixture"] = {"ratio": weights, "total": self.chance.randint(300, 3000)}

    def edit_mixture(self) -> None:
        take = {name: self.chance.randint(3000, 90000) for name in ("math", "medical", "science")}
        repeat = {"take": {"math": 2500, "code": 500, "science": 300}, "repeat": {"math": 2, "code": 3}}
        self.said["mixture"] = self.chance.choice([{"take": take, "by": "size"}, repeat])

    def edit_seed(self) -> None:
        self.seed = self.chance.randint(0, 5)

    def edit_sources(self) -> None:
        """Add a source, or take one away."""
        absent = sorted(set(SOURCES) - set(self.sources))
        if absent and (len(self.sources) < 5 or self.chance.random() < 0.5):
            self.sources.append(self.chance.choice(absent))
        else:
            self.sources.remove(self.chance.choice(self.sources))

    def edit_label(self) -> None:
        source = self.chance.choice(self.sources)
        self.labels[source] = self.chance.choice(["math", "medical", "science", "code"])

    def edits(self) -> list[Callable[[], None]]:
        return [getattr(self, name) for name in sorted(dir(type(self))) if name.startswith("edit_")]


#: Edits over values that are all known once the recipe before them is built: what is said of them has to be exact.
KNOWN = {"edit_tighten", "edit_take", "edit_ratio", "edit_mixture", "edit_seed", "edit_sample", "edit_label"}


def output_of(predicted: Predictor) -> Expected:
    return predicted.expect(predicted.graph.outputs["dataset"])


@dataclass(frozen=True)
class Outcome:
    """One edit: what was predicted, and what was built."""

    edit: str
    expected: Expected
    enter: Between
    leave: Between
    rows: np.ndarray[Any, Any]
    """The ids of the rows that were thought possible."""
    built: Table
    before: Table
    decisions: int
    """Set decisions between the first rows that are not known and the output."""
    places_bounded: bool
    """Whether one row takes one place: not where items or amounts of a column move."""

    @property
    def moved(self) -> bool:
        """Whether the edit changed which rows there are."""
        return not np.array_equal(ids_of(self.before), ids_of(self.built))

    @property
    def width(self) -> int:
        rows = self.expected.counts.rows
        return rows.high - rows.low


def ids_of(frame: Any) -> np.ndarray[Any, Any]:
    return id_bytes(frame.frame("row_id"))


def complaints(outcome: Outcome) -> list[str]:
    """What is wrong with a prediction: sets that are not those built, intervals that do not hold them or are too wide."""
    expected, built = outcome.expected, outcome.built
    wrong = [] if expected.exact or outcome.edit not in KNOWN else ["all values are known, and it is not exact"]
    if expected.exact:
        if not np.array_equal(outcome.rows, ids_of(built)):
            wrong.append("claimed exact, and the rows are others")
        if expected.counts.rows.low != built.rows or not expected.counts.rows.exact:
            wrong.append("claimed exact, and the number of rows is another")
    else:
        possible, there = {row.tobytes() for row in outcome.rows}, {row.tobytes() for row in ids_of(built)}
        sure = {row.tobytes() for row in outcome.rows[expected.sure]} if expected.sure is not None else possible
        if len(there - possible) > sum(expected.unseen.values()):
            wrong.append(f"{len(there - possible)} rows came that were not thought possible")
        if sure - there:
            wrong.append(f"{len(sure - there)} sure rows are not there")
        # A row with an unknown value comes or stays away itself, and takes or frees one place at each set decision.
        if outcome.places_bounded and outcome.width > expected.unknown * 2**outcome.decisions:
            wrong.append(f"{outcome.width} wide for {expected.unknown} rows with an unknown value")
    before, there = ({row.tobytes() for row in ids_of(table)} for table in (outcome.before, built))
    for word, rows, said in (("enter", there - before, outcome.enter), ("leave", before - there, outcome.leave)):
        if not inside(len(rows), said):
            wrong.append(f"{len(rows)} rows {word}, and {said} predicted")
    return wrong + uncounted(expected, built)


def uncounted(expected: Expected, built: Table) -> list[str]:
    """The groups whose rows are not within what was said of them."""
    wrong = []
    for kind in KINDS:
        labels, numbers = np.unique(built.frame(kind).cast("string").to_numpy(zero_copy_only=False), return_counts=True)
        there = dict(zip(labels.tolist(), numbers.tolist(), strict=True))
        for name in {*there, *expected.counts.of(kind)}:
            said = expected.counts.group(kind, name)
            if not inside(there.get(name, 0), said):
                wrong.append(f"{there.get(name, 0)} rows of {kind} {name}, and {said} predicted")
    if not inside(built.rows, expected.counts.rows):
        wrong.append(f"{built.rows} rows, and {expected.counts.rows} predicted")
    return wrong


def inside(rows: int, between: Between) -> bool:
    return between.low <= rows <= between.high


Predict = Callable[[Session, Session], Expected]


def predict(before: Session, after: Session) -> Expected:
    """What the edited recipe is expected to make."""
    was = Predictor(before)
    output_of(was)
    return output_of(Predictor(after, was))


def expected_before(before: Session) -> Expected:
    return output_of(Predictor(before))


def play(recipe: Recipe, edit: Callable[[], None], before: Session, predict: Predict = predict) -> tuple[Session, Outcome]:
    """Edit, predict, build."""
    edit()
    after = recipe.session()
    expected = predict(before, after)
    was = expected_before(before)
    enter, leave = count_moves(was, expected, *ids_in_one(ids_of(was.frame), ids_of(expected.frame)))
    rows = ids_of(expected.frame).copy()  # looked at now: later, it could read what the build writes
    run_build(after, Wishes(quiet=True))
    sample, mixture = recipe.said["sample"] or {}, recipe.said["mixture"]
    bounded = "by" not in mixture and "repeat" not in mixture and sample.get("unit") != "item"
    decisions = 2 + bool(sample)
    return after, Outcome(edit.__name__, expected, enter, leave, rows, table_of(after), table_of(before), decisions, bounded)


def table_of(session: Session) -> Table:
    """The rows of the built output."""
    made = Predictor(session)
    record = made.store.find(str(made.addresses.key(made.graph.outputs["dataset"])))
    assert record is not None
    return open_table(made.store, record.table)
