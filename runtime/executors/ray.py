"""Tasks on the workers of a Ray cluster, which share the store and nothing else; Ray is loaded when it is chosen."""

from __future__ import annotations

import logging
import os
import socket
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from functools import cache
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from runtime.completions.engines.engine import last_line
from runtime.executors.executor import Resources, Rows, Task
from runtime.executors.machines import Machine, bound_on, complain_unfit, machines_of, share_on
from runtime.executors.payload import ALIKE, Failed, Site, pack, unpack, versions_of
from runtime.executors.temporary import guarded, temporary_folder
from runtime.executors.worker import open_here, perform
from runtime.store.bound import Bound, machine_memory
from runtime.store.store import Damaged, Store, StoreError

if TYPE_CHECKING:
    from runtime.completions.engines.engine import Engine

T = TypeVar("T")
A = TypeVar("A")
B = TypeVar("B")

RETRIES = 8
"""How often a task is begun again whose worker died."""
OBJECTS = 80 << 20
"""Bytes of Ray's own store, the least that it takes: nothing of ours lies in it."""
ANSWERS = 5
"""Seconds in which the head of a cluster is to answer."""
LOOK = 20
"""Seconds after which it is looked whether there still is a machine for what is waited for."""
GRACE = 5
"""Seconds in which an engine lets go of its process."""
NOT_THERE = "install the same version of data-recipe, with the same extras, on every machine"
INSTALL = "pip install 'data-recipe[ray]'"


