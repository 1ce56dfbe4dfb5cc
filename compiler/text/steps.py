"""Step lists, which merge by the names of their steps."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from compiler.text.diagnostics import Diagnostic, Note, meant
from compiler.text.document import Entry, TextNode
from compiler.text.spans import Span

PLACING = ("before", "after")

Combine = Callable[[TextNode | None, TextNode], TextNode]


@dataclass(frozen=True)
class Step:
    """One step of a list, with the place it asks for."""

    name: str
    name_span: Span
    operator: str
    node: TextNode
    """Without `before` and `after`."""
    asks: tuple[str, str, Span] | None = None
    """`before` or `after`, the name of the other step, and where it is said."""


def combine_steps(
    base: list[TextNode], over: list[TextNode], combine: Combine, problems: list[Diagnostic]
) -> tuple[list[TextNode], tuple[int, ...]]:
    """(one step list merged over another, the places before which a wrong step was left out); mistakes go into `problems`."""
    steps = [step for node in base if (step := read_step(node, problems)) is not None]
    names = [step.name for step in steps]
    dropped: set[str] = set()
    placing: list[Step] = []
    own_steps: dict[str, Step] = {}
    left: list[int] = []
    for node in over:
        if node.get("drop") is not None:
            dropped |= _read_drop(node, names, problems)
            continue
        step = read_step(node, problems)
        if step is None:
            left.append(len(steps) + len(own_steps))
            continue
        if step.name in own_steps:
            first = Note("the first one stands here", own_steps[step.name].name_span)
            hint = f"give one of them a `name`: `name: {step.name}-2`"
            problems.append(Diagnostic(f"two steps are named `{step.name}`", step.name_span, hint, (first,)))
            step = replace(step, name=f"{step.name} at {step.name_span.label}")  # what it does is looked at all the same
        own_steps[step.name] = step
        if step.asks:
            placing.append(step)
    steps = [step for step in steps if step.name not in dropped]
    at = {step.name: index for index, step in enumerate(steps)}
    for step in own_steps.values():
        if step.name in at:
            steps[at[step.name]] = _merge_step(steps[at[step.name]], step, combine)
        else:
            steps.append(replace(step, node=_settle_step(step, combine)))
    return [step.node for step in _place(steps, placing, problems)], tuple(min(at, len(steps)) for at in left)


def read_step(node: TextNode, problems: list[Diagnostic]) -> Step | None:
    """Take a step apart; None if it is not one."""
    if isinstance(node.value, str):
        return Step(node.value, node.span, node.value, node)
    if not isinstance(node.value, dict):
        problems.append(Diagnostic("a step is an operator with its parameters", node.span, "write `- operator: {...}`"))
        return None
    operators = [key for key in node.value if key not in ("name", *PLACING)]
    if len(operators) != 1:
        listed = ", ".join(f"`{key}`" for key in operators)
        message = f"a step has one operator, not {len(operators)}: {listed}" if operators else "this step has no operator"
        place = node.value[operators[1]].key_span if operators else node.span
        problems.append(Diagnostic(message, place, "begin each step with its own `- `, indent its parameters deeper"))
        return None
    operator = operators[0]
    name, name_span = operator, node.value[operator].key_span
    name_entry = node.value.get("name")
    if name_entry is not None:
        if not isinstance(name_entry.node.value, str) or not name_entry.node.value:
            problems.append(Diagnostic("the name of a step is text", name_entry.node.span, "put it in quotes"))
            return None
        name, name_span = name_entry.node.value, name_entry.node.span
    asks: tuple[str, str, Span] | None = None
    for key in PLACING:
        entry = node.value.get(key)
        if entry is None:
            continue
        if not isinstance(entry.node.value, str):
            problems.append(Diagnostic(f"`{key}` names a step", entry.node.span))
        elif asks:
            problems.append(Diagnostic("a step has `before` or `after`, not both", entry.key_span, "remove one of them"))
        else:
            asks = (key, entry.node.value, entry.node.span)
    kept = {key: entry for key, entry in node.value.items() if key not in PLACING}
    return Step(name, name_span, operator, replace(node, value=kept), asks)


def _read_drop(node: TextNode, names: list[str], problems: list[Diagnostic]) -> set[str]:
    for key, entry in node.entries.items():
        if key != "drop":
            hint = "write the other step as an item of its own"
            problems.append(Diagnostic(f"`drop` stands alone, not with `{key}`", entry.key_span, hint))
    target = node.entries["drop"].node
    dropped: set[str] = set()
    for one in target.value if isinstance(target.value, list) else [target]:
        if not isinstance(one.value, str):
            problems.append(Diagnostic("`drop` takes the name of a step, or a list of names", one.span))
        elif one.value not in names:
            problems.append(unknown_step(one.value, one.span, names, "to drop"))
        else:
            dropped.add(one.value)
    return dropped


def unknown_step(name: str, span: Span, names: list[str], purpose: str) -> Diagnostic:
    """Say that no step has this name."""
    hint = meant(name, names, f"the steps are: {', '.join(names) or 'none'}")
    return Diagnostic(f"there is no step `{name}` {purpose}", span, hint)


def _settle_step(step: Step, combine: Combine) -> TextNode:
    if not isinstance(step.node.value, dict):
        return step.node
    entry = step.node.value[step.operator]
    settled = replace(entry, node=combine(None, entry.node))
    return replace(step.node, value={**step.node.value, step.operator: settled})


def _merge_step(base: Step, over: Step, combine: Combine) -> Step:
    if base.operator != over.operator:
        node = _settle_step(over, combine)
    elif not isinstance(over.node.value, dict):
        node = base.node  # only named: its parameters stay
    else:
        before = base.node.entries
        entries: dict[str, Entry] = {**before, **over.node.value}
        if base.operator in before:
            params = entries[base.operator]
            kept = before[base.operator].node
            node_of = kept if params.node.value is None else combine(kept, params.node)
            entries[base.operator] = replace(params, node=node_of)
        node = replace(over.node, value=entries)
    return Step(over.name, over.name_span, over.operator, node, over.asks)


def _place(steps: list[Step], placing: list[Step], problems: list[Diagnostic]) -> list[Step]:
    by_name = {step.name: step for step in steps}
    waiting = {step.name: step for step in placing}
    placed = list(by_name)
    followers: dict[str, set[str]] = {}
    while waiting:
        # A step whose neighbour waits too goes after its neighbour has found its own place.
        chain = [waiting.pop(next(iter(waiting)))]
        while chain[-1].asks and chain[-1].asks[1] in waiting:
            chain.append(waiting.pop(chain[-1].asks[1]))
        _refuse_circle(chain, problems)
        for step in reversed(chain):
            _put(step, placed, followers, problems)
    return [by_name[name] for name in placed]


def _refuse_circle(chain: list[Step], problems: list[Diagnostic]) -> None:
    names, asks = [step.name for step in chain], chain[-1].asks
    if asks and asks[1] in names:
        circle = " -> ".join((*names[names.index(asks[1]) :], asks[1]))
        problems.append(Diagnostic(f"these steps wait for each other: {circle}", asks[2], f"remove one `{asks[0]}`"))


def _put(step: Step, placed: list[str], followers: dict[str, set[str]], problems: list[Diagnostic]) -> None:
    assert step.asks is not None
    where, other, span = step.asks
    if other not in placed:
        problems.append(unknown_step(other, span, placed, f"to put `{step.name}` {where}"))
    elif other != step.name:
        placed.remove(step.name)
        index = placed.index(other)
        if where == "after":  # several steps after the same one stay in the order they are written in
            same = followers.setdefault(other, set())
            index += 1
            while index < len(placed) and placed[index] in same:
                index += 1
            same.add(step.name)
        placed.insert(index, step.name)
