"""The final answer of a solution, by a declared rule."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import Field

from operators.base.declare import Map, field
from operators.base.scope import Complaint, Scope
from operators.base.values import Column
from operators.kernels.boxes import first_box, last_box
from operators.kernels.emphasis import is_word, unemphasised

if TYPE_CHECKING:
    from operators.kernels.choices import Labels

Rule = Literal["first_boxed", "last_boxed", "last_answer_tag", "last_line", "choice_label"]
Marks = Annotated[str, Field(min_length=1)] | Annotated[tuple[Annotated[str, Field(min_length=1)], ...], Field(min_length=1)]

TAG = r"(?is)\A.*<answer>\s*(?P<answer>.*?)\s*</answer>"
LAST_LINE = r"(?s)(?:\A|\A.*\n)[ \t]*(?P<answer>[^\n]*[^\s])\s*\z"
FOLLOWING = r"\A(?P<answer>[\s*_`]*\n\s*[^\n]*|[^\n]*)"
#: What is no part of a word: neither letter nor what joins letters, as in Persian. Emoji end with marks of their own.
NO_LETTER = r"(?:[^\p{L}\p{N}\p{M}\x{200C}\x{200D}_]|[\x{FE0F}\x{20E3}])"
SPACE = r"[ \t\p{Z}\p{Cf}]*"
#: The mark that is known in every language.
ANSWER = "Answer"


class Extract(Map):
    r"""Take the final answer out of a solution into a column of its own; null where the rule finds none.

    `first_boxed`: the content of the first `\boxed{}` or `\fbox{}` that closes and holds something, braces balanced; later
    ones are ignored even if they contradict it (paper appendix C.2), so that the echo of a form, `\boxed{N}`, is the answer
    where it comes first. `last_boxed`: that of the last one. Spaces, `\phantom{2}` and `\text{}` are nothing; a box that
    never closes is none; of boxes in a box the outer one counts. `last_answer_tag`: the last `<answer>...</answer>`, else
    what follows the last `Answer:` on its line, or on the next line that is not empty where nothing does; null where that
    is empty. `last_line`: the last line that is not empty, a box that stands there as it is.

    `choice_label`: the label of an option that the first box that holds something, else the last answer tag, else the last
    line consists of, with or without `Answer:`. It reads what the `choice` of `score` reads, and in a box, a tag or behind a
    mark also a label with its option's text, where something ends the label: `B. Seoul`, `(B) Seoul`, `② Seoul`, `2번 서울`,
    `B (Seoul)`. What may be read in two ways is null: `A or B`, `B. C`, `(A), (B)`, `Apple`, `A형`, `1.5`, a text alone.

    `Answer` is the `mark`, a word of any script, or several: no letter or digit stands before it, so that `답` is not found in
    `정답: 5`, and only space and emphasis stand between it and its colon, so that `정답은 5` has no answer. The last of all
    marks counts; unless they are said they are the `answer_marks` of the language and `Answer`. Marks of emphasis (`*`, `_`,
    backquotes) that were opened before what follows it, or stand around all of that, are not part of the answer:
    `**Answer: 2**3**` has the answer `2**3`. A name such as `__init__` is kept.

    Example:
        with: {of: prompt, rule: first_boxed}
        in:   [{prompt: "답은 \\boxed{\\frac{1}{2}}, 아니 \\boxed{3}"}, {prompt: "\\boxed{} \\boxed{7}"}, {prompt: 답은 4}]
        out:  [{answer: "\\frac{1}{2}"}, {answer: "7"}, {answer: null}]
    """

    name: ClassVar[str] = "extract"
    version: ClassVar[int] = 3
    may_read: ClassVar[tuple[str, ...]] = ("answer_labels", "digits", "label_words", "answer_marks")
    may_lack: ClassVar[tuple[str, ...]] = ("answer_marks", "digits", "label_words")

    of: str = field("column", "solution")
    """The column with the solution alone: a box inside the thinking does not count."""
    rule: Rule
    """How the answer is marked."""
    mark: Marks | None = None
    """The word before the colon, or several, for `last_answer_tag` and `choice_label`; those of the language unless said."""
    language: str = field("label", "target")
    """`target`, `anchor` or a code: the language whose labels and marks are read."""
    as_: str = Field("answer", alias="as", min_length=1)
    """The name of the column that is made."""

    def makes(self) -> tuple[str, ...]:
        return (self.as_,)

    def entries(self) -> tuple[tuple[str, str], ...]:
        marked = self.rule in ("last_answer_tag", "choice_label") and self.mark is None
        named = ("answer_labels", "digits", "label_words") if self.rule == "choice_label" else ()
        return tuple((self.language, entry) for entry in (*named, *(["answer_marks"] if marked else [])))

    def depends(self) -> tuple[str, ...]:
        return ("pyarrow", "unicode") if self.rule in ("last_answer_tag", "choice_label") else ("pyarrow",)

    def marks(self, entries: Mapping[str, Any]) -> tuple[str, ...]:
        """The words that stand before a colon and the answer."""
        if self.mark is not None:
            return (self.mark,) if isinstance(self.mark, str) else self.mark
        return known_marks(entries)

    def complain(self, scope: Scope) -> Iterator[Complaint]:
        yield from super().complain(scope)
        if self.mark is not None and self.rule not in ("last_answer_tag", "choice_label"):
            yield Complaint(("mark",), f"the rule `{self.rule}` looks for no mark", "leave it out")

    def change(self, column: Column, entries: Mapping[str, Any]) -> list[Column]:
        import pyarrow as pa
        import pyarrow.compute as pc

        text = column.cast(pa.large_string())
        match self.rule:
            case "first_boxed" | "last_boxed":
                found = boxed(text, first_box if self.rule == "first_boxed" else last_box)
            case "last_answer_tag":
                found = pc.coalesce(captured(text, TAG), following(text, self.marks(entries)))
            case "last_line":
                found = captured(text, LAST_LINE)
            case "choice_label":
                found = self.labels(text, entries)
        found = pc.utf8_trim_whitespace(found)
        return [pc.if_else(pc.equal(found, ""), pa.scalar(None, pa.large_string()), found).cast(pa.large_string())]

    def labels(self, text: Column, entries: Mapping[str, Any]) -> Column:
        """The label that each text names, as it stands there."""
        import pyarrow as pa
        import pyarrow.compute as pc

        from operators.kernels.choices import labels_of

        known = labels_of(entries["answer_labels"], entries.get("digits"), entries.get("label_words"))
        boxes = pc.coalesce(boxed(text, first_box), captured(text, TAG))
        line = captured(text, LAST_LINE)
        marked = following(captured(pc.coalesce(boxes, line), LAST_LINE), self.marks(entries))
        # A line that nothing marks may be prose or the item of a list: there is no telling a label from its first word.
        alone = pc.if_else(pc.is_valid(boxes), pa.scalar(None, line.type), line)
        return pc.coalesce(named(boxes, known, True), named(alone, known, False), named(marked, known, True))


def known_marks(entries: Mapping[str, Any]) -> tuple[str, ...]:
    """The marks of the answer in a language: its profile's, where it has some, and the one that is known in all."""
    return tuple(dict.fromkeys([*(entries.get("answer_marks") or ()), ANSWER]))


