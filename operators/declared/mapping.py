"""Which columns of a source's files become which columns of its table, and how each is read."""

from __future__ import annotations

import json
import re
from functools import lru_cache
from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from operators.base.declare import LABELS, RESERVED, Declared, as_decimal
from operators.declared.conversation import Messages, Tools, complain_of
from operators.declared.profile import LanguageProfile

#: A column in braces, with the way into it, or a brace of the text; a brace that is neither matches without a field.
MARKED = re.compile(r"\{\{|\}\}|\{(?P<field>[^{}\[\]]+)(?P<inside>(?:\[[^{}\[\]]+\])*)\}|[{}]")
INSIDE = re.compile(r"\[([^\]]+)\]")
POSITION = re.compile(r"-?[0-9]{1,9}", re.ASCII)


Way = Annotated[tuple[str | int, ...], Field(min_length=1)]
"""The way into a nested value: keys of objects, and positions in lists that count from 0, or from the end below 0."""


class Cell(Declared):
    """One column of the table: a column of the files as a type, a `template` over several, or one `value` in every row."""

    field: str | None = None
    """The name of the column in the files."""
    value: str | int | bool | None = None
    """What every row has, read as the type."""
    template: Annotated[tuple[str, ...], Field(min_length=1)] | str | None = None
    """Text with columns of the files in braces, as in `"{context}\\n\\n{question}"`; `{question[stem]}` goes into a nested value,
    and `{{` is a brace. A column without a value is an error; in a list of templates, one with an empty column is left out."""
    as_: Literal["text", "integer", "number", "boolean", "json"] = Field("text", alias="as")
    """The type; `json` keeps nested values as canonical JSON text."""
    path: Way | None = None
    """The way into a nested value: keys of objects, and positions in lists that count from 0, or from the end below 0."""
    missing: Literal["error"] | None = "error"
    """`null`: files may lack the column, or what `path` leads to; their rows have no value then. Else such a file is an error."""

    @field_validator("value", mode="before")
    @classmethod
    def exact(cls, value: object) -> object:
        return as_decimal(value)

    @model_validator(mode="after")
    def one_origin(self) -> Cell:
        if sum(each is not None for each in (self.field, self.value, self.template)) != 1:
            raise ValueError("a column is made of exactly one of: field, value or template")
        if self.path is not None and self.field is None:
            raise ValueError("`path` leads into a `field`")
        if self.template is not None and self.as_ != "text":
            raise ValueError("what a template makes is text")
        if self.missing is None and self.field is None:
            raise ValueError("`missing` is said of a `field`")
        for template in self.templates():
            parts_of(template)
        return self

    def templates(self) -> tuple[str, ...]:
        """Its templates, if it is made of any."""
        return (self.template,) if isinstance(self.template, str) else self.template or ()

    def wording(self) -> str:
        """What it is made of, as a person reads it."""
        return self.field or (
            json.dumps(self.template, ensure_ascii=False) if self.template is not None else f"always {self.value}"
        )

    def reads(self) -> dict[str, tuple[str | int, ...]]:
        """Each column of the files that it reads, with the path of the field that says so."""
        if self.field is not None:
            return {self.field: ()}
        listed = not isinstance(self.template, str)
        return {
            part.field: ("template", place) if listed else ("template",)
            for place, template in enumerate(self.templates())
            for part in parts_of(template)
            if isinstance(part, Cell) and part.field is not None
        }


@lru_cache(maxsize=1024)
def parts_of(template: str) -> tuple[str | Cell, ...]:
    """The literal texts and the columns of a template. Raises ValueError.

    Example:
        >>> [part if isinstance(part, str) else (part.field, part.path) for part in parts_of("{a[b][0]} {{is}}")]
        [('a', ('b', 0)), ' {is}']
    """
    parts: list[str | Cell] = []
    text, place = "", 0
    for found in MARKED.finditer(template):
        text, place = text + template[place : found.start()], found.end()
        if found[0] in ("{{", "}}"):
            text += found[0][0]
        elif found["field"] is None:
            raise ValueError(f"the template `{template}` has a brace that names no column; a brace of the text is written twice")
        else:
            steps = tuple(int(step) if POSITION.fullmatch(step) else step for step in INSIDE.findall(found["inside"]))
            parts += [text] * bool(text) + [Cell(field=found["field"], path=steps or None)]
            text = ""
    text += template[place:]
    parts += [text] * bool(text)
    if not any(isinstance(part, Cell) for part in parts):
        raise ValueError(f"the template `{template}` names no column; say `value:` for what every row has")
    return tuple(parts)


class Listed(Declared):
    """The options of an item in one column: a list of texts, a list of objects, or an object whose keys are labels."""

    field: str
    """The name of the column in the files."""
    path: Way | None = None
    """The way into a nested value, as of a column."""
    text: str = "text"
    """The key of each object in the list that has the option's text."""
    label: str = "label"
    """The key that has its label, where they have one."""
    keys: Annotated[tuple[str, ...], Field(min_length=2)] | None = None
    """The keys of the options in their order, where they are fields of one object."""


