"""The reference recipe says what the paper says, compiles for its nine bases, and tells what it cannot prove here.

Contradictions of the paper stand as comments where they touch a line. One touches none: D12 is about English benchmarks
(AIME 2025 and GPQA, figure 5 against table 14), which this recipe does not evaluate.
"""

from __future__ import annotations

import importlib.util
import re
from decimal import Decimal
from typing import Any

import pytest
import yaml

from compiler.graph.nodes import Graph, stage_name
from compiler.graph.shared import forms
from compiler.prove.release import release_of
from compiler.recipe.benchmarks import read_benchmark, typed_benchmark
from compiler.text.diagnostics import RecipeError
from compiler.text.project import find_place
from operators.asks.generate import Generate
from operators.base.declare import Only
from operators.declared.benchmark import Benchmark
from operators.declared.cot import Cot
from operators.declared.source import Source
from operators.grow.merge_options import MergeOptions
from operators.grow.style_directives import StyleDirectives
from operators.learn.sft import Sft
from operators.measures.language_share import LanguageShare
from operators.measures.length import Length
from operators.measures.think_blocks import ThinkBlocks
from operators.sets.mixture import Mixture
from runtime.build.session import Session
from runtime.build.variants import open_variants
from tests.conftest import ROOT, Project

RECIPE = ROOT / "recipes" / "ko" / "yi-sang-hq.yaml"
TEXT = RECIPE.read_text("utf-8")
TARGETS = ("dataset", "train.sft")
#: What the two steps on exam items need.
EXAMS = all(importlib.util.find_spec(name) is not None for name in ("bm25s", "scipy", "kiwipiepy"))
HELD_IN = ("mclm_math", "mclm_aime24", "kmmlu_redux", "haerae_bench")
HELD_OUT = ("kmmlu_hard", "kmmlu_pro", "ksm", "click", "kobalt_700")
SHIPPED = (*HELD_IN, *HELD_OUT, "clinicalqa")

#: Table 6: what each model may be released under; the base's licence goes before the open ones of teacher and data.
BASES = {
    "google/gemma-3-4b-it": "gemma",
    "google/gemma-3-12b-it": "gemma",
    "meta-llama/Llama-3.1-8B-Instruct": "llama3",
    "KISTI-KONI/KONI-Llama3.1-8B-Instruct-20241024": "llama3",
    "skt/A.X-3.1-Light": "apache-2.0",
    "skt/A.X-3.1": "apache-2.0",
    "Qwen/Qwen2.5-7B-Instruct": "apache-2.0",
    "Qwen/Qwen2.5-14B-Instruct": "apache-2.0",
    "kakaocorp/kanana-1.5-8b-instruct-2505": "apache-2.0",
}


def opened(*settings: str, targets: tuple[str, ...] = TARGETS) -> Session:
    return Session(str(RECIPE), settings, targets=targets)


def of_kind(graph: Graph, kind: type[Any]) -> list[Any]:
    """The operators of a kind; a measure that decides is one, though it has a column besides."""
    return [node.operator for _, node in graph if isinstance(node.operator, kind) and node.aspect != "columns"]


@pytest.mark.parametrize("base", BASES)
def test_it_compiles_for_every_base_and_the_release_licence_is_that_of_the_paper(base: str) -> None:
    settings = [f"models.student.id={base}", f"models.student.license={BASES[base]}"]
    if base == "skt/A.X-3.1":
        settings.append("train.sft.epochs=3")
    session = opened(*settings)
    (index,) = (at for at, node in session.graph if isinstance(node.operator, Sft))
    assert session.graph.nodes[index].operator.epochs == (3 if base == "skt/A.X-3.1" else 5)
    assert session.read.recipe.models["student"].model.id == base
    assert release_of(session.graph, index, session.read.recipe) == BASES[base]


