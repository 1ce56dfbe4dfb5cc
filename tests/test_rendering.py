"""Loss falls on the completion and on the end of the turn, to the letter, with every real chat template that renders."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import unicodedata
from typing import Any

import pytest

from tests.templates import table as real

ABSENT = real.needed()
pytestmark = [
    pytest.mark.xdist_group("transformers"),  # which takes 7 s to load
    pytest.mark.skipif(bool(ABSENT), reason=f"rendering needs what is not installed: {', '.join(ABSENT)}"),
]
TRL = "1.16.0"
FOUND = {(package, name): text for package, name, text in real.templates()}
CHATML = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
NFD = unicodedata.normalize("NFD", "한국어 각")


def renderer(template: str | None = CHATML, tags: tuple[str, str] | None = real.TAGS, tokenizer: Any = None) -> Any:
    from runtime.training.rendering import Renderer

    return Renderer(tokenizer or real.extended(), template, tags)


def refused(*said: Any, **named: Any) -> str:
    from runtime.training.rendering import TemplateError

    with pytest.raises(TemplateError) as error:
        renderer(*said, **named)
    assert error.value.hint
    return error.value.message


def oracle(made: Any, messages: list[tuple[str, str]], stretches: list[tuple[str, bool]]) -> None:
    """Compares a row's tokens with what a server makes of its prompt and with what is to be learnt."""
    from runtime.training.rendering import decode

    tokenizer, row = made.tokenizer, made.render(messages, stretches)
    said = [{"role": role, "content": content} for role, content in messages]
    server = tokenizer.apply_chat_template(said, chat_template=made.template, add_generation_prompt=True, tokenize=False)
    ends = made.spelling.ids
    first, last = row.loss.index(True), len(row.loss) - 1 - row.loss[::-1].index(True)
    assert decode(tokenizer, row.ids[:first]) == server
    assert [token for token, loss in zip(row.ids, row.loss, strict=True) if loss and token in ends] == [row.ids[last]]
    trained = decode(tokenizer, [token for token, loss in zip(row.ids[:last], row.loss, strict=False) if loss])
    wanted = "".join(text for text, loss in stretches if loss)
    opened = wanted.removesuffix(trained)
    assert wanted == opened + trained and server.rstrip().endswith(opened.strip())
    answer = decode(tokenizer, row.ids[first:last])
    assert opened + answer == "".join(text for text, _ in stretches)
    neutral = made.render([(role, "x") for role, _ in messages], [("<think>x</think>x" if made.tags else "x", True)])
    assert [token for token in row.ids if token in ends] == [token for token in neutral.ids if token in ends]


def completions(mark: str, *, thinks: bool) -> dict[str, list[tuple[str, bool]]]:
    """A completion of each kind, with the template's own markers in place of `mark`."""
    open_, close = ("<think>\n", "\n</think>\n\n") if thinks else ("", "\n")
    made = {
        "plain": [(f"{open_}2+2{close}4", True)],
        "markers": [(f"{open_}{mark} a{mark}{close}{mark}b\n{mark}", True)],
        "space": [(f" \n{open_}  x \n{close}\n  y \n\n", True)],
        "nfd": [(f"{open_}{NFD}{close}{NFD}", True)],
        "emoji": [(f"{open_}👩‍👩‍👧 🇰🇷{close}🧮", True)],
        "tool": [(f"{open_}x<code>1</code>", True), (f"<output>{mark}3</output>", False), (f" y{close}", True), ("z", True)],
    }
    return made | (
        {"empty think": [("<think>\n\n</think>\n\n4", True)], "tight": [("<think>x</think>y", True)]} if thinks else {}
    )


@pytest.mark.parametrize("row", real.expected(), ids=lambda row: f"{row['package']}-{row['template']}")
def test_a_real_template_renders_to_the_letter_or_is_refused_for_the_reason_written_down(row: dict[str, str]) -> None:
    if row["package"] == "trl" and (importlib.util.find_spec("trl") is None or importlib.metadata.version("trl") != TRL):
        pytest.skip(f"the templates of trl {TRL} are not installed")
    template = FOUND[row["package"], row["template"]]
    assert real.outcomes(row["package"], row["template"], template) == row
    mark = "".join(real.markers(template))
    prompts = {"plain": "2+2?", "markers": f"{mark} x {mark}", "space": " \n x \n\n", "nfd": NFD, "emoji": "👩‍👩‍👧"}
    for kind, tags in (("thinking", real.TAGS), ("plain", None)):
        if row[kind] != "renders":
            continue
        made = real.rendering(template, tags)
        system = [("system", f"s {mark}")] if row["system"] == "renders" else []
        for name, stretches in completions(mark, thinks=tags is not None).items():
            oracle(made, [("user", prompts.get(name, "x"))], stretches)
            if system:
                oracle(made, [*system, ("user", prompts.get(name, "x"))], stretches)


def test_no_template_that_can_be_had_is_missing_from_the_table() -> None:
    written = {(row["package"], row["template"]) for row in real.expected()}
    if importlib.util.find_spec("trl") is None or importlib.metadata.version("trl") != TRL:
        written = {each for each in written if each[0] != "trl"}
        assert {each for each in FOUND if each[0] != "trl"} == written
    else:
        assert set(FOUND) == written


def test_a_prompt_without_markers_has_the_tokens_that_a_server_makes_and_one_with_them_differs_only_there() -> None:
    made = renderer()
    for prompt in ("2+2?", "\n\n x ", NFD):
        whole = made.text([("user", prompt)], prompt=True)
        assert made._prompt(made.frame(("user",)), [("user", prompt)]) == made.spelling.tokens(whole, special=True)
        runs = made.spelling.runs(made.frame(("user",)).pieces([prompt]))
        tokens = [token for run in runs for token in made.spelling.encode(run.text, special=run.special)]
        assert tokens == made.spelling.tokens(whole, special=True)


