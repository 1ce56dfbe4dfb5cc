"""The type of a trace: one declaration from which system prompt, parse, filters, loss mask and answer extraction come."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Literal, NamedTuple

from pydantic import Field, field_validator

from operators.asks.generate import Generate
from operators.base.declare import Count, Declared, Share, Step, field
from operators.base.scope import Complaint
from operators.kernels.harmony import CLOSE, OPEN
from operators.maps.extract import Extract, Rule
from operators.maps.inside import Inside
from operators.maps.spans import Ends, Spans
from operators.measures.finished import Finished
from operators.measures.language_share import Ignored, LanguageShare
from operators.measures.think_blocks import ThinkBlocks
from operators.measures.where import Where

Schema = Literal["language_mixed", "monolingual", "short"]
Answer = Literal["boxed", "tag", "line", "choice", "none"]

RULES: dict[str, Rule] = {"boxed": "first_boxed", "tag": "last_answer_tag", "line": "last_line", "choice": "choice_label"}

#: The paper discards samples outside 5 % to 20 % of the target language (section 4); that the thinking alone is counted
#: is a reconstruction, for the answer is in the target language.
MIXED = (Decimal("0.05"), Decimal("0.20"))
MOSTLY = Decimal("0.5")
#: The paper reasons in English and looks at the share of the target alone. What is reasoned in another language is looked
#: for as well (a reconstruction), or thinking in English would pass for it.
PAPER_ANCHOR = "en"

#: What is in no language, so that it counts neither way.
NO_LANGUAGE: tuple[Ignored, ...] = ("code_fences", "inline_code", "latex", "urls")
#: Nor are an answer and what names things in a solution, which is shorter.
NO_PROSE: tuple[Ignored, ...] = (*NO_LANGUAGE, "boxes", "formulas", "tags", "identifiers")
FEWEST = 12


class LanguageBounds(Declared):
    """The share of a language that a span may have."""

    of: str = "target"
    """`target`, `anchor`, or the code of a language."""
    min: Share | None = None
    """The smallest share kept."""
    max: Share | None = None
    """The largest share kept."""
    count: Literal["letters", "non_space", "all"] = "non_space"
    """The characters that are the whole."""
    ignoring: tuple[Ignored, ...] = ()
    """Parts of the thinking that count neither way."""


class Think(Declared):
    """What the thinking may look like."""

    language_share: LanguageBounds | None = None
    """The language share it may have; the schema's own unless said."""
    anchor_share: LanguageBounds | None = None
    """The share of the anchor, the language it is reasoned in, among its letters. Unless said, at least half where the schema
    is `language_mixed` and the anchor is another than the paper's, English, which has no such rule."""
    blocks: Count | None = None
    """How many blocks of thinking a completion has: 1, and 0 where the schema is `short`, unless said."""


class Solution(Declared):
    """What the shown solution may look like."""

    language: str = "target"
    """The language it is written in: `target`, `anchor`, a code, or `any`."""
    min: Share = MOSTLY
    """The smallest share of that language among the letters outside code, names in code, formulas, boxes, marks of the
    answer and addresses (paper section 5.3)."""
    letters: Count = FEWEST
    """The fewest such letters by which the language is judged; a solution with fewer, such as a name or a number, stays."""
    marks: tuple[str, ...] | None = None
    """How the answer is marked, before a colon or alone on a line, which counts neither way; unless said by the
    `answer_marks` of its language, and `Answer`."""
    answer: Answer = "none"
    """How the final answer is marked: `boxed`, `tag`, `line`, `choice`, or not at all."""
    required: bool = False
    """Whether a trace without such an answer is dropped; the paper filters by no answer (section 5.2)."""


class Tags(Declared):
    """How a completion marks its thinking."""

    form: Literal["tags", "harmony"] = "tags"
    """Tags around the thinking, or harmony channels; reasoning that an API gives apart is put into them."""
    open: str = Field("<think>", min_length=1)
    """The opening tag, which may be missing where the prompt said it."""
    close: str = Field("</think>", min_length=1)
    """The closing tag."""
    opened: bool = True
    """Whether the prompt opened the thinking, so that a completion without tags is thinking cut off."""
    ends: Ends = ()
    """End tokens of a chat template, such as `<|im_end|>`, that are cut off where a completion ends with them."""


