"""A recipe in Python: built, its tables read as Arrow, pandas, Polars or a dataset, its rows' lives and its edits told.

    from runtime.notebook import open_recipe

    recipe = open_recipe("recipe.yaml")
    recipe.build()
    recipe.table("prompts").pandas()
    recipe.why("3f2a")

Whatever a command would say in place of an answer is raised: RecipeError with all that is wrong in the recipe, StoreError for a
run that failed, each with the sentences that the command prints.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from compiler.graph.forgotten import prefix_of
from compiler.graph.plan import make_plan
from runtime.build.run import Outcome, Wishes, refuse_empty, run_build
from runtime.build.session import Session

if TYPE_CHECKING:
    import datasets
    import pandas
    import polars
    import pyarrow as pa

    from runtime.export.built_output import BuiltOutput


def open_recipe(
    recipe: str | Path,
    settings: Mapping[str, Any] | None = None,
    *,
    allow: Sequence[str | Path] = (),
    store: str | Path | None = None,
    memory: int | None = None,
) -> OpenRecipe:
    """A recipe by its path. Raises RecipeError for one that is wrong.

    `settings` changes values as `--set` does, `{"prompts.length.min": 20}`; `allow` names folders outside the project that it
    may read, `store` the store, and `memory` the bytes that a build may take.
    """
    folder = None if store is None else str(store)
    session = Session(str(recipe), settings_of(settings), tuple(map(str, allow)), folder, memory=memory)
    opened = OpenRecipe(session)
    opened.check()
    return opened


def settings_of(settings: Mapping[str, Any] | None) -> tuple[str, ...]:
    """Settings as the command line has them."""
    import json

    return tuple(f"{name}={json.dumps(value, ensure_ascii=False)}" for name, value in (settings or {}).items())


@dataclass(frozen=True)
class OpenRecipe:
    """A recipe that is right. Each call reads it and its files anew, so that an edit in a file is seen."""

    _session: Session = field(repr=False)

    def check(self) -> None:
        """Raises RecipeError with every mistake, each at its line."""
        _ = replace(self._session).graph

    def plan(self) -> list[dict[str, Any]]:
        """What a build would run or reuse, a row for each stage: `stage`, `state`, `cause`."""
        session = replace(self._session)
        store = session.open_store()
        stages = make_plan(session.addresses(store), store.last_build(session.read.recipe.name).snapshots)
        return [{"stage": each.stage.name, "state": each.state, "cause": each.cause} for each in stages]

    def build(self, *targets: str, sample: int | None = None, locked: bool = False, quiet: bool = False) -> Outcome:
        """Build the named outputs, or some targets, or a preview of so many items of each source.

        The funnel, the outputs with their digests, and what a person should know are in what it returns.
        """
        session = replace(self._session, targets=targets, items=sample)
        outcome = run_build(session, Wishes(accepted=frozenset() if locked else None, quiet=quiet))
        refuse_empty(session, outcome)
        return outcome

    @property
    def tables(self) -> tuple[str, ...]:
        """The tables that it declares, in order."""
        return tuple(replace(self._session).read.recipe.tables)

    def table(self, name: str | None = None) -> BuiltTable:
        """A table that is built and up to date, the dataset unless named; raises StoreError for one that is not."""
        table = BuiltTable(self._session, name)
        _ = table.columns
        return table

    def why(
        self, row: str | None = None, *, match: str | None = None, limit: int = 5, show_restricted: bool = False
    ) -> list[dict[str, Any]]:
        """The whole lives of the rows whose id begins with `row`, or whose text holds `match`; events are in order.

        Text of rows that may not be redistributed is None unless it is asked for.
        """
        from runtime.life.lives import find_lives, plain_lives

        if (row is None) == (match is None):
            raise ValueError("give the beginning of a row id, or `match`")
        prefix = None if row is None else prefix_of(row)
        if row is not None and prefix is None:
            raise ValueError(f"`{row}` is no row id; row ids are hexadecimal digits")
        lives, _, _ = find_lives(replace(self._session), prefix, match, limit, show_restricted)
        return plain_lives(lives, show_restricted)

    def diff(self, other: Mapping[str, Any] | str | Path | None = None, *, revision: str = "HEAD") -> Difference:
        """What an edit would do, before it is built: settings, another recipe, or what changed since a revision of git."""
        from runtime.review.asked import between_revisions, compare_sessions
        from runtime.review.plain import as_data
        from runtime.review.terminal import as_text

        session = replace(self._session)
        options = {"allow": session.allow, "store_folder": session.store_folder}
        with ExitStack() as stack:
            if other is None:
                found = list(between_revisions(stack, [revision], [session.named], options))
            elif isinstance(other, Mapping):
                edited = replace(session, settings=(*session.settings, *settings_of(other)))
                found = [compare_sessions(session.named, session, edited)]
            else:
                found = [compare_sessions(f"{session.named} -> {other}", session, replace(session, named=str(other)))]
            text = "\n".join(as_text(each, False, lambda line: line) for each in found)
            return Difference(text, [as_data(each, False) for each in found])


@dataclass(frozen=True)
class Difference:
    """What an edit does: which stages it rebuilds, which rows it moves."""

    text: str
    """As `recipe diff` prints it."""
    data: list[dict[str, Any]] = field(repr=False)
    """As `recipe diff --json` gives it."""

    def __str__(self) -> str:
        return self.text

    __repr__ = __str__


@dataclass(frozen=True)
class BuiltTable:
    """A table of a recipe as it is built: rows of every licence class, in the order of their ids, ids as hexadecimal text."""

    _session: Session = field(repr=False)
    name: str | None

    def _read(self, stack: ExitStack) -> BuiltOutput:
        from runtime.export.built_output import open_output

        # A lock pins what is committed, and a notebook looks at what was just built.
        return stack.enter_context(open_output(replace(self._session), self.name, as_locked=False))

    @property
    def rows(self) -> int:
        with ExitStack() as stack:
            return self._read(stack).record.rows

    @property
    def columns(self) -> tuple[str, ...]:
        with ExitStack() as stack:
            return tuple(self._read(stack).record.columns)

    def batches(self, rows: int = 8192) -> Iterator[pa.RecordBatch]:
        """Its rows in batches of at most so many: a table of any size is read within some memory."""
        import pyarrow as pa

        from runtime.export.dataset import stored_batches, with_hex_ids

        with ExitStack() as stack:
            for batch in stored_batches(self._read(stack), rows):
                yield from with_hex_ids(pa.Table.from_batches([batch])).to_batches()

    def arrow(self) -> pa.Table:
        """All of it in memory. Text is `large_string`, labels are dictionaries, conversations are canonical JSON."""
        import pyarrow as pa

        return pa.Table.from_batches(self.batches())

    def pandas(self) -> pandas.DataFrame:
        """The same as a data frame of pandas."""
        return self.arrow().to_pandas()

    def polars(self) -> polars.DataFrame:
        """The same as a data frame of Polars."""
        import polars

        return polars.DataFrame(self.arrow())

    def dataset(self) -> datasets.Dataset:
        """The same as a `Dataset` of Hugging Face's `datasets`; conversations are lists of messages, as TRL reads them."""
        import datasets

        from runtime.export.dataset import with_objects

        table = self.arrow()
        with ExitStack() as stack:
            columns = self._read(stack).record.columns
        talks = [name for name, column in columns.items() if column["type"] in ("messages", "tools")]
        return datasets.Dataset(with_objects(table, talks) if talks else table)

    def __repr__(self) -> str:
        return f"{self.name or 'dataset'}: {self.rows:,} rows of {', '.join(self.columns)}"
