"""Ask all nodes of a cluster, as a search does before it starts, and have each fetch an array.

Prints seconds as JSON in its last line.
"""

import json
import sys
import time
from pathlib import Path

import numpy as np
import ray
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from tune_noise.config.loader import build_search, find_space, read_space
from tune_noise.config.search import Resources
from tune_noise.tuning.cluster.node_check import check_nodes
from tune_noise.tuning.cluster.placement import fitting_nodes


@ray.remote(num_cpus=0)
def size_of(array: np.ndarray) -> int:
    return array.nbytes


def main() -> None:
    address, megabytes = sys.argv[1:]
    ray.init(address=address, log_to_driver=False, logging_level="ERROR")
    search = build_search({**read_space(find_space("smoke")), "name": "asked"}, source="smoke")
    folder = Path("runs/asked").resolve()
    found = {}
    for name in ("s of check, cold", "s of check, again"):
        started = time.perf_counter()
        check_nodes(search, folder)
        found[name] = time.perf_counter() - started
    array = ray.put(np.ones(int(megabytes) * 1_000_000, np.uint8))
    started = time.perf_counter()
    sizes = [
        size_of.options(
            scheduling_strategy=NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)
        ).remote(array)
        for node in fitting_nodes(ray.nodes(), Resources())
    ]
    ray.get(sizes)
    found["s of fetch"] = time.perf_counter() - started
    print(json.dumps(found))


main()
