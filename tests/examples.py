"""What operators are tried with: the examples of their docstrings, further inputs, and rows of many kinds."""

from __future__ import annotations

import inspect
import json
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import yaml

from operators.asks.asks import Asks
from operators.base.declare import Step
from operators.conversations.looks import LOOKS, WHOLE
from tests.variants import variants

#: What comes with Python, or is asked by name.
BUILT_IN = ("unicode", "zlib", "duckdb")

#: Examples of operators whose docstring has none: what is kept depends on ranks, on a segmenter or on a tokenizer.
EXAMPLES: dict[str, list[dict[str, Any]]] = {
    "sample": [{"with": {"rows": 1}, "in": [{"prompt": "물은 왜"}, {"prompt": "물은 왜"}], "out": [{"prompt": "물은 왜"}]}],
    "mixture": [
        {"with": {"take": {"x": 1}}, "in": [{"prompt": "물은 왜"}, {"prompt": "물은 왜"}], "out": [{"prompt": "물은 왜"}]}
    ],
    "split": [
        {
            "with": {"take": "train", "parts": {"train": 0.5, "validation": 0.5}},
            "in": [{"prompt": "물은 왜"}, {"prompt": "불은 왜"}, {"prompt": "흙은 왜"}],
            "out": [{"prompt": "물은 왜"}, {"prompt": "흙은 왜"}],
        }
    ],
    "negation": [
        {"with": {}, "in": [{"prompt": "옳지 않은 것은"}, {"prompt": "옳은 것은"}], "out": [{"prompt": "옳은 것은"}]},
        {"with": {}, "in": [{"prompt": "수도가 아닐 도시는"}, {"prompt": "안타까운 NOTE"}], "out": [{"prompt": "안타까운 NOTE"}]},
    ],
    "morphemes": [
        {"with": {"min": 4}, "in": [{"prompt": "물"}, {"prompt": "물은 왜 끓나요"}], "out": [{"prompt": "물은 왜 끓나요"}]}
    ],
    "token_length": [
        {
            "with": {"tokenizer": "teacher", "in": "prompt", "max": 4},
            "in": [{"prompt": "물은"}, {"prompt": "물은 왜"}],
            "out": [{"prompt": "물은"}],
        }
    ],
}

