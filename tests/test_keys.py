"""Keys: every declared field changes the key of its node, or no key at all; each check has a twin that must fail."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import pytest

import compiler.compile
import compiler.graph.keys
import compiler.text.canonical
from compiler.graph.plan import Addresses
from operators.asks.asks import Asks
from operators.base.declare import Declared, Operator, SetDecision, tuning
from operators.catalog import OPERATORS
from operators.declared.model import Model
from operators.declared.source import Source
from operators.measures.length import Length
from runtime.build.session import Session
from tests import keyed
from tests.derived import BOUND, MUTATIONS
from tests.keyed import LIST_IT, Bench, Key, Pair, Result, able, keys_of, lacked, structures_of
from tests.mutations import BUILT, Mutation, check_covered

bed, teacher = keyed.bed, keyed.teacher


def named(mutation: Mutation) -> Any:
    lacks = lacked(mutation.operator)
    skip = pytest.mark.skipif(bool(lacks), reason=f"not installed: {', '.join(lacks)}")
    return pytest.param(mutation, id=mutation.field, marks=[skip] if lacks else [])


# -- the checkers


def check_key(mutation: Mutation, keys: tuple[list[Key], list[Key]]) -> None:
    """The key of the node concerned is new where the field decides the result, and every key stays where it does not."""
    before, after = keys
    if mutation.role in ("tuning", "label"):
        assert before == after, f"{mutation.field} changes a key"
        return
    own = [
        {key for name, aspect, key in each if name == mutation.operator and aspect in aspects_of(mutation)}
        for each in (before, after)
    ]
    assert own[0] and own[1] and own[0] != own[1], f"{mutation.field} is not in the key"
    if mutation.role == "decided":
        measures = [[each for each in keys if each[1] == "columns"] for keys in (before, after)]
        assert measures[0] == measures[1], f"{mutation.field} changes the key of a measure"


def aspects_of(mutation: Mutation) -> tuple[str, ...]:
    """The aspects of an operator's nodes that a field decides."""
    decides = ("table",) if issubclass(OPERATORS[mutation.operator], SetDecision) else ("decision",)
    return decides if mutation.role == "decided" else ("columns", "table")


def check_build(mutation: Mutation, pair: Pair) -> None:
    """The changed recipe, built over the store of the unchanged one, equals a build in an empty store."""
    assert pair.after == pair.cold, f"after {mutation.field} the store serves another result than a cold build"


def both_keys(sessions: tuple[Session, Session]) -> tuple[list[Key], list[Key]]:
    return keys_of(sessions[0]), keys_of(sessions[1])


# -- every field


def test_every_declared_field_has_a_mutation(record_property: Callable[[str, object], None]) -> None:
    check_covered(iter(BUILT), MUTATIONS)
    derived = sum(bool(each.choices) for each in MUTATIONS)
    record_property("shown", f"{len(MUTATIONS)} mutations, {derived} of which derive from a class; {len(BOUND)} with a twin")


def test_a_field_without_a_mutation_is_noticed() -> None:
    class Longer(Length):
        name: ClassVar[str] = "length"
        forgotten: int = tuning(1)

    with pytest.raises(AssertionError, match=r"length\.forgotten"):
        check_covered(iter([*BUILT, Longer]), MUTATIONS)


@pytest.mark.parametrize("mutation", [named(each) for each in MUTATIONS])
def test_a_changed_field_gives_what_a_cold_build_gives(bed: Bench, mutation: Mutation) -> None:
    pair = bed.pair(mutation, MUTATIONS)
    check_build(mutation, pair)
    check_key(mutation, both_keys(pair.sessions))
    before, after = pair.before, pair.after
    if mutation.role in ("tuning", "label"):
        assert isinstance(before, Result) and isinstance(after, Result)
        assert (before.output, before.rows, before.ledgers) == (after.output, after.rows, after.ledgers)
    else:
        assert before != after, (
            f"the mutation of {mutation.field} shows nothing: the result is the same. "
            f"{SHOW_IT if mutation.choices else 'Give it rows or values that show it'}"
        )


@pytest.mark.parametrize("mutation", [named(each) for each in BOUND])
def test_a_key_that_leaves_out_a_field_is_noticed(bed: Bench, mutation: Mutation, monkeypatch: pytest.MonkeyPatch) -> None:
    sessions = bed.pair(mutation, MUTATIONS).sessions
    leave_out(mutation.field, monkeypatch)
    if mutation.field in ENTRY_BY or mutation.field.startswith("Model."):
        sessions = bed.opened(mutation)  # these are read while a recipe is compiled
    with pytest.raises(AssertionError, match="is not in the key"):
        check_key(mutation, both_keys(sessions))


#: What to do where no value that the type of a field has shows anything.
SHOW_IT = f"Give the docstring of its class an example in which this field matters, or {LIST_IT}"

#: A field that says which profile entry is read -> one that it may say.
ENTRY_BY = {
    "language_share.of": "scripts",
    "morphemes.of": "segmenter",
    **dict.fromkeys(("negation.cues", "merge_options.cues"), "negation_cues"),
    "merge_options.tokens": "segmenter",
    "score.kind": "answer_labels",
    **dict.fromkeys(("personal_data.kinds", "mask_personal_data.kinds"), "personal_data"),
    "unique.fold": "fold",
    **dict.fromkeys(("behaviours.of", "behaviours.kind"), "behaviours.verification"),
}


