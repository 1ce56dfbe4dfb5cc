"""The lexicons of cognitive behaviours against people's labels of real traces, and what an expression may be."""

from __future__ import annotations

import csv
import gzip
import json
import re
from collections.abc import Callable
from itertools import product
from pathlib import Path
from typing import Any, get_args

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from compiler.recipe.profiles import load_profile
from compiler.text.project import find_place
from operators.declared.profile import LanguageProfile
from operators.kernels.text import Texts
from operators.measures.behaviours import Behaviours
from operators.text.phrases import LONGEST, MOST, bounded, phrase, pieces_of, size_of, stands_for_something
from runtime.build.session import Session
from tests.conftest import ROOT, Project

LABELS = Path(__file__).parent / "behaviours"
KINDS: tuple[str, ...] = get_args(Behaviours.model_fields["kind"].annotation)
READ = 2500
"""The characters of a trace that were labelled."""

# -- the labelled traces


def labels(name: str) -> dict[tuple[str, str], dict[str, str]]:
    """(set, id) -> the line of one pass of labels."""
    with (LABELS / f"labels-{name}.csv").open("r", encoding="utf-8", newline="") as file:
        return {(row["set"], row["id"]): row for row in csv.DictReader(file)}


def parquet(path: Path) -> list[tuple[str, str]]:
    return [(row["id"], row["thinking_content"]) for row in pq.read_table(path).to_pylist()]


def messages(path: Path) -> list[tuple[str, str]]:
    rows = pa.CompressedInputStream(pa.OSFile(str(path)), "zstd").read().decode().splitlines()
    return [(row["id"], thinking(row["messages"][-1]["content"])) for row in map(json.loads, rows)]


def responses(path: Path) -> list[tuple[str, str]]:
    rows = map(json.loads, gzip.decompress(path.read_bytes()).decode().splitlines())
    return [(row["id"], thinking(told(row["resps"]))) for row in rows]


def numbered(path: Path) -> list[tuple[str, str]]:
    return [(str(place), row["Complex_CoT"]) for place, row in enumerate(json.loads(path.read_text("utf-8")))]


def told(said: Any) -> str:
    return said if isinstance(said, str) else json.dumps(said, ensure_ascii=False)


def thinking(completion: str) -> str:
    return completion.partition("</think>")[0].replace("<think>", "")


SETS: dict[str, tuple[str, Callable[[Path], list[tuple[str, str]]]]] = {
    "ko_deepseek": ("puzzle_traces/ko_deepseek-v4-flash.parquet", parquet),
    "en_deepseek": ("puzzle_traces/en_deepseek-v4-flash.parquet", parquet),
    "ko_gpt-oss": ("puzzle_traces/ko_gpt-oss-120b.messages.jsonl.zst", messages),
    "ko_exaone": ("puzzle_traces/ko_exaone-4.0-32b.jsonl.gz", responses),
    "huatuo": ("huatuo/demo_data.json", numbered),
}


@pytest.fixture(scope="module")
def traces(data: Path) -> dict[tuple[str, str], str]:
    """(set, id) -> what was read of each labelled trace."""
    wanted = labels("first")
    found: dict[tuple[str, str], str] = {}
    for name, (path, read) in SETS.items():
        for identity, text in read(data / path):
            if (name, identity) in wanted and text:
                found.setdefault((name, identity), text[:READ])
    return found


# -- counting


def lexicon(*codes: str) -> dict[str, LanguageProfile]:
    """The profiles that ship."""
    place = find_place(str(ROOT / "recipes" / "ko" / "quickstart.yaml"))
    paths = {code: ROOT / "recipes" / "languages" / f"{code}.yaml" for code in codes}
    return {code: load_profile(path, place).profile for code, path in paths.items()}


def count(kind: str, texts: list[str | None], entry: Any, *of: str) -> list[int]:
    """How often a behaviour shows in each text, by a kernel's entry."""
    operator = Behaviours.model_validate({"kind": kind, "of": list(of)})
    (times,) = operator.measure(Texts(pa.array(texts, pa.large_string())), {f"behaviours.{kind}": entry})
    return [int(each) for each in times]


def shipped(kind: str, texts: list[str | None]) -> list[int]:
    """The same, by the Korean and the English lexicon together, as in a mixed chain of thought."""
    entry = {code: profile.entry(f"behaviours.{kind}") for code, profile in lexicon("ko", "en").items()}
    return count(kind, texts, entry, "ko", "en")


# -- the lexicons against labels


def test_the_labels_of_both_passes_are_of_the_same_traces() -> None:
    first, second = labels("first"), labels("second")
    assert len(first) == 44 and [*first] == [*second]
    halves = [row["half"] for row in first.values()]
    assert halves == [row["half"] for row in second.values()]
    assert min(halves.count("tuning"), halves.count("frozen")) >= 15 and set(halves) == {"tuning", "frozen"}
    assert {row[kind] for row in (*first.values(), *second.values()) for kind in KINDS} == {"0", "1"}


