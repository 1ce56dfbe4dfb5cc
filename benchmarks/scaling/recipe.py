"""The reference recipe with generated files in the place of its sources, and recorded traces in the place of its teacher."""

from __future__ import annotations

import json
from math import floor
from pathlib import Path
from typing import Any

from benchmarks.scaling.corpus import KINDS

#: What the paper takes of each category (section 5.3), at 100 %.
TAKEN = {"openthought": 62_000, "code": 86_000, "science": 37_000, "exams": 66_000}
EVALUATED = {"held_in": ["gsm8k_ko", "math_en"], "held_out": ["click", "aime_en"]}
OPTIONS = {"options": ["a", "b", "c", "d"], "gold": {"letter": "answer"}}


def recipe_of(data: Path, percent: float, tokenizer: Path | None = None) -> dict[str, Any]:
    """The recipe, beside its files in `prompts/` and `traces/`; where there is a tokenizer, traces are counted in tokens."""
    student = {} if tokenizer is None else {"models": {"student": {"tokenizer": tokenizer.name}}}
    tokens = {} if tokenizer is None else {"traces": [{"token_length": {"max": 16384, "tokenizer": "student"}}]}
    sources = {
        name: {
            "file": f"prompts/{name}/*.parquet",
            "category": name,
            "license": kind.license,
            "columns": {"prompt": "question", **(OPTIONS if name == "exams" else {})},
            **({"translate": None} if name == "openthought" else {}),
        }
        for name, kind in KINDS.items()
    }
    written = {"file": "traces/*.parquet", "category": "traces", "license": "A"}
    columns = {"columns": {"prompt": "prompt", "completion": "completion"}}
    return {
        "format": 1,
        "recipe": "bench/yi-sang",
        "extends": "pkg:ko/yi-sang-hq",
        **student,
        "sources": sources | {"written": written | columns},
        "cot": {"teacher": {"recorded": "written"}},
        **tokens,
        "mixture": {"take": {name: floor(rows * percent / 100) for name, rows in TAKEN.items()}},
        "benchmarks": {**dict.fromkeys(("kmmlu_redux", "haerae_bench", "kmmlu_hard", "kmmlu_pro", "kobalt_700")), **judged(data)},
        "evaluate": EVALUATED,
    }


def judged(data: Path) -> dict[str, Any]:
    """Benchmarks whose items are there, in the place of those that the paper names."""

    def items(file: str, **columns: Any) -> dict[str, Any]:
        return {"items": {"file": str(data / file), "columns": columns}}

    scored = {"task": "math", "extract": "first_boxed", "license": "A"}
    gsm8k = items("kt_ai/kor-gsm8k-test.jsonl", prompt="kor_question", gold_answer="answer_s")
    # Not under the names of our own files, which map the solution too: a table of answers makes a column of that name.
    return {
        "gsm8k_ko": {**gsm8k, **scored, "language": "ko"},
        "math_en": {**items("math_en/math500.jsonl", prompt="problem", gold_answer="answer"), **scored, "language": "en"},
        "aime_en": {**items("math_en/aime24.jsonl", prompt="problem", gold_answer="answer"), **scored, "language": "en"},
        "click": items("click/**/*.json", prompt="question", options="choices", gold={"text": "answer"}),
    }


def prompts_of(recipe: dict[str, Any]) -> dict[str, Any]:
    """What a teacher elsewhere is asked: the recipe as far as its prompts, which are built before there is a trace."""
    later = ("cot", "traces", "decontaminate", "mixture", "train", "evaluate")
    sources = {name: said for name, said in recipe["sources"].items() if name != "written"}
    return {**{name: said for name, said in recipe.items() if name != "models"}, "sources": sources, **dict.fromkeys(later)}


def write_recipe(path: Path, recipe: dict[str, Any]) -> None:
    path.write_text(json.dumps(recipe, ensure_ascii=False, indent=1), "utf-8")