def leave_out(field: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Break the keys: this field enters none of them."""
    owner, name = field.split(".")
    # Some fields are those of a measure that the operator asks for, too.
    owners = {owner, "negation"} if owner == "merge_options" else {owner}
    whole, form, carried = Operator.parameters, compiler.text.canonical.canonical, compiler.graph.keys.carried

    def parameters(self: Operator, *roles: Any) -> dict[str, Any]:
        said = whole(self, *roles)
        alias = type(self).model_fields[name].alias or name if name in type(self).model_fields else name
        return {key: value for key, value in said.items() if self.name not in owners or key != alias}

    def canonical(value: Any) -> Any:
        if isinstance(value, Declared) and type(value).__name__ == owner:
            value = value.model_copy(update={name: None})
            if name == "*":
                value.__pydantic_extra__.clear()
        return form(value)

    def named_alike(node: Any) -> dict[str, Any]:
        return {} if owners & {node.operator.name, "select", "rename", "language_share"} else carried(node)

    monkeypatch.setattr(Operator, "parameters", parameters)
    parts = ("Mapping", "Cell", "Listed", "LicenceByRow", "CategoryByRow", "Gold", "Conversation", "ToolList", "Pages", "Picked")
    if owner in (*parts, "Only", "Said", "LengthRatio"):
        monkeypatch.setattr(compiler.text.canonical, "canonical", canonical)
        monkeypatch.setattr(compiler.graph.keys, "carried", carried)
    else:
        monkeypatch.setattr(compiler.graph.keys, "carried", named_alike)
    if field in ENTRY_BY:
        for each in owners:
            monkeypatch.setattr(OPERATORS[each], "entries", lambda self: (("target", ENTRY_BY[field]),))
            monkeypatch.setattr(OPERATORS[each], "may_read", (ENTRY_BY[field].partition(".")[0],))
    if field == "source.format":
        monkeypatch.setattr(Source, "written", lambda self, name: ("", ""))
    if issubclass(OPERATORS.get(owner, Operator), Asks):
        monkeypatch.setattr(Addresses, "seen_by", lambda self, reader, source: self.address(source))
    if owner == "Model":
        leave_out_of_models(name, monkeypatch)


def leave_out_of_models(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Break the keys: this field of a model enters none of them."""
    identity, read = Model.identity, compiler.compile.read_tokenizers

    def read_alike(recipe: Any, place: Any) -> None:
        read(recipe, place)
        recipe.tokenizers.update(dict.fromkeys(recipe.tokenizers, "0" * 64))

    monkeypatch.setattr(Model, "identity", lambda self: {key: each for key, each in identity(self).items() if key != name})
    if name == "terms":
        monkeypatch.setattr(Model, "output", "A")
    if name == "tokenizer":
        monkeypatch.setattr(compiler.compile, "read_tokenizers", read_alike)


def test_a_store_that_serves_stale_results_is_noticed(bed: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    for field in ("length.min", "language_share.count", "unique.normalise", "mixture.salt", "source.category"):
        mutation = next(each for each in MUTATIONS if each.field == field)
        _ = bed.pair(mutation, MUTATIONS)  # what comes after it is chosen by keys that are whole
        with monkeypatch.context() as broken:
            leave_out(field, broken)
            with pytest.raises(AssertionError, match="another result than a cold build"):
                check_build(mutation, bed.built_alone(mutation, f"of {field}"))


def test_results_of_one_recipe_that_are_taken_for_each_other_are_noticed(bed: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    for field in ("length.min", "language_share.count", "unique.normalise", "mixture.salt", "normalise.form"):
        mutation = next(each for each in MUTATIONS if each.field == field)
        _ = bed.pair(mutation, MUTATIONS)
        with monkeypatch.context() as broken:
            leave_out(field, broken)
            pair = bed.built_together([mutation], f"together {field}")[id(mutation)]
            assert pair.before == pair.after != pair.cold, f"{field} was left out, and nobody noticed"


def test_a_key_without_what_is_decided_is_noticed(bed: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    decided = [each for each in MUTATIONS if each.role == "decided" and able(each.operator)]
    pairs = [bed.pair(each, MUTATIONS) for each in decided]
    monkeypatch.setattr(compiler.graph.keys, "roles_of", lambda node: ("measured", "result", "column"))
    for mutation, pair in zip(decided, pairs, strict=True):
        with pytest.raises(AssertionError, match="is not in the key"):
            check_key(mutation, both_keys(pair.sessions))


def test_a_tuning_knob_in_a_key_is_noticed(bed: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = Operator.parameters
    monkeypatch.setattr(Operator, "parameters", lambda self, *roles: whole(self, *roles, "tuning", "label"))
    monkeypatch.setattr(Model, "identity", lambda self: self.model_dump(exclude_none=True))
    for mutation in MUTATIONS:
        # The names of benchmarks, their languages and where a conversation stands are the same in both when keys are made.
        same = mutation.field in ("decontaminate.against", "decontaminate.languages", "decontaminate.talk", "turns.of")
        if mutation.role in ("tuning", "label") and able(mutation.operator) and not same:
            before, after = bed.opened(mutation)
            with pytest.raises(AssertionError, match="changes a key"):
                check_key(mutation, (structures_of(before), structures_of(after)))
