"""Looks at held-out benchmarks: each is written down in the store, and a second one is refused unless it is asked for."""

from __future__ import annotations

import json
import time

from compiler.graph.nodes import Graph
from compiler.graph.plan import Addresses
from compiler.graph.stages import AskStage, stage_at
from compiler.recipe.benchmarks import FEED
from runtime.build.session import Session
from runtime.store.names import Look, read_looks
from runtime.store.store import Store, StoreError


class Looks:
    """The history of one recipe's looks at its held-out benchmarks, and the leave to look."""

    def __init__(self, session: Session, store: Store, again: bool) -> None:
        section = session.read.recipe.evaluate
        self.held_out = frozenset(section.evaluate.held_out if section is not None else ())
        self.frozen = session.lock.frozen if session.lock is not None else {}
        self.store, self.recipe = store, session.read.recipe.name
        self.again, self.named = again, session.named

    def allow(self, graph: Graph, index: int, key: str, addresses: Addresses) -> None:
        """Called before a stage runs: what asks a held-out benchmark is a look. Raises StoreError."""
        stage = stage_at(graph, index)
        if not isinstance(stage, AskStage) or not stage.operator.judges:
            return
        benchmark = graph.nodes[stage.rows].label.removeprefix(FEED)
        if benchmark not in self.held_out:
            return
        if stage.checkpoint is not None:
            self.complain_moved(graph.nodes[stage.checkpoint].label, addresses.address(stage.checkpoint))
        model = stage.operator.model
        before = [look for look in self.looks() if (look.benchmark, look.model) == (benchmark, model)]
        if any(look.key == key for look in before):
            return  # the same look, which was not finished or whose result is gone
        if before and not self.again:
            times = f"{len(before)} time{'s' * (len(before) > 1)}"
            command = f"recipe build {self.named} --target evaluate.held_out --again"
            raise StoreError(
                f"`{model}` was judged by the held-out benchmark `{benchmark}` {times} before",
                f"what is looked at twice is held out no more; if it has to be, every table will say so: {command}",
            )
        look = Look(benchmark=benchmark, model=model, key=key, time=round(time.time()))
        self.store.add_look(self.recipe, json.dumps(look.body(), ensure_ascii=False))

    def complain_moved(self, label: str, digest: str | None) -> None:
        """Raises StoreError where a checkpoint is not the one that was frozen."""
        pin = self.frozen.get(label)
        if pin is not None and digest is not None and pin.digest != digest:
            message = f"`{label}` is {digest[:12]}, and {pin.digest[:12]} was frozen"
            raise StoreError(message, f"undo the change, or freeze anew with `recipe freeze {self.named}`")

    def looks(self) -> list[Look]:
        """Every look so far, the first one first."""
        return read_looks(self.store.look_lines(self.recipe))

    def counted(self) -> dict[str, int]:
        """Benchmark -> how often the model that was judged by it most often was."""
        times: dict[tuple[str, str], int] = {}
        for look in self.looks():
            pair = (look.benchmark, look.model)
            times[pair] = times.get(pair, 0) + 1
        return {benchmark: max(n for (each, _), n in times.items() if each == benchmark) for benchmark, _ in times}
