"""The forms in which completions are recorded: words for their end, harmony channels, tags and end tokens that came along."""

from __future__ import annotations

import random

import numpy as np
import pyarrow as pa
import pytest

from operators.asks.generate import Generate
from operators.declared.cot import Cot
from operators.declared.trace import parts_of, shape_of
from operators.kernels.text import Texts
from operators.maps.spans import TEMPLATE_ENDS, Spans
from operators.measures.finished import CUT, ENDED, Finished, ended
from operators.measures.language_share import LanguageShare
from operators.measures.think_blocks import ThinkBlocks
from runtime.completions.answers import places_of
from tests.conftest import Project

STOPPED = [
    *("stop", "end_turn", "stop_sequence", "completed", "complete", "COMPLETE", "eos", "eos_token", "STOP", "end", "END_ID"),
    *("STOP_WORDS", "FinishReason.STOP", "FINISH_REASON_STOP", "tool_calls", "tool_use", "function_call", "endoftext"),
]
LOST = [
    *("length", "max_tokens", "MAX_TOKENS", "FinishReason.MAX_TOKENS", "max_output_tokens", "model_length", "token limit"),
    *("token_limit", "content_filter", "CONTENT_FILTERED", "SAFETY", "RECITATION", "refusal", "error", "abort", "timed_out"),
    *("incomplete", "pause_turn", "model_context_window_exceeded", "insufficient_system_resource", "ERROR_LIMIT"),
]


@pytest.mark.parametrize("word", STOPPED)
def test_a_word_of_an_end_is_known(word: str) -> None:
    assert ended(word) is True


@pytest.mark.parametrize("word", LOST)
def test_a_word_of_a_cut_is_known(word: str) -> None:
    assert ended(word) is False


@pytest.mark.parametrize("seed", range(50))
def test_a_word_is_known_in_any_case_and_spelling(seed: int) -> None:
    chance = random.Random(seed)
    word = chance.choice(STOPPED + LOST)
    cased = "".join(chance.choice([char.upper(), char.lower()]) for char in word)
    joined = cased.replace("_", chance.choice(["_", "-", " ", ""]))
    assert ended(f" {joined} ") is ended(word)


def test_no_word_means_both() -> None:
    assert not set(ENDED.split()) & set(CUT.split())


def test_words_that_tell_nothing_are_told_with_their_count() -> None:
    column = pa.array(["stop", "landed", None, "", "landed", "length", "\x1b[2J"]).dictionary_encode()
    lines = list(Finished().remarks(column))
    assert len(lines) == 2 and lines[0].startswith("2 completions ended with the unknown word `landed`")
    assert "\x1b" not in lines[1]
    assert not list(Finished(cut=("landed", "\x1b[2J")).remarks(column))
    (values,) = Finished(ended=("Landed",)).measure(Texts(column.cast(pa.string())), {})
    assert values.tolist() == [1, 1, -1, -1, 1, 0, -1]


def spans(text: str, opened: bool = False) -> tuple[str | None, str | None]:
    think, solution = Spans(of="prompt", form="harmony", opened=opened).change(pa.array([text]), {})
    return think[0].as_py(), solution[0].as_py()


def blocks(text: str) -> int:
    (values,) = ThinkBlocks(form="harmony", min=0).measure(Texts(pa.array([text], pa.large_string())), {})
    return int(values[0])


HARMONY = {
    "both": ("<|channel|>analysis<|message|>a<|end|><|start|>assistant<|channel|>final<|message|>B<|return|>", "a", 1),
    "final alone": ("<|channel|>final<|message|>B<|return|>", None, 0),
    "final with its start": ("<|start|>assistant<|channel|>final<|message|>B", None, 0),
    "constrained": (
        "<|channel|>analysis<|message|>a<|end|><|start|>assistant<|channel|>final <|constrain|>json<|message|>B",
        "a",
        1,
    ),
    "close constrain": ("<|channel|>final<|constrain|>json<|message|>B<|end|>", None, 0),
    "analysis opened by the prompt": ("a<|end|><|start|>assistant<|channel|>final<|message|>B<|return|>", "a", 1),
    "no end of the analysis": ("<|channel|>analysis<|message|>a<|start|>assistant<|channel|>final<|message|>B", "a", 1),
    "a preamble": ("<|channel|>commentary<|message|>a<|end|><|start|>assistant<|channel|>final<|message|>B<|return|>", "a", 0),
    "a final that is taken up again": (
        "<|channel|>final<|message|>a<|end|><|start|>assistant<|channel|>final<|message|>B",
        "a",
        0,
    ),
    "words": ("analysisa.assistantfinalB", "a.", 1),
    "words and a call": ("analysisaassistantcommentary to=functions.f json{}assistantfinalB", "a\n\n{}", 1),
    "a lone word": ("assistantfinalB", None, 0),
    "a lone word with nothing before": ("finalB", None, 0),
}