#: More that an operator is asked, of all the rows below; only the digest is on record. Others are asked what their types suggest.
ASKED: dict[str, list[Any]] = {
    "length": [{"min": 3, "max": 12}, {"max": 30, "unknown": "keep"}],
    "language_share": [
        {"of": "ko", "min": 0.3},
        {"of": "en", "max": 0.5, "count": "letters", "ignoring": ["code_fences", "inline_code", "latex", "urls", "markdown"]},
        {"of": "ko", "min": 0.1, "count": "all", "only": {"source": "rows"}, "unknown": "keep"},
    ],
    "morphemes": [{"min": 2, "max": 9}],
    "repetition": [{"max": 0.2}, {"phrase": 2, "times": 2, "max": 0.5}, {"phrase": 3, "times": 3, "max": 1, "unknown": "keep"}],
    "compression": [{"min": 0.9}, {"max": 1, "unknown": "keep"}],
    "think_blocks": [
        {"in": "prompt", "max": 1},
        {"in": "prompt", "min": 1, "open": "물", "close": "왜"},
        {"in": "prompt", "max": 0, "opened": True},
    ],
    "finished": [
        {"in": "prompt", "unknown": "drop"},
        {"in": "prompt", "ended": ["물은 왜"], "cut": ["why"], "only": {"source": "rows"}},
    ],
    "spans": [
        {"of": "prompt"},
        {"of": "prompt", "opened": False},
        {"of": "prompt", "open": "하늘", "close": "왜"},
        {"of": "prompt", "form": "harmony"},
        {"of": "prompt", "form": "harmony", "opened": False, "ends": ["</s>"]},
    ],
    "extract": [
        {"of": "prompt", "rule": rule} for rule in ("first_boxed", "last_boxed", "last_answer_tag", "last_line", "choice_label")
    ]
    + [{"of": "prompt", "rule": rule, "mark": "정답"} for rule in ("last_answer_tag", "choice_label")],
    "token_length": [
        {"tokenizer": "teacher", "in": "prompt", "min": 2, "max": 20},
        {"tokenizer": "teacher", "in": "prompt", "max": 30, "unknown": "keep"},
    ],
    "echo": [
        {"in": "prompt", "to": "other", "phrase": 2, "max": 0.5},
        {"in": "other", "to": "prompt", "phrase": 5, "max": 0, "unknown": "keep"},
        {"in": "prompt", "to": "prompt", "phrase": 9, "max": 0.9, "only": {"source": "rows"}},
    ],
    "parsable": [{"in": "prompt"}, {"in": "other", "unknown": "keep"}, {"in": "prompt", "only": {"source": "rows"}}],
    "score": [
        {"in": "prompt", "gold": "other", "kind": "math"},
        {"in": "prompt", "gold": "other", "kind": "choice", "unknown": "keep"},
        {"in": "prompt", "gold": "other", "kind": "exact", "only": {"source": "rows"}},
        {"in": "other", "gold": "prompt", "kind": "math", "language": "qq"},
        {"in": "other", "gold": "prompt", "kind": "choice", "language": "qr"},
    ],
    "decontaminate": [
        {"against": ["sums"], "segmenter": "words"},
        {"against": ["sums", "facts"], "passes": ["raw"], "ngram": 3, "language": "qr", "unknown": "keep"},
        {"against": ["facts"], "passes": ["segments", "raw"], "ngram": 4, "language": "qr", "common": 1, "min_hits": 2},
        {"against": ["facts"], "segmenter": "words", "squeezed": 12, "except": ["한 글자 두 글자"], "only": {"source": "rows"}},
        {"against": ["facts"], "segmenter": "characters", "in": ["prompt"], "ngram": 10, "on_hit": "flag"},
    ],
    "generate": [
        {"model": "teacher"},
        {"model": "teacher", "of": "other", "system": {"text": "생각"}, "ask": {"text": "답은?"}, "samples": 2, "salt": "y"},
        {"model": "teacher", "hint": "n", "open": "[t]", "close": "[/t]", "reasoning": True, "temperature": 0.7, "seed": 3},
    ],
    "translate": [
        {"model": "translator"},
        {"model": "translator", "checks": ["share"], "share": 0.6},
        {"model": "translator", "checks": ["length", "labels"], "length": {"min": 1.1, "max": 2}},
        {"model": "translator", "checks": ["numbers", "formulas", "code"], "into": "anchor"},
    ],
    "converse": [
        {"model": "teacher"},
        {"model": "teacher", "samples": 2, "salt": "y", "temperature": 0.7, "seed": 3, "stop": ["x"]},
    ],
    "openings": [{}, {"most": 1, "salt": "y"}, {"only": {"source": "rows"}}],
    "judge": [
        {"model": "teacher", "question": "{prompt}? yes or no"},
        {"model": "teacher", "question": "{other}, {n} or {source}: yes or no?", "choices": ["maybe", "YES", "no"], "as": "said"},
        {"model": "teacher", "question": "{prompt} yes or no", "close": ","},
    ],
    "behaviours": [
        {"in": "prompt", "kind": "verification", "of": ["qq"], "min": 1},
        {"in": "prompt", "kind": "backtracking", "of": ["qq", "qr"], "max": 1, "unknown": "keep"},
        {"in": "prompt", "kind": "subgoals", "of": ["qr", "qq"], "min": 1, "max": 2},
        {"in": "prompt", "kind": "backward", "of": ["qr"], "min": 1, "only": {"source": "rows"}},
    ],
    "inside": [
        {"of": "prompt", "open": "<think>", "close": "</think>", "as": "in"},
        {"of": "prompt", "open": "`", "close": "`", "as": "in"},
    ],
    "language": [
        {"of": "ko", "fewest": 3},
        {"of": ["ko", "en"], "fewest": 2, "min": 0.9, "ignoring": [], "unknown": "drop"},
        {"of": "en", "min": 0, "max": 0.5, "fewest": 4, "first": 10, "only": {"source": "rows"}},
    ],
    "own_letters": [{"of": "vi", "fewest": 2}, {"of": "tr", "fewest": 4, "max": 0.5, "unknown": "drop"}],
    "personal_data": [{"languages": ["ko"]}, {"kinds": ["card", "id"], "max": 1}, {"kinds": ["email"], "unknown": "keep"}],
    "mask_personal_data": [{"languages": ["ko", "en"]}, {"kinds": ["phone"], "mark": "<{kind}>"}, {"kinds": ["email", "card"]}],
    "style_directives": [
        {"texts": ["가", "나", "다"], "per_row": 2},
        {"texts": ["가", "나"], "place": "before", "of": "other", "salt": "x"},
        {"texts": ["한 줄로."], "place": "after", "only": {"source": "rows"}},
    ],
    "negation": [
        {"in": "prompt", "cues": ["why", "한/NR", "파란", "ﬁ"]},
        {"in": "prompt", "max": 1, "cues": ["물", "왜", "code"], "unknown": "keep"},
        {"in": "prompt", "of": "en", "only": {"source": "rows"}},
    ],
    "merge_options": [
        {},
        {"k": 2, "max_options": 6, "near": 0.5, "salt": "x", "only": {"source": "rows"}},
        {"cues": ["몇"], "tokens": "segments", "from": {"license": "A"}},
    ],
    "turns": [{"take": look, "as": "said"} for look in (WHOLE, *LOOKS)],
    "where": [{"that": "length(prompt) > 5 AND n % 2 = 0"}, {"that": "prompt LIKE '%물%' OR n IS NULL"}],
    "derive": [
        {"as": "both", "sql": "prompt || '|' || other"},
        {"as": "prompt", "sql": "CASE WHEN n % 2 = 0 THEN upper(prompt) ELSE n::VARCHAR END"},
    ],
    "normalise": [{"form": form} for form in ("NFC", "NFD", "NFKC", "NFKD")],
    "select": [{"columns": ["n"]}, {"columns": {"question": "prompt"}}],
    "rename": [{"columns": {"question": "prompt"}}, {"columns": {"prompt": "other", "other": "prompt"}}],
    "unique": [{"normalise": rules} for rules in ([], ["nfc"], ["nfkc", "case"], ["space", "punctuation"])]
    + [{"by": ["prompt", "other"]}],
    "near_duplicates": [
        {"threshold": 0.5, "max_share": 1},
        {"threshold": 0.3, "ngram": 2, "numbers": "ignored", "max_share": 1, "permutations": 64},
        {"threshold": 1, "by": "other", "ngram": 1, "max_share": 1, "most_compared": 2},
    ],
    "sample": [{"rows": 4}, {"share": 0.4}, {"rows": 3, "unit": "item", "salt": "x"}],
    "split": [
        {"take": "a", "parts": {"a": 0.5, "b": 0.5}},
        {"take": "c", "parts": {"a": 0.25, "b": 0.25, "c": 0.5}, "salt": "x"},
    ],
    "weight": [{"weights": {"x": 0.4}}, {"weights": {"rows": 1.5}, "of": "source", "salt": "x"}, {"weights": {"x": 0}}],
    "mixture": [
        {"take": {"x": 5}},
        {"ratio": {"rows": 1}, "total": 7, "of": "source", "salt": "y"},
        {"take": {"x": 20}, "by": "n", "shortage": "up_to", "repeat": {"x": 2}},
    ],
}