class Ray:
    """A cluster that is joined, or one of this machine alone, which is ended with the build."""

    apart = True

    def __init__(self, store: Store, name: str, threads: int, alike: Iterable[str] = ALIKE) -> None:
        """`threads` are the cores of a cluster of this machine alone, `alike` is what has one version on all machines.

        Raises StoreError where Ray is not there.
        """
        self.store, self.name = store, name
        self.versions = versions_of(alike)
        self.waiting: dict[Any, Resources] = {}
        """Tasks that are under way, and what each takes of a machine."""
        self.begun = False
        """Whether it is of this machine alone: a machine may join any other while a build runs."""
        try:
            import ray
        except ImportError as error:
            raise StoreError(f"`{error.name}` is not installed, which `--engine {name}` needs", INSTALL) from None
        self.ray = ray
        with ExitStack() as self.stack:
            if not ray.is_initialized():
                address = os.environ.get("RAY_ADDRESS") if name == "ray" else name.removeprefix("ray://")
                self.join(address) if address else self.begin(threads)
            self.look_around()
            self.stack = self.stack.pop_all()

    def look_around(self) -> None:
        """See what the machines of the cluster have. Raises StoreError where none has a core."""
        machines = self.machines()
        # What happens to workers is told by what fails of it; Ray prints it on the output of the command.
        self.ray._private.worker._worker_logs_enabled = False
        self.function = self.ray.remote(perform_here)
        # A task that needs a whole machine has to find one, whichever of them is lost.
        self.cores = min(each.cores for each in machines)
        self.widest = max(each.cores for each in machines)
        self.slots = sum(each.cores for each in machines)
        self.gpus = max(each.gpus for each in machines)
        self.store.bound = bound_on(self.store.bound, machines)

    def machines(self) -> list[Machine]:
        """The machines that can run tasks now. Raises StoreError where there is none."""
        return machines_of(self.ray.nodes())

    def begin(self, threads: int) -> None:
        """Ray on this machine, without its dashboard and its reports, in a folder that is gone afterwards."""
        self.begun = True
        self.store.bound = self.store.bound.within(machine_memory())
        os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
        path = self.stack.enter_context(temporary_folder())
        self.stack.enter_context(guarded(path))
        sizes = {"_memory": self.store.bound.memory, "object_store_memory": OBJECTS}
        self.connect(address="local", num_cpus=threads, **sizes, _temp_dir=str(path), include_dashboard=False)

    def join(self, address: str) -> None:
        """The cluster whose head has an address. Raises StoreError where nobody answers there."""
        host, colon, port = address.rpartition(":")
        try:
            if colon and port.isdecimal():  # Ray itself would try for minutes
                socket.create_connection((host.strip("[]"), int(port)), ANSWERS).close()
        except (OSError, OverflowError) as error:
            raise silent_address(address, error) from None
        self.connect(address=address)

    def connect(self, **where: Any) -> None:
        try:
            self.ray.init(**where, log_to_driver=False, logging_level=logging.CRITICAL)
        except Exception as error:
            if "address" in where and where["address"] != "local":
                raise silent_address(where["address"], error) from None
            raise StoreError(f"Ray does not start: {first_line(error)}", "build without it: --engine local") from error
        self.stack.callback(self.ray.shutdown)

    # -- tasks

    def call(self, function: Callable[..., T], *arguments: Any) -> T:
        return self.start(call_function, (function, arguments), None, Resources(self.cores), silent).result()

    def start(self, task: Task[A, B, T], shared: A, piece: B, needs: Resources, tell: Rows) -> Sent[T]:
        return self.send(task, pack(shared, self.store), piece, needs)

    def run(self, task: Task[A, B, T], shared: A, pieces: Iterable[B], needs: Resources, tell: Rows) -> Iterator[T]:
        sent, common = deque[Sent[T]](), self.ray.put(pack(shared, self.store))
        coming = iter(pieces)
        while True:
            sent.extend(self.send(task, common, piece, needs) for piece in islice(coming, 4 * self.slots - len(sent)))
            if not sent:
                return
            yield sent.popleft().result()

    def send(self, task: Task[A, B, T], shared: Any, piece: B, needs: Resources) -> Sent[T]:
        """One task; `shared` is packed already."""
        if needs.gpus > self.gpus:
            message = f"no machine of the Ray cluster has {needs.gpus} GPUs, and {self.gpus} at most"
            raise StoreError(message, "say as many `processes` under `training:` in your configuration")
        asked = self.asked(needs)
        options = {"num_cpus": asked.cores, "memory": asked.memory, "num_gpus": asked.gpus}
        function = self.function.options(**options, max_retries=RETRIES, retry_exceptions=False)
        reference = function.remote(self.site(), asked.cores, task, shared, pack(piece, self.store))
        self.waiting[reference] = asked
        return Sent(self, reference)

    def asked(self, needs: Resources) -> Resources:
        """What Ray is asked for: as many cores as have a share of the bound that does, on the machine with most of them."""
        memory = self.store.bound.memory
        cores = min(max(needs.cores, -(-needs.memory * self.widest // memory)), self.cores)
        return Resources(cores, needs.gpus, memory * cores // self.widest)

    def allowance(self, needs: Resources) -> Bound:
        return share_on(self.store.bound, self.widest, self.asked(needs).cores)

    def site(self) -> Site:
        """The store, and the bound that holds for each machine."""
        store = self.store
        assert store.running is not None, "tasks run for a build"
        return Site(store.location, Path(store.running.name).name, store.bound, self.versions, sends=not self.begun)

    def receive(self, reference: Any) -> Any:
        """What a task made. Raises what it raised, and StoreError for one that was lost."""
        try:
            data: bytes = self.wait_for(reference, self.waiting.get(reference, Resources()))
        except self.ray.exceptions.RayError as error:
            raise lost(error) from None
        finally:
            self.waiting.pop(reference, None)
        made, held = unpack(data, self.store)
        for name in held:
            self.store.hold(name)
        if not isinstance(made, Failed):
            return made
        raised = made.error()
        if isinstance(raised, Damaged):
            self.store.checked.clear()  # what was whole when it was last looked at need not be so any more
        raise raised

    def wait_for(self, reference: Any, needs: Resources) -> Any:
        """What comes of a task, as long as there is a machine that can take it. Raises StoreError where there is none."""
        while True:
            try:
                return self.ray.get(reference, timeout=LOOK)
            except self.ray.exceptions.GetTimeoutError:
                complain_unfit(needs, self.machines())

    def engine(self, function: Callable[..., Engine], arguments: tuple[Any, ...], gpus: int) -> Engine:
        from runtime.completions.engines.engine import EngineError
        from runtime.executors.answering import AGAIN, Answering, Remote

        needs = Resources(1 if self.gpus else self.cores, min(gpus, self.gpus))
        options = {"num_gpus": needs.gpus, "num_cpus": needs.cores, "max_restarts": 0}
        given = self.site(), function, pack(arguments, self.store)
        actor = self.ray.remote(Answering).options(**options).remote(open_here, given)

        def ask(method: str, *given: Any) -> Any:
            try:
                return self.wait_for(getattr(actor, method).remote(*given), needs)
            except self.ray.exceptions.RayError as error:
                raise EngineError(f"the worker of the engine ended: {first_line(error)}", AGAIN) from None

        def end() -> None:
            with suppress(self.ray.exceptions.RayError):
                self.ray.get(actor.close.remote(), timeout=GRACE)
            self.ray.kill(actor)

        return Remote(ask, end)

    def close(self) -> None:
        """End what still runs, and Ray where it was begun here."""
        for reference in self.waiting:
            with suppress(self.ray.exceptions.RayError):
                self.ray.cancel(reference, force=True)
        self.waiting.clear()
        self.stack.close()


@dataclass
class Sent(Generic[T]):
    """A task that is on its way."""

    ray: Ray
    reference: Any

    def result(self) -> T:
        made: T = self.ray.receive(self.reference)
        return made


@cache
def cores_here() -> int:
    """The cores of the machine that this worker runs on, as Ray counts them."""
    import ray

    here = ray.get_runtime_context().get_node_id()
    return int(next(node["Resources"]["CPU"] for node in ray.nodes() if node["NodeID"] == here))


def perform_here(site: Site, cores: int, task: Any, shared: bytes, piece: bytes) -> bytes:
    """A task of so many cores, which takes no more than its share of the machine that it runs on."""
    return perform(replace(site, bound=share_on(site.bound, cores_here(), cores)), task, shared, piece)


def call_function(shared: tuple[Callable[..., T], tuple[Any, ...]], piece: None, tell: Rows) -> T:
    """A task that is one call."""
    function, arguments = shared
    return function(*arguments)


def silent(rows: int) -> None:
    """Told of rows, and says nothing."""


def silent_address(address: str, error: Exception) -> StoreError:
    """What is said of an address where no cluster answers."""
    hint = "`ray start --head` on one machine prints the address, and this machine has to be one of its nodes"
    return StoreError(f"no Ray cluster answers at `{address}`: {first_line(error)}", hint)


def lost(error: Exception) -> StoreError:
    """What is said of a task that did not come to an end."""
    name = type(error).__name__
    if name == "OutOfMemoryError":
        return StoreError("a machine of the Ray cluster ran out of memory", "build with a smaller --memory")
    if name.startswith("RayTaskError") or isinstance(error, ImportError | RuntimeError):
        return StoreError(f"a worker cannot run what is asked: {last_line(str(error).encode())}", NOT_THERE)
    hint = "run the same command again: what is finished is in the store"
    return StoreError(f"a worker was lost {RETRIES + 1} times, or its machine ({name}: {first_line(error)})", hint)


def first_line(error: Exception) -> str:
    """The first line of an error that is not blank, up to 200 characters."""
    return next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)[:200]