def named(texts: Column, known: Labels, behind: bool) -> Column:
    """The label of each text, with the option's text behind it or alone; each text is read once."""
    import pyarrow as pa

    from operators.kernels.choices import label_in

    coded = texts.dictionary_encode()
    found = [None if each is None else label_in(each, known, behind) for each in coded.dictionary.to_pylist()]
    return pa.array([None if each is None else each.text for each in found], pa.large_string()).take(coded.indices)


def following(text: Column, marks: Sequence[str]) -> Column:
    """What follows the last mark with a colon on its line, else on the next line that is not empty, without emphasis."""
    import pyarrow as pa
    import pyarrow.compute as pc

    after, none = pa.nulls(len(text), text.type), pa.scalar(None, text.type)
    # A replacement without groups costs a tenth of a capture, which is slow where a pattern knows all letters.
    for edge in (NO_LETTER, ""):
        listed = sorted((mark for mark in marks if is_word(mark[0]) == bool(edge)), key=len, reverse=True)
        if listed:
            names = "|".join(map(re.escape, listed))
            pattern = rf"(?is)\A(?:.*{edge})?_*(?:{names}){SPACE}[*_`]*{SPACE}[:：]"
            rest = pc.if_else(pc.match_substring_regex(text, pattern), pc.replace_substring_regex(text, pattern, ""), none)
            later = pc.less(pc.binary_length(rest), pc.binary_length(after))
            after = pc.if_else(pc.fill_null(later, pc.is_null(after)), rest, after)
    return captured(without_emphasis(captured(after, FOLLOWING), text, after), r"\A(?P<answer>[^\n]*)")


def without_emphasis(answers: Column, texts: Column, after: Column) -> Column:
    """Each answer without emphasis around it or opened before it, and without the space around it.

    `after` is what the text ends with from the answer on.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    # Pairs of marks are no regular language: the few answers with marks of emphasis are read one by one.
    emphatic = pc.fill_null(pc.match_substring_regex(answers, "[*_`]"), False)
    rows = zip(*(each.filter(emphatic).to_pylist() for each in (answers, texts, after)), strict=True)
    bare = [unemphasised(text.removesuffix(rest).rpartition("\n")[2], answer) for answer, text, rest in rows]
    return pc.utf8_trim_whitespace(pc.replace_with_mask(answers, emphatic, pa.array(bare, answers.type)))


def captured(text: Column, pattern: str) -> Column:
    """What a pattern captures as `answer`, null where it does not match."""
    import pyarrow.compute as pc

    return pc.struct_field(pc.extract_regex(text, pattern), "answer")


def boxed(text: Column, find: Callable[[str], str | None]) -> Column:
    """The content of the box that is found in each text that has one."""
    import pyarrow as pa
    import pyarrow.compute as pc

    has = pc.fill_null(pc.match_substring_regex(text, r"\\f?box"), False)
    # No regular expression balances braces: the texts with a box are scanned one by one, without those that have none.
    found = [find(each) for each in text.filter(has).to_pylist()]
    return pc.replace_with_mask(pa.nulls(len(text), text.type), has, pa.array(found, text.type))
