"""The ledger: what became of each row is what Python, computing alone, says became of it."""

from __future__ import annotations

import gzip
import hashlib
import json
import re
import unicodedata
from collections import Counter
from typing import Any

from tests.conftest import DATA, Project

SEED = 11
HANGUL = re.compile("[\u1100-\u11ff\u3130-\u318f\ua960-\ua97f\uac00-\ud7a3\ud7b0-\ud7ff]")


# Every fate of a row, computed alone


def read_rows() -> dict[str, list[str]]:
    """Source -> prompts: real ones, or made ones where the data is absent; `again` repeats `words`."""
    if DATA.is_dir():
        words = [
            json.loads(line)["question"]
            for line in (DATA / "kt_ai/public_mwp_data_v2_reasoning-train.jsonl").read_text().splitlines()
        ]
        gsm = [json.loads(line) for line in (DATA / "kt_ai/kor-gsm8k-test.jsonl").read_text().splitlines()]
        petitions = b"".join(gzip.decompress(path.read_bytes()) for path in sorted((DATA / "petitions").iterdir()))
        titles = [json.loads(line)["title"] for line in petitions.splitlines()]
        mixed = [row["kor_question"] for row in gsm] + [row["question"] for row in gsm] + titles
    else:
        words = [
            f"사과 {i}개와 배 {i % 7}개" + "가" * (i % 90) + " 모두 몇 개?" * (i % 2) + " 500원" * (i % 5 == 0)
            for i in range(3000)
        ]
        mixed = [("why is it " if i % 3 == 0 else "왜 그런가요 ") * (i % 9 + 1) + str(i) for i in range(5600)]
    return {"words": words, "again": words, "mixed": mixed}


