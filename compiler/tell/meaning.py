"""What an edit means: two resolved recipes compared by what they declare, in the recipe's own words, with both places."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from difflib import SequenceMatcher
from typing import Any

from compiler.compile import Read
from compiler.graph.facts import Facts
from compiler.recipe.benchmarks import FEED
from compiler.recipe.placed import PlacedStep, PlacedTable, name_step, render_step
from compiler.recipe.training import TRAIN
from compiler.tell.change import Change, Kind, Subject
from compiler.tell.variants import compare_ablations
from compiler.text.canonical import digest_of
from compiler.text.document import TextNode
from compiler.text.spans import Span
from operators.base.changes import UNSET, Difference, differences, render_value
from operators.base.declare import Operator, role_of
from operators.declared.source import Source


def compare_meaning(before: Read, after: Read, facts: tuple[Facts, Facts] | None = None) -> tuple[Change, ...]:
    """Every difference between two recipes; none for other texts that declare the same.

    `facts` are what is known of the files of both: bytes that differ are a difference.
    """
    found: list[Change] = []
    if before.recipe.name != after.recipe.name:
        what = f"recipe {before.recipe.name} -> {after.recipe.name}"
        found.append(Change("changed", ("recipe",), what, before.node.find(("recipe",)), after.node.find(("recipe",))))
    texts = before.node, after.node
    found += changes_at(("language",), (dict(before.recipe.languages), dict(after.recipe.languages)), texts, ("language",))
    found += changes_at(("seed",), (before.recipe.seed, after.recipe.seed), texts, ("seed",))
    found += compare_profiles(before, after)
    found += compare_sources(before, after, facts)
    found += compare_models(before, after)
    found += compare_tables(before, after)
    found += compare_trains(before, after)
    evaluations = [{} if each.recipe.evaluate is None else dict(each.recipe.evaluate.evaluate) for each in (before, after)]
    found += changes_at(("evaluate",), (evaluations[0], evaluations[1]), texts, ("evaluate",))
    outputs = [[name for name, _ in each.recipe.outputs] for each in (before, after)]
    if sorted(outputs[0]) != sorted(outputs[1]):
        what = f"outputs {render_value(outputs[0])} -> {render_value(outputs[1])}"
        places = [each.node.find(("outputs",), key=True) for each in (before, after)]
        found.append(Change("changed", ("outputs",), what, *places))
    return (*found, *compare_ablations(before.node, after.node))


def changes_at(
    path: tuple[str | int, ...], values: tuple[Any, Any], texts: tuple[TextNode, TextNode], subject: Subject
) -> Iterator[Change]:
    """The fields in which two values at one path of two texts differ."""
    for each in differences(*values, path):
        kind: Kind = "added" if each.before == UNSET else "removed" if each.after == UNSET else "changed"
        yield Change(kind, subject, str(each), texts[0].find(each.path), texts[1].find(each.path))


# -- languages and their profiles


def compare_profiles(before: Read, after: Read) -> Iterator[Change]:
    """Entries of the profiles that both recipes may read."""
    for code in sorted(set(before.profiles.loaded) & set(after.profiles.loaded)):
        old, new = before.profiles.loaded[code].profile, after.profiles.loaded[code].profile
        texts = before.profiles.nodes[code], after.profiles.nodes[code]
        for each in differences(old, new):
            path = ".".join(map(str, each.path))
            named = {name for side in (before, after) for language, name in entries_of(side) if language == code}
            read = [name for name in sorted(named) if f"{path}.".startswith(f"{name}.")]
            entry = read[0] if read else str(each.path[0])
            what = f"language profile {code}: {each}" + ("" if read else " (no step reads it)")
            yield Change("changed", ("profile", code, entry), what, texts[0].find(each.path), texts[1].find(each.path))


def entries_of(read: Read) -> set[tuple[str, str]]:
    """(language, entry) of every profile entry that a step reads."""
    return {
        (read.recipe.languages.get(role, role), entry)
        for table in read.recipe.tables.values()
        for step in table.steps
        for role, entry in step.operator.entries()
    }


# -- sources


def compare_sources(before: Read, after: Read, facts: tuple[Facts, Facts] | None) -> Iterator[Change]:
    """Sources that came, went, are said differently, or whose bytes differ."""
    old, new = before.recipe.sources, after.recipe.sources
    for name in {**old, **new}:
        spans = [span_of(each, name) if name in each.recipe.sources else None for each in (before, after)]
        if name not in new:
            yield Change("removed", ("source", name), summary(name, old[name].operator), spans[0], None)
        elif name not in old:
            yield Change("added", ("source", name), summary(name, new[name].operator), None, spans[1])
        else:
            for each in result_differences(old[name].operator, new[name].operator):
                places = old[name].node.find(each.path), new[name].node.find(each.path)
                yield Change("changed", ("source", name), f"source {name}: {each}", *places)
            files = old[name].operator.pattern, new[name].operator.pattern
            digests = [each.leaves[name].digest for each in facts] if facts is not None else []
            if files[0] != files[1] and (None in digests or len(set(digests)) > 1):
                places = old[name].node.find(("file",)), new[name].node.find(("file",))
                yield Change("changed", ("source", name), f"source {name}: file {files[0]} -> {files[1]}", *places)
            if facts is not None:
                yield from compare_bytes(name, facts, old[name].node.find(("file",)), new[name].node.find(("file",)))


def compare_bytes(name: str, facts: tuple[Facts, Facts], before: Span, after: Span) -> Iterator[Change]:
    """Changes where the files of a source hold other bytes, with the files that differ, or other rows of it are forgotten."""
    old, new = (each.leaves[name] for each in facts)
    if old.forgotten != new.forgotten:
        what = f"source {name}: forgotten rows {len(old.forgotten)} -> {len(new.forgotten)}"
        yield Change("changed", ("source", name), what, before, after)
    if old.digest == new.digest or old.digest is None or new.digest is None:
        return
    known = {digest for _, digest, _ in old.files}
    changed = [shown for shown, digest, _ in new.files if digest not in known]
    gone = {digest for _, digest, _ in new.files}
    changed = changed or [shown for shown, digest, _ in old.files if digest not in gone]
    yield Change("changed", ("source", name), f"source {name}: the bytes of {', '.join(changed)} differ", before, after)


def span_of(read: Read, name: str) -> Span:
    """Where a recipe says a source, or a benchmark whose items are one."""
    benchmark = read.recipe.benchmarks.get(name.removeprefix(FEED)) if name.startswith(FEED) else None
    return read.node.find(("sources", name), key=True) if benchmark is None else benchmark.node.span


def summary(name: str, source: Source) -> str:
    """A source, or a benchmark, in a few words."""
    if name.startswith(FEED):
        return f"benchmark {name.removeprefix(FEED)}: file {source.pattern}, license {source.license}"
    category = source.category if isinstance(source.category, str) else f"by `{source.category.column}`"
    license = source.license if isinstance(source.license, str) else f"by `{source.license.column}`"
    return f"source {name}: file {source.pattern}, category {category}, license {license}"


def result_differences(old: Operator, new: Operator) -> Iterator[Difference]:
    """The differences that decide a result; what only tunes or names does not."""
    for each in differences(old, new):
        name = next((field for field, info in type(new).model_fields.items() if (info.alias or field) == each.path[0]), None)
        if name is None or role_of(type(new), name) not in ("tuning", "label"):
            yield each


# -- models


def compare_models(before: Read, after: Read) -> Iterator[Change]:
    """Models that came, went, or are said differently; who runs one is no part of what a recipe means."""
    old, new = before.recipe.models, after.recipe.models
    for name in {**old, **new}:
        if name.startswith(TRAIN):
            continue  # the checkpoint of a training, which is told by itself
        spans = [each.node.find(("models", name), key=True) if name in each.recipe.models else None for each in (before, after)]
        if name not in old:
            yield Change("added", ("model", name), f"model {name}: {new[name].model.id}", None, spans[1])
        elif name not in new:
            yield Change("removed", ("model", name), f"model {name}: {old[name].model.id}", spans[0], None)
        else:
            for each in differences(old[name].model, new[name].model):
                if each.path[0] != "endpoint":
                    places = old[name].node.find(each.path), new[name].node.find(each.path)
                    yield Change("changed", ("model", name), f"model {name}: {each}", *places)


# -- trainings


def compare_trains(before: Read, after: Read) -> Iterator[Change]:
    """Trainings that came, went, or are said differently."""
    old, new = before.recipe.trains, after.recipe.trains
    for name in {**old, **new}:
        subject = ("train", name)
        if name not in old:
            what = f"{new[name].label}: {new[name].operator.name} on {new[name].operator.data}"
            yield Change("added", subject, what, None, after.node.find(("train", name), key=True))
        elif name not in new:
            yield Change("removed", subject, old[name].label, before.node.find(("train", name), key=True), None)
        else:
            was, now = old[name], new[name]
            places = was.node.find(("objective",)), now.node.find(("objective",))
            if was.operator.name != now.operator.name:
                yield Change("changed", subject, f"{now.label}: objective {was.operator.name} -> {now.operator.name}", *places)
            for each in differences(was.operator, now.operator):
                role = role_of(type(now.operator), str(each.path[0])) if each.path[0] in type(now.operator).model_fields else ""
                if role != "tuning":
                    yield Change("changed", subject, f"{now.label}: {each}", was.node.find(each.path), now.node.find(each.path))
            if was.template != now.template:
                spans = was.node.find(("template",)), now.node.find(("template",))
                yield Change("changed", subject, f"{now.label}: the text of its chat template differs", *spans)


# -- tables and steps


def compare_tables(before: Read, after: Read) -> Iterator[Change]:
    """Tables that came or went, what they are made from, and their steps."""
    old, new = before.recipe.tables, after.recipe.tables
    for name in {**old, **new}:
        if name not in new:
            yield Change("removed", ("table", name), f"table {name}", old[name].span, None)
        elif name not in old:
            yield Change("added", ("table", name), f"table {name}: {len(new[name].steps)} steps", None, new[name].span)
        else:
            yield from compare_origins(before, after, old[name], new[name])
            yield from compare_steps(name, sort_columns(old[name].steps), sort_columns(new[name].steps))


def compare_origins(before: Read, after: Read, old: PlacedTable, new: PlacedTable) -> Iterator[Change]:
    """Another `from`; that a new source flows into `prompts` is told of the source itself."""
    origins = [sorted(name for name, _ in table.origins) for table in (old, new)]
    implied = [sorted(each.recipe.sources) for each in (before, after)]
    if origins[0] != origins[1] and origins != implied:
        what = f"{new.name}: from {render_value(origins[0])} -> {render_value(origins[1])}"
        places = [table.origins[0][1] if table.origins else table.span for table in (old, new)]
        yield Change("changed", ("table", new.name), what, *places)


def sort_columns(steps: tuple[PlacedStep, ...]) -> list[PlacedStep]:
    """The steps, with the columns of one `measure` by name: the order of keys says nothing."""
    found: list[PlacedStep] = []
    for step in steps:
        at = len(found)
        while step.column is not None and at and found[at - 1].label == step.label and (found[at - 1].column or "") > step.column:
            at -= 1
        found.insert(at, step)
    return found


def signature(step: PlacedStep) -> str:
    """What a step declares, whatever it is called."""
    parameters = step.operator.parameters("result", "measured", "column", "decided")
    return digest_of({"operator": step.operator.name, "column": step.column, "parameters": parameters})


def compare_steps(table: str, old: list[PlacedStep], new: list[PlacedStep]) -> Iterator[Change]:
    """Steps that are new, gone, changed or elsewhere in their list."""
    before, after = [signature(step) for step in old], [signature(step) for step in new]
    kept = SequenceMatcher(None, before, after, autojunk=False).get_matching_blocks()
    left = sorted(set(range(len(old))) - {block.a + at for block in kept for at in range(block.size)})
    came = sorted(set(range(len(new))) - {block.b + at for block in kept for at in range(block.size)})
    pairs = pair_steps(old, new, before, after, left, came)
    for at in came:
        step = new[at]
        if at not in pairs:
            yield Change("added", ("step", table, step.label), f"{table}: {render_step(step)}", None, step.span(key=True))
            continue
        was = old[pairs[at]]
        subject = ("step", table, step.label)
        if before[pairs[at]] == after[at]:
            where = f"after {name_step(new[at - 1])}" if at else "to the front"
            yield Change("moved", subject, f"{table}: {name_step(step)} moved {where}", was.span(), step.span())
        for each in result_differences(was.operator, step.operator):
            places = was.node.find(each.path), step.node.find(each.path)
            yield Change("changed", subject, f"{table}: {name_step(step)}: {each}", *places)
    for at in left:
        if at not in pairs.values():
            yield Change(
                "removed", ("step", table, old[at].label), f"{table}: {render_step(old[at])}", old[at].span(key=True), None
            )


def pair_steps(
    old: list[PlacedStep], new: list[PlacedStep], before: list[str], after: list[str], left: list[int], came: list[int]
) -> Mapping[int, int]:
    """New step -> the old step that it was: the same elsewhere, else one of its name, else one of its operator."""
    pairs: dict[int, int] = {}

    def pair(same: Any) -> None:
        for at in came:
            candidates = [was for was in left if was not in pairs.values() and same(was, at)]
            if at not in pairs and candidates:
                pairs[at] = candidates[0]

    pair(lambda was, at: before[was] == after[at])
    alike = [lambda step: (step.operator.name, step.column, step.label), lambda step: (step.operator.name, step.column)]
    for form in alike:
        pair(lambda was, at, form=form: form(old[was]) == form(new[at]))
    return pairs
