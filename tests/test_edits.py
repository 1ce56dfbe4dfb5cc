"""Sequences of random edits over one store give, at every step, what a build in an empty store gives."""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

import compiler.graph.keys
import operators.kernels.segments
import operators.measures.morphemes
from operators.base.declare import Operator
from runtime.build.session import Session
from tests.conftest import Project
from tests.keyed import Result, result_of
from tests.nights import few

EDITS = 20
WORDS = [
    "물은",
    "왜",
    "끓나요?",
    "하늘",
    "blue",
    "sky",
    "`code`",
    "ＡＢ",
    "각",
    "수학  문제",
    "1+1",
    "https://a.b/c",
    "\t",
    "둘",
    "셋",
]


class Segmenter:
    """Words between spaces, behind the interface of the segmenter; it counts the texts it was given."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def tokenize(self, texts: list[str]) -> list[list[str]]:
        self.texts += texts
        return [text.split() for text in texts]


@pytest.fixture(autouse=True)
def segmenter(monkeypatch: pytest.MonkeyPatch) -> Segmenter:
    made = Segmenter()
    monkeypatch.setattr(operators.kernels.segments, "kiwi", lambda workers: made)
    monkeypatch.setattr(operators.measures.morphemes.Morphemes, "depends", lambda self: ("unicode",))
    return made


@dataclass
class Edited:
    """A recipe and its rows, as a sequence of edits leaves them."""

    project: Project
    chance: random.Random
    rows: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    said: dict[str, Any] = field(default_factory=dict)
    """What the parts of the recipe say; None leaves a part out."""
    names: dict[str, str] = field(default_factory=dict)
    """The label of a step."""

    def __post_init__(self) -> None:
        for source in ("a", "b"):
            self.rows[source] = [self.row() for _ in range(self.chance.randint(25, 40))]
        self.said = {
            "length": {"min": 4},
            "share": {"of": "target", "min": 0.1},
            "where": None,
            "normalise": None,
            "measure": None,
            "morphemes": None,
            "unique": {"by": "prompt"},
            "sample": None,
            "select": None,
            "mixture": {"take": {"one": 5, "two": 4}},
        }

    def row(self) -> dict[str, Any]:
        text = " ".join(self.chance.choices(WORDS, k=self.chance.randint(1, 6)))
        return {
            "prompt": self.chance.choice([text, text, text, text, None]),
            "other": self.chance.choice(WORDS),
            "n": self.chance.randint(0, 9),
        }

    def categories(self) -> list[str]:
        return sorted({self.category(source) for source in self.rows})

    def category(self, source: str) -> str:
        return "one" if source in ("a", "c") else "two"

    def recipe(self) -> dict[str, Any]:
        """The recipe as it stands."""
        columns = {"prompt": "prompt", "other": "other", "n": {"field": "n", "as": "integer"}}
        kinds = {"share": "language_share"}
        steps = [
            {"name": self.names.get(part, part), kinds.get(part, part): value}
            for part in ("normalise", "length", "morphemes", "share", "where", "measure", "unique", "sample", "select")
            if (value := self.said[part]) is not None
        ]
        mixture = {"shortage": "up_to"} | {
            name: value
            if not isinstance(value, dict)
            else {group: each for group, each in value.items() if group in self.categories()}
            for name, value in self.said["mixture"].items()
        }
        return {
            "format": 1,
            "recipe": "test/edits",
            "language": {"target": "ko", "anchor": "en"},
            "seed": self.said.get("seed", 7),
            "sources": {
                name: {"file": f"{name}.jsonl", "category": self.category(name), "license": "A", "columns": columns}
                for name in self.rows
            },
            "tables": {"t": {"from": sorted(self.rows), "steps": steps}},
            "mixture": mixture,
        }

    def session(self, store: str) -> Session:
        for name, rows in self.rows.items():
            self.project.rows(f"{name}.jsonl", rows)
        path = self.project.folder / "recipe.yaml"
        path.write_text(json.dumps(self.recipe(), ensure_ascii=False), "utf-8")
        return Session(str(path), store_folder=str(self.project.folder / store))

    # -- the edits

    def edit_threshold(self) -> None:
        self.said["length"] = self.chance.choice(
            [{"min": self.chance.randint(1, 9)}, {"min": 2, "max": self.chance.randint(8, 30)}]
        )

    def edit_share(self) -> None:
        of, count = self.chance.choice(["target", "anchor"]), self.chance.choice(["letters", "non_space", "all"])
        ignoring = self.chance.choice([[], ["urls"], ["inline_code"]])
        more = (
            {"only": {"category": "one"}}
            if self.chance.random() < 0.3
            else {"unknown": "keep"}
            if self.chance.random() < 0.4
            else {}
        )
        self.said["share"] = {"of": of, "count": count, "ignoring": ignoring, "min": self.chance.choice([0.05, 0.2, 0.4]), **more}

    def edit_where(self) -> None:
        self.said["where"] = self.chance.choice(
            [None, f"n > {self.chance.randint(0, 4)}", "other <> 'blue'", "length(prompt) > n"]
        )

    def edit_normalise(self) -> None:
        self.said["normalise"] = self.chance.choice(
            [None, {"form": self.chance.choice(["NFC", "NFD", "NFKC"])}, {"of": "other", "form": "NFD"}]
        )

    def edit_measure(self) -> None:
        size, share = {"length": {"in": self.chance.choice(["prompt", "other"])}}, {"language_share": {"of": "target"}}
        self.said["measure"] = self.chance.choice(
            [None, {"size": size}, {"size": size, "share": share}, {"size": {"morphemes": {}}}]
        )

    def edit_dear(self) -> None:
        self.said["morphemes"] = self.chance.choice(
            [None, {"min": self.chance.randint(1, 3)}, {"min": 1, "max": self.chance.randint(2, 6)}]
        )

    def edit_unique(self) -> None:
        rules = self.chance.sample(["nfkc", "case", "space", "punctuation"], self.chance.randint(0, 4))
        self.said["unique"] = {"by": self.chance.choice(["prompt", "other", ["prompt", "other"]]), "normalise": rules}

    def edit_sample(self) -> None:
        kinds = [
            None,
            {"rows": self.chance.randint(3, 30)},
            {"share": self.chance.choice([0.3, 0.8])},
            {"rows": 20, "unit": "item", "salt": "x"},
        ]
        self.said["sample"] = self.chance.choice(kinds)

    def edit_select(self) -> None:
        self.said["select"] = self.chance.choice(
            [None, ["prompt", "n"], ["n", "prompt"], {"columns": {"question": "prompt", "n": "n"}}]
        )

    def edit_mixture(self) -> None:
        take = {"take": {"one": self.chance.randint(1, 20), "two": self.chance.randint(1, 9)}}
        ratio = {"ratio": {"one": self.chance.randint(1, 3), "two": 1}, "total": self.chance.randint(1, 20)}
        more = self.chance.choice([{}, {"by": "n"}, {"repeat": {"one": self.chance.randint(1, 3)}}, {"salt": "y"}])
        self.said["mixture"] = self.chance.choice([take, take, ratio]) | more

    def edit_rows(self) -> None:
        rows = self.rows[self.chance.choice(sorted(self.rows))]
        how = self.chance.choice(["add", "remove", "change", "shuffle", "double"])
        if how == "add":
            rows.append(self.row())
        elif how == "double":
            rows.append(dict(self.chance.choice(rows)))
        elif how == "remove" and len(rows) > 5:
            rows.pop(self.chance.randrange(len(rows)))
        elif how == "change":
            self.chance.choice(rows)["prompt"] = self.row()["prompt"]
        else:
            self.chance.shuffle(rows)

    def edit_sources(self) -> None:
        """Add a source, remove one, or call one by another name."""
        extra = sorted(set(self.rows) - {"a", "b"})
        if not extra:
            self.rows["c"] = [self.row() for _ in range(12)] + self.rows["a"][:3]
        elif self.chance.random() < 0.5:
            del self.rows[extra[0]]
        else:
            self.rows["d" if extra[0] == "c" else "c"] = self.rows.pop(extra[0])

    def edit_names(self) -> None:
        self.names[self.chance.choice(sorted(self.said))] = f"step {self.chance.randint(0, 999)}"

    def edit_seed(self) -> None:
        self.said["seed"] = self.chance.randint(0, 3)

    def collect(self) -> None:
        cleaned = self.project.run("store", "gc", "--store", "store")
        assert cleaned.code == 0, cleaned.out + cleaned.err

    def edits(self) -> list[Callable[[], None]]:
        return [getattr(self, name) for name in sorted(dir(type(self))) if name.startswith("edit_")] + [self.collect]


def check_equal(edited: Edited, told: str) -> Result:
    """Over the store of all builds before, a build gives what it gives in an empty store."""
    warm, cold = result_of(edited.session("store")), result_of(edited.session("cold"))
    shutil.rmtree(edited.project.folder / "cold")
    assert isinstance(cold, Result), f"{told}: {cold}"
    assert warm == cold, f"{told}: the store serves another result than a cold build"
    return cold


def edited_in(folder: Path, seed: int) -> Edited:
    (folder / ".recipe").mkdir(exist_ok=True)
    return Edited(Project(folder), random.Random(seed))


@pytest.mark.parametrize("seed", few(range(8), 8))
def test_every_edit_gives_what_a_cold_build_gives(tmp_path: Path, seed: int) -> None:
    edited = edited_in(tmp_path, seed)
    results = {check_equal(edited, "at first").output}
    # Every kind of edit once, and some of them again.
    edits = edited.edits()
    order = edited.chance.sample(edits, len(edits)) + edited.chance.choices(edits, k=EDITS)
    for number, edit in enumerate(order[:EDITS], start=1):
        edit()
        results.add(check_equal(edited, f"seed {seed}, edit {number}, {edit.__name__}").output)
    assert len(results) > EDITS // 3, "most of the edits change nothing: they prove little"


def test_an_undone_edit_runs_nothing(tmp_path: Path) -> None:
    edited = edited_in(tmp_path, 9)
    edited.session("store")
    first = edited.project.build()
    edited.said["length"] = {"min": 9}
    edited.session("store")
    assert edited.project.build()["ran"]
    edited.said["length"] = {"min": 4}
    edited.session("store")
    again = edited.project.build()
    assert not again["ran"] and again["outputs"] == first["outputs"]


def test_an_edit_without_effect_stops_where_the_digest_is_the_same(tmp_path: Path) -> None:
    edited = edited_in(tmp_path, 9)
    edited.rows["a"] = [row | {"prompt": f"물은 왜 {place}"} for place, row in enumerate(edited.rows["a"])]
    edited.rows["b"] = edited.rows["a"][:5]
    edited.said["length"] = {"min": 1}
    edited.session("store")
    edited.project.build()
    edited.said["length"] = {"min": 2}
    edited.session("store")
    ran = edited.project.build()["ran"]
    assert ran == ["t/unique"], "the decision runs, and nothing that reads its rows"


def forget(name: str) -> Callable[..., dict[str, Any]]:
    """Keys that leave out one field of every operator."""
    whole = Operator.parameters

    def parameters(self: Operator, *roles: Any) -> dict[str, Any]:
        return {key: value for key, value in whole(self, *roles).items() if key != name}

    return parameters


@pytest.mark.parametrize("name", ["min", "form", "take"])
def test_a_forgotten_field_is_noticed(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Operator, "parameters", forget(name))
    with pytest.raises(AssertionError):
        edit_all(tmp_path)


def test_keys_without_what_is_carried_are_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiler.graph.keys, "carried", lambda node: {})
    with pytest.raises(AssertionError, match="another result"):
        edit_all(tmp_path)


def test_inputs_by_name_instead_of_digest_are_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = compiler.graph.keys.ingredients

    def ingredients(graph: Any, index: int, facts: Any, address: Any) -> dict[str, Any] | None:
        """Keys that know their inputs by label, as a build by time stamps or names would."""
        return whole(graph, index, facts, lambda source: None if address(source) is None else graph.nodes[source].label)

    monkeypatch.setattr("compiler.graph.plan.ingredients", ingredients)
    with pytest.raises(AssertionError, match="another result"):
        edit_all(tmp_path)


def edit_all(folder: Path) -> None:
    """A sequence in which every part of the recipe changes so that it shows."""
    edited = edited_in(folder, 5)
    changes: list[tuple[str, Any]] = [
        ("length", {"min": 12}),
        ("where", "n > 1"),
        ("where", None),
        ("measure", {"size": {"length": {}}}),
        ("measure", {"size": {"length": {"in": "other"}}}),
        ("normalise", {"form": "NFD"}),
        ("normalise", {"form": "NFKC"}),
        ("mixture", {"take": {"one": 4, "two": 4}}),
        ("mixture", {"take": {"one": 6, "two": 4}, "by": "n"}),
    ]
    check_equal(edited, "at first")
    for part, value in changes:
        edited.said[part] = value
        check_equal(edited, f"{part}: {value}")


def test_the_sequence_that_the_broken_keys_fail_passes(tmp_path: Path) -> None:
    edit_all(tmp_path)
