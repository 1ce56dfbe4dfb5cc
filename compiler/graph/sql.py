"""The SQL of a run of decisions and the set decision that ends it: what `explain` prints and a build runs."""

from __future__ import annotations

from compiler.graph.nodes import Node
from compiler.graph.stages import DecideStage
from operators.base.declare import Measure
from operators.text.sqltext import ident


def value_names(node: Node, column: Node) -> dict[str, str]:
    """The quoted SQL names of a measure's values, under the label of the decision that reads them."""
    return {value: ident(f"{node.label}.{value}") for value in column.operator.values}  # type: ignore[attr-defined]


def predicates(stage: DecideStage) -> list[tuple[Node, str]]:
    """(decision, its predicate) of the run that a stage begins with, in evaluation order."""
    found = []
    for node in stage.run:
        assert isinstance(node.operator, Measure)
        found.append((node, node.operator.predicate(value_names(node, stage.graph.nodes[node.measure]))))
    return found


def base_of(stage: DecideStage) -> str:
    """The table of the rows that are decided on, as SQL calls it."""
    return ident(stage.graph.nodes[stage.base].label)


def decide_sql(stage: DecideStage, scale: tuple[int, int] | None = None) -> str:
    """SQL for the fate of every row that a stage reads.

    Result: `row_id`, `copy`, `dropped_by` (0: kept; n: by the n-th decision; the set decision comes last) and
    `detail` (the rank, or the row kept instead), one row for each row and copy, in any order.
    """
    decisions, base, operator = predicates(stage), base_of(stage), stage.operator
    cases = "".join(
        f"\n      WHEN NOT {predicate} THEN {place}  -- {comment(decision.label)}"
        for place, (decision, predicate) in enumerate(decisions, start=1)
    )
    case = f"CASE{cases}\n      ELSE 0 END" if cases else "0"
    verdicts = operator.verdicts("kept", stage.node.seed, scale)
    copy = "copy" if operator.tells_copy else "0 AS copy"
    return (
        f"WITH decided AS (\n  SELECT *, {case} AS dropped_by\n  FROM {base}\n),\n"
        "kept AS (SELECT * FROM decided WHERE dropped_by = 0),\n"
        f"verdicts AS (\n  {verdicts}\n)\n"
        f"SELECT row_id, {copy}, CASE WHEN kept THEN 0 ELSE {len(decisions) + 1} END AS dropped_by, detail"
        f"  -- {comment(stage.node.label)}\n"
        "FROM verdicts\n"
        "UNION ALL\n"
        "SELECT row_id, 0 AS copy, dropped_by, NULL AS detail FROM decided WHERE dropped_by > 0"
    )


def alive_sql(stage: DecideStage, before: int) -> str:
    """SQL for the rows that pass the first `before` decisions of a run: those a dear measure looks at."""
    condition = " AND ".join(predicate for _, predicate in predicates(stage)[:before]) or "TRUE"
    return f"SELECT row_id FROM {base_of(stage)} WHERE {condition}"


def comment(label: str) -> str:
    """A label as it may stand in a SQL comment: on one line."""
    return "".join(char if char.isprintable() else "?" for char in label)


def bounded_sql(stage: DecideStage, partly: frozenset[int], before: int | None = None) -> str:
    """SQL for the rows that may pass a run of decisions, or the first `before` of them, where not all values are known.

    The base has also `sure` (the row is there) and, for each decision in `partly`, `LABEL.known`. Result: the base's
    columns, `passes` (it passes if it is there), and `sure` as it stands after the decisions.
    """
    surely, possibly = ["TRUE"], ["TRUE"]
    for place, (decision, predicate) in enumerate(predicates(stage)[:before]):
        if place not in partly:
            surely.append(predicate)
            possibly.append(predicate)
            continue
        assert isinstance(decision.operator, Measure)
        only = decision.operator.only
        known, passed = ident(f"{decision.label}.known"), f"NOT ({only.sql()})" if only else "FALSE"
        surely.append(f"CASE WHEN {known} THEN {predicate} ELSE {passed} END")
        possibly.append(f"CASE WHEN {known} THEN {predicate} ELSE TRUE END")
    decided = f"SELECT *, {' AND '.join(surely)} AS passes FROM {base_of(stage)} WHERE {' AND '.join(possibly)}"
    return f"SELECT * REPLACE (sure AND passes AS sure) FROM ({decided})"
