"""The source: files of rows, mapped to the project's columns, with a category and a licence class."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from operators.asks.translate import Translate
from operators.base.declare import LABELS, Operator, field, tuning
from operators.base.licence import Licence, join
from operators.base.obligation import Obligation
from operators.base.scope import Columns, ColumnType, Complaint, Scope, near_columns, other_form
from operators.declared.address import Hub, complain_address, file_name, is_address
from operators.declared.by_row import CategoryByRow, LicenceByRow, Stated, classes_of, closest, unread
from operators.declared.crawl import Crawl
from operators.declared.mapping import Mapping as Mapped
from operators.declared.pages import READERS, Pages
from operators.declared.records import Records, around_of, depth_of, way_of, written_around

Format = Literal["jsonl", "json", "csv", "tsv", "parquet", "txt", "xlsx", "warc"]
FORMATS: tuple[Format, ...] = ("jsonl", "json", "csv", "tsv", "parquet", "txt", "xlsx", "warc")
NESTED = ("jsonl", "json", "parquet")
"""Those whose rows may have more rows in them."""
COMPRESSIONS = (".gz", ".zst")
ARCHIVES = {".zip": "zip", ".tar": "tar", ".tar.gz": "tar.gz", ".tgz": "tar.gz"}
"""Endings of names of archives that are read, with how they are written."""
ARCHIVE = "let the name of an archive end in " + ", ".join(ARCHIVES) + ", or unpack it"
FETCH = "fetch the archive to here and name its path, so that the lock has its members"
WORKBOOK = "save a workbook as xlsx, or each sheet as csv"
UNREAD = {
    **dict.fromkeys((".tbz2", ".txz", ".tar.bz2", ".tar.xz", ".tar.zst", ".7z", ".rar"), ARCHIVE),
    **dict.fromkeys((".xls", ".xlsm", ".xlsb", ".ods"), WORKBOOK),
    **dict.fromkeys((".bz2", ".xz", ".lz4", ".br"), "unpack it, or pack it with gzip or zstd"),
    **dict.fromkeys((".arrow", ".feather", ".ipc", ".orc", ".avro"), "write it as Parquet"),
    **dict.fromkeys((".db", ".sqlite", ".sqlite3"), "export the table as csv"),
    **dict.fromkeys((".yaml", ".yml", ".xml", ".toml"), "write it as json or jsonl"),
}
"""Endings of names whose files are not read, each with what to do."""


def packed_as(name: str) -> str | None:
    """How a file of this name is an archive; None where it is none."""
    return next((kind for ending, kind in ARCHIVES.items() if name.lower().endswith(ending)), None)


class Source(Operator):
    """Read files into a table whose rows know where they came from and what they may be used for.

    Rows get their ids here: `item_id` from prompt and options, or from the turns before the first answer and the tools;
    `row_id` from the source's name, all mapped columns and a copy number. The class decides what may be done with the
    rows (paper section 5.1).
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
    category: Annotated[str, Field(min_length=1)] | CategoryByRow
    """The kind of prompt; every row of the source inherits it (paper figure 3). Or `{column:, map:}`, where rows say it."""
    license: Stated | LicenceByRow
    """A: may be redistributed. B: trained on, not redistributed. unknown: local use. C: must not be used.
    Or the name of a licence that is known here, such as CC-BY-4.0, which is of one of these classes; or `{column:, map:}`,
    where each row says its own."""
    members: str | None = field("label", None)
    """The files in an archive that are read, by a glob such as `data/**/*.jsonl`; all of them unless said."""
    sheet: str | None = None
    """The sheet of a workbook, where it has several."""
    records: Records = None
    """The way to the rows of nested files, as `data[].paragraphs[].qas[]` for each element, or `{id}` for each entry of an
    object, whose key is the field `id` then. Fields of the objects around a row are `..context`, `.....title`; `.` is a
    row that is no object."""
    crawl: Crawl | None = field("label", None)
    """How `recipe crawl` gets those pages."""
    pages: Pages | None = None
    """Which elements of the pages of a crawl (warc) are rows, and which in them are fields."""
    columns: Mapped = Field(default_factory=lambda: Mapped(prompt="prompt"))
    """Which columns of the files are read, and as what."""
    format: Format | None = None
    """How the files are written; the file name says it where this does not."""
    encoding: str = "utf-8"
    """The encoding of text files."""
    header: bool = True
    """Whether csv, tsv and xlsx files name their columns in the first line; without, they are `0`, `1`, ..."""
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

    def written_class(self) -> Licence:
        """The most closed class of what a build keeps of its files, the text of rows that cannot be read included."""
        bad = [unread(self.license)] if self.on_bad_row == "quarantine" else []
        return join([closest(self.license), *bad])

    def made(self) -> Columns:
        """The columns of the table, in order."""
        types: dict[str, ColumnType] = {}
        for name, cell in self.columns.cells().items():
            types[name] = "text" if cell.as_ == "json" else cell.as_
        if self.columns.options is not None:
            types["options"] = "list of text"
        if self.columns.gold is not None:
            types["gold"] = "integer"
        for part in (self.columns.messages, self.columns.tools):
            types |= {} if part is None else {part.kind: part.kind}
        return types | LABELS

    def depends(self) -> tuple[str, ...]:
        return () if self.pages is None else READERS

    def obligations(self, label: str) -> Iterator[Obligation]:
        return self.owed(label, None)

    def owed(self, label: str, rows: Mapping[str, int] | None) -> Iterator[Obligation]:
        by_row = isinstance(self.license, LicenceByRow)
        for each in classes_of(self.license):
            some, theirs = (f"rows of `{label}`", "them") if by_row else (f"`{label}`", "its rows")
            if by_row and rows is not None:
                if not rows.get(each):
                    continue
                some = f"{rows[each]:,} row{'s' * (rows[each] != 1)} of `{label}`"
            if each == "unknown":
                are = "they are" if by_row else "its rows are"
                message = f"the terms of {some} are not stated: {are} for local use, and no export has them"
                yield Obligation("licence", message, ("license",))
            elif each != "A":
                message = f"{some} may be trained on and not redistributed: an export leaves {theirs} out"
                yield Obligation("licence", message, ("license",))

    def complain(self, scope: Scope) -> Iterator[Complaint]:
        yield from self.complain_around()
        if self.sha256 is not None and (not self.remote or self.hf is not None):
            hint = "a file here is pinned by the lock, and those of the hub by their commit"
            yield Complaint(("sha256",), "`sha256` is of one file at an address", hint)
        if self.hf is None and self.remote and (wrong := next(complain_address(self.file), None)):
            yield wrong
            return
        yield from self.complain_pages()
        said, named = (("file",), self.file) if self.hf is None else (("hf", "files"), self.hf.files or "")
        if self.remote and packed_as(file_name(named)) is not None:
            yield Complaint(said, "an archive at an address is not read", FETCH)
            return
        bare = file_name(named).lower()
        for ending in COMPRESSIONS if not bare.endswith(tuple(UNREAD)) else ():
            bare = bare.removesuffix(ending)
        unread = next((ending for ending in UNREAD if bare.endswith(ending) and packed_as(named) is None), None)
        if unread is not None:
            yield Complaint(said, f"files of the kind `{unread}` are not read", UNREAD[unread])
        elif self.hf is None and packed_as(self.file) is None and self.format_of(self.file) is None:
            yield Complaint(
                ("file",),
                f"the name `{self.file}` does not say how it is written",
                "add `format:` with one of " + ", ".join(FORMATS),
            )
        if self.members is not None and packed_as(named) is None:
            message = f"`{self.pattern}` is no archive by its name, so that it has no members"
            yield Complaint(("members",), message, FETCH if self.remote else ARCHIVE)
        format = self.format_of(self.members or named)
        if self.records is not None and format is not None and format not in NESTED:
            yield Complaint(("records",), f"rows of {format} have no rows in them", "records lie in " + ", ".join(NESTED))
        if self.sheet is not None and format is not None and format != "xlsx":
            yield Complaint(("sheet",), f"a file of {format} has no sheets", "only workbooks (xlsx) have some")
        if self.license == "C":
            return  # the compiler draws the path from here to what would be built of it

    def labels(self) -> dict[str, LicenceByRow | CategoryByRow]:
        """The labels that rows say themselves: label -> how."""
        said = {"category": self.category, "license": self.license}
        return {name: each for name, each in said.items() if isinstance(each, (LicenceByRow, CategoryByRow))}

    def reads(self) -> dict[str, tuple[str | int, ...]]:
        """Each column of the files that is read, with the path of the field that says so."""
        paths: dict[str, tuple[str | int, ...]] = {name: ("columns", *path) for name, path in self.columns.reads().items()}
        for label, each in self.labels().items():
            paths.setdefault(each.column, (label, "column"))
        return paths

    def needed(self) -> dict[str, tuple[str | int, ...]]:
        """The columns that every file has: those that are read, but for those that may be missing."""
        spared = {cell.field for cell in self.columns.cells().values() if cell.missing is None}
        tools = self.columns.tools
        spared |= {tools.field} if tools is not None and tools.missing is None else set()
        spared -= {each.column for each in self.labels().values()}
        return {column: path for column, path in self.reads().items() if column not in spared}

    def lacking(self, names: Collection[str]) -> list[str]:
        """The needed columns that a file with columns of these names lacks; of listed options it may have the first two alone."""
        lacks = [column for column in self.needed() if column not in names]
        listed = self.columns.option_columns()
        while len(listed) > 2 and listed[-1] in lacks:
            lacks.remove(listed[-1])
            listed = listed[:-1]
        return lacks

    def complain_around(self) -> Iterator[Complaint]:
        """Columns that are no fields around a row, and begin as these do."""
        depth = depth_of(way_of(self.records)) if self.records is not None else 0
        for column, path in self.reads().items():
            around = around_of(column)
            if around is None and not column.startswith(".."):
                continue
            if self.records is None:
                message = f"there is nothing around a row that `{column}` could be of"
                yield Complaint(path, message, "say `records:`, the way to the rows")
            elif around is None:
                names = " or ".join(f"`{written_around(up, column.lstrip('.'))}`" for up in range(1, depth + 1))
                yield Complaint(path, f"`{column}` is no field around a row", f"say {names}, by how far out it is")
            elif around[0] > depth:
                message = f"`{column}` is {around[0]} objects out, and around a row {'is 1' if depth == 1 else f'are {depth}'}"
                yield Complaint(path, message, f"`{written_around(max(depth, 1), around[1])}` is the farthest")

    def complain_pages(self) -> Iterator[Complaint]:
        """What is wrong with how pages are read, and columns that are no fields of theirs."""
        crawled = "warc" in (self.format_of(self.members or self.file), self.format)
        if self.pages is None:
            if crawled:
                hint = "say `pages: {fields: {NAME: SELECTOR}}`, and under `columns` what each field is"
                yield Complaint(("file",), "a crawl is pages, and nothing says what of them are rows", hint)
            return
        if self.hf is None and not crawled and self.format_of(self.members or self.file) is not None:
            yield Complaint(("pages",), "only a crawl has pages", "its files end in .warc or .warc.gz, or say `format: warc`")
        yield from self.pages.complain()
        for column, path in self.reads().items():
            if column not in self.pages.names():
                yield Complaint(path, f"the pages have no field `{column}`", near_columns(column, frozenset(self.pages.names())))

    def complain_fields(self, known: frozenset[str]) -> Iterator[Complaint]:
        """Columns that the files do not have."""
        if self.pages is not None:
            return  # its columns are those that it says itself
        for column, path in self.needed().items():
            if column in known or any(each.path == path for each in self.complain_around()):
                continue
            twin = other_form(column, known)
            hint = near_columns(column, known) if twin is None else twin
            if outer := [each for each in sorted(known) if (around := around_of(each)) and around[1] == column.lstrip(".")]:
                hint = f"it is a field around the row: say `{outer[0]}`"
            if column.isdigit() and self.header and self.format_of(self.file) in ("csv", "tsv"):
                hint = "the first line is read as names; say `header: false` where it is a row"
            yield Complaint(path, f"the files have no column `{column}`", hint)