@pytest.mark.parametrize(("text", "think", "count"), HARMONY.values(), ids=HARMONY)
def test_the_solution_is_the_text_of_the_final_message(text: str, think: str | None, count: int) -> None:
    assert (*spans(text), blocks(text)) == (think, "B", count)


@pytest.mark.parametrize("text", ["analysis of the text", "final answer: 5", "Final: 5", "finally", "x assistantfinal y"])
def test_a_sentence_is_no_channel(text: str) -> None:
    assert spans(text) == (None, text)


@pytest.mark.parametrize("seed", range(100))
def test_channels_in_any_order_give_the_last_final_and_the_mask_agrees(seed: int) -> None:
    chance = random.Random(seed)
    said, texts = "", []
    for number in range(chance.randrange(1, 7)):
        channel = chance.choice(["analysis", "final", "commentary", "final <|constrain|>json", "commentary to=functions.f"])
        body = f"{number} {chance.choice(['물 x', 'a < b', '{1}', 'assistantfinal'])}"
        start = (
            chance.choice(["<|start|>assistant", "<|start|>assistant to=functions.f"])
            if number
            else chance.choice(["", "<|start|>assistant"])
        )
        said += f"{start}<|channel|>{channel}<|message|>{body}{chance.choice(['<|end|>', '<|call|>', '<|return|>'])}"
        texts.append((channel.split()[0], body))
    finals = [body for channel, body in texts if channel == "final"]
    think, solution = spans(said)
    assert solution == (finals[-1] if finals else None)
    rest = [body for channel, body in texts if not finals or body != finals[-1]]
    assert think == ("\n\n".join(rest) or None)
    cot = Cot.model_validate({"teacher": {"model": "t"}, "tags": {"form": "harmony"}, "spans": {}})
    parts = parts_of(shape_of(cot), said)
    assert [part.start for part in parts] == [0, *(part.end for part in parts[:-1])] and parts[-1].end == len(said)
    assert "".join(said[part.start : part.end] for part in parts if part.name == "solution") == (solution or "")


def test_a_hostile_header_costs_no_more_than_its_length() -> None:
    for text in ("<|channel|>" + "a" * 200_000, "<|start|>" * 50_000, "<|channel|>final" + "<|constrain|>" * 50_000):
        assert spans(text, opened=True) == (text, None)


def test_reasoning_has_one_pair_of_tags_whatever_it_brings_along() -> None:
    whole = "<think>\na\n</think>\n\nB"
    for reasoning in ("a", "<think>a</think>", "<think>\na\n</think>", "a</think>", "<think>\na"):
        assert Generate(model="t").written(reasoning, "B", "stop") == whole
    assert Generate(model="t").written("a", whole, "stop") == whole
    assert Generate(model="t").written("a", "a</think>B", "stop") == "a</think>B"
    assert Generate(model="t").written("<think>a", "", "length") == "<think>\na"


@pytest.mark.parametrize("end", TEMPLATE_ENDS)
def test_an_end_token_is_told_and_cut_only_where_it_is_declared(end: str) -> None:
    text = f"<think>\na\n</think>\n\nB{end}\n"
    kept, cut = Generate(model="t"), Generate(model="t", ends=(end,))
    assert kept.written(None, text, "stop") == text and end in (kept.remark((text,)) or "")
    assert cut.written(None, text, "stop") == "<think>\na\n</think>\n\nB"
    assert Spans(ends=(end,)).change(pa.array([text]), {})[1][0].as_py() == "B"
    inside = f"B {end} and more"
    assert cut.written(None, inside, "stop") == inside and kept.remark((inside,)) is None


