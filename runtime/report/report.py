"""A report as values: all that its forms tell, with no text of a row but the samples that may be shown."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from runtime.stages.scores import Score


@dataclass(frozen=True)
class Kind:
    """The rows of one source and category, from where they were read to the dataset."""

    source: str
    category: str
    read: int
    kept: int


@dataclass(frozen=True)
class Moved:
    """What another bound would do to the rows that came to a decision."""

    bound: str
    """`min` or `max`."""
    at: float
    near: int
    """Rows whose value is within a tenth of the bound."""
    looser: float
    enter: int
    tighter: float
    leave: int | None
    """None where the decision looks at some rows only, so that it is not known of which."""


@dataclass(frozen=True)
class NearRow:
    """A row near a bound; its text is None where it may not be shown."""

    row_id: str
    kept: bool
    license: str
    measured: str
    text: str | None
    language: str | None
    """The code of the language whose scripts it is written in."""


@dataclass(frozen=True)
class Measured:
    """A decision: what it measured, what it drops, and the rows near its bounds."""

    stage: str
    step: str
    wanted: str
    came: int
    dropped: int
    edges: tuple[float, ...]
    """The edges of the bins; one more than there are counts."""
    kept_in: tuple[int, ...]
    dropped_in: tuple[int, ...]
    beyond: int
    """Rows above the last edge, which stand in the last bin."""
    moved: tuple[Moved, ...]
    near: tuple[NearRow, ...]


@dataclass(frozen=True)
class Mixed:
    """One group of a mixture."""

    stage: str
    group: str
    wanted: int
    got: int
    unit: str


@dataclass(frozen=True)
class Scripts:
    """The letters of one text column and category, by the scripts that they are in."""

    column: str
    category: str
    rows: int
    letters: int
    target: int
    anchor: int
    other: int


@dataclass(frozen=True)
class Asked:
    """What one step asked a model, as it was recorded when it was made."""

    stage: str
    model: str
    needed: int
    known: int
    """Completions that were in the store before."""
    new: int
    refused: int
    failed: tuple[tuple[str, int], ...]
    """Why requests have no completion, and how many."""
    prompt_tokens: int | None
    completion_tokens: int | None
    """Of all its completions; None where the server tells none or the step keeps none."""
    seconds: float


@dataclass(frozen=True)
class Learnt:
    """A training: how its loss fell."""

    name: str
    digest: str
    rows: int
    steps: int
    tokens: int
    seconds: float
    per_point: int
    """Steps that a point is the mean of."""
    loss: tuple[tuple[int, float], ...]
    """(last step, mean loss) of each point."""


@dataclass(frozen=True)
class Locked:
    """By what the dataset is recognised, and how it is made again."""

    lock: str | None
    """The digest of the lock's bytes; None where there is none."""
    pinned: str
    commands: tuple[str, ...]
    operators: tuple[tuple[str, int], ...]
    sources: tuple[tuple[str, str, int], ...]
    """(source, digest of its files' bytes, rows)."""


@dataclass(frozen=True)
class Report:
    """All that is told of one built dataset, its trainings and its scores."""

    recipe: str
    description: str
    output: str
    digest: str
    rows: int
    columns: tuple[tuple[str, str], ...]
    languages: tuple[tuple[str, str], ...]
    """(role, code)."""
    kinds: tuple[Kind, ...]
    funnel: tuple[dict[str, Any], ...]
    """For each table: `table`, `rows` by source, `steps` with what each drops or bears by source, `left` by source."""
    quarantined: tuple[tuple[str, int], ...]
    """Source -> rows that could not be read."""
    measured: tuple[Measured, ...]
    mixed: tuple[Mixed, ...]
    scripts: tuple[Scripts, ...]
    licences: tuple[tuple[str, int], ...]
    """Licence class -> rows of the dataset."""
    owed: tuple[tuple[str, str], ...]
    """(kind, what is owed)."""
    writers: tuple[tuple[str, str, str], ...]
    """(model, its terms, their class) of the models whose text the rows hold."""
    seconds: tuple[tuple[str, float], ...]
    """Stage -> what making it took."""
    asked: tuple[Asked, ...]
    learnt: tuple[Learnt, ...]
    held_in: tuple[Score, ...]
    held_out: tuple[Score, ...]
    lacks: tuple[tuple[str, str], ...]
    """(a checkpoint or an evaluation, why nothing is told of it)."""
    locked: Locked
