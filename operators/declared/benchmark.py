"""A benchmark: items with answers, how a model is asked them, and how its answers are read and compared."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from operators.asks.generate import Said
from operators.base.declare import Declared, field
from operators.declared.address import Hub
from operators.declared.by_row import Stated
from operators.declared.mapping import Mapping
from operators.declared.records import Records
from operators.declared.source import Format, Source
from operators.maps.extract import Extract, Marks, Rule

Task = Literal["math", "choice", "exact"]


class Items(Declared):
    """The files of a benchmark and the columns that are read, as for a source."""

    file: str | None = None
    """The files, relative to the file that says so; a benchmark that cannot ship has none until you say where yours lie."""
    hf: Hub | None = None
    """A dataset of the hub, in place of `file`."""
    format: Format | None = None
    """How the files are written; the file name says it where this does not."""
    encoding: str = "utf-8"
    """The encoding of text files."""
    header: bool = True
    """Whether csv, tsv and xlsx files name their columns in the first line; without, they are `0`, `1`, ..."""
    members: str | None = None
    """The files in an archive that are read, as of a source."""
    sheet: str | None = None
    """The sheet of a workbook, as of a source."""
    records: Records = None
    """The way to the items of nested files, as of a source."""
    on_bad_row: Literal["stop", "quarantine"] = "stop"
    """An item that cannot be read stops the build, or goes into the ledger with the reason, and nobody is judged by it."""
    columns: Mapping | None = None
    """`prompt`, and `gold_answer` for maths and exact answers, or `options` with `gold` for choices."""


class Taken(Declared):
    """How the answer is taken out, where the rule alone does not say it."""

    rule: Rule
    """How the answer is marked."""
    mark: Marks | None = None
    """The word before the colon, or several, for `last_answer_tag` and `choice_label`; those of the language unless said."""


class Benchmark(Declared):
    """Items that models are judged by; declared once in `benchmarks/NAME.yaml`, beside the recipe or in the package.

    A recipe may say it otherwise, or declare one of its own, under `benchmarks`. Its rows are read like those of a
    source; nothing of a held-out benchmark may reach what selects.
    """

    title: str | None = None
    """What it is, in a sentence."""
    origin: str | None = None
    """Where it is published, and where its columns are described."""
    items: Items = Items.model_construct()
    """Its files and columns."""
    obtain: str | None = None
    """How to come by the files, where they do not ship."""
    offered: Hub | None = field("label", None)
    """Where the hub has its files with the columns that `items` say: a recipe that is to use them says so under `items: hf:`."""
    digest: str | None = Field(None, pattern=r"^[0-9a-f]{64}$")
    """The digest of its files' bytes; other bytes are an error."""
    task: Task
    """`math`: equal as mathematics. `choice`: the same option. `exact`: the same text."""
    extract: Rule | Taken
    """How the answer is taken out of what a model writes after its thinking: a rule, or `{rule:, mark:}`; there is no default."""
    ask: str | Said | None = None
    """What follows the item on a line of its own: the name of one of the profile's `prompts`, `{text: ...}`, or `none`."""
    system: str | Said | None = None
    """The system prompt, said in the same ways."""
    labels: Literal["letters", "numbers", "circled", "syllables"] | None = None
    """How its options are labelled, where that is known; answers in any convention are read."""
    language: str
    """The code of its language, whose profile has its prompts, labels and numerals."""
    license: Stated
    """The class of its rows, as that of a source."""
    parallel_to: tuple[str, ...] = field("label", ())
    """Sets that it is a translation of, or has the items of."""

    def taken(self) -> Extract:
        """The step that takes the answer out."""
        taken = Taken(rule=self.extract) if isinstance(self.extract, str) else self.extract
        return Extract(rule=taken.rule, mark=taken.mark, language=self.language)

    def source(self) -> Source | None:
        """Its rows as those of a source, or None where it has no files or columns."""
        items = {name: value for name, value in self.items if value is not None}
        if "columns" not in items or not ("file" in items or "hf" in items):
            return None
        if "file" in items:
            items.pop("hf", None)  # who has the files says where, over what the benchmark's own file says
        return Source(category="benchmark", license=self.license, **items)

    def lacks(self) -> list[str]:
        """What its columns have to have besides, for its task."""
        if self.items.columns is None:
            return []
        needed = ("prompt", "gold") if self.task == "choice" else ("prompt", "gold_answer")
        return [name for name in needed if name not in self.known_columns()]

    def known_columns(self) -> set[str]:
        """The columns that its items have."""
        columns = self.items.columns
        if columns is None:
            return set()
        return {*columns.cells(), *(["options"] if columns.options is not None else []), *(["gold"] if columns.gold else [])}
