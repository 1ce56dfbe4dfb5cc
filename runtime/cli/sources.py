"""`recipe sources`: one mapped row of each source of a recipe, or a mapping proposed for a file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from compiler.recipe.benchmarks import FEED
from operators.base.declare import LABELS
from operators.base.licence import RESTRICTED, withheld
from operators.declared.address import is_address
from operators.declared.by_row import unread
from operators.declared.source import FORMATS, packed_as
from runtime.build.session import Session
from runtime.cli.options import answer, recipe_command, restricted_option, say, say_json, say_text, shows_restricted

if TYPE_CHECKING:
    from runtime.sources.propose import Proposal

#: Characters of a cell that are shown.
SHOWN = 300
#: Files that name their columns in the first line, if at all; a longer name is a text of the first row.
HEADED = (".csv", ".tsv", ".csv.gz", ".tsv.gz", ".csv.zst", ".tsv.zst")
LONGEST = 60


@recipe_command("sources", fetches=True)
@restricted_option
def sources_command(session: Session, show_restricted: bool, as_json: bool) -> None:
    """One mapped row of each source of RECIPE; or, for a file of rows or its address in its place, a mapping that is proposed."""
    if is_address(session.named):
        propose_from(session.named, frozenset(session.opened), as_json)
        return
    path = Path(session.named)
    if path.suffix.lower() not in (".yaml", ".yml") and path.is_file():
        propose_for(path, as_json)
        return
    session.bounded = True
    _ = session.graph  # whatever is wrong is told first
    open_text = shows_restricted(show_restricted, as_json)
    found = [first_row(session, name, open_text) for name in session.read.recipe.sources if not name.startswith(FEED)]
    answer(as_json, found, (line for each in found for line in lines_of(each)))


def first_row(session: Session, name: str, open_text: bool) -> dict[str, Any]:
    """The first row of a source as it is mapped, without its text where that is restricted."""
    from runtime.sources.ingest import without_cells
    from runtime.sources.labelling import Labelling
    from runtime.sources.readers.files import Unreadable
    from runtime.sources.readers.read import read_batches

    source, files = session.read.recipe.sources[name].operator, session.found.files[name]
    said: dict[str, Any] = {"source": name, "file": source.pattern, "files": len(files), "row": None, "reason": None}
    constants = {"category": source.category, "license": source.license}
    try:
        for batch in (batch for path in files for batch in read_batches(source, path)):
            if batch.bad and said["reason"] is None:
                license = unread(source.license)
                reason = batch.bad[0].reason if open_text or license not in RESTRICTED else without_cells(batch.bad[0].reason)
                said["reason"] = f"line {batch.bad[0].line} cannot be read: {reason}"
            if batch.table.num_rows:
                row = Labelling(source).label(batch.table.slice(0, 1)).to_pylist()[0]
                row |= {label: each for label, each in constants.items() if label not in source.labels()}
                hidden = row["license"] not in ("A",) and not open_text
                text = {
                    column: withheld(row["license"]) if hidden else cell for column, cell in row.items() if column not in LABELS
                }
                return said | {"row": text | {label: row[label] for label in ("category", "license")}}
    except Unreadable as error:
        said["reason"] = str(error)
    return said


def lines_of(said: dict[str, Any]) -> Iterator[str]:
    """A source's row for a person."""
    count = said["files"]
    more = "" if count == 1 else f" ({count:,} files)" if count else ", of which no file is here"
    yield f"{said['source']}: {said['file']}{more}"
    if said["reason"] is not None:
        yield f"  {said['reason']}"
    if said["row"] is None:
        yield from ["  it has no row"] * bool(count and said["reason"] is None)
        return
    width = max(map(len, said["row"]))
    for column, cell in said["row"].items():
        text = " | ".join(map(str, cell)) if isinstance(cell, list) else "(null)" if cell is None else str(cell)
        yield f"  {column:<{width}}  {text if len(text) <= SHOWN else text[: SHOWN - 1] + '…'}"