ROWS: list[dict[str, Any]] = [
    {"prompt": text, "other": str(place % 3), "n": place if place % 5 else None}
    for place, text in enumerate(
        [
            "물은 왜 끓나요?",
            "물은  왜 끓나요? ",
            "\u1106\u116e\u11af은 왜 끓나요?",
            "하늘은 왜 파란가요",
            "Why IS the sky blue",
            "why is the sky blue!",
            "",
            " ",
            None,
            "짧",
            "`code` 하늘 https://a.b/c $x^2$",
            "# 제목\n- **굵게** [이름](http://a.b)",
            "ＡＢＣ ﬁ ①",
            "e\u0301té café",
            "😀😀 웃음",
            "각\u3000각",
            "```\nprint(1)\n``` 끝",
            "한 글자 두 글자 세 글자 네 글자",
            "0.30 % of 30 %",
            "물은 왜 끓나요?",
        ]
    )
]


#: Completions, for the operators that read them.
TRACES: list[dict[str, Any]] = [
    *ROWS,
    *(
        {"prompt": text, "other": "0", "n": None}
        for text in (
            "<think>a</think>b \\boxed{1 {2}} \\boxed{3}",
            "x</think>y<think>z</think>answer: 4\nAnswer: 5",
            "<think>never <answer>6</answer>",
            "<|channel|>analysis<|message|>a<|end|><|start|>assistant<|channel|>final<|message|>b<|return|>",
            "같은 말 같은 말 같은 말 같은 말",
        )
    ),
]
#: Solutions whose answer is marked in other ways.
MARKED: list[dict[str, Any]] = [
    {"prompt": text, "other": "0", "n": None}
    for text in (
        "풀이\n**정답: ③**",
        "**정답:**\n2**3",
        "최종정답: 5",
        "**Final Answer: x_1**",
        "Answer: **5**, **6**",
        "풀이\n**B**",
    )
]
#: Steps that read completions.
TRACED = {"inside", "repetition", "compression", "think_blocks", "spans", "extract", "token_length", "parsable"}
#: Texts of which the one gives back the other, wholly or in part.
ECHOED: list[dict[str, Any]] = [
    row | {"other": other["prompt"] if place % 3 else f"{row['prompt']} {other['prompt']}"}
    for place, (row, other) in enumerate(zip(ROWS, [*ROWS[1:], ROWS[0]], strict=True))
]
#: Answers and the right ones.
ANSWERED: list[dict[str, Any]] = [
    {"prompt": answer, "other": gold, "n": None}
    for answer, gold in (
        ("0.5", "\\frac{1}{2}"),
        ("3,14", "3.14"),
        ("1.234,5", "1234.5"),
        ("۱۲", "12"),
        ("12개", "12"),
        ("x=3", "3"),
        ("2,1", "\\{1,2\\}"),
        ("B", "②"),
        ("\\text{(나)}.", "2"),
        ("Ｃ", "c"),
        ("ㄷ", "3번"),
        ("“물은  왜”", "물은 왜."),
        ("-5", "5"),
        (None, "5"),
        ("5", None),
        ("", ""),
        ("9" * 1001, "9" * 1001),
    )
]
#: Numbers and addresses that belong to one person, and what looks like them.
PERSONAL: list[dict[str, Any]] = [
    *ROWS,
    *(
        {"prompt": text, "other": "0", "n": None}
        for text in (
            "０１０－１２３４－５６７８, 02-123-4567 또는 a.b@mail.kr.",
            "900101-1234567, 9001011234568 아니면 9001011234567",
            "4111 1111 1111 1111, 4111111111111112 / +82 10 1234 5678",
            "me@example.com, 3.01012345678, a01012345678, 010-1234-56789, 010-0000-0000",
        )
    ),
]
#: Exam items, for the operator that merges their options.
ASKS = ("나라의 수도는 어디인가", "별의 이름은 무엇인가", "것이 아닌 것은")
LABELLED = (("① ", "② ", "③ "), ("(A) ", "(B) ", "(C) "), ("", "", ""))
OFFERED = (("서울", "부산", "대구"), ("금성", "화성 같은 붉은 별", "목성"), ("물", "불", "흙"))
EXAMS: list[dict[str, Any]] = [
    {
        "prompt": f"{place}번 {ASKS[place % 3]} {'가 나' if place % 2 else ''}",
        "options": [
            f"{label}{text} {place * step % 11}"
            for step, (label, text) in enumerate(zip(LABELLED[place % 7 % 3], OFFERED[place % 3], strict=True), 1)
        ],
        "gold": place % 3,
    }
    for place in range(24)
]
#: Items, for the operators that ask a model.
ITEMS: list[dict[str, Any]] = [
    row | {"options": ["가", f"{place}\n번"] if place % 4 == 0 else None}
    for place, row in enumerate([*ROWS, {"prompt": "1) 12,000 원 `a` $b$ A. 가\nB. 나", "other": "0", "n": 7}])
]