def test_the_lexicons_are_measured_against_labels(
    traces: dict[tuple[str, str], str], record_property: Callable[[str, object], None]
) -> None:
    first, second = labels("first"), labels("second")
    assert set(traces) == set(first)
    shown = [f"{'behaviour':13} {'half':7} labelled  two passes agree  precision  recall"]
    for kind in KINDS:
        counts = dict(zip(traces, shipped(kind, [*traces.values()]), strict=True))
        assert counts == dict(zip(reversed(traces), shipped(kind, [*reversed(traces.values())]), strict=True))
        for half in ("tuning", "frozen"):
            rows = [each for each in first if first[each]["half"] == half]
            agree = sum(first[each][kind] == second[each][kind] for each in rows)
            labelled = {each for each in rows if first[each][kind] == "1"}
            said = {each for each in rows if counts[each] >= 1}
            right = len(labelled & said)
            assert len(labelled) + len(said) - right <= len(rows)
            shown.append(
                f"{kind:13} {half:7} {f'{len(labelled)}/{len(rows)}':8}  {ratio(agree, len(rows)):16}"
                f"  {ratio(right, len(said)):9}  {ratio(right, len(labelled))}"
            )
    record_property("shown", "\n  " + "\n  ".join(shown))


def ratio(part: int, whole: int) -> str:
    return f"{part}/{whole}" + (f" {part / whole:.2f}" if whole else "")


# -- the measure


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_reads_its_own_expressions(kind: str) -> None:
    entries = {f"behaviours.{each}": [f"about {each}"] for each in KINDS}
    operator = Behaviours.model_validate({"kind": kind, "of": ["en"]})
    texts = Texts(pa.array([f"About {each}, ABOUT {each.upper()}" for each in KINDS] + [None, ""], pa.large_string()))
    (times,) = operator.measure(texts, entries)
    assert times.tolist() == [2 * (each == kind) for each in KINDS] + [-1, 0]
    assert operator.entries() == (("en", f"behaviours.{kind}"),)


def test_a_match_of_two_languages_counts_once_and_where_they_mix() -> None:
    entry = {"ko": ("확인해 ?보", "확인"), "en": ("wait", "확인해")}
    assert count("verification", ["확인해 보면 Wait, 확인", "WAIT", "w"], entry, "ko", "en") == [3, 1, 0]
    assert count("verification", ["확인해 보면"], ("확인해 ?보",), "ko") == [1]


def test_a_text_in_any_normal_form_is_the_same_text() -> None:
    assert count("verification", ["\u1112\u116a\u11a8\u110b\u1175\u11ab", "확인"], ("확인",), "ko") == [1, 1]


def test_a_lexicon_shows_what_it_should_in_plain_sentences() -> None:
    said = {
        "verification": ["검산해 보면 12가 맞다.", "Let me double-check the sum."],
        "backtracking": ["잠깐, 잘못 계산했다.", "Wait, that's wrong. Let me try again."],
        "subgoals": ["먼저 넓이를 구하자.", "Step 1: find the area."],
        "backward": ["거꾸로 생각해 보자.", "Working backwards from the answer, we get 3."],
    }
    nothing = ["물은 섭씨 100도에서 끓는다.", "Water boils at 100 degrees."]
    for kind, texts in said.items():
        assert all(times >= 1 for times in shipped(kind, [*texts])) and shipped(kind, [*nothing]) == [0, 0]


RECIPE = """
format: 1
recipe: test/behaviours
language: {target: qq, anchor: qr}
sources: {a: {file: a.jsonl, category: x, license: A}}
prompts: [{behaviours: {in: prompt, kind: verification, min: 1OF}}]
"""
PROFILE = "format: 1\nlanguage: CODE\nname: Q\nbehaviours:\n  verification:\n    - SAID\n  backtracking: [never]\n"


def two_languages(project: Project, qq: str, qr: str, of: str = "") -> None:
    for code, said in (("qq", qq), ("qr", qr)):
        project.write(f"languages/{code}.yaml", PROFILE.replace("CODE", code).replace("SAID", said))
    project.write("recipe.yaml", RECIPE.replace("OF", of))


def test_a_recipe_reads_one_entry_of_two_languages(project: Project) -> None:
    two_languages(project, "물", "sky")
    assert len(project.table()) == 4
    nodes = [node for _, node in Session(str(project.folder / "recipe.yaml"), store_folder=str(project.folder / "s")).graph]
    (entries,) = [node.entries for node in nodes if node.aspect == "columns"]
    assert entries == {"behaviours.verification": {"target": ("물",), "anchor": ("sky",)}}
    two_languages(project, "물", "sky", ", of: [anchor]")
    assert [row["prompt"] for row in project.table()] == ["why is the sky blue?"]


def test_a_changed_expression_is_measured_anew_and_one_of_another_kind_is_not(project: Project) -> None:
    two_languages(project, "물", "sky")
    project.build()
    path = project.folder / "languages" / "qr.yaml"
    said = path.read_text("utf-8")
    path.write_text(said.replace("never", "ever"), "utf-8")
    assert project.build()["ran"] == []
    path.write_text(said.replace("sky", "blue|하늘"), "utf-8")
    assert project.build()["ran"] != [] and len(project.table()) == 5


