"""The source: files of rows, mapped to the project's columns, with a category and a licence class."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Annotated, ClassVar, Literal

from pydantic import BeforeValidator, Field, WithJsonSchema, model_validator

from operators.asks.translate import Translate
from operators.base.declare import LABELS, RESERVED, Declared, Operator, field, tuning
from operators.base.licence import CLASSES, Licence, class_of
from operators.base.obligation import Obligation
from operators.base.scope import Columns, ColumnType, Complaint, Scope, near_columns, other_form
from operators.declared.address import Hub, complain_address, file_name, is_address
from operators.declared.profile import LanguageProfile

Format = Literal["jsonl", "json", "csv", "tsv", "parquet"]
FORMATS: tuple[Format, ...] = ("jsonl", "json", "csv", "tsv", "parquet")
COMPRESSIONS = (".gz", ".zst")
ARCHIVE = "unpack an archive, and name the files in it"
WORKBOOK = "export each sheet of a workbook as csv"
UNREAD = {
    **dict.fromkeys((".tar", ".tgz", ".tbz2", ".txz", ".zip", ".7z", ".rar"), ARCHIVE),
    **dict.fromkeys((".xlsx", ".xls", ".xlsm", ".xlsb", ".ods"), WORKBOOK),
    **dict.fromkeys((".bz2", ".xz", ".lz4", ".br"), "unpack it, or pack it with gzip or zstd"),
    **dict.fromkeys((".arrow", ".feather", ".ipc", ".orc", ".avro"), "write it as Parquet"),
    **dict.fromkeys((".db", ".sqlite", ".sqlite3"), "export the table as csv"),
    **dict.fromkeys((".yaml", ".yml", ".xml", ".toml"), "write it as json or jsonl"),
}
"""Endings of names whose files are not read, each with what to do."""


def known_class(value: object) -> object:
    """The class that a licence's name stands for."""
    return value if not isinstance(value, str) else class_of(value) or value


Stated = Annotated[
    Licence,
    BeforeValidator(known_class),
    WithJsonSchema({"type": "string", "format": "licence", "examples": [*CLASSES, "CC-BY-4.0"]}),
]


class Cell(Declared):
    """One column of the files, read as a type."""

    field: str
    """The name of the column in the files."""
    as_: Literal["text", "integer", "number", "boolean", "json"] = Field("text", alias="as")
    """The type; `json` keeps nested values as canonical JSON text."""
    path: Annotated[tuple[str | int, ...], Field(min_length=1)] | None = None
    """The way into a nested value: keys of objects, and positions in lists that count from 0, or from the end below 0."""
    missing: Literal["error"] | None = "error"
    """`null`: files may lack the column, or what `path` leads to; their rows have no value then. Else such a file is an error."""


