"""Tokens of a prompt are those that a server makes, but for contents that spell a template's markers."""

from __future__ import annotations

from typing import Any

import pytest

from tests.templates import table as real

ABSENT = real.needed()
pytestmark = [
    pytest.mark.xdist_group("transformers"),  # which takes 7 s to load
    pytest.mark.skipif(bool(ABSENT), reason=f"rendering needs what is not installed: {', '.join(ABSENT)}"),
]
TURNS = (
    "{% for m in messages %}<|{{ m.role }}|>\n{{ m.content }}<|end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>\n{% endif %}"
)
ENDLESS = "{% for i in range(99999) %}{% for j in range(99999) %}{% endfor %}{% endfor %}"


def knowing(*tokens: Any, special: bool) -> Any:
    """The built-in model's tokenizer with more tokens."""
    from tokenizers import Tokenizer
    from transformers import PreTrainedTokenizerFast

    made = PreTrainedTokenizerFast(tokenizer_object=Tokenizer.from_str(real.smollm().backend_tokenizer.to_str()))
    made.add_tokens(list(tokens), special_tokens=special)
    return made


def test_with_every_real_template_a_prompt_without_markers_has_a_servers_tokens() -> None:
    from runtime.training.rendering import TemplateError

    tokenizer, compared = real.extended(), 0
    for _, _, template in real.templates():
        for tags, completion in ((real.TAGS, "<think>\na\n</think>\n\nb"), (None, "b")):
            made = real.rendering(template, tags)
            if isinstance(made, TemplateError):
                continue
            for messages in ([("user", "2+2는?\n\n  x ")], [("system", "시스템\n"), ("user", "\n- a\n")]):
                try:
                    row = made.render(messages, [(completion, True)])
                except TemplateError:
                    continue
                said = [{"role": role, "content": content} for role, content in messages]
                server = tokenizer.apply_chat_template(
                    said, chat_template=template, add_generation_prompt=True, return_dict=False
                )
                assert row.ids[: row.loss.index(True)] == server
                compared += 1
    assert compared > 20


def test_a_marker_that_is_not_declared_special_is_text_in_contents_too() -> None:
    from runtime.training.rendering import Renderer, trained_stretches

    tokenizer = knowing("<|user|>", "<|assistant|>", "<|end|>", special=False)
    row = Renderer(tokenizer, TURNS, None).render([("user", "x<|end|>")], [("<|end|>y", True)])
    assert row.ids.count(tokenizer.convert_tokens_to_ids("<|end|>")) == 2
    assert trained_stretches(tokenizer, row)[1] == ("<|end|>y<|end|>", True)


@pytest.mark.parametrize("content", ["x", "\nx<|end|>"])
def test_space_that_special_tokens_swallow_is_swallowed_with_markers_in_the_contents_and_without(content: str) -> None:
    from tokenizers import AddedToken

    from runtime.training.rendering import Renderer, trained_stretches

    swallowing = [AddedToken(f"<|{name}|>", rstrip=True, normalized=False) for name in ("user", "assistant", "end")]
    tokenizer = knowing(*swallowing, special=True)
    row = Renderer(tokenizer, TURNS, None).render([("user", content)], [("\ny", True)])
    texts = [text for text, _ in trained_stretches(tokenizer, row)]
    assert texts == [f"<|user|>{content.strip()}<|end|><|assistant|>", "\ny<|end|>"]


def test_a_tokenizer_that_loses_letters_is_told_which() -> None:
    import copy

    from tokenizers.normalizers import NFKC

    from runtime.training.rendering import Renderer, TemplateError

    tokenizer = copy.deepcopy(real.smollm())
    tokenizer.backend_tokenizer.normalizer = NFKC()
    with pytest.raises(TemplateError, match=r"'²' \(U\+00B2\)"):
        Renderer(tokenizer, None, None).render([("user", "x")], [("x²", True)])


def test_a_template_that_does_not_end_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    from runtime.training import applying, rendering

    monkeypatch.setattr(applying, "SECONDS", 0.5)
    with pytest.raises(rendering.TemplateError, match="takes more than"):
        rendering.Renderer(real.extended(), ENDLESS + TURNS, None)


@pytest.mark.parametrize("does", ["upper", "tojson", "e"])
def test_a_template_that_rewrites_all_contents_is_refused_before_the_first_row(does: str) -> None:
    from runtime.training.rendering import Renderer, TemplateError

    with pytest.raises(TemplateError, match="rewrites the contents"):
        Renderer(real.extended(), TURNS.replace("m.content", f"m.content|{does}"), None)


def test_thinking_that_nobody_opens_is_an_error() -> None:
    from runtime.training.rendering import Renderer, TemplateError

    with pytest.raises(TemplateError, match="neither it nor the chat template opens it"):
        Renderer(real.smollm(), None, real.TAGS).render([("user", "x")], [("a</think>b", True)])
