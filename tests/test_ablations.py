"""Ablations: variants of a recipe on one store, of which each stage that they share runs once."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.conftest import Project
from tests.teacher import TRACES, configure, teaching

RECIPE = """
format: 1
recipe: test/ablations
language: {target: ko, anchor: en}
seed: 7
sources:
  a: {file: a.jsonl, category: one, license: A}
prompts:
  - length: {min: 3}
  - unique
mixture: {take: {one: 2}}
ablations:
  amount:
    match: items
    variants:
      same: {}
      fewer: {mixture.take.one: 1}
      again: {mixture.take.one: 2}
      longer: {prompts.length.min: 12}
      other: {seed: 8}
"""


@pytest.fixture
def ablated(project: Project) -> Project:
    project.write("recipe.yaml", RECIPE)
    return project


def build(project: Project, *arguments: str) -> dict[str, Any]:
    """Variant -> what came of it."""
    ran = project.run("build", "recipe.yaml", "--json", "--ablation", "amount", *arguments)
    assert ran.code == 0, ran.out + ran.err
    found: dict[str, Any] = ran.json["variants"]
    return found


def test_what_variants_share_runs_once(ablated: Project) -> None:
    ran = {name: outcome["ran"] for name, outcome in build(ablated).items()}
    assert ran["same"] == ["a", "prompts/unique", "dataset/mixture", "output dataset"]
    assert ran["fewer"] == ["dataset/mixture", "output dataset"]
    assert ran["longer"] == ["prompts/unique", "dataset/mixture", "output dataset"]
    assert ran["again"] == [] and "a" not in ran["other"]


def test_a_variant_that_is_the_recipe_runs_nothing_and_has_its_key(ablated: Project) -> None:
    (output,) = ablated.build("recipe.yaml", store=".recipe")["outputs"]
    (same,) = (outcome := build(ablated)["same"])["outputs"]
    assert outcome["ran"] == []
    assert (same["key"], same["digest"]) == (output["key"], output["digest"])


def test_a_variant_is_the_recipe_with_its_patch_set(ablated: Project) -> None:
    variants = build(ablated)
    for name, setting in {"fewer": "mixture.take.one=1", "longer": "prompts.length.min=12", "other": "seed=8"}.items():
        (output,) = ablated.build("recipe.yaml", "--set", setting, store="other")["outputs"]
        assert output["digest"] == variants[name]["outputs"][0]["digest"]


def test_an_output_of_a_variant_is_a_target_and_has_a_name_of_its_own(ablated: Project) -> None:
    ran = ablated.run("build", "recipe.yaml", "--quiet", "--target", "ablations.amount.fewer.dataset")
    assert ran.out.startswith("test/ablations/ablations.amount.fewer.dataset@")
    folder = ablated.folder / ".recipe/v4/names/test/ablations/ablations.amount.fewer/outputs/dataset"
    assert folder.is_dir()
    assert ablated.run("store", "path", ran.out.split()[0]).out.strip() == str(folder)
    assert ran.out.split()[0] in ablated.run("store", "ls").out and ablated.run("store", "verify").code == 0


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("ablations.amount.fewr.dataset", "the ablation `amount` has no variant `fewr`"),
        ("ablations.amont.fewer.dataset", "there is no ablation `amont`"),
        ("ablations.amount.fewer", "`ablations.amount.fewer` names no output of a variant"),
        ("ablations.amount.fewer.prompt", "there is no table, checkpoint or evaluation `prompt` to build"),
    ],
)
def test_a_wrong_target_is_told(ablated: Project, target: str, said: str) -> None:
    ran = ablated.run("build", "recipe.yaml", "--target", target)
    assert ran.code == 2 and said in ran.err


def test_a_mistake_of_a_patch_is_told_there(ablated: Project) -> None:
    patches = {
        "prompts.lenght.min: 1": ("there is no step `lenght` in `prompts`", 22),
        "recipe: other": ("a variant cannot change `recipe`", 14),
        "language.target: xx": ("there is no language profile `xx`", 31),
        "sources.a.category: two": ("in the variant `same` of `amount`: ", 7),
        "a b=1: 2": ("`a b=1` is no dotted key", 14),
    }
    for patch, (said, column) in patches.items():
        ablated.write("recipe.yaml", RECIPE.replace("same: {}", f"same: {{{patch}}}"))
        ran = ablated.run("check", "recipe.yaml")
        assert ran.code == 2 and said in ran.err, (patch, ran.err)
        assert f"--> recipe.yaml:16:{column}\n" in ran.err, (patch, ran.err)


def test_a_mistake_of_the_recipe_is_told_once(ablated: Project) -> None:
    ablated.write("recipe.yaml", RECIPE.replace("min: 3", "mni: 3"))
    ran = ablated.run("check", "recipe.yaml", "--json")
    assert len(ran.json["diagnostics"]) == 1


def test_a_name_that_no_file_can_have_is_refused(ablated: Project) -> None:
    ablated.write("recipe.yaml", RECIPE.replace("  amount:", "  ../amount:").replace("same:", "a.b:"))
    ran = ablated.run("check", "recipe.yaml")
    assert ran.code == 2 and "`../amount` cannot be a name here" in ran.err and "`a.b` cannot be a name here" in ran.err


def test_the_lock_pins_outputs_of_variants_under_their_names(ablated: Project) -> None:
    assert ablated.run("lock", "recipe.yaml", "--quiet", "--ablation", "amount").code == 0
    locked = json.loads((ablated.folder / "recipe.lock").read_text())
    variants = build(ablated, "--locked")
    pins = {f"ablations.amount.{name}.dataset": outcome["outputs"][0]["digest"] for name, outcome in variants.items()}
    assert {name: pin["digest"] for name, pin in locked["outputs"].items() if name != "dataset"} == pins
    assert [*locked["sources"]] == ["a"]  # no variant has other files
    assert ablated.run("build", "recipe.yaml", "--locked").code == 0


def test_a_lock_of_the_recipe_keeps_what_is_locked_of_its_variants(ablated: Project) -> None:
    ablated.run("lock", "recipe.yaml", "--quiet", "--ablation", "amount")
    before = (ablated.folder / "recipe.lock").read_text()
    assert ablated.run("lock", "recipe.yaml", "--quiet").code == 0
    assert (ablated.folder / "recipe.lock").read_text() == before
    ablated.write("recipe.yaml", RECIPE.replace("fewer: {mixture.take.one: 1}", "fewer: {mixture.take.one: 2}"))
    ran = ablated.run("build", "recipe.yaml", "--locked", "--ablation", "amount")
    assert ran.code == 1 and "the output `dataset` is" in ran.err
    ablated.write("recipe.yaml", RECIPE.replace("      fewer: {mixture.take.one: 1}\n", ""))
    assert ablated.run("lock", "recipe.yaml", "--quiet").code == 0
    assert "ablations.amount.fewer" not in (ablated.folder / "recipe.lock").read_text()


def test_a_variant_with_other_files_locks_them(ablated: Project) -> None:
    ablated.rows("b.jsonl", ["another prompt", "and one more", "and the last one"])
    ablated.write("recipe.yaml", RECIPE.replace("same: {}", "same: {sources.a.file: b.jsonl}"))
    assert ablated.run("lock", "recipe.yaml", "--quiet", "--ablation", "amount").code == 0
    assert [*json.loads((ablated.folder / "recipe.lock").read_text())["sources"]] == ["a", "ablations.amount.same.a"]
    build(ablated, "--locked")
    ablated.rows("b.jsonl", ["another prompt", "and one more", "and the very last one"])
    assert ablated.run("build", "recipe.yaml", "--locked").code == 0
    ran = ablated.run("build", "recipe.yaml", "--locked", "--ablation", "amount")
    assert ran.code == 1 and "the files of the source `a` differ: b.jsonl" in ran.err


def test_the_plan_counts_what_variants_share_once(ablated: Project) -> None:
    plan = ablated.run("plan", "recipe.yaml", "--ablation", "amount", "--json").json
    ran = sum(len(outcome["ran"]) for outcome in build(ablated).values())
    assert plan["one_by_one"] == 5 * 4 and plan["to_run"] >= ran
    shared = {each["name"]: each["variants"] for each in plan["stages"] if each["name"] == "a"}
    assert shared == {"a": ["same", "fewer", "again", "longer", "other"]}
    after = ablated.run("plan", "recipe.yaml", "--ablation", "amount", "--json").json
    assert (after["to_run"], after["one_by_one"]) == (0, 0)


def test_the_plan_without_files_tells_variants_of_other_files_apart(ablated: Project) -> None:
    (ablated.folder / "a.jsonl").unlink()
    said = RECIPE.replace("same: {}", "same: {sources.a.file: none/b.jsonl}")
    ablated.write("recipe.yaml", said.replace("file: a.jsonl", "file: none/a.jsonl"))
    plan = ablated.run("plan", "recipe.yaml", "--ablation", "amount", "--json").json
    assert [each["variants"] for each in plan["stages"] if each["name"] == "a"] == [
        ["same"],
        ["fewer", "again", "longer", "other"],
    ]


def test_the_graphs_of_variants_are_one(ablated: Project) -> None:
    nodes = ablated.run("show", "recipe.yaml", "--graph", "--ablation", "amount", "--json").json
    assert [each["id"] for each in nodes] == [*range(len(nodes))]
    assert all(source < each["id"] for each in nodes for source in each["inputs"])
    assert len([each for each in nodes if each["name"] == "a"]) == 1
    assert [each["variants"] for each in nodes if each["name"] == "output dataset"][0] == ["same", "again"]


def test_a_completion_is_asked_for_once_for_all_variants(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    variants = {"same": {}, "fewer": {"prompts.length.min": 12}, "hot": {"cot.teacher.temperature": 0.9}}
    project.write("recipe.yaml", TRACES + json.dumps({"ablations": {"amount": {"variants": variants}}})[1:-1] + "\n")
    with teaching() as teacher:
        configure(project.folder, teacher, monkeypatch)
        project.build("recipe.yaml", store=".recipe")
        asked = teacher.asked.total()
        outcomes = build(project)
        assert outcomes["same"]["ran"] == []
        new = {name: sum(each["new"] for each in outcome["asked"].values()) for name, outcome in outcomes.items()}
        assert (new["same"], new["fewer"], new["hot"]) == (0, 0, asked)
        assert outcomes["fewer"]["asked"] and teacher.asked.total() == 2 * asked


def test_an_edit_of_a_patch_is_told_as_one(ablated: Project) -> None:
    settings = ["longer.seed=3", "other=null", "fewer={mixture.take.one: 2}", "more={seed: 1}"]
    options = [part for each in settings for part in ("--set", f"ablations.amount.variants.{each}")]
    changes = ablated.run("diff", "recipe.yaml", "--json", *options).json[0]["meaning"]
    assert [each["what"] for each in changes] == [
        "ablation amount: fewer: mixture.take.one 1 -> 2",
        "ablation amount: longer: seed unset -> 3",
        "ablation amount: other: {seed: 8}",
        "ablation amount: more: {seed: 1}",
    ]


def test_what_is_forgotten_is_forgotten_by_all_variants(ablated: Project) -> None:
    build(ablated)
    ran = ablated.run("forget", "recipe.yaml", "하늘은 왜 파란가요?")
    assert ran.code == 0 and "held it" in ran.out and "reads it again" not in ran.out
    for outcome in build(ablated).values():
        assert outcome["stages"][0]["rows"] == 6


def test_gc_keeps_what_a_variant_needs(ablated: Project) -> None:
    build(ablated)
    ablated.build("recipe.yaml", store=".recipe")
    ablated.run("store", "gc")
    assert all(not outcome["ran"] for outcome in build(ablated).values())
