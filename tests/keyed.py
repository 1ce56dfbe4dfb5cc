"""A project in which mutations are built, the keys of its stages, and what a build of it gives."""

from __future__ import annotations

import copy
import importlib.metadata
import importlib.util
import json
import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from compiler.graph.facts import Facts
from compiler.graph.keys import structures
from compiler.graph.plan import Addresses
from compiler.lower.passes import drop_unused
from compiler.text.diagnostics import RecipeError
from operators.catalog import CATALOG
from operators.measures.length import Length
from runtime.build.run import Wishes, run_build
from runtime.build.session import Session
from runtime.sources.ingest import BadRows
from runtime.store.record import DecisionRecord, OutputRecord
from runtime.store.store import Store, StoreError
from tests.conftest import Project
from tests.crawling import crawl
from tests.derived import put_tried
from tests.examples import needed
from tests.mutations import PAGES, ROWS, TALKED, TEXTS, TRACED, Mutation, near_rows
from tests.packing import workbook, zipped
from tests.teacher import Handler, configure, teaching, varied
from tests.tokenizing import BYTES, TOKENIZER

KIWI = importlib.util.find_spec("kiwipiepy") is not None
#: What an operator cannot be run without, besides what its result depends on.
MORE = {"merge_options": ("scipy",)}
#: What to do about a field whose mutation does not derive from its type.
LIST_IT = "list a mutation of it in tests/mutations.py"


def lacked(operator: str) -> list[str]:
    """What an operator needs to be run and is not installed here."""
    if operator == "attach":
        return lacked("generate")
    found = (*needed(CATALOG[operator]), *MORE.get(operator, ())) if operator in CATALOG else ()
    return [name for name in found if not is_installed(name)]


def able(operator: str) -> bool:
    """Whether an operator can be run here."""
    return not lacked(operator)


def is_installed(name: str) -> bool:
    try:
        return bool(importlib.metadata.version(name))
    except importlib.metadata.PackageNotFoundError:
        return False