def test_a_diff_says_which_expressions_a_step_reads(project: Project) -> None:
    for side, said in (("before", "sky"), ("after", "blue")):
        inside = Project(project.folder / side)
        inside.rows("a.jsonl", ["sky", "blue"])
        two_languages(inside, "물", said)
    path = project.folder / "after" / "languages" / "qr.yaml"
    path.write_text(path.read_text("utf-8").replace("never", "ever"), "utf-8")
    ran = project.run("diff", "before/recipe.yaml", "after/recipe.yaml", "--store", "store", "--json")
    told = {change["what"] for change in ran.json[0]["meaning"] if "behaviours" in change["what"]}
    assert told == {
        "language profile qr: behaviours.verification [sky] -> [blue]",
        "language profile qr: behaviours.backtracking [never] -> [ever] (no step reads it)",
    }


def test_a_language_without_expressions_is_an_error_that_says_so(project: Project) -> None:
    two_languages(project, "물", "sky", ", of: [target, th]")
    project.write("languages/th.yaml", "format: 1\nlanguage: th\nname: Thai\n")
    ran = project.run("check", "recipe.yaml")
    assert ran.code == 2 and "`th` has no `behaviours.verification`, which `behaviours` needs" in ran.err


# -- expressions

BAD = ["a(", "a)", "[b-a]", "(?=a)", r"(a)\1", "a**", "a?+", "a*", "a+", "a{2,}", "^a", "a$", r"\pL", r"\Z", "a{2,1}", "a{101}"]
BAD += ["(ab){2}", "a|", "b?", "x{0,3}", "[[:alpha:]]", "a{01}", "a{2}{2}", "(?i)a", "(?P<n>a)", "a" * (LONGEST + 1), "{", "|?"]


@pytest.mark.parametrize("said", BAD)
def test_a_wrong_expression_is_an_error_in_its_place(project: Project, said: str) -> None:
    two_languages(project, json.dumps(said), "sky")
    ran = project.run("check", "recipe.yaml")
    assert ran.code == 2 and "languages/qq.yaml:6:7" in ran.err, ran.err


def test_expressions_that_are_too_many_are_an_error() -> None:
    with pytest.raises(ValueError, match="too many expressions"):
        bounded((".{100}",) * (MOST // 100))


@settings(max_examples=400, deadline=None)
@given(st.lists(st.sampled_from([*"ab가É.|()[]{}?*+^$\\-,12 \n", "(?:", "[^", r"\b", r"\d", r"\w", "{0,3}", "{2}"]), max_size=14))
def test_re2_takes_every_expression_that_is_allowed(parts: list[str]) -> None:
    text = "".join(parts)
    try:
        phrase(text)
    except ValueError:
        return
    pc.count_substring_regex(pa.array(["ab가1 "]), text, ignore_case=True)


CLASSES = ["[^b]", "[a-z]", "[z-a]", "[a-]", "[--]", r"[a-\d]", r"[\d-z]", r"[\--a]", "[a-b-c]", "[-a]", "[가-힣]"]
PIECES = ["a", "ab", "|", "(", ")", "?", r"\b", ".", "{0,3}", "{2}", "{2,1}"]


def test_an_expression_that_is_taken_uncompiled_compiles_and_is_not_found_in_any_text() -> None:
    taken = 0
    for parts in (*product(CLASSES + PIECES, repeat=2), *product(PIECES, repeat=4), *product("a|(?)", repeat=6)):
        text = "".join(parts)
        try:
            sure = stands_for_something(pieces_of(text))
        except ValueError:
            continue
        taken += sure
        assert not sure or not re.compile(text).fullmatch(""), text
    assert taken > 1000


def test_the_expressions_of_the_profiles_that_ship_are_taken_uncompiled() -> None:
    place = find_place(str(ROOT / "recipes/ko/quickstart.yaml"), ())
    for path in sorted((ROOT / "recipes/languages").glob("*.yaml")):
        profile = load_profile(path, place).profile
        lexicons = [said for _, said in profile.behaviours or () if said is not None]
        for text in (each for said in (*lexicons, profile.above_options or ()) for each in said):
            assert stands_for_something(pieces_of(text)), text


@pytest.mark.parametrize("piece", [".", "[^a가]", "[가각갂갃간갅]", r"\W", "É", "[a-z가-힣]", "a"])
def test_re2_takes_the_largest_lexicons_of_four_languages_together(piece: str) -> None:
    said = bounded((phrase(f"{piece}{{100}}"),) * (MOST // size_of(f"{piece}{{100}}")))
    pc.count_substring_regex(pa.array(["x"]), "|".join([*said] * 4), ignore_case=True)


def test_a_text_is_read_in_linear_time() -> None:
    """An engine that goes back would take 2 ** 28 steps for each character of this text."""
    said = "(a|a)" * 28 + "b"
    assert phrase(said)
    assert count("verification", ["a" * 1_000_000], (said,), "en") == [0]