def share(text: str) -> tuple[int, int]:
    """(letters of the language, letters that count) of a Korean solution."""
    (step,) = (each.operator for each in Cot(teacher=Generate(model="t")).steps() if each.label == "solution_language")
    assert isinstance(step, LanguageShare)
    part, whole = step.measure(Texts(pa.array([text])), {"scripts": {"Hangul": ["AC00-D7A3"]}})
    return int(part[0]), int(whole[0])


NO_LANGUAGE = [
    *("Answer: B", "**Answer:** 3 4 5", "Answer\n\nAnswer: 12", "\\boxed{\\text{the whole answer}}", "\\boxed{a_{1}^{2}}"),
    *(
        "`print(x)`",
        "correct_answer_key",
        '{"correct_answer_key": "c", "reason": 4}',
        "getValue2",
        "np.array",
        "total = speed + time",
    ),
    *("\\frac{alpha}{beta}", "x", "$E = mc^2$", "<answer>5</answer>", "```json\n{}\n```", "https://a.org/why"),
]


@pytest.mark.parametrize("text", NO_LANGUAGE)
@pytest.mark.parametrize("around", ["{}", "답은\n{}\n입니다", "그래서\n**{}**\n를 고른다."])
def test_what_is_in_no_language_counts_neither_way(text: str, around: str) -> None:
    hangul = sum("가" <= char <= "힣" for char in around)
    assert share(around.replace("{}", text)) == ((hangul, hangul) if hangul else (-1, -1))


def test_words_of_another_language_count() -> None:
    assert share("the answer follows from the rule") == (0, 27)
    assert share("Answer: the whole text, naïve") == (0, 17)


@pytest.mark.parametrize("seed", range(30))
def test_rows_beside_a_solution_change_nothing_of_it(seed: int) -> None:
    texts = random.Random(seed).sample([*NO_LANGUAGE, "", "답 x", "= a", "word", ".b", "a.", '"', 'k":'], 10)
    (step,) = (each.operator for each in Cot(teacher=Generate(model="t")).steps() if each.label == "solution_language")
    part, whole = step.measure(Texts(pa.array(texts)), {"scripts": {"Hangul": ["AC00-D7A3"]}})  # type: ignore[attr-defined]
    assert list(zip(part.tolist(), whole.tolist(), strict=True)) == [share(each) for each in texts]


def test_a_solution_with_few_letters_stays_and_one_with_enough_is_judged(project: Project) -> None:
    rows = [
        {"prompt": "가", "think": "하나 one", "solution": "Answer: Paris"},
        {"prompt": "나", "think": "둘 two", "solution": "the answer follows from the rule"},
    ]
    project.rows("a.jsonl", rows)
    project.write(
        "recipe.yaml",
        """
format: 1
recipe: test/few
language: {target: ko, anchor: en}
sources:
  q: {file: a.jsonl, category: c, license: A, columns: {prompt: prompt}}
  w: {file: a.jsonl, category: c, license: A, columns: {prompt: prompt, think: think, solution: solution}}
models: {t: {id: x/t, license: mit, terms: mit}}
prompts: []
cot:
  teacher: {model: t, recorded: w, system: none}
  think: {language_share: {of: target, min: 0, max: 1}}
""",
    )
    assert [row["prompt"] for row in project.table()] == ["가"]
    told = project.run("why", "recipe.yaml", "--store", "store", "--match", "Paris").out
    assert "solution_language passed: 0.000 (0 of 5 characters, too few to tell: fewer than 12)" in told


def test_the_kth_sample_of_a_prompt_is_the_kth_that_is_recorded_of_it() -> None:
    chance = np.random.default_rng(3)
    for _ in range(60):
        known = chance.integers(0, 256, (6, 16)).astype(np.uint8)
        known[1] = known[0]
        known[1, 15] ^= 1  # half of an id tells nothing
        recorded, asked = (known[chance.integers(0, 6, chance.integers(0, 30))] for _ in range(2))
        samples = int(chance.integers(1, 4))
        wanted = []
        for each in asked:
            found = [place for place, other in enumerate(recorded) if (other == each).all()]
            wanted += (found + [-1] * samples)[:samples]
        assert places_of(recorded, asked, samples).tolist() == wanted