def member_of(path: Path) -> tuple[Path, dict[str, str]]:
    """(the first file of rows in an archive, what a source says of its members where there are others). Raises Unreadable."""
    from pathlib import PurePosixPath

    from runtime.sources.archives import unpack
    from runtime.sources.readers.files import Unreadable

    found = unpack(path, None).members
    known = {name: where for name, where in found if PurePosixPath(name).suffix.removeprefix(".") in FORMATS}
    if not known:
        raise Unreadable(path, "none of its members is called as a file of rows is")
    first = min(known, key=lambda name: name.endswith(".txt"))  # beside other files a text tells of them
    ending = PurePosixPath(first).suffix
    alike = all(PurePosixPath(name).suffix == ending for name, _ in found)
    return known[first], {} if alike else {"members": f"**/*{ending}"}


def propose_for(path: Path, as_json: bool) -> None:
    """Print a source to be pasted, with why it looks so."""
    with proposing(str(path)):
        sample, said = member_of(path) if packed_as(path.name) is not None else (path, {})
        more, made = proposed(sample)
    say_proposal({"file": path.as_posix(), **said, **more}, made, as_json)


def propose_from(address: str, opened: frozenset[str], as_json: bool) -> None:
    """The same for a file that lies elsewhere, of which no more is fetched than is looked at."""
    from runtime.sources.remote.glimpse import glimpsed, source_at

    source = source_at(address)
    with proposing(address), glimpsed(source, opened) as (path, file):
        said, made = proposed(path, file)
    where = {"file": source.file} if source.hf is None else {"hf": source.hf.model_dump(exclude_defaults=True)}
    say_proposal({**where, **said}, made, as_json)


def proposed(sample: Path, file: IO[bytes] | None = None) -> tuple[dict[str, Any], Proposal]:
    """(how a file is to be read, where that is not told by its name; the mapping of its columns). Raises Unreadable, Bad."""
    from runtime.sources.propose import propose
    from runtime.sources.readers.read import sample_objects
    from runtime.sources.readers.workbook import ManySheets

    said, reasons = dict[str, Any](), list[str]()
    try:
        objects = sample_objects(sample, said, file)
    except ManySheets as error:
        said["sheet"] = error.sheets[0]
        reasons.append("sheet: the first of " + ", ".join(f"`{name}`" for name in error.sheets))
        objects = sample_objects(sample, said)
    if sample.name.lower().endswith(HEADED) and objects and any(len(name) > LONGEST for name in objects[0]):
        said["header"] = False
        reasons.append("header: what would be a name of a column is a text")
        objects = sample_objects(sample, said)
    made = propose(objects)
    made.reasons = [*reasons, *made.reasons]
    return said, made


@contextmanager
def proposing(named: str) -> Iterator[None]:
    """Says of a file that cannot be read why no mapping can be proposed."""
    from compiler.text.diagnostics import Diagnostic, RecipeError
    from runtime.sources.readers.files import Unreadable
    from runtime.sources.readers.rows import Bad

    try:
        yield
    except (Unreadable, Bad) as error:
        reason = f"no mapping can be proposed: {named}: {error.message if isinstance(error, Unreadable) else error}"
        raise RecipeError(Diagnostic(reason, None, "see `recipe operators source`")) from None


def say_proposal(where: Mapping[str, Any], made: Proposal, as_json: bool) -> None:
    """Print a proposal."""
    from compiler.text.yaml_text import node_of, render_yaml

    source = {
        **where,
        "category": "CATEGORY",
        "license": "A, B, unknown or C",
        **({"records": made.records} if made.records else {}),
        "columns": made.columns,
    }
    if as_json:
        say_json({"source": source, "reasons": made.reasons, "known": made.known})
        return
    text = render_yaml(node_of({"sources": {"NAME": source}})).rstrip("\n")
    for reason in made.reasons:
        say(f"# {reason}")
    say_text(text)
    say("# in reach: " + ", ".join(made.known))
