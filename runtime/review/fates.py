"""What becomes of one row in a graph that is built, or only predicted: the decision that drops it, with its values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from compiler.graph.stages import DecideStage, ExpandStage, SourceStage, of_kind
from operators.base.declare import Measure
from operators.base.licence import Licence
from operators.conversations.looks import look_at
from runtime.forecast.predictor import Predictor
from runtime.stages.decide import DecideKind
from runtime.stages.expected.expected import Expected
from runtime.stages.expected.frames import RANGES, ROWS, Frame, Places, by_prefix
from runtime.store.digest import Bytes, id_bytes
from runtime.store.record import DecisionRecord
from runtime.store.store import taken_as
from runtime.store.trees import references
from runtime.tables.cursors import located
from runtime.tables.ids import cell_digest, digest_name
from runtime.tables.objects import object_name
from runtime.tables.order import halves, position


@dataclass(frozen=True)
class Fate:
    """Where a row ends, and why."""

    stage: str
    step: str
    measured: str
    """The deciding value, as a person reads it."""
    wanted: str


@dataclass
class SideRows:
    """The rows of one side of a comparison."""

    predictor: Predictor

    def fate(self, row: Bytes) -> Fate | None:
        """What drops a row; None where nothing that is known does."""
        for stage in of_kind(DecideStage, self.predictor.graph):
            drop = self.find_drop(stage, self.predictor.expect(stage.index), row)
            if drop is not None:
                return Fate(stage.name, *drop)
        return None

    def find_drop(self, stage: DecideStage, expected: Expected, row: Bytes) -> tuple[str, str, str] | None:
        """(the decision that drops a row, its value there, what was wanted)."""
        if expected.record is not None:
            event = DecideKind(stage).event(self.predictor.store, taken_as(expected.record, DecisionRecord), row)
            if event is None or event["fate"] == "kept":
                return None
            for step in event["steps"]:
                if step["verdict"] == "dropped":
                    return step["step"], step["measured"], step["wanted"]
            return event["dropped_by"], stage.operator.wording(event.get(stage.operator.detail)), ""
        if expected.inputs is None or expected.decided is None:
            return None
        place = place_in(expected.inputs.base, row)
        number = 0 if place is None else int(expected.decided.dropped[place])
        if place is None or number == 0:
            return None
        run = expected.inputs.stage.run
        if number > len(run):
            return expected.inputs.stage.node.label, expected.inputs.stage.operator.wording(expected.decided.detail_of(place)), ""
        measure = run[number - 1].operator
        assert isinstance(measure, Measure)
        values = {name: expected.inputs.values[number - 1].cells(name, place, place + 1)[0].as_py() for name in measure.values}
        worded = measure.wording({name: None if value is None or value < 0 else value for name, value in values.items()})
        return run[number - 1].label, worded, measure.wanted()

    def license(self, source: str) -> Licence | None:
        """The class that the recipe gives a source; None where it has no such source."""
        sources = (stage.node for stage in of_kind(SourceStage, self.predictor.graph))
        return next((node.license for node in sources if node.label == source), None)

    def source(self, row: Bytes) -> tuple[str, Licence, str | None] | None:
        """(source, licence, prompt or None where its text is not here) of a row that was read."""
        for stage in of_kind(SourceStage, self.predictor.graph):
            expected = self.predictor.expect(stage.index)
            place = place_in(expected.frame, row)
            if place is not None:
                license: Licence = expected.frame.window("license", place, place + 1)[0].as_py()
                return stage.node.label, license, self.text(expected, place)
        born = self.born(row)
        return None if born is None else (*born[1:], None)

    def born(self, row: Bytes) -> tuple[str, str, Licence] | None:
        """(step, source, licence) of a row that was born of one that was read."""
        for stage in of_kind(ExpandStage, self.predictor.graph):
            frame = self.predictor.expect(stage.index).frame
            place = place_in(frame, row)
            if place is not None:
                source, license = (frame.window(name, place, place + 1)[0].as_py() for name in ("source", "license"))
                return stage.node.label, str(source), license
        return None

    def text(self, expected: Expected, place: int) -> str | None:
        """The prompt of one row of a source, or what users say in it, read from its own batch alone."""
        tree: Any = getattr(getattr(expected.frame, "parent", None), "tree", None)
        if tree is None or tree.get("kind") != "based" or not tree["text"]:
            return None
        columns = [name for name in ("prompt", "messages") if name in tree["columns"]]
        if not columns:
            return None
        column, kind = columns[0], tree["columns"][columns[0]]
        part, inside = located(tree.get("spread", [tree["rows"]]), place)
        path = self.predictor.store.object_path(object_name(references(tree["text"])[part]))
        try:
            with pa.memory_map(str(path)) as file:  # of the batches before only how long they are is read
                reader, at = pa.ipc.open_file(file), 0
                while inside >= (rows := reader.get_batch(at).num_rows):
                    inside, at = inside - rows, at + 1
                text = reader.get_batch(at).column(column)[inside].as_py()
        except (FileNotFoundError, ValueError):
            return None
        # Hashing all text of a source to show one cell would take longer than the diff: the cell has a digest of its own.
        digest = expected.frame.window(digest_name(column), place, place + 1)[0].as_py()
        if text is None or digest is None or cell_digest(text) != digest.hex:
            return None
        return look_at(text, "user") if kind == "messages" else str(text)


def ids_of(expected: Expected) -> Bytes:
    """The ids of the rows that a table holds, or may hold."""
    return id_bytes(expected.frame.frame("row_id"))


def place_in(frame: Frame, row: Bytes) -> int | None:
    """Where an id stands among the sorted ones of a frame, of which some are looked at."""
    low, high = 0, frame.rows
    while high - low > ROWS:
        middle = (low + high) // 2
        if id_bytes(frame.window("row_id", middle, middle + 1))[0].tobytes() <= row.tobytes():
            low = middle
        else:
            high = middle
    place = position(id_bytes(frame.window("row_id", low, high)), row)
    return None if place is None else low + place


def rows_in_one(first: Frame, second: Frame) -> tuple[Places, Places]:
    """(the places of the rows that only `first` has, of those that only `second` has), range by range of their ids."""
    found: list[tuple[Places, Places]] = [(np.zeros(0, np.int64), np.zeros(0, np.int64))]
    parts = 1 if max(first.rows, second.rows) <= ROWS else RANGES
    for (start, ids), (begin, others) in zip(by_prefix(first, parts), by_prefix(second, parts), strict=True):
        left, came = ids_in_one(ids, others)
        found.append((left + start, came + begin))
    left_all, came_all = zip(*found, strict=True)
    return np.concatenate(left_all), np.concatenate(came_all)


def ids_in_one(first: Bytes, second: Bytes) -> tuple[Places, Places]:
    """(the places of the sorted ids that only `first` has, of those that only `second` has)."""
    if not len(first) or not len(second):
        return np.arange(len(first)), np.arange(len(second))
    (high, low), (other, rest) = halves(first), halves(second)
    at = np.minimum(np.searchsorted(other, high), len(other) - 1)
    same = (other[at] == high) & (rest[at] == low)
    for place in np.flatnonzero((other[at] == high) & ~same).tolist():  # ids that share their first half: hardly ever any
        place_there = position(second, first[place])
        if place_there is not None:
            same[place], at[place] = True, place_there
    met = np.zeros(len(second), dtype=bool)
    met[at[same]] = True
    return np.flatnonzero(~same), np.flatnonzero(~met)