def put_files(project: Project) -> None:
    """The files that the mutations read."""
    (project.folder / ".recipe").mkdir()
    project.rows("a.jsonl", ROWS)
    project.rows("moved/renamed.jsonl", ROWS)
    project.rows("b.jsonl", [{"prompt": text} for text in TEXTS[1:4] + ["물을 끓이면 왜 김이 나나요?", "물은 왜 끓나요?"]])
    project.rows("lack1.jsonl", [{"prompt": "하나", "x": "1"}])
    project.rows("lack2.jsonl", [{"prompt": "둘"}])
    project.rows("near.jsonl", near_rows())
    project.rows("yo.jsonl", [{"prompt": "ещё"}, {"prompt": "еще"}])
    project.rows("traces.jsonl", [{"prompt": text, "other": text[::-1]} for text in TRACED] + [{"prompt": None, "other": "x"}])
    labelled = [{"text": "가", "t2": "다", "label": "A", "l2": "B"}, {"text": "나", "t2": "라", "label": "B", "l2": "A"}]
    lists: dict[str, Any] = {"o": ["가", "나"], "o2": ["나", "다"], "op": [["가", "나"], ["다", "라"]], "os": labelled}
    lists |= {"ok": {"x": "가", "y": "나"}, "g": "A", "gs": [0, 1]}
    project.rows("nested.jsonl", [{"m": [{"t": "물은 왜"}, {"t": "끓나요"}], **lists}])
    said = [("one", "A", "B"), ("two", "B", "A"), ("one", "B", "B")]
    told = [{"kind": kind, "kind2": kind[::-1], "lic": lic, "lic2": other} for kind, lic, other in said]
    texts = ("물은 왜", "끓나요", "하늘")
    project.rows("labelled.jsonl", [{"prompt": text, **each} for text, each in zip(texts, told, strict=True)])
    (project.folder / "crawl.warc").write_bytes(crawl(PAGES))
    zipped(project.folder / "packed.zip", ("in/a.jsonl", '{"prompt": "물은 왜"}', 0))
    workbook(project.folder / "book.xlsx", one=[["prompt"], ["물은 왜"]], two=[["prompt"], ["하늘은"]])
    project.rows("deep.jsonl", [{"a": [{"prompt": "물은 왜 끓나요"}], "b": [{"prompt": "하늘은 왜 파란가요"}]}])
    project.rows("talks.jsonl", [TALKED | {"few": [{"name": "cup"}]}])
    project.rows("talks2.jsonl", [TALKED])
    facts = ["why is the sky so blue?", "why is the sky blue? 0 둘째", "why is the sky blue? 1 둘째"]
    project.rows("facts.jsonl", [*facts, "Why is the sky `blue` 하늘? 2"])
    project.rows("sums.jsonl", ["why is the sky so blue?"])
    for name, kinds in (("items.jsonl", "가나"), ("items2.jsonl", "다라")):
        items = [
            {
                "prompt": f"{kind} {('바다', '하늘', '나라')[place % 3]}{'는의가도'[place % 4]} {place % 5}번",
                "other": f"{'둘 ' * (place % 2)}{'하나 둘 셋 넷'[place % 5 :]} {kind}",
                "options": [f"{kind}{place} {word}시 {word}구" for word in ("서울", "부산", "대구")],
                "gold": place % 3,
            }
            for kind in kinds
            for place in range(6)
        ]
        project.rows(name, items)
    project.write("tokenizer.json", TOKENIZER)
    project.write("bytes.json", BYTES)
    project.rows("had.jsonl", [{"prompt": text, "t": f"think {text}", "s": f"say {text}"} for text in TEXTS[:3]])
    project.write("quoted.csv", 'prompt\n"물은, 왜"\n"끓나요"\n')
    project.write("nameless.csv", "0\n물은 왜\n끓나요\n")
    project.write("bad.jsonl", '{"prompt": "물은 왜"}\nnot json\n')
    (project.folder / "latin.csv").write_bytes("prompt\ncafé au lait\n".encode("latin-1"))
    lexicons = {"qq": "{verification: ['[가-힣]'], backtracking: ['[a-z]']}", "qr": "{verification: [why]}"}
    for code, lexicon in lexicons.items():
        said = f"format: 1\nlanguage: {code}\nname: Q\nsegmenter: {{library: another}}\nbehaviours: {lexicon}\n"
        project.write(f"languages/{code}.yaml", said)


def answered(handler: Handler, request: dict[str, Any], times: int) -> bool:
    """Answer in one of many ways, as the whole request says."""
    handler.say(200, varied(request, sha256(json.dumps(request, sort_keys=True).encode()).hexdigest()))
    return True