#: How options and numbers are written in these languages, for the operators that read answers.
WRITTEN = {
    "qq": {"number_marks": {"decimal": ",", "group": "."}},
    "qr": {
        "answer_labels": [["A", "B", "C"], ["ㄱ", "ㄴ", "ㄷ"]],
        "ngrams": {"segments": "words", "raw": "characters", "size": 4, "dates": ["년"], "boilerplate": ["why is the sky"]},
    },
}
#: Benchmarks of which something stands in the rows above.
BENCHMARKS = {
    "facts": [
        "하늘은 왜 파란가요? 이유를 두 가지 쓰세요.",
        *(
            "한 글자, 두 글자, 세 글자, 네 글자",
            "WHY is the sky blue?",
            "한 글자 두 글자 세 글자 다섯 글자",
            "하늘은 왜 파란가요",
        ),
    ],
    "sums": ["```print(1)``` 끝", "code 하늘 https://a.b/c x^2", "1+1"],
}
#: Languages whose behaviours show in the rows above; the lexicons that ship may get better.
LEXICONS = {
    "qq": {"verification": ["왜", "한 .{0,3}자"], "backtracking": ["은 ", "[0-9]{1,2}"], "subgoals": ["물은 ", "sky blue"]},
    "qr": {"backtracking": ["why is", "É", "ﬁ|①"], "subgoals": ["물은 {1,2}왜", "(두|네) 글자"], "backward": ["\\bsk?y", "글자"]},
}