def test_check_tells_that_the_prompts_are_not_here(project: Project) -> None:
    ran = project.run("check", str(RECIPE))
    assert ran.code == 0 and "as far as it can be proven" in ran.out
    for source in ("code", "exams", "openthought", "science"):
        assert f"not proven: no lock and no files for the source `{source}`" in ran.out


@pytest.mark.skipif(not EXAMS, reason="not installed: bm25s, scipy and kiwipiepy, whose versions are in keys")
@pytest.mark.parametrize("target", [(), ("--target", "train.sft")], ids=["dataset", "train.sft"])
def test_a_plan_waits_for_the_prompts(project: Project, target: tuple[str, ...]) -> None:
    ran = project.run("plan", str(RECIPE), "--store", "store", *target)
    assert ran.code == 0, ran.err
    assert "the files of `exams` are not here, and no lock has them" in ran.out


def test_exam_items_alone_are_augmented_in_the_papers_two_ways() -> None:
    graph = opened().graph
    (merged,), (styled,) = of_kind(graph, MergeOptions), of_kind(graph, StyleDirectives)
    assert {merged.only, styled.only} == {Only(category="exams")} and merged.max_options == 10
    assert merged.k == 5 and styled.texts is None


def test_a_plan_says_what_is_unknown_and_what_is_not_proven_of_each_model(project: Project) -> None:
    told = project.run("plan", str(RECIPE), "--store", "store", "--target", "train.sft").out
    assert "how many completions of Qwen/Qwen3-32B are needed is not known yet: tokens, cost and GPU-hours unknown" in told
    # 251,000 rows of at most 16,384 tokens, five times.
    assert "train.sft: 0 to 251,000 rows, 5 epochs" in told and "at most 20,561,920,000 tokens" in told
    assert "GPU-hours unknown" in told and "--assume train_tokens_per_s=N" in told
    for model in ("gemini-2.5-flash", "Qwen/Qwen3-32B", "kakaocorp/kanana-1.5-8b-instruct-2505"):
        assert told.count(f"not proven: {model}: ") == 1


def test_an_assumed_speed_of_training_bounds_its_gpu_hours(project: Project) -> None:
    said = ("plan", str(RECIPE), "--store", "store", "--target", "train.sft", "--assume", "train_tokens_per_s=1000")
    # 20,561,920,000 tokens at 1,000 a second are 20,561,920 seconds, which are 5,711.6 hours.
    assert "at most 5,712 GPU-hours (assumed: 1,000 tokens/s of each GPU)" in project.run(*said).out
    (found,) = project.run(*said, "--json").json["trains"]
    assert found["hours"]["amount"] == pytest.approx(20_561_920 / 3600) and found["hours"]["basis"] == "assumed"


def test_the_numbers_of_prompts_and_traces_are_those_of_the_paper() -> None:
    graph = opened().graph
    shares = {(share.in_, share.min, share.max) for share in of_kind(graph, LanguageShare)}
    assert {("prompt", Decimal("0.3"), None), ("think", Decimal("0.05"), Decimal("0.2"))} <= shares
    assert [(length.min, length.max) for length in of_kind(graph, Length)] == [(50, 8192)]
    assert [(blocks.min, blocks.max) for blocks in of_kind(graph, ThinkBlocks)] == [(1, 1)]
    (teacher,) = of_kind(graph, Generate)
    assert teacher.sampling() == {
        "temperature": Decimal("0.6"),
        "top_p": Decimal("0.95"),
        "top_k": 20,
        "min_p": Decimal(0),
        "max_tokens": 16384,
        "reasoning": True,
        "seed": 0,
    }
    assert teacher.system == "system" and teacher.hint is None and teacher.samples == 1
    (mixture,) = of_kind(graph, Mixture)
    assert mixture.take == {"openthought": 62_000, "code": 86_000, "science": 37_000, "exams": 66_000}
    assert sum(mixture.take.values()) == 251_000 and mixture.shortage == "error"


