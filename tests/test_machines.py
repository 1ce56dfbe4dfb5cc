"""What a build and its tasks may take of the machines of a cluster."""

from __future__ import annotations

import pytest

from runtime.executors.executor import Resources
from runtime.executors.machines import Machine, bound_on, complain_unfit, machines_of, share_on
from runtime.store.bound import Bound
from runtime.store.store import StoreError

GB = 1 << 30
SMALL, LARGE = Machine("10.0.0.1", 2, 0, 8 * GB), Machine("10.0.0.2", 16, 2, 100 * GB)


def test_a_machine_that_has_less_than_the_bound_is_told() -> None:
    with pytest.raises(StoreError, match=r"may take 17.2 GB of every machine, and 10.0.0.1 has 8.6 GB for tasks") as told:
        bound_on(Bound(16 * GB), [SMALL, LARGE])
    assert told.value.hint is not None and "--memory 8192MB, or less" in told.value.hint
    assert bound_on(Bound(8 * GB), [SMALL, LARGE]).memory == 8 * GB


def test_a_bound_that_nobody_named_is_at_most_what_the_smallest_machine_has(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("runtime.store.bound.machine_memory", lambda: 64 * GB)
    assert bound_on(Bound(), [SMALL, LARGE]).limit == 8 * GB
    assert bound_on(Bound(), [LARGE]).limit == 32 * GB


def test_a_bound_that_the_workers_of_the_largest_machine_do_not_fit_into_is_told() -> None:
    with pytest.raises(StoreError, match="a build with 16 workers on a machine does not fit into 3072 MB") as told:
        bound_on(Bound(3 * GB), [SMALL, LARGE])
    assert told.value.hint == "the least that works is 3280 MB, or fewer workers"


@pytest.mark.parametrize("cores", [1, 2])
def test_tasks_hold_to_the_bound_on_machines_of_any_size(cores: int) -> None:
    bound = bound_on(Bound(8 * GB), [SMALL, LARGE])
    for machine in (SMALL, LARGE):
        share = share_on(bound, machine.cores, cores)
        assert share.tasks == machine.cores // cores and share.tasks * share.room <= bound.memory
    assert share_on(bound, 2, cores).room > share_on(bound, 16, cores).room


def test_a_task_that_no_machine_can_take_is_told_with_what_there_is() -> None:
    complain_unfit(Resources(2, 2, GB), [SMALL, LARGE])
    with pytest.raises(StoreError) as told:
        complain_unfit(Resources(2, 2, GB), [SMALL])
    message = "no machine of the Ray cluster can take a task that needs 2 cores, 2 GPUs, 1.1 GB of memory"
    assert str(told.value) == f"{message}: 10.0.0.1 has 2 cores, 8.6 GB of memory"
    with pytest.raises(StoreError, match=r"; and 3 more$"):
        complain_unfit(Resources(99), [SMALL] * 7)


def test_machines_that_are_gone_or_have_no_core_take_no_task() -> None:
    alive = {"Alive": True, "NodeManagerAddress": "10.0.0.1", "Resources": {"CPU": 2.0, "memory": 8.0 * GB}}
    others = [{**alive, "Alive": False}, {**alive, "Resources": {"memory": 1.0, "GPU": 8.0}}]
    assert machines_of([*others, alive]) == [SMALL]
    with pytest.raises(StoreError, match="no machine of the Ray cluster has a core for tasks"):
        machines_of(others)