class Ending(Declared):
    """How completions end, besides the words of servers that are known."""

    ended: tuple[str, ...] = ()
    """Further words of completions that ended by themselves."""
    cut: tuple[str, ...] = ()
    """Further words of completions that did not."""
    unknown: Literal["drop", "keep"] = "keep"
    """What becomes of a completion whose word is not known, or that has none."""


class Inner(Declared):
    """A span inside thinking or solution, from a mark to a mark."""

    open: str = Field(min_length=1)
    """What it begins with."""
    close: str = Field(min_length=1)
    """What it ends with."""
    loss: bool = True
    """Whether it is trained on: what a tool said is not."""
    language_share: LanguageBounds | None = None
    """The language share that its text may have; a trace without such a span stays."""


#: The inner spans that every schema knows; `spans` adds to them or says them otherwise. Constructed, as all defaults here
#: are: a validator is dear to build, and most recipes say no `cot`.
INNER: dict[str, Inner] = {
    "code": Inner.model_construct(open="```", close="```"),
    "math": Inner.model_construct(open="$$", close="$$"),
    "quotation": Inner.model_construct(open="“", close="”"),
    "tool_call": Inner.model_construct(open="<tool_call>", close="</tool_call>"),
    "tool_output": Inner.model_construct(open="<tool_output>", close="</tool_output>", loss=False),
}


class Derived(NamedTuple):
    """One step that follows from the declaration, and the part of it that says so."""

    label: str
    operator: Step
    path: tuple[str, ...]