def test_crawled_sources_may_not_be_redistributed_and_only_openthought_is_translated() -> None:
    sources = {node.label: node.operator for _, node in opened().graph if isinstance(node.operator, Source)}
    assert {name: source.license for name, source in sources.items()} == {
        "exams": "B",
        "science": "B",
        "code": "B",
        "openthought": "A",
    }
    assert [name for name, source in sources.items() if source.translate is not None] == ["openthought"]


def test_the_numbers_of_training_and_evaluation_are_those_of_the_paper() -> None:
    session = opened()
    (trained,) = of_kind(session.graph, Sft)
    told = trained.settings()
    wanted = {
        "epochs": 5,
        "global_batch_size": 512,
        "learning_rate": 2e-5,
        "warmup_ratio": 0.1,
        "weight_decay": 1e-5,
        "packing": False,
        "max_length": 16384,
        "dtype": "bfloat16",
        "scheduler": "cosine",
    }
    assert {name: told[name] for name in wanted} == wanted
    evaluated = session.read.recipe.evaluate
    assert evaluated is not None
    how = evaluated.evaluate
    assert (how.trials, how.temperature, how.top_p, how.max_tokens) == (3, Decimal("0.7"), Decimal("0.9"), 32768)
    assert (how.held_in, how.held_out, how.models) == (HELD_IN, HELD_OUT, ("student", "train.sft"))
    assert {evaluated.benchmarks[name].benchmark.extract for name in (*HELD_IN, *HELD_OUT)} == {"first_boxed"}


def test_another_schema_of_traces_brings_its_own_language_share() -> None:
    graph = opened("cot.schema=monolingual", "cot.language=anchor").graph
    (share,) = (each for each in of_kind(graph, LanguageShare) if each.in_ == "think")
    assert (share.of, share.min, share.max) == ("anchor", Decimal("0.5"), None)


def shipped(name: str) -> Benchmark:
    node = read_benchmark(ROOT / "recipes" / "benchmarks" / f"{name}.yaml", find_place(str(RECIPE)))
    benchmark = typed_benchmark(name, node, [])
    assert benchmark is not None
    return benchmark


@pytest.mark.parametrize("name", SHIPPED)
def test_a_benchmark_of_the_paper_is_valid_and_says_how_to_come_by_it(name: str) -> None:
    benchmark = shipped(name)
    assert benchmark.title and benchmark.obtain and "Hugging Face" in benchmark.obtain
    assert benchmark.origin is not None and benchmark.origin.startswith("https://huggingface.co/datasets/")
    assert benchmark.items.file is None and benchmark.source() is None
    assert (benchmark.language, benchmark.ask) == ("ko", "answer")
    assert (benchmark.task, benchmark.extract) in (("math", "first_boxed"), ("choice", "choice_label"))
    assert not benchmark.lacks()


@pytest.mark.parametrize("target, names", [("evaluate", HELD_IN), ("evaluate.held_in", HELD_IN), ("evaluate.held_out", HELD_OUT)])
def test_an_evaluation_says_where_each_benchmark_is_asked_for_and_how_to_come_by_it(target: str, names: tuple[str, ...]) -> None:
    with pytest.raises(RecipeError) as error:
        _ = opened(targets=(target,)).graph
    told = {name: each for each in error.value.diagnostics for name in names if f"`{name}` has no" in each.message}
    assert tuple(told) == names and len(error.value.diagnostics) == len(names)
    for name, each in told.items():
        assert each.span is not None and each.hint is not None
        line = each.span.text.lines[each.span.line - 1]
        assert each.span.text.path == RECIPE and line[each.span.column - 1 : each.span.end_column - 1] == name
        assert each.hint.startswith(str(shipped(name).obtain))


#: A row of each benchmark that is evaluated while the recipe is made, as its file says that the public files look.
ROWS: dict[str, dict[str, Any]] = {
    "mclm_math": {"ko": "1+1은?", "answer": "2"},
    "mclm_aime24": {"ko": "200+4는?", "answer": 204},
    "kmmlu_redux": {"question": "하늘의 색은?", "options": ["빨강", "파랑", "노랑", "검정"], "solution": "2"},
    "haerae_bench": {"q": "하늘의 색은?", "o": ["빨강", "파랑"], "a": "B"},
}


