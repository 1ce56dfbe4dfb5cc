"""Builds: the same recipe gives the same bytes, and nothing is done twice."""

from __future__ import annotations

import pytest

from tests.conftest import PLAIN, Project


def test_a_second_build_runs_nothing(project: Project) -> None:
    first = project.build()
    second = project.build()
    assert first["ran"] and not second["ran"]
    assert first["outputs"] == second["outputs"]


def test_a_threshold_edit_reads_no_source(project: Project) -> None:
    project.build()
    report = project.build("recipe.yaml", "--set", "prompts.length.min=10")
    assert report["ran"] == ["prompts", "output prompts"]


def test_a_repeated_row_is_a_child_with_an_id_of_its_own(project: Project) -> None:
    project.write(
        "recipe.yaml",
        """
        format: 1
        recipe: test/repeat
        language: {target: ko}
        sources: {a: {file: a.jsonl, category: one, license: A}}
        prompts: [{unique: {}}]
        mixture: {take: {one: 9}, repeat: {one: 2}, shortage: error}
        """,
    )
    rows = project.table()
    assert len(rows) == 9 and len({row["row_id"] for row in rows}) == 9
    assert len({row["item_id"] for row in rows}) == 5


def test_a_column_of_combined_rows_goes_on_under_two_names(project: Project) -> None:
    project.rows("b.jsonl", ["또 다른 물음입니다"])
    project.write(
        "recipe.yaml",
        """
        format: 1
        recipe: test/twice
        language: {target: ko}
        sources:
          a: {file: a.jsonl, category: one, license: A}
          b: {file: b.jsonl, category: one, license: A}
        prompts: [select: {columns: {prompt: prompt, again: prompt}}]
        """,
    )
    rows = project.table()
    assert len(rows) == 8 and all(row["prompt"] == row["again"] for row in rows)


def test_the_general_form_builds_the_same_bytes(project: Project) -> None:
    lowered = project.run("show", "recipe.yaml", "--lowered")
    project.write("general.yaml", lowered.out)
    assert project.digest("general.yaml") == project.digest("recipe.yaml")


def test_a_preview_scales_counts_and_names_nothing(project: Project) -> None:
    project.write(
        "recipe.yaml",
        """
        format: 1
        recipe: test/preview
        language: {target: ko}
        sources: {a: {file: a.jsonl, category: one, license: A}, b: {file: b.jsonl, category: two, license: A}}
        prompts: [{length: {min: 1}}]
        mixture: {take: {one: 60, two: 40}, shortage: error}
        """,
    )
    project.rows("a.jsonl", [f"질문 하나 {n}" for n in range(100)])
    project.rows("b.jsonl", [f"질문 둘 {n}" for n in range(100)])
    report = project.build("recipe.yaml", "--sample", "50")
    assert 20 <= report["outputs"][0]["rows"] <= 26 and report["outputs"][0]["path"] is None
    assert sum(stage["counts"]["out"] for stage in report["stages"] if stage["name"] in ("a/preview", "b/preview")) == 50
    assert project.run("store", "ls", "--store", "store", "--json").json["recipes"] == {}


def test_a_target_is_built_alone_and_forgets_nothing(project: Project) -> None:
    project.write(
        "recipe.yaml",
        """
        format: 1
        recipe: test/targets
        language: {target: ko}
        sources: {a: {file: a.jsonl, category: one, license: A}}
        tables:
          long: {from: a, steps: [{length: {min: 10}}]}
          short: {from: a, steps: [{length: {max: 9}}]}
        outputs: [long, short]
        """,
    )
    both = project.build()
    assert [each["output"] for each in both["outputs"]] == ["long", "short"]
    alone = project.build("recipe.yaml", "--target", "long")
    assert [each["output"] for each in alone["outputs"]] == ["long"]
    assert set(project.run("store", "ls", "--store", "store", "--json").json["recipes"]["test/targets"]) == {"long", "short"}
    assert project.run("build", "recipe.yaml", "--target", "lung").code == 2


