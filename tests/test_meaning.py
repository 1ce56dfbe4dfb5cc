"""The meaning of an edit: nothing for another way to write the same, one change with both places for everything else."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

import compiler.tell.meaning
from compiler.compile import read_recipe
from compiler.tell.change import Change
from compiler.tell.meaning import compare_meaning
from compiler.text.project import find_place
from tests.conftest import ROOT, Project

BASE = """
format: 1
recipe: test/meaning
language: {target: ko, anchor: en}
seed: 7
sources:
  a: {file: a.jsonl, category: one, license: A}
  b: {file: a.jsonl, category: two, license: B}
prompts:
  - length: {min: 3, max: 90}
  - language_share: {of: target, min: 0.3}
  - measure: {size: {length: {}}, share: {language_share: {of: anchor}}}
  - unique
mixture: {take: {one: 2, two: 1}, shortage: up_to}
"""

#: Other texts that declare the same.
SAME: dict[str, str] = {
    "reformatted": """
        # a comment
        format: 1
        recipe: "test/meaning"
        language:
          target: ko
          anchor: en
        seed: 7
        sources:
          a:
            file: a.jsonl
            category: one
            license: A
          b: {file: "a.jsonl", category: two, license: B}
        prompts:
        - length:
            min: 3
            max: 90
        - language_share: {of: target, min: 0.30}
        - measure: {size: {length: {}}, share: {language_share: {of: anchor}}}
        - unique: {}
        mixture:
          take: {one: 2, two: 1}
          shortage: up_to
        """,
    "keys in another order": """
        mixture: {shortage: up_to, take: {two: 1, one: 2}}
        prompts:
          - length: {max: 90, min: 3}
          - language_share: {min: 0.3, of: target}
          - measure: {share: {language_share: {of: anchor}}, size: {length: {}}}
          - unique
        seed: 7
        sources:
          b: {license: B, file: a.jsonl, category: two}
          a: {license: A, category: one, file: a.jsonl}
        language: {anchor: en, target: ko}
        recipe: test/meaning
        format: 1
        """,
    "steps by other names": """
        format: 1
        recipe: test/meaning
        language: {target: ko, anchor: en}
        seed: 7
        sources:
          a: {file: a.jsonl, category: one, license: A}
          b: {file: a.jsonl, category: two, license: B}
        prompts:
          - {name: not too short, length: {min: 3, max: 90}}
          - {name: mostly Korean, language_share: {of: target, min: 0.3}}
          - measure: {size: {length: {}}, share: {language_share: {of: anchor}}}
          - {name: once, unique: {}}
        mixture: {take: {one: 2, two: 1}, shortage: up_to}
        """,
    "moved into a base": """
        recipe: test/meaning
        extends: base.yaml
        prompts: [length: {min: 3}]
        """,
    "defaults said": """
        format: 1
        recipe: test/meaning
        language: {target: ko, anchor: en}
        seed: 7
        sources:
          a: {file: a.jsonl, category: one, license: A, encoding: utf-8, batch_rows: 9}
          b: {file: ./a.jsonl, category: two, license: B}
        prompts:
          - length: {min: 3, max: 90, in: prompt, unknown: drop}
          - language_share: {of: target, min: 0.3}
          - measure: {size: {length: {}}, share: {language_share: {of: anchor}}}
          - unique: {by: prompt}
        mixture: {take: {one: 2, two: 1}, shortage: up_to, of: category}
        """,
    "sections as tables": """
        format: 1
        recipe: test/meaning
        language: {target: ko, anchor: en}
        seed: 7
        sources:
          a: {file: a.jsonl, category: one, license: A}
          b: {file: a.jsonl, category: two, license: B}
        tables:
          prompts:
            from: [b, a]
            steps:
              - length: {min: 3, max: 90}
              - language_share: {of: target, min: 0.3}
              - measure: {size: {length: {}}, share: {language_share: {of: anchor}}}
              - unique
        mixture: {take: {one: 2, two: 1}, shortage: up_to}
        """,
}

#: (old text, new text, what the change says); no new text takes the line away.
CHANGES: dict[str, tuple[str, str, str]] = {
    "a threshold": ("min: 3,", "min: 4,", "prompts: length: min 3 -> 4"),
    "a bound that is gone": ("min: 3, max: 90", "min: 3", "prompts: length: max 90 -> unset"),
    "a language": ("target: ko", "target: en", "language.target ko -> en"),
    "the seed": ("seed: 7", "seed: 8", "seed 7 -> 8"),
    "a licence": ("license: B", "license: unknown", "source b: license B -> unknown"),
    "a category": ("category: one", "category: three", "source a: category one -> three"),
    "an amount": ("one: 2", "one: 5", "dataset: mixture: take.one 2 -> 5"),
    "a list": ("  - unique\n", "  - unique: {by: [prompt]}\n", "prompts: unique: by prompt -> [prompt]"),
    "a measured column": ("of: anchor", "of: target", "prompts: measure share: of anchor -> target"),
    "a new step": ("  - unique\n", "  - unique\n  - sample: {rows: 2}\n", "prompts: sample {rows: 2}"),
    "a step that is gone": ("  - unique\n", "", "prompts: unique"),
    "a source that is gone": (
        "  b: {file: a.jsonl, category: two, license: B}\n", "", "source b: file a.jsonl, category two, license B"
    ),
    "another operator": ("  - unique\n", "  - sample: {share: 0.5}\n", "prompts: sample {share: 0.5}"),
    "the name": ("recipe: test/meaning", "recipe: test/other", "recipe test/meaning -> test/other"),
}  # fmt: skip


def meaning(project: Project, before: str, after: str) -> tuple[Change, ...]:
    written = [project.write(name, text) for name, text in (("before.yaml", before), ("after.yaml", after))]
    reads = [read_recipe(find_place(str(path))) for path in written]
    return compare_meaning(*reads)


@pytest.mark.parametrize("name", SAME)
def test_another_way_to_write_the_same_means_nothing(project: Project, name: str) -> None:
    project.write("base.yaml", BASE.replace("min: 3", "min: 9"))
    assert meaning(project, BASE, SAME[name]) == ()
    assert meaning(project, SAME[name], BASE) == ()


def check_told(project: Project, name: str) -> None:
    old, new, what = CHANGES[name]
    assert BASE.count(old) == 1
    changes = meaning(project, BASE, BASE.replace(old, new))
    assert what in [change.what for change in changes], changes
    change = next(each for each in changes if each.what == what)
    assert (change.before is None) == (change.kind == "added") and (change.after is None) == (change.kind == "removed")
    for span, text in ((change.before, BASE), (change.after, BASE.replace(old, new))):
        assert span is None or span.text.lines[span.line - 1] in text


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_is_told_in_the_recipes_words_with_both_places(project: Project, name: str) -> None:
    check_told(project, name)


def test_the_places_are_those_of_the_values(project: Project) -> None:
    (change,) = meaning(project, BASE, BASE.replace("max: 90", "max: 80"))
    assert change.before is not None and change.after is not None
    assert change.before.label.endswith("before.yaml:10:27") and change.after.label.endswith("after.yaml:10:27")


def test_a_value_of_a_base_is_told_where_the_base_says_it(project: Project) -> None:
    project.write("base.yaml", BASE)
    over = "recipe: test/meaning\nextends: base.yaml\nprompts: [length: {max: 50}]\n"
    (change,) = meaning(project, "recipe: test/meaning\nextends: base.yaml\n", over)
    assert change.before is not None and change.after is not None
    assert change.before.text.name.endswith("base.yaml") and change.after.label.endswith("after.yaml:3:25")


def test_a_step_that_moves_is_one_change(project: Project) -> None:
    steps = ["  - length: {min: 3, max: 90}\n", "  - language_share: {of: target, min: 0.3}\n"]
    (change,) = meaning(project, BASE, BASE.replace("".join(steps), "".join(reversed(steps))))
    assert change.kind == "moved" and change.what in (
        "prompts: language_share moved to the front",
        "prompts: length moved after language_share",
    )


def test_a_profile_is_compared_entry_by_entry_and_says_whether_a_step_reads_it(project: Project) -> None:
    shipped = (ROOT / "recipes" / "languages" / "ko.yaml").read_text("utf-8")
    for side, text in (("before", shipped), ("after", shipped.replace("1100-11FF, ", "").replace("cased: false", "cased: true"))):
        project.write(f"{side}/languages/ko.yaml", text)
        project.write(f"{side}/recipe.yaml", BASE)
    reads = [read_recipe(find_place(str(project.folder / side / "recipe.yaml"))) for side in ("before", "after")]
    told = [change.what for change in compare_meaning(*reads)]
    assert any(each.startswith("language profile ko: scripts.Hangul [1100-11FF, ") for each in told)
    assert "language profile ko: cased false -> true (no step reads it)" in told


def test_other_bytes_under_the_same_name_are_a_change(project: Project) -> None:
    for side in ("before", "after"):
        project.write(f"{side}/recipe.yaml", BASE)
        shutil.copy(project.folder / "a.jsonl", project.folder / side / "a.jsonl")
    with (project.folder / "after" / "a.jsonl").open("a") as file:
        file.write('{"prompt": "하나 더"}\n')
    ran = project.run("diff", "before/recipe.yaml", "after/recipe.yaml", "--json")
    told = [change["what"] for change in ran.json[0]["meaning"]]
    assert told == [f"source {name}: the bytes of after/a.jsonl differ" for name in "ab"]


SHUFFLES: list[Callable[[random.Random, str], str]] = [
    lambda chance, text: text.replace(": ", ":  "),
    lambda chance, text: text.replace("\n", f"  # {chance.random()}\n"),
    lambda chance, text: text.replace("min: 3, max: 90", "max: 90, min: 3"),
    lambda chance, text: text.replace("  - unique\n", f"  - {{name: step {chance.randint(0, 9)}, unique: {{}}}}\n"),
    lambda chance, text: text.replace("0.3}", "0.3000}"),
    lambda chance, text: text.replace("test/meaning", "'test/meaning'"),
]


@pytest.mark.parametrize("seed", range(20))
def test_no_mixture_of_other_ways_to_write_means_anything(project: Project, seed: int) -> None:
    chance = random.Random(seed)
    text = BASE
    for shuffle in chance.sample(SHUFFLES, chance.randint(1, len(SHUFFLES))):
        text = shuffle(chance, text)
    assert meaning(project, BASE, text) == ()


@pytest.mark.parametrize("name", ["a threshold", "an amount", "a licence"])
def test_a_comparison_that_forgets_fields_is_noticed(project: Project, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiler.tell.meaning, "differences", lambda *given: iter(()))
    with pytest.raises(AssertionError):
        check_told(project, name)


def test_a_place_is_named_as_the_recipe_is(tmp_path: Path) -> None:
    project = Project(tmp_path)
    (tmp_path / ".recipe").mkdir()
    project.rows("a.jsonl", ["물은 왜 끓나요"])
    project.write("r/x.yaml", BASE.replace("a.jsonl", "../a.jsonl"))
    ran = project.run("diff", "r/x.yaml", "--set", "seed=9", "--json")
    assert ran.json[0]["meaning"][0]["before"] == "r/x.yaml:5:7"