class Cot(Declared):
    """The chain of thought that a recipe trains on, and the teacher that writes it.

    `language_mixed` thinks in the anchor language and keeps terms and quotations in the target language; `monolingual`
    thinks in one `language`; `short` does not think aloud.
    """

    schema_: Schema = Field("language_mixed", alias="schema")
    """What kind of trace it is."""
    language: str = "target"
    """The language that a `monolingual` trace thinks in."""
    of: str | None = None
    """The table whose rows are asked; the prompts unless said."""
    teacher: Generate
    """Who is asked, and how."""
    think: Think = Think.model_construct()
    """What the thinking may look like."""
    solution: Solution = Solution.model_construct()
    """What the solution may look like."""
    tags: Tags = Tags.model_construct()
    """How a completion marks its thinking."""
    finished: Ending = Ending.model_construct()
    """How it is known that a completion ended by itself."""
    spans: dict[str, Inner] = field("result", {})
    """Spans inside them, by name, besides code, math, quotation, tool_call and tool_output."""

    @field_validator("spans")
    @classmethod
    def free_names(cls, spans: dict[str, Inner]) -> dict[str, Inner]:
        for name in ("system", "prompt", "think", "solution"):
            if name in spans:
                raise ValueError(f"`{name}` is a span of every trace; choose another name")
        return spans

    def generate(self) -> Generate:
        """The teacher with the system prompt and switches of the schema, where it says none of its own."""
        named = {"language_mixed": "system", "monolingual": "monolingual", "short": "short"}[self.schema_]
        filled = {
            "system": named if self.teacher.system is None else self.teacher.system,
            "language": self.language if self.schema_ == "monolingual" else self.teacher.language,
            "reasoning": False if self.schema_ == "short" and self.teacher.reasoning is None else self.teacher.reasoning,
            "open": OPEN if self.tags.form == "harmony" else self.tags.open,
            "close": CLOSE if self.tags.form == "harmony" else self.tags.close,
            "ends": (*self.teacher.ends, *self.tags.ends),
        }
        return self.teacher.model_copy(update=filled)

    def blocks(self) -> int:
        """How many blocks of thinking a completion has."""
        return self.think.blocks if self.think.blocks is not None else 0 if self.schema_ == "short" else 1

    def thinks_in(self) -> LanguageBounds | None:
        """The language share that the thinking may have."""
        if self.think.language_share is not None or self.schema_ == "short":
            return self.think.language_share
        if self.schema_ == "monolingual":
            # Digits and signs are no language: what is thought in English alone is full of them.
            return LanguageBounds(of=self.language, min=MOSTLY, count="letters", ignoring=NO_LANGUAGE)
        return LanguageBounds(of="target", min=MIXED[0], max=MIXED[1])

    def mixed_by_script(self) -> bool:
        """Whether the share of the target in the thinking has the bounds of the schema."""
        return self.schema_ == "language_mixed" and self.think.language_share is None and self.blocks() > 0

    def anchored(self, anchor: str | None) -> LanguageBounds | None:
        """The share of the anchor that the thinking may have."""
        if (bounds := self.think.anchor_share) is not None:
            return bounds if "of" in bounds.model_fields_set else bounds.model_copy(update={"of": "anchor"})
        if self.schema_ != "language_mixed" or anchor in (None, PAPER_ANCHOR):
            return None
        return LanguageBounds(of="anchor", min=MOSTLY, count="letters", ignoring=NO_LANGUAGE)

    def complain(self) -> Iterator[Complaint]:
        """What is said of a trace that its schema has no room for."""
        if self.schema_ == "short" and self.teacher.reasoning:
            message = "a `short` trace does not think aloud, and `reasoning: true` has the model think"
            yield Complaint(("teacher", "reasoning"), message, "leave out `reasoning`, or take another `schema`")
        for name in ("language_share", "anchor_share"):
            if getattr(self.think, name) is not None and not self.blocks():
                message = f"a `{self.schema_}` trace has no thinking here, so that nothing has this share"
                yield Complaint(("think", name), message, "leave it out, or take another `schema`", key=True)
        if self.schema_ != "monolingual" and "language" in self.model_fields_set:
            thinks = "does not think" if self.schema_ == "short" else "thinks in the anchor: `anchor` under `language:`"
            message = f"`language` is what a `monolingual` trace thinks in; a `{self.schema_}` one {thinks}"
            yield Complaint(("language",), message, "leave it out, or say `schema: monolingual`", key=True)

    def steps(self, anchor: str | None = None) -> Iterator[Derived]:
        """The steps of the table of traces: the teacher, the parse, the filters; `anchor` is the code of that language."""
        yield Derived("generate", self.generate(), ("teacher",))
        yield Derived("finished", Finished(**dict(self.finished)), ("finished",))
        blocks = self.blocks()
        opened = self.tags.opened and blocks > 0
        marks = {name: each for name, each in dict(self.tags).items() if name in ("form", "open", "close")}
        yield Derived("think_blocks", ThinkBlocks(**marks, opened=opened, min=blocks, max=blocks), ("think", "blocks"))
        yield Derived("spans", Spans(**self.tags.model_dump() | {"opened": opened}), ("tags",))
        yield Derived("terminated", Where(that="length(solution) > 0"), ("tags",))
        bounds = self.thinks_in()
        if bounds is not None and blocks:
            share = LanguageShare(**{**dict(bounds), "in": "think"})
            yield Derived("think_share", share, ("think", "language_share"))
        if (reasoned := self.anchored(anchor)) is not None and blocks:
            share = LanguageShare(**{**dict(reasoned), "in": "think"})
            yield Derived("anchor_share", share, ("think", "anchor_share"))
        if self.solution.language != "any":
            fields = {"of": self.solution.language, "min": self.solution.min, "count": "letters", "ignoring": NO_PROSE}
            # A bare number or name is in no wrong language: where there are too few letters to judge by, the trace stays.
            named = "language" if self.solution.marks is None else self.solution.marks
            few = {"marks": named, "fewest": self.solution.letters, "unknown": "keep"}
            share = LanguageShare.model_validate({**fields, **few, "in": "solution"})
            yield Derived("solution_language", share, ("solution", "language"))
        if self.solution.answer != "none":
            yield Derived("extract", Extract(rule=RULES[self.solution.answer]), ("solution", "answer"))
            if self.solution.required:
                yield Derived("answered", Where(that="answer IS NOT NULL"), ("solution", "required"))

        for name, span in self.spans.items():
            if span.language_share is not None:
                yield Derived(f"{name}_text", Inside(open=span.open, close=span.close, **{"as": name}), ("spans", name))
                fields = {**dict(span.language_share), "in": name, "unknown": "keep"}
                share = LanguageShare.model_validate(fields)
                yield Derived(f"{name}_share", share, ("spans", name, "language_share"))

    def inner(self) -> dict[str, Inner]:
        """All spans inside thinking and solution."""
        return INNER | self.spans