def with_files(project: Project) -> tuple[str, ...]:
    """Settings by which the held-in benchmarks have a row each."""
    mapped = "haerae_bench.items.columns={prompt: q, options: o, gold: {letter: a}}"
    files = [f"{name}.items.file={project.rows(f'{name}.jsonl', [row])}" for name, row in ROWS.items()]
    return tuple(f"benchmarks.{each}" for each in (*files, mapped))


def test_with_files_a_plan_of_the_evaluation_counts_completions_and_their_hours(project: Project) -> None:
    settings = [part for each in with_files(project) for part in ("--set", each)]
    said = ("plan", str(RECIPE), "--store", "store", "--target", "evaluate", "--allow-path", str(project.folder), *settings)
    told = project.run(*said, "--assume", "tokens_per_s=1000", "--json").json
    answers = {each["stage"]: each for each in told["asks"] if each["stage"].startswith("evaluate.")}
    assert len(answers) == 2 * len(HELD_IN)
    student = answers["evaluate.student.mclm_math/answers"]
    # One item three times, at most 32,768 tokens each: 98,304 tokens at 1,000 a second are 98.304 seconds.
    assert student["needed"] == [3, 3] and student["tokens"] is None and student["tokens_at_most"] == 98_304
    assert student["hours"]["unit"] == "GPU-hours" and student["hours"]["amount"] == pytest.approx(98.304 / 3600)
    assert "tokens and cost unknown" in project.run(*said).out


def test_with_files_the_evaluation_compiles_for_base_and_checkpoint(project: Project) -> None:
    settings = with_files(project)
    graph = Session(str(RECIPE), settings, (str(project.folder),), targets=("evaluate",)).graph
    labels = {node.table for _, node in graph}
    assert {f"evaluate.{model}.{name}" for model in ("student", "train.sft") for name in HELD_IN} <= labels


def test_every_contradiction_that_touches_a_line_is_told_there() -> None:
    told = {int(number) for line in TEXT.splitlines() if "#" in line for number in re.findall(r"\bD(\d+)\b", line)}
    assert told == set(range(1, 16)) - {12}


def test_what_the_language_lacks_is_told_at_its_place() -> None:
    comments = "\n".join(line for line in TEXT.splitlines() if line.lstrip().startswith("#"))
    assert "token_length" in comments and "token_length" not in yaml.safe_dump(yaml.safe_load(TEXT))


def test_the_papers_ablations_compile_in_every_variant() -> None:
    folder = RECIPE.parent / "ablations"
    opened = [chosen for name in ("thinking", "prompts", "training") for chosen in open_variants(Session(str(folder / name)))]
    tables = ("language", "teacher", "length", "category", "medical", "daily", "augmentation", "packing")
    assert {each.ablation for each in opened} == {*tables}
    assert len(opened) == 25


def test_a_papers_ablation_shares_its_prompts_and_asks_one_model() -> None:
    variants = open_variants(Session(str(RECIPE.parent / "ablations" / "training")), "packing").values()
    known = [dict(zip(names(each.graph), forms(each.graph, each.facts, each.read.recipe), strict=True)) for each in variants]
    assert known[0] == known[1] and {"dataset/mixture", "output dataset"} <= known[0].keys()


def names(graph: Graph) -> list[str]:
    return [stage_name(graph, index) for index, _ in graph]


def test_the_shared_part_names_no_language_and_no_source() -> None:
    base = yaml.safe_load((ROOT / "recipes" / "base" / "reasoning.yaml").read_text("utf-8"))
    assert not {"models", "sources", "language", "mixture"} & set(base) and "held_in" not in base["evaluate"]
    assert Cot.model_validate({**base["cot"], "teacher": {"model": "teacher"}}).schema_ == "language_mixed"