#: Conversations, for the operators that read them.
TALKS: list[dict[str, Any]] = [
    {"messages": None if each is None else json.dumps(each, ensure_ascii=False)}
    for each in (
        [
            {"role": "system", "content": "짧게"},
            {"role": "user", "content": "서울 날씨는?"},
            {
                "role": "assistant",
                "reasoning_content": "ask the tool",
                "tool_calls": [{"id": "c1", "function": {"name": "weather", "arguments": '{"city": "서울", "days": null}'}}],
            },
            {"role": "tool", "tool_call_id": "c1", "content": "맑음"},
            {"role": "assistant", "content": "<think>clear</think>맑아요."},
            {"role": "user", "content": "부산은?"},
            {"role": "assistant", "tool_calls": [{"name": "weather", "arguments": {"city": "부산"}}]},
            {"role": "tool", "name": "weather", "content": "비"},
            {"role": "assistant", "thinking": "rain", "content": "비가 와요."},
        ],
        [{"role": "user", "content": "안녕"}, {"role": "user", "content": "뭐 해?"}],
        None,
    )
]
#: The models that are asked, or whose tokenizer counts.
MODELS = {
    name: {"id": f"test/{name}", "license": "mit", "terms": "mit", "endpoint": "lab", "tokenizer": "tokenizer.json"}
    for name in ("teacher", "translator")
}


def examples_of(step: type[Step]) -> list[dict[str, Any]]:
    """The examples of a step: those of its docstring, else those above."""
    _, _, text = (inspect.getdoc(step) or "").partition("Example:\n")
    found = [yaml.safe_load(inspect.cleandoc(text))] if text else EXAMPLES.get(step.name, [])
    assert found, f"`{step.name}` has no example: write one into its docstring, under `Example:`, with `with`, `in` and `out`"
    return found


def said_of(step: type[Step]) -> dict[str, Any]:
    """What a recipe says of a step in its first example."""
    said = examples_of(step)[0]["with"]
    return {step.main: said} if step.main and not isinstance(said, dict) else said


def asked_of(step: type[Step]) -> list[Any]:
    """What a step is asked besides its examples: what is listed above, else its first example with each field otherwise."""
    if step.name in ASKED:
        return ASKED[step.name]
    said = said_of(step)
    return [said, *(each for name in step.model_fields for each in list(variants(step, said, name, "rows"))[:3])]


def rows_for(step: type[Step]) -> list[dict[str, Any]]:
    """The rows that a step is asked of."""
    if step.name in ("turns", "converse", "openings"):
        return TALKS
    if issubclass(step, Asks):
        return ITEMS
    own = {"score": ANSWERED, "merge_options": EXAMS, "extract": [*TRACES, *MARKED], "echo": ECHOED}
    own |= dict.fromkeys(("personal_data", "mask_personal_data"), PERSONAL)
    if step.name in own:
        return own[step.name]
    return TRACES if step.name in TRACED else ROWS


def installed(step: type[Step]) -> dict[str, str]:
    """The distributions that decide the result of a step and are not our own code or SQL."""
    return {name: version(name) for name in default(step).depends() if name not in BUILT_IN}


def default(step: type[Step]) -> Step:
    return step.model_validate(said_of(step))


@cache
def needed(step: type[Step]) -> tuple[str, ...]:
    """The distributions that a step cannot do without."""
    asking = ("httpx", "tenacity") if issubclass(step, Asks) else ()
    return (*(name for name in default(step).depends() if name not in BUILT_IN), *asking)


def runnable(step: type[Step]) -> bool:
    """Whether all that a step needs is installed."""
    try:
        return all(version(name) for name in needed(step))
    except PackageNotFoundError:
        return False
