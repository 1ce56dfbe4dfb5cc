"""A Ray cluster of two machines on this one, one with a GPU as it says: prints its address; a line names the raylet to kill."""

from __future__ import annotations

import os
import sys

QUIET = {"include_dashboard": False, "object_store_memory": 80 << 20, "num_cpus": 1}


def main(folder: str, cores: str) -> None:
    """Runs until its input ends; the head has so many cores for tasks."""
    # Each machine has a cache of its own.
    os.environ["RECIPE_CACHE"] = f"{folder}/head"
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    # Where it writes which cluster is the last one, which builds of others would join.
    os.environ["RAY_TMPDIR"] = folder
    os.mkdir(os.path.join(folder, "ray"))
    from ray.cluster_utils import Cluster

    cluster = Cluster(initialize_head=True, head_node_args={**QUIET, "num_cpus": int(cores), "temp_dir": folder})
    other = cluster.add_node(**QUIET, num_gpus=1, env_vars={"RECIPE_CACHE": f"{folder}/cache"})
    nodes = {"head": cluster.head_node, "other": other}
    cluster.wait_for_nodes()
    print(cluster.address, flush=True)
    for line in sys.stdin:
        nodes[line.strip()].kill_raylet()
        print("killed", flush=True)
    cluster.shutdown()


if __name__ == "__main__":
    main(*sys.argv[1:])
