"""What the type of a trace comes to on one row: system prompt, parse, filters, mask and answer."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pyarrow as pa

from compiler.graph.stages import AskStage, AttachStage, of_kind
from operators.asks.generate import Generate
from operators.base.declare import Measure
from operators.base.licence import RESTRICTED, withheld
from operators.declared.trace import parts_of, shape_of
from operators.maps.extract import Extract
from runtime.build.session import Session
from runtime.life.why import Ledgers
from runtime.stages.life import place_of, row_of
from runtime.store.digest import id_bytes
from runtime.store.store import StoreError
from runtime.tables.table import open_table

SHORT = 160


def explain_cot(session: Session, prefix: str | None, open_text: bool) -> Iterator[str]:
    """Lines for a person; the row is the one whose id begins with `prefix`, else the first that is built."""
    section, graph = session.read.recipe.cot, session.graph
    if section is None:
        raise StoreError(f"`{session.named}` has no `cot`", "it is the section that declares the type of a trace")
    cot = section.cot
    stage = next(each for each in of_kind(AskStage, graph) if each.node.table == "traces")
    node, operator = stage.node, stage.operator
    assert isinstance(operator, Generate)
    system = operator.text_of(operator.system, node.entries)
    yield f"# the type of a trace: {cot.schema_}"
    yield f"model {operator.model}: {', '.join(f'{name} {value}' for name, value in operator.sampling().items())}"
    yield "\n# 1 system prompt"
    yield system or "(none)"
    ledgers = Ledgers(session)
    row = find_row(ledgers, stage.index, prefix)
    if row is None:
        yield "\nno completion is built yet, so the rest is told of none: recipe build " + session.named
        return
    hidden = row["license"] in RESTRICTED and not open_text
    completion = row["completion"] or ""
    yield f"\n# the row {row['row_id']}"
    yield "prompt: " + (withheld(row["license"]) if hidden else row["prompt"])
    yield "\n# 2 parse, 4 loss mask (+ is trained on, - is not; system prompt and prompt never are)"
    for part in parts_of(shape_of(cot), completion):
        text = completion[part.start : part.end]
        shown = "" if hidden else "  " + shortened(text)
        yield f"{'+' if part.loss else '-'} {part.name:<20}{part.start:>7} to {part.end:<7}{shown}"
    yield "\n# 3 filters"
    yield from filters(ledgers, row["row_id"])
    yield "\n# 5 answer"
    derived = next((each.operator for each in cot.steps() if isinstance(each.operator, Extract)), None)
    if derived is None:
        yield "none is declared: solution.answer is none"
        return
    parts = [part for part in parts_of(shape_of(cot), completion) if part.name.startswith("solution")]
    solution = completion[parts[0].start : parts[-1].end] if parts else None
    entries = next(each.entries for _, each in graph if each.operator == derived)
    (answers,) = derived.change(pa.array([solution], pa.large_string()), entries)
    answer = answers[0].as_py()
    yield f"{derived.rule}: " + ("there is none" if answer is None else "(hidden)" if hidden else answer)


def find_row(ledgers: Ledgers, index: int, prefix: str | None) -> dict[str, Any] | None:
    """The cells of one completion with its id, or None where none is built. Raises StoreError for an id that is not there."""
    attach = next(stage.index for stage in of_kind(AttachStage, ledgers.graph) if stage.completions == index)
    record = ledgers.store.find(ledgers.addresses.key(attach))
    if record is None or not record.rows:
        return None
    table = open_table(ledgers.store, record.table)
    if (place := 0 if prefix is None else place_of(table, prefix)) is None:
        raise StoreError(f"no completion begins with `{prefix}`", "row ids are those of `recipe why`")
    return {"row_id": id_bytes(table.frame("row_id"))[place].tobytes().hex(), **row_of(table, place)}


def filters(ledgers: Ledgers, row_id: str) -> Iterator[str]:
    """Each decision on traces with its verdict and value, as the ledgers have them; what is wanted where they have none."""
    steps = [
        step
        for event in ledgers.life(row_id).events
        if str(event["stage"]).startswith("traces")
        for step in event.get("steps", ())
    ]
    for step in steps:
        yield f"{step['step']}: {step['verdict']}, {step['measured']}, wanted {step['wanted']}"
    if not steps:
        for _, node in ledgers.graph:
            if node.aspect == "decision" and node.table == "traces" and isinstance(node.operator, Measure):
                yield f"{node.label}: wanted {node.operator.wanted()}"


def shortened(text: str) -> str:
    one = " ".join(text.split())
    return one if len(one) <= SHORT else one[: SHORT // 2] + " ... " + one[-SHORT // 2 :]
