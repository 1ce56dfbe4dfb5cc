"""Whether a completion ended by itself, by the word of the server that made it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, Literal

from operators.base.declare import decided, field
from operators.base.scope import Complaint, Scope
from operators.base.values import Column, Texts, Values
from operators.measures.families import Remarks

#: Words of OpenAI, Anthropic, Gemini, Mistral, Cohere, Bedrock, DeepSeek, vLLM, SGLang, TGI, TensorRT-LLM, llama.cpp and
#: Ollama, without case and what joins their parts. A call of a tool ends a turn as the model wanted.
ENDED = (
    "stop stopped stopsequence stopsequences stopword stopwords stoptoken stopstring end ended endturn endofturn endid endtoken "
    "endoftext endofsequence eos eostoken eosid eom eot finish finished complete completed done succeeded success toolcall "
    "toolcalls tooluse functioncall"
)
#: Cut off at a length or a time, withheld by a filter, refused, broken off, or to be gone on with.
CUT = (
    "length lengthcapped maxlength maxtokens maxtoken maxoutputtokens maxnewtokens maxcompletiontokens maxgeneratedtokens "
    "modellength maxmodellength maxcontextlength contextlength contextlengthexceeded contextwindowexceeded "
    "modelcontextwindowexceeded tokenlimit tokenlimitreached limit errorlimit timelimit timeout timedout incomplete truncated "
    "notfinished pauseturn contentfilter contentfiltered filtered filter safety imagesafety recitation language blocklist "
    "blocked prohibitedcontent spii guardrailintervened guardrail refusal refused malformedfunctioncall unexpectedtoolcall "
    "toomanytoolcalls error errortoxic failed failure abort aborted cancel cancelled canceled usercancel interrupted "
    "insufficientsystemresource"
)
KNOWN = {word: True for word in ENDED.split()} | {word: False for word in CUT.split()}
BEFORE = re.compile(r"\A(?:finishreason|stopreason|donereason)(?=.)")


def form(word: str) -> str:
    """A word without case, what joins its parts, and the name of what it is the value of.

    Example:
        >>> [form(word) for word in ("MAX_TOKENS", "FinishReason.STOP", "endTurn", "token limit")]
        ['maxtokens', 'stop', 'endturn', 'tokenlimit']
    """
    return BEFORE.sub("", re.sub(r"[\W_]+", "", word.rpartition(".")[2] or word).casefold())


def ended(word: str | None, more: tuple[str, ...] = (), cut: tuple[str, ...] = ()) -> bool | None:
    """Whether a completion of this word ended by itself; None where nothing is said, or a word that nobody here knows."""
    word = form(word or "")
    if word in map(form, cut):
        return False
    return True if word in map(form, more) else KNOWN.get(word)


class Finished(Remarks):
    """Keep completions that ended by themselves, by the word that their server gave for it.

    Known are the words of the servers people use, in any case and spelling: `stop`, `end_turn`, `eos_token`, `completed`
    and their like stay, and so do calls of tools; `length`, `MAX_TOKENS`, `content_filter`, `refusal`, `error` and their
    like go. Where nothing is said, or a word that is not known, the measure abstains: such a completion stays unless
    `unknown: drop`, for a word alone proves no loss, and one without a solution goes anyway. The build tells each
    unknown word with its count.

    Example:
        with: {in: prompt, ended: [ready]}
        in:   [{prompt: END_TURN}, {prompt: max_tokens}, {prompt: ready}, {prompt: other}, {prompt: null}]
        out:  [{prompt: END_TURN}, {prompt: ready}, {prompt: other}, {prompt: null}]
    """

    name: ClassVar[str] = "finished"
    values: ClassVar[tuple[str, ...]] = ("ended",)
    wants: ClassVar[str] = "one that ended by itself"
    words: ClassVar[tuple[str, str, str]] = ("cut off", "ended by itself", "no word, or none that is known")
    rests_on: ClassVar[tuple[str, ...]] = ("unicode",)

    in_: str = field("column", "finish_reason", alias="in")
    """The column with the server's word."""
    ended: tuple[str, ...] = field("measured", ())
    """Further words of completions that ended by themselves."""
    cut: tuple[str, ...] = field("measured", ())
    """Further words of completions that did not."""
    unknown: Literal["drop", "keep"] = decided("keep")
    """What becomes of a completion whose word is not known, or that has none."""

    def complain(self, scope: Scope) -> Iterator[Complaint]:
        yield from scope.complain_column(self.in_, ("in",), "text", "label")
        if self.only:
            yield from self.only.complain(scope)
        for word in self.cut:
            if form(word) in map(form, self.ended):
                yield Complaint(("cut",), f"`{word}` stands in `ended` too")

    def measure(self, texts: Texts, entries: Mapping[str, Any]) -> Values:
        import numpy as np

        # A column has some words and many rows: each word is judged once.
        coded = texts.column.dictionary_encode()
        verdicts = [ended(word, self.ended, self.cut) for word in coded.dictionary.to_pylist()]
        values = np.array([-1 if each is None else int(each) for each in verdicts], dtype=np.int64)
        return [values[coded.indices.to_numpy(zero_copy_only=False)] if len(values) else np.zeros(0, np.int64)]

    def remarks(self, column: Column) -> Iterator[str]:
        import pyarrow as pa
        import pyarrow.compute as pc

        counted = pc.value_counts(column.cast(pa.string())).to_pylist()
        for each in sorted(counted, key=lambda pair: (-pair["counts"], pair["values"] or "")):
            word, rows = each["values"], each["counts"]
            if word and word.strip() and ended(word, self.ended, self.cut) is None:
                fate = "kept" if self.unknown == "keep" else "dropped"
                yield (
                    f"{rows:,} completion{'s' * (rows != 1)} ended with the unknown word `{shown(word)}`, which tells nothing: "
                    f"{fate}; say it under `ended` or `cut`"
                )


def shown(word: str) -> str:
    """A word of a row as it may stand in a line of output."""
    text = "".join(char if char.isprintable() else " " for char in word)
    return text if len(text) <= 40 else text[:40] + "..."
