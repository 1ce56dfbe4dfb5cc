"""A chat template applied to messages: in the sandbox of transformers, within seconds, and without the date."""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from runtime.training.spelling import TemplateError

SECONDS = 5.0
"""A rendering takes a millisecond; what takes this long does not end."""
OWN = "give a chat template of your own with `template:` in `train`"


Rendering = tuple[str, list[tuple[int, int]]]


class DateAsked(Exception):
    """A template that asks for the date."""


def applied(tokenizer: Any, template: str, conversation: Sequence[Mapping[str, Any]], *, prompt: bool, tools: Any = None) -> str:
    """What a template makes of a conversation and tools, with the generation prompt or without. Raises TemplateError."""
    return marked(tokenizer, template, conversation, prompt=prompt, tools=tools, generated=False)[0]


def marked(
    tokenizer: Any,
    template: str,
    conversation: Sequence[Mapping[str, Any]],
    *,
    prompt: bool,
    tools: Any = None,
    generated: bool = True,
) -> Rendering:
    """(what a template makes of it, the stretches that the template says a model writes). Raises TemplateError."""
    from transformers.utils.chat_template_utils import render_jinja_template

    said = {"add_generation_prompt": prompt, "strftime_now": refuse_date, **tokenizer.special_tokens_map}

    def render() -> Rendering:
        texts, stretches = render_jinja_template(
            [conversation], tools=tools, chat_template=template, return_assistant_tokens_mask=generated, **said
        )
        return str(texts[0]), list(stretches[0]) if generated else []

    try:
        return call_within(SECONDS, render)
    except TimeoutError:
        raise TemplateError(f"the chat template takes more than {SECONDS:.0f} seconds", OWN) from None
    except DateAsked:
        raise TemplateError("the chat template writes today's date, so that the same rows are others tomorrow", OWN) from None
    except Exception as error:  # noqa: BLE001 - a template may raise anything, and it is told
        reason = f"{type(error).__name__}: {next(iter(str(error).splitlines()), '')}"
        roles = ", ".join(str(each.get("role")) for each in conversation)
        raise TemplateError(f"the chat template fails on messages of the roles {roles}: {reason}", OWN) from None


def refuse_date(form: str) -> str:
    """What templates ask for the date; a row's text has to be the same on any day."""
    raise DateAsked(form)


def call_within(seconds: float, call: Callable[[], Rendering]) -> Rendering:
    """What a call gives; raises what it raises, and TimeoutError where it takes longer."""
    results: list[Rendering] = []
    errors: list[BaseException] = []

    def work() -> None:
        try:
            results.append(call())
        except BaseException as error:  # noqa: BLE001 - raised again below
            errors.append(error)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join(seconds)
    if results:
        return results[0]
    if errors:
        raise errors[0]
    # It ends a loop of the template; threads pass over a SystemExit that comes too late.
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread.ident or 0), ctypes.py_object(SystemExit))
    raise TimeoutError