def half(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def dashed(row: str) -> str:
    return f"{row[:8]}-{row[8:12]}-{row[12:16]}-{row[16:20]}-{row[20:]}"


def row_ids(source: str, prompts: list[str]) -> list[str]:
    """H(source, columns, copy): the second of two equal rows is a copy of the first."""
    seen: Counter[str] = Counter()
    ids = []
    for prompt in prompts:
        row = half(f"{len(source)}:{source}6:prompt/{half(prompt)}")
        ids.append(half(f"{dashed(row)}/copy/{seen[row]}") if seen[row] else row)
        seen[row] += 1
    return ids


def rank(purpose: str, row: str) -> str:
    return half(f"{SEED}/{purpose}/{dashed(row)}")


def share(text: str) -> tuple[int, int]:
    text = unicodedata.normalize("NFC", text)
    return len(HANGUL.findall(text)), sum(not char.isspace() for char in text)


def quantile(numbers: list[Any], part: float) -> Any:
    return sorted(numbers)[int(len(numbers) * part)]


class Alone:
    """The fate of every row, by nothing but the standard library."""

    def __init__(self) -> None:
        self.rows = {
            row: (name, text)
            for name, texts in read_rows().items()
            for row, text in zip(row_ids(name, texts), texts, strict=True)
        }
        self.length = {row: len(unicodedata.normalize("NFC", text)) for row, (_, text) in self.rows.items()}
        self.shares = {row: share(text) for row, (_, text) in self.rows.items()}
        self.shortest = quantile(list(self.length.values()), 0.14)
        self.fate = {row: self.decided(row, text) for row, (_, text) in self.rows.items()}
        left = sorted(row for row, fate in self.fate.items() if fate == "")
        self.first: dict[str, str] = {}
        for row in left:
            form = " ".join(unicodedata.normalize("NFC", self.rows[row][1]).split())
            self.first[row] = self.first.setdefault(form, row)
            if self.first[row] != row:
                self.fate[row] = "unique"
        for row in left:
            if not self.fate[row] and int(rank("sample", row)[:8], 16) >= 0.7 * 2**32:
                self.fate[row] = "sample"
        left = sorted((row for row in left if not self.fate[row]), key=lambda row: rank("mixture", row))
        self.take = {name: sum(self.rows[row][0] == name for row in left) * 2 // 3 for name in ("words", "again", "mixed")}
        room = dict(self.take)
        for row in left:
            name = self.rows[row][0]
            room[name] -= 1
            self.fate[row] = "kept" if room[name] >= 0 else "mixture"

    def decided(self, row: str, text: str) -> str:
        part, whole = self.shares[row]
        if self.length[row] < self.shortest:
            return "length"
        if not whole or part * 10 < 5 * whole:
            return "share"
        return "" if "원" not in text else "won"

    def recipe(self) -> str:
        take = ", ".join(f"{name}: {rows}" for name, rows in self.take.items())
        return f"""
            format: 1
            recipe: test/ledger
            language: {{target: ko}}
            seed: {SEED}
            sources:
              words: {{file: words.jsonl, category: words, license: A}}
              again: {{file: again.jsonl, category: again, license: A}}
              mixed: {{file: mixed.jsonl, category: mixed, license: A}}
            prompts:
              - length: {{min: {self.shortest}}}
              - {{name: share, language_share: {{of: target, min: 0.5}}}}
              - {{name: won, where: "NOT contains(prompt, '원')"}}
              - unique
              - sample: {{share: 0.7}}
            mixture: {{take: {{{take}}}}}
            """


STEPS = ("length", "share", "won")


def check_life(alone: Alone, life: dict[str, Any]) -> None:
    """One told life against the fate computed alone: verdicts, values, ranks and the row kept instead."""
    row, fate = life["row_id"], alone.fate[life["row_id"]]
    name, text = alone.rows[row]
    assert life["cells"] == {"prompt": text, "source": name, "category": name, "license": "A"}
    events = {event["stage"]: event for event in life["events"]}
    passed = [stage for stage in ("unique", "sample", "mixture") if f"prompts/{stage}" in events or f"dataset/{stage}" in events]
    unique = events["prompts/unique"]
    values = {
        "length": {"characters": alone.length[row]},
        "share": dict(zip(("part", "whole"), alone.shares[row], strict=True)),
        "won": {"holds": int("원" not in text)},
    }
    for place, step in enumerate(unique["steps"]):
        assert step["step"] == STEPS[place] and step["values"] == values[step["step"]]
        reached = fate not in STEPS or place <= STEPS.index(fate)
        assert step["verdict"] == ("not decided" if not reached else "dropped" if fate == STEPS[place] else "passed")
    told = [event["dropped_by"] for event in life["events"] if event["fate"] == "dropped"]
    assert told == ([] if fate == "kept" else [fate])
    assert ("output dataset" in events) == (fate == "kept")
    assert passed == {
        "sample": ["unique", "sample"],
        "mixture": ["unique", "sample", "mixture"],
        "kept": ["unique", "sample", "mixture"],
    }.get(fate, ["unique"])
    assert unique.get("kept_instead") == (alone.first[row] if fate == "unique" else None)
    for stage in passed[1:]:
        assert events[f"{'prompts' if stage == 'sample' else 'dataset'}/{stage}"]["rank"] == rank(stage, row)


def test_why_tells_every_row_what_python_computes_alone(project: Project) -> None:
    alone = Alone()
    for name, prompts in read_rows().items():
        project.rows(f"{name}.jsonl", prompts)  # type: ignore[arg-type]
    project.write("recipe.yaml", alone.recipe())
    report = project.build(store=".recipe")
    counted = Counter(alone.fate.values())
    assert report["outputs"][0]["rows"] == counted["kept"]
    assert {step["step"]: sum(step["dropped"].values()) for table in report["funnel"] for step in table["steps"]} == {
        fate: rows for fate, rows in counted.items() if fate != "kept"
    }
    told: Counter[str] = Counter()
    for prefix in (f"{number:02x}" for number in range(0, 256, 17)):
        for life in project.run("why", "recipe.yaml", prefix, "--limit", "1000", "--json").json["rows"]:
            check_life(alone, life)
            told[alone.fate[life["row_id"]]] += 1
    assert sum(told.values()) >= 500 and min(told[fate] for fate in (*STEPS, "unique", "sample", "mixture", "kept")) >= 50, told


def test_every_stage_accounts_for_its_rows(project: Project) -> None:
    project.write(
        "recipe.yaml",
        """
        format: 1
        recipe: test/account
        language: {target: ko}
        sources:
          a: {file: a.jsonl, category: one, license: A}
          b: {file: a.jsonl, category: two, license: B}
        prompts: [{length: {min: 3}}, {normalise: {form: NFD}}, unique, {sample: {rows: 4}}]
        mixture: {take: {one: 20, two: 1}, repeat: {one: 9}, shortage: up_to}
        """,
    )
    for arguments in ((), ("--sample", "3")):
        for stage in project.build("recipe.yaml", *arguments)["stages"]:
            counts = stage["counts"]
            lost = counts["dropped"] if isinstance(counts["dropped"], int) else sum(counts["dropped"])
            assert counts["in"] + counts["born"] == counts["out"] + lost == stage["rows"] + lost, stage