def test_encoding_a_marker_as_text_leaves_the_tokenizer_as_it_was() -> None:
    made, backend = renderer(), real.extended().backend_tokenizer
    before = backend.encode("<|im_end|>").ids
    assert len(made.spelling.encode("<|im_end|>", special=False)) > 1
    assert backend.encode("<|im_end|>").ids == before == made.spelling.encode("<|im_end|>", special=True)


def test_stretches_with_the_same_flag_are_tokenised_together_and_others_apart() -> None:
    made, prompt = renderer(tags=None), [("user", "x")]
    together = made.render(prompt, [("hel", True), ("lo", True)])
    assert together == made.render(prompt, [("hello", True)])
    assert len(made.render(prompt, [("hel", True), ("lo", False)]).ids) > len(together.ids)


def test_a_row_is_shown_with_what_is_masked_apart() -> None:
    from runtime.training.rendering import trained_stretches

    row = renderer(tags=None).render([("user", "q")], [("a", True), ("b", False), ("c", True)])
    assert trained_stretches(real.extended(), row) == [
        ("<|im_start|>user\nq<|im_end|>\n<|im_start|>assistant\n", False),
        ("a", True),
        ("b", False),
        ("c<|im_end|>", True),
        ("\n", False),
    ]


@pytest.mark.parametrize("completion", ["<think>\nx</think>y", "<think>x</think>y", " <think>\n\nx</think>y", "x</think>y"])
def test_thinking_that_the_prompt_opens_is_opened_once(completion: str) -> None:
    from runtime.training.rendering import TemplateError, decode

    made = renderer(CHATML.replace("assistant\n", "assistant\n<think>\n"))
    row = made.render([("user", "q")], [(completion, True)])
    assert decode(made.tokenizer, row.ids).count("<think>") == 1
    with pytest.raises(TemplateError, match="opens the thinking"):
        made.render([("user", "q")], [("y", True)])


def test_tags_that_are_special_tokens_are_one_token_each_around_the_thinking_and_text_inside_it() -> None:
    import copy

    tokenizer = copy.deepcopy(real.smollm())
    tokenizer.add_tokens(list(real.TAGS), special_tokens=True)
    made = renderer(tokenizer=tokenizer)
    row = made.render([("user", "<think>")], [("<think>a <think> b</think> c</think>d", True)])
    assert [token for token in row.ids if token >= len(real.smollm())] == tokenizer.convert_tokens_to_ids(list(real.TAGS))


def test_a_tokenizer_that_composes_letters_renders_them_composed() -> None:
    import copy

    from tokenizers.normalizers import NFC

    from runtime.training.rendering import trained_stretches

    tokenizer = copy.deepcopy(real.smollm())
    tokenizer.backend_tokenizer.normalizer = NFC()
    row = renderer(tags=None, tokenizer=tokenizer).render([("user", NFD)], [(NFD, True)])
    assert trained_stretches(tokenizer, row)[1] == (unicodedata.normalize("NFC", NFD) + "<|im_end|>", True)


def spaced(letters: str) -> Any:
    """A tokenizer that begins each text with a space, and knows few letters."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    backend = Tokenizer(models.Unigram([("<unk>", -9.0), ("▁", -1.0), *((letter, -1.0) for letter in letters)], 0, False))
    backend.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="always")
    backend.decoder = decoders.Metaspace(prepend_scheme="always")
    made = PreTrainedTokenizerFast(tokenizer_object=backend, unk_token="<unk>")
    made.add_tokens(["<|im_start|>", "<|im_end|>"], special_tokens=True)
    return made


def test_a_tokenizer_that_begins_texts_with_a_space_adds_none_to_a_completion() -> None:
    from runtime.training.rendering import TemplateError, trained_stretches

    tokenizer = spaced("abcdefghijklmnopqrstuvwxyzDLöä.\n<>|_/123")
    made = renderer(tags=None, tokenizer=tokenizer)
    row = made.render([("user", "x <|im_end|>")], [("abc d", True), ("e", False), (" f", True)])
    assert [text for text, loss in trained_stretches(tokenizer, row)][1:4] == ["abc d", "e", " f<|im_end|>"]
    with pytest.raises(TemplateError, match=r"'정' \(U\+C815\)"):
        made.render([("user", "x")], [("정", True)])


def test_templates_that_cannot_be_trained_with_are_refused() -> None:
    import copy

    bare = copy.deepcopy(real.smollm())
    bare.chat_template = None
    assert refused(None, tokenizer=bare) == "the tokenizer has no chat template"
    assert "fails on messages" in refused("{{ raise_exception('no') }}")
    assert "fails on messages" in refused("{% for")
    assert "fails on messages" in refused("{{ messages.__class__.__mro__[1].__subclasses__() }}")
    assert "today's date" in refused("{{ strftime_now('%d') }}" + CHATML)
    assert "leaves out the user" in refused("x")
    assert "no special token" in refused(CHATML.replace("<|im_end|>\n", "\n"))
    assert "drops or rewrites the thinking" in refused(CHATML.replace("m.content", "m.content.split('</think>')[-1]"))
    assert "drops or rewrites the thinking" in refused(CHATML.replace("m.content", "m.content.split()|join(' ')"))
    assert "2 times" in refused(CHATML.replace("assistant\n", "assistant\n<think>\n\n</think>\n"))


def test_a_content_that_the_template_rewrites_is_refused() -> None:
    from runtime.training.rendering import TemplateError

    made = renderer(CHATML.replace("m.content", "m.content|replace('a', 'b')"), None)
    with pytest.raises(TemplateError, match="rewrites the contents"):
        made.render([("user", "a")], [("x", True)])