def test_tables_that_share_rows_cannot_be_one(project: Project) -> None:
    project.write(
        "recipe.yaml",
        """
        format: 1
        recipe: test/overlap
        language: {target: ko}
        sources: {a: {file: a.jsonl, category: one, license: A}}
        tables:
          short: {from: a, steps: [{length: {max: 9}}]}
          both: {from: [a, short]}
        """,
    )
    ran = project.run("build", "recipe.yaml", "--store", "store", "-q")
    assert ran.code == 1 and "hold the same rows" in ran.err


def test_a_measured_condition_may_be_written_short(project: Project) -> None:
    project.write(
        "recipe.yaml",
        """
        format: 1
        recipe: test/short
        language: {target: ko}
        sources: {a: {file: a.jsonl, category: one, license: A}}
        prompts: [{measure: {why: {where: "contains(prompt, '왜')"}, size: {length: {}}}}]
        """,
    )
    assert {row["prompt"]: row["why"] for row in project.table()}["하늘은 왜 파란가요?"] == 1


def test_maps_of_maps_and_dear_measures_of_maps_read_what_was_changed(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    class Letters:
        def tokenize(self, texts: list[str]) -> list[list[str]]:
            return [list(text) for text in texts]

    monkeypatch.setattr("operators.kernels.segments.kiwi", lambda workers: Letters())
    monkeypatch.setattr("operators.measures.morphemes.Morphemes.depends", lambda self: ())
    project.rows("a.jsonl", ["각", "각각"])
    project.write(
        "recipe.yaml",
        """
        format: 1
        recipe: test/maps
        language: {target: ko}
        sources: {a: {file: a.jsonl, category: one, license: A}}
        prompts:
          - {name: one, normalise: {form: NFD}}
          - {name: two, normalise: {form: NFC}}
          - {name: three, normalise: {form: NFKD}}
          - morphemes: {min: 2, max: 6}
          - unique: {}
        """,
    )
    import unicodedata

    # The segmenter sees NFC again, whatever form the cell has: one letter, and two.
    assert [row["prompt"] for row in project.table()] == [unicodedata.normalize("NFKD", "각각")]


def test_gc_refuses_where_it_cannot_know_what_is_needed(project: Project) -> None:
    project.build()
    name = project.folder / "store/v4/names/test/plain/last-build.json"
    name.write_bytes(b"x" + name.read_bytes())
    assert project.run("store", "gc", "--store", "store").code == 1
    assert project.build()["ran"] == []


def test_no_two_stages_of_a_build_have_one_name(project: Project) -> None:
    """A name is what gc keeps a stage by, and what the next plan finds it by."""
    project.write(
        "recipe.yaml",
        """
        format: 1
        recipe: test/names
        language: {target: ko}
        sources: {a: {file: a.jsonl, category: one, license: A}, b: {file: a.jsonl, category: two, license: A}}
        prompts: [{length: {min: 1}}]
        tables: {unique: {from: prompts, steps: [unique, {length: {min: 2}}]}}
        """,
    )
    names = [stage["name"] for stage in project.build()["stages"]]
    assert len(set(names)) == len(names) and {"prompts", "prompts/keep"} <= set(names)
    assert project.run("store", "gc", "--store", "store").code == 0
    assert project.build()["ran"] == []


def test_what_a_target_does_not_read_may_come_later(project: Project) -> None:
    later = PLAIN.replace("prompts:", "  b: {file: b.jsonl, category: two, license: A}\nprompts:").replace("prompts:\n", "")
    project.write("recipe.yaml", later.replace("  - length: {min: 3}", "tables: {one: {from: a}, both: {from: [a, b]}}"))
    ran = project.run("build", "recipe.yaml", "--store", "store", "--target", "one")
    assert ran.code == 0 and "next: recipe build recipe.yaml --store store, once the files of b are here" in ran.out, ran.err
    assert project.run("build", "recipe.yaml", "--store", "store").code == 2