class Gold(Declared):
    """The right option of a multiple-choice item, however the files write it; exactly one form is given.

    An item with a right option has two options or more, none of them empty, and no other is equal to the right one; a
    file is refused whole where its positions say that they count otherwise than is declared.
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
    options: str | tuple[str, ...] | None = None
    """The options of an exam item: a column with a list, or a list of columns."""
    gold: Gold | None = None
    """The right option; it becomes an index that counts from 0."""

    @model_validator(mode="after")
    def gold_has_options(self) -> Mapping:
        if self.gold is not None and self.options is None:
            raise ValueError("`gold` needs `options`")
        for name in (*RESERVED, *LABELS):
            if name in self.cells():
                raise ValueError(f"`{name}` is a column of the project's own; choose another name")
        if dotted := [name for name in self.cells() if "." in name or "\0" in name]:
            raise ValueError(f"a column's name has no dot and no NUL, as `{dotted[0]}` has")
        if not self.cells() and self.options is None:
            raise ValueError("no column is mapped")
        return self

    def cells(self) -> dict[str, Cell]:
        """The one-to-one columns: name in the table -> cell of the files."""
        extra = {key: value for key, value in sorted((self.__pydantic_extra__ or {}).items())}
        named = {"prompt": self.prompt, **extra} if self.prompt is not None else extra
        return {name: Cell(field=cell) if isinstance(cell, str) else cell for name, cell in named.items() if cell}

    def needed(self) -> dict[str, tuple[str | int, ...]]:
        """The columns that every file has: those that are read, but for those that may be missing."""
        spared = {cell.field for cell in self.cells().values() if cell.missing is None}
        return {column: path for column, path in self.reads().items() if column not in spared}

    def lacking(self, names: Collection[str]) -> list[str]:
        """The needed columns that a file with columns of these names lacks; of listed options it may have the first two alone."""
        lacks = [column for column in self.needed() if column not in names]
        listed = self.options if isinstance(self.options, tuple) else ()
        while len(listed) > 2 and listed[-1] in lacks:
            lacks.remove(listed[-1])
            listed = listed[:-1]
        return lacks

    def reads(self) -> dict[str, tuple[str | int, ...]]:
        """Each column of the files that is read, with the path of the field that says so."""
        paths: dict[str, tuple[str | int, ...]] = {}
        for name, cell in self.cells().items():
            paths.setdefault(cell.field, (name,))
        if isinstance(self.options, str):
            paths.setdefault(self.options, ("options",))
        for place, column in enumerate(self.options if isinstance(self.options, tuple) else ()):
            paths.setdefault(column, ("options", place))
        if self.gold is not None:
            form, column = self.gold.form()
            paths.setdefault(column, ("gold", form))
        return paths


class Source(Operator):
    """Read files into a table whose rows know where they came from and what they may be used for.

    Rows get their ids here: `item_id` from prompt and options, `row_id` from the source's name, all
    mapped columns and a copy number. The class decides what may be done with the rows (paper section 5.1).
    """

    name: ClassVar[str] = "source"
    version: ClassVar[int] = 2

    file: str = field("label", "")
    """The files: a path or a glob, relative to the recipe, or `pkg:` for data that ships with the project. Or the address of
    one file, `https://`, or of some, `s3://` or `gs://`: `recipe build` fetches them, and the lock pins their digests."""
    hf: Hub | None = field("label", None)
    """A dataset of the hub, in place of `file`."""
    sha256: str | None = field("label", None, pattern=r"^[0-9a-f]{64}$")
    """The SHA-256 of the file at an address, as publishers tell it; other bytes are not taken."""
    category: str = Field(min_length=1)
    """The kind of prompt; every row of the source inherits it (paper figure 3)."""
    license: Stated
    """A: may be redistributed. B: trained on, not redistributed. unknown: local use. C: must not be used.
    Or the name of a licence that is known here, such as CC-BY-4.0, which is of one of these classes."""
    columns: Mapping = Field(default_factory=lambda: Mapping(prompt="prompt"))
    """Which columns of the files are read, and as what."""
    format: Format | None = None
    """How the files are written; the file name says it where this does not."""
    encoding: str = "utf-8"
    """The encoding of text files."""
    header: bool = True
    """Whether csv and tsv files name their columns in the first line; without, they are `0`, `1`, ..."""
    quote: Literal["double", "none"] | None = None
    """Quoting in csv and tsv; `double` unless the format is tsv."""
    on_bad_row: Literal["stop", "quarantine"] = "stop"
    """An unreadable row stops the build, or goes into the ledger with the reason."""
    translate: Translate | None = field("label", None)
    """A translation of its prompts before anything else is done with them; the rows keep their ids."""
    batch_rows: int = tuning(16384, ge=1, le=1_000_000)
    """Rows read at a time."""

    @model_validator(mode="after")
    def one_place(self) -> Source:
        if bool(self.file) == (self.hf is not None):
            raise ValueError("`file` or `hf` says where the rows are, one of them")
        return self

    @property
    def pattern(self) -> str:
        """Where its files are, in one line: a path, a glob or an address, of one file with what is told of its bytes."""
        told = self.file if self.sha256 is None else f"{self.file}#sha256={self.sha256}"
        return told if self.hf is None else self.hf.address

    @property
    def remote(self) -> bool:
        """Whether its files lie on another machine."""
        return is_address(self.pattern)

    @model_validator(mode="after")
    def known_encoding(self) -> Source:
        import codecs

        try:
            codecs.lookup(self.encoding)
        except LookupError:
            raise ValueError(f"there is no encoding `{self.encoding}`") from None
        return self

    def format_of(self, path: str) -> Format | None:
        """The declared format, or the one that the file's name says."""
        if self.format is not None:
            return self.format
        path = file_name(path)
        for ending in COMPRESSIONS:
            path = path.removesuffix(ending)
        found = path.rpartition(".")[2]
        return next((known for known in FORMATS if known == found), None)

    def written(self, name: str) -> tuple[str, str]:
        """(format, compression) of a file of this name: its bytes alone do not say how they are read."""
        last = file_name(name)
        return self.format_of(name) or "", next((ending for ending in COMPRESSIONS if last.endswith(ending)), "")

    def made(self) -> Columns:
        """The columns of the table, in order."""
        types: dict[str, ColumnType] = {}
        for name, cell in self.columns.cells().items():
            types[name] = "text" if cell.as_ == "json" else cell.as_
        if self.columns.options is not None:
            types["options"] = "list of text"
        if self.columns.gold is not None:
            types["gold"] = "integer"
        return types | LABELS

    def obligations(self, label: str) -> Iterator[Obligation]:
        if self.license == "unknown":
            message = f"the terms of `{label}` are not stated: its rows are for local use, and no export has them"
            yield Obligation("licence", message, ("license",))
        elif self.license == "B":
            message = f"`{label}` may be trained on and not redistributed: an export leaves its rows out"
            yield Obligation("licence", message, ("license",))

    def complain(self, scope: Scope) -> Iterator[Complaint]:
        if self.sha256 is not None and (not self.remote or self.hf is not None):
            hint = "a file here is pinned by the lock, and those of the hub by their commit"
            yield Complaint(("sha256",), "`sha256` is of one file at an address", hint)
        if self.hf is not None:
            return
        if self.remote and (wrong := next(complain_address(self.file), None)):
            yield wrong
            return
        bare = file_name(self.file).lower()
        for ending in COMPRESSIONS:
            bare = bare.removesuffix(ending)
        unread = next((ending for ending in UNREAD if bare.endswith(ending)), None)
        if unread is not None:
            yield Complaint(("file",), f"files of the kind `{unread}` are not read", UNREAD[unread])
        elif self.format_of(self.file) is None:
            yield Complaint(
                ("file",),
                f"the name `{self.file}` does not say how it is written",
                "add `format:` with one of " + ", ".join(FORMATS),
            )
        if self.license == "C":
            return  # the compiler draws the path from here to what would be built of it

    def complain_fields(self, known: frozenset[str]) -> Iterator[Complaint]:
        """Columns that the files do not have."""
        for column, path in self.columns.needed().items():
            if column in known:
                continue
            twin = other_form(column, known)
            hint = near_columns(column, known) if twin is None else twin
            if column.isdigit() and self.header and self.format_of(self.file) in ("csv", "tsv"):
                hint = "the first line is read as names; say `header: false` where it is a row"
            yield Complaint(("columns", *path), f"the files have no column `{column}`", hint)
