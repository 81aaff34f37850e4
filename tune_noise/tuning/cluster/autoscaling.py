"""What the autoscaler of a cluster goes by: placement groups that wait for a place.

Ray's `request_resources` is not used: it is one request per cluster, so that of two searches the
second would undo the first's, and it outlives a driver that is killed. Placement groups belong to
their driver's job: they add up, and go with it, however it ends.
"""

import json
from typing import Any

import ray
from ray.util.placement_group import (
    PlacementGroup,
    placement_group,
    placement_group_table,
    remove_placement_group,
)

from tune_noise.config.search import Resources

_V1_STATUS = b"__autoscaling_status"
# At once: nodes are started in rounds anyway, and Ray tries to place all that wait again and again.
MAX_WAITING = 100


def has_autoscaler() -> bool:
    """Whether an autoscaler starts and ends nodes of the connected cluster.

    Every head reports a state of this kind; without an autoscaler each node is of a type of its
    own (Ray 2.60).
    """
    from ray.autoscaler.v2.utils import is_autoscaler_v2

    gcs = ray._private.worker.global_worker.gcs_client
    if status := gcs.internal_kv_get(_V1_STATUS):
        report = json.loads(status).get("autoscaler_report") or {}
        types = (report.get("node_type_mapping") or {}).values()
        return any(not name.startswith("node_") for name in types)
    grouped = any("ray.io/node-group" in node["Labels"] for node in ray.nodes())
    return grouped and bool(is_autoscaler_v2(fetch_from_server=True, gcs_client=gcs))


class Demand:
    """Trials for which there is no room yet, shown to the autoscaler."""

    def __init__(self, resources: Resources) -> None:
        """Of trials that take these resources."""
        bundle = {"CPU": resources.cpus_per_trial, "GPU": resources.gpus_per_trial}
        self._bundle = {name: amount for name, amount in bundle.items() if amount > 0}
        self._waiting: list[PlacementGroup] = []

    def show(self, count: int) -> None:
        """Have as many wait as given, up to MAX_WAITING; what has found a place makes room."""
        if self._waiting:
            table: dict[str, Any] = placement_group_table()
            placed = [g for g in self._waiting if table[g.id.hex()]["state"] == "CREATED"]
            self._drop(placed)
        count = max(0, min(count, MAX_WAITING))
        self._drop(self._waiting[count:])
        while len(self._waiting) < count:
            self._waiting.append(placement_group([self._bundle]))

    def _drop(self, groups: list[PlacementGroup]) -> None:
        for group in groups:
            remove_placement_group(group)
            self._waiting.remove(group)