class Gold(Declared):
    """The right option of a multiple-choice item, however the files write it; exactly one form is given.

    A list of one, also as Python writes it, stands for what is in it. An item with a right option has two options or more,
    none of them empty, and no other is equal to the right one; a file is refused whole where its positions say that they
    count otherwise than is declared.
    """

    letter: str | None = None
    """A column with a label, such as B, (b), ②, 나 or ข: one that the row gives its options, else one of `labels`."""
    index: str | None = None
    """A column with a position that counts from 0, in the digits of any script."""
    number: str | None = None
    """A column with a position that counts from 1, also as ② or `2번`."""
    text: str | None = None
    """A column with the text of the right option."""
    labels: tuple[tuple[str, ...], ...] | None = None
    """How options are labelled, each way from the first option on: the profile's `answer_labels` unless said."""
    path: Way | None = None
    """The way into a nested value, as of a column."""
    trust: bool = False
    """Whether positions count as is said here, though the files look otherwise."""
    words: tuple[str, ...] | None = None
    """Words that stand beside a label, as 번 in `2번`: the profile's `label_words` unless said."""

    @model_validator(mode="after")
    def one_form(self) -> Gold:
        if sum(value is not None for value in (self.letter, self.index, self.number, self.text)) != 1:
            raise ValueError("gold is given in exactly one form: letter, index, number or text")
        return self

    def form(self) -> tuple[str, str]:
        """(form, column of the files)."""
        for form in ("letter", "index", "number", "text"):
            if (column := getattr(self, form)) is not None:
                return form, column
        raise AssertionError("validated above")

    def read_by(self, profile: LanguageProfile | None) -> Gold:
        """It with the labels of a language's profile, where its form has labels and it says none."""
        if profile is None or self.form()[0] not in ("letter", "number"):
            return self
        listed, words = profile.answer_labels or (), profile.label_words
        if (digits := profile.digits) and not any(char.isdecimal() for char in digits):
            listed = (*listed, tuple(digits[1:]))
        labels = self.labels if self.labels is not None else listed or None
        label_words = self.words if self.words is not None else (*words.before, *words.after) if words else None
        return self.model_copy(update={"labels": labels, "words": label_words or None})


class Mapping(Declared):
    """Which columns of the files become which columns of the table; any further key is a column of your own."""

    model_config = {"extra": "allow"}
    __pydantic_extra__: dict[str, str | Cell] = Field(init=False)

    prompt: str | Cell | None = None
    """The text of the prompt, kept verbatim (paper section 5.1)."""
    options: str | tuple[str, ...] | Listed | None = None
    """The options of an exam item: a column with a list, a list of columns, or what more there is to say of one column."""
    gold: Gold | None = None
    """The right option; it becomes an index that counts from 0."""
    messages: Messages | None = None
    """The conversation, in the place of a prompt: a column, or its form and what stands in further columns."""
    tools: Tools | None = None
    """The tools that the conversation could call."""

    @model_validator(mode="after")
    def gold_has_options(self) -> Mapping:
        if self.gold is not None and self.options is None:
            raise ValueError("`gold` needs `options`")
        complain_of(self.messages, self.tools, self.prompt is not None or self.options is not None)
        for name in (*RESERVED, *LABELS):
            if name in self.cells():
                raise ValueError(f"`{name}` is a column of the project's own; choose another name")
        if dotted := [name for name in self.cells() if "." in name or "\0" in name]:
            raise ValueError(f"a column's name has no dot and no NUL, as `{dotted[0]}` has")
        if not self.reads():
            raise ValueError("no column is mapped")
        return self

    def cells(self) -> dict[str, Cell]:
        """The one-to-one columns: name in the table -> cell of the files."""
        extra = {key: value for key, value in sorted((self.__pydantic_extra__ or {}).items())}
        named = {"prompt": self.prompt, **extra} if self.prompt is not None else extra
        return {name: Cell(field=cell) if isinstance(cell, str) else cell for name, cell in named.items() if cell}

    def listed(self) -> Listed | None:
        """The one column that has the options, if it is one."""
        options = self.options
        return Listed(field=options) if isinstance(options, str) else options if isinstance(options, Listed) else None

    def option_columns(self) -> tuple[str, ...]:
        """The columns of the files that have the options."""
        listed = self.listed()
        return (listed.field,) if listed is not None else self.options if isinstance(self.options, tuple) else ()

    def reads(self) -> dict[str, tuple[str | int, ...]]:
        """Each column of the files that is read, with the path of the field that says so."""
        paths: dict[str, tuple[str | int, ...]] = {}
        for name, cell in self.cells().items():
            for column, inner in cell.reads().items():
                paths.setdefault(column, (name, *inner))
        if (options := self.listed()) is not None:
            paths.setdefault(options.field, ("options",))
        for place, column in enumerate(self.options if isinstance(self.options, tuple) else ()):
            paths.setdefault(column, ("options", place))
        if self.gold is not None:
            form, column = self.gold.form()
            paths.setdefault(column, ("gold", form))
        for part in (self.messages, self.tools):
            paths = (part.reads() if part is not None else {}) | paths
        return paths