@pytest.fixture(scope="module", autouse=True)
def teacher(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The model that every recipe of this file asks, under two addresses."""
    with teaching() as teacher, pytest.MonkeyPatch.context() as patch:
        teacher.fault = answered
        path = configure(tmp_path_factory.mktemp("configuration"), teacher, patch)
        (endpoint,) = json.loads(path.read_text())["endpoints"].values()
        path.write_text(json.dumps({"endpoints": {"lab": endpoint, "elsewhere": endpoint}}))
        yield


@pytest.fixture(scope="module")
def bed(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    """One project with one store, in which every mutation of a file is built."""
    folder = tmp_path_factory.mktemp("bed")
    put_files(Project(folder))
    put_tried(Project(folder))
    return Bench(folder)


def session_of(project: Project, said: dict[str, Any], store: str, items: int | None = None, **within: Any) -> Session:
    """A recipe opened as the commands open it; `within` is set on the operators that have such a field."""
    path = project.folder / "recipe.yaml"
    path.write_text(json.dumps(said, ensure_ascii=False), "utf-8")
    targets = tuple(said["tables"]) if len(said["tables"]) > 1 else ()
    session = Session(str(path), store_folder=str(project.folder / store), items=items, targets=targets)
    if within:
        session.__dict__["graph"] = replace(
            session.graph,
            nodes=tuple(
                replace(node, operator=node.operator.model_copy(update=within))
                if set(within) <= set(type(node.operator).model_fields) and not isinstance(node.operator, Length)
                else node
                for node in session.graph.nodes
            ),
        )
    return session


def narrowed(session: Session, outputs: Iterable[str], store: str | None = None) -> Session:
    """The same recipe, compiled once, as far as these outputs need it; in another store if one is named."""
    made = copy.copy(session)
    made.__dict__["graph"] = drop_unused(replace(session.graph, outputs={name: session.graph.outputs[name] for name in outputs}))
    if store is not None:
        made.store_folder = store
        made.__dict__.pop("location", None)
    return made


Key = tuple[str, str, str | None]


def keys_of(session: Session, facts: Facts | None = None) -> list[Key]:
    """(operator, aspect, key) of every node against the store as it is; sorted, for names are no part of it."""
    addresses = Addresses(session.graph, facts or session.facts, Store(session.store_path).result_of)
    return listed(session, addresses.key)


def structures_of(session: Session) -> list[Key]:
    """The same by what each node is made from, down to the leaves, whether or not anything was built."""
    return listed(session, structures(session.graph, session.facts).get)


def listed(session: Session, key: Callable[[int], str | None]) -> list[Key]:
    found = ((node.operator.name, node.aspect, key(index)) for index, node in session.graph)
    return sorted(found, key=lambda each: (*each[:2], each[2] or ""))


@dataclass(frozen=True)
class Result:
    """All that a build gives for one output."""

    digests: tuple[tuple[str, str], ...]
    """(operator, digest) of each cut that it is made from, its own among them."""
    ledgers: tuple[str, ...]
    rows: str
    output: str


def result_of(session: Session) -> Result | str:
    """What a build of one output gives, or the name of what stopped it."""
    try:
        run_build(session, Wishes(quiet=True))
    except (BadRows, StoreError, ValueError) as error:
        return type(error).__name__
    return made_of(session)


def made_of(session: Session) -> Result:
    """What the store has of the one output of a recipe that was built there."""
    store, (output,) = Store(session.store_path), session.graph.outputs.values()
    addresses = Addresses(session.graph, session.facts, store.result_of)
    cuts = [(node.operator.name, addresses.key(index)) for index, node in session.graph if node.cut]
    records = [(name, None if key is None else store.find(key)) for name, key in cuts]
    found = sorted(((name, record) for name, record in records if record is not None), key=lambda each: (each[0], each[1].digest))
    assert len(found) == len(cuts), "a stage that was built has no record"
    last = store.find(addresses.key(output) or "")
    assert isinstance(last, OutputRecord)
    tables = (pq.read_table(store.read_path(shard.removeprefix("object:"))) for shard in last.shards)
    return Result(
        tuple((name, record.digest) for name, record in found),
        tuple(record.ledger for _, record in found if isinstance(record, DecisionRecord)),
        "\n".join(repr(row) for table in tables for row in table.to_pylist()),
        last.digest,
    )


def tables_of(*said: dict[str, Any]) -> list[dict[str, Any]]:
    """The one table of each recipe."""
    return [table for each in said for table in each["tables"].values()]


@dataclass(frozen=True)
class Pair:
    """A mutation that was built: the recipe before and after it in one store, and after it in an empty one."""

    sessions: tuple[Session, Session]
    before: Result | str
    after: Result | str
    cold: Result | str


@dataclass
class Bench(Project):
    """A project in which mutations are built, as many of them at once as may be tables of one recipe."""

    pairs: dict[int, Pair] = field(default_factory=dict)
    """By the mutation's id."""
    chosen: dict[int, Mutation] = field(default_factory=dict)
    """The same with what was chosen to come after it."""
    shown: set[int] = field(default_factory=set)
    """Those for which something was found."""

    def pair(self, mutation: Mutation, known: list[Mutation]) -> Pair:
        """What builds of a mutation give; those of `known` that go with it are built with it."""
        if id(mutation) not in self.pairs:
            together = [each for each in known if each.group is not None and each.group == mutation.group]
            self.choose([each for each in together if each.choices])
            self.pairs |= self.built_together(together) if together else {id(mutation): self.built_alone(mutation)}
        return self.pairs[id(mutation)]

    def built_alone(self, mutation: Mutation, store: str = "store") -> Pair:
        """The recipe after a mutation built over the store of the one before, and in an empty store."""
        before, after = self.opened(mutation, store)
        cold = narrowed(after, after.graph.outputs, str(self.cold()))
        return Pair((before, after), result_of(before), result_of(after), result_of(cold))

    def opened(self, mutation: Mutation, store: str = "store") -> tuple[Session, Session]:
        """The recipe before a mutation and the one after it, compiled."""
        made = []
        mutation = self.chosen.get(id(mutation), mutation)
        for said, items, within in zip((mutation.before, mutation.after), mutation.items, mutation.within, strict=True):
            made.append(session_of(self, said, store, items, **within))
            _ = made[-1].graph  # the next is written over its text
        return made[0], made[1]

    def built_together(self, mutations: list[Mutation], store: str = "store") -> dict[int, Pair]:
        """The same of mutations that are tables of one recipe: all that come before, over them all that come after."""
        tables: dict[str, tuple[str, Any]] = {}
        names = [
            [tables.setdefault(json.dumps(table), (f"t{len(tables)}", table))[0] for table in tables_of(each.before, each.after)]
            for each in (self.chosen.get(id(each), each) for each in mutations)
        ]
        whole = session_of(self, mutations[0].before | {"tables": dict(tables.values())}, store)
        cold = narrowed(whole, {after for _, after in names}, str(self.cold()))
        for session in (*(narrowed(whole, {*side}) for side in zip(*names, strict=True)), cold):
            run_build(session, Wishes(quiet=True))
        found = {}
        for mutation, (before, after) in zip(mutations, names, strict=True):
            sides = (narrowed(whole, [before]), narrowed(whole, [after]))
            results = [made_of(each) for each in (*sides, narrowed(cold, [after]))]
            found[id(mutation)] = Pair(sides, *results)
        return found

    def choose(self, mutations: list[Mutation]) -> None:
        """Choose what comes after each mutation that has the choice: the first value by which something else comes out.

        A field that decides nothing by its role takes the first value, and so does one of which no value shows anything.
        """
        for turn in range(max((len(each.choices) for each in mutations), default=0)):
            waiting = [each for each in mutations if id(each) not in self.shown and turn < len(each.choices)]
            said = {f"c{place}": each.choices[turn] for place, each in enumerate(waiting)}
            whole = self.said_together(waiting[0].before, said) if waiting else None
            if whole is None:
                continue
            run_build(whole, Wishes(quiet=True))
            before = made_of(narrowed(whole, ["base"]))
            for name, mutation in zip(said, waiting, strict=True):
                if name in whole.graph.outputs:
                    chosen = replace(mutation, after=said[name])
                    self.chosen.setdefault(id(mutation), chosen)
                    if mutation.role in ("tuning", "label") or made_of(narrowed(whole, [name])) != before:
                        self.chosen[id(mutation)] = chosen
                        self.shown.add(id(mutation))
        for mutation in mutations:
            assert id(mutation) in self.chosen, f"no recipe can say another value of `{mutation.field}` by its type: {LIST_IT}"

    def said_together(self, base: dict[str, Any], others: dict[str, dict[str, Any]]) -> Session | None:
        """One recipe with the table of `base` and those of others that are no mistake; None where all are."""
        for strict in (False, True):
            right = {name: each for name, each in others.items() if not strict or self.compiled(each) is not None}
            tables = {"base": base["tables"]["t"], **{name: each["tables"]["t"] for name, each in right.items()}}
            if right and (session := self.compiled(base | {"tables": tables})) is not None:
                return session
        return None

    def compiled(self, said: dict[str, Any]) -> Session | None:
        """A recipe opened; None where it has a mistake."""
        session = session_of(self, said, "store")
        try:
            _ = session.graph
        except RecipeError:
            return None
        return session

    def cold(self) -> Path:
        """A folder in which nothing was built."""
        return Path(tempfile.mkdtemp(prefix="cold", dir=self.folder))
