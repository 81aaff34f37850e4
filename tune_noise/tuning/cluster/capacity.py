"""How many stacks a search may have under way, as nodes and other searches come and go.

Each search tells the others through the store of the cluster's head how many it could have under
way, and takes its fair share. What it lacks is shown to the autoscaler as placement groups that
wait for a place. Ray's `request_resources` does not serve: it is one request per cluster, so that
the second of two searches would undo the first's, and it outlives a driver that is killed.
Placement groups belong to their driver's job: they add up, and end with it.
"""

import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import ray
from ray.util.placement_group import (
    PlacementGroup,
    placement_group,
    placement_group_table,
    remove_placement_group,
)

from tune_noise.config.search import Resources
from tune_noise.tuning.cluster.placement import max_concurrent
from tune_noise.tuning.ray_internals import HeadStore

# How often the driver asks Ray whether nodes or other searches have come or gone.
CAPACITY_SECONDS = 1.0
# Placement groups at once: nodes are started in rounds anyway, and Ray tries to place all that
# wait again and again.
MAX_WAITING = 100
_PREFIX = b"wanted:"


class Capacity:
    """Return when called how many stacks may be under way now; Ray is asked once a second.

    Args:
        resources: of one trial.
        wanted: says how many stacks are left to train.

    Attributes:
        left_out: ids of nodes that cannot take part -> why.
    """

    def __init__(self, resources: Resources, wanted: Callable[[], int]) -> None:
        self.left_out: dict[str, str] = {}
        self._resources, self._wanted = resources, wanted
        self._searches = ClusterSearches()
        self._demand = Demand(resources) if has_autoscaler() else None
        self._value, self._asked = 0, -CAPACITY_SECONDS

    def __call__(self) -> int:
        """Return the share of this search, or fewer stacks where the user said so."""
        if time.monotonic() - self._asked >= CAPACITY_SECONDS:
            self._value = self._ask()
            self._asked = time.monotonic()
        return self._value

    def _ask(self) -> int:
        nodes = [node for node in ray.nodes() if node["NodeID"] not in self.left_out]
        most = self._resources.max_concurrent
        left = self._wanted()
        wanted = min(left, most or left)
        # Of the whole cluster, whatever this search is limited to.
        room = max_concurrent(nodes, self._resources.model_copy(update={"max_concurrent": None}))
        share = fair_share(room, self._searches.announce(wanted), self._searches.name)
        if self._demand is not None:
            self._demand.request(wanted - share)
        return min(share, most or share)

    def release(self) -> None:
        """Tell the cluster that this search needs nothing any more."""
        self._searches.withdraw()
        if self._demand is not None:
            self._demand.request(0)


@contextmanager
def capacity(resources: Resources, wanted: Callable[[], int]) -> Iterator[Capacity]:
    """Yield a `Capacity`, which is released at the end."""
    capacity = Capacity(resources, wanted)
    try:
        yield capacity
    finally:
        capacity.release()


def fair_share(room: int, wanted: Mapping[str, int], name: str) -> int:
    """Return how many stacks a search may have under way.

    What searches that want little leave over is shared by the others.

    Args:
        room: stacks that the cluster holds.
        wanted: search -> how many stacks it could have under way.
        name: of the search that asks; alone it has all the room.

    Returns:
        At least 1, so that every search goes on.

    Example:
        >>> fair_share(8, {"a": 3}, "a"), fair_share(8, {"a": 100, "b": 100}, "a")
        (8, 4)
        >>> fair_share(8, {"a": 100, "b": 2}, "a"), fair_share(8, {"a": 100, "b": 2}, "b")
        (6, 2)
    """
    left = room
    for position, other in enumerate(sorted(wanted, key=lambda search: (wanted[search], search))):
        share = min(wanted[other], left // (len(wanted) - position))
        if other != name:
            left -= share
        elif position == len(wanted) - 1:
            share = left
        if other == name:
            return max(1, share)
    raise KeyError(name)


class ClusterSearches:
    """The searches on the connected cluster, as they announce themselves to its head.

    Attributes:
        name: of this search: the id of its driver's job.
    """

    def __init__(self) -> None:
        self._store = HeadStore()
        self.name = ray.get_runtime_context().get_job_id()
        self._key = _PREFIX + self.name.encode()

    def announce(self, wanted: int) -> dict[str, int]:
        """Announce how many stacks this search wants, and return what every search wants."""
        self._store.put(self._key, str(wanted).encode())
        searches = {self.name: wanted}
        others = self._store.keys(_PREFIX) - {self._key}
        living = self._store.living_jobs() if others else set()
        for key in others:
            job = key.removeprefix(_PREFIX).decode()
            if job not in living:
                self._store.delete(key)  # its driver was killed
            elif value := self._store.get(key):
                searches[job] = int(value)
        return searches

    def withdraw(self) -> None:
        """Remove this search from those on the cluster."""
        self._store.delete(self._key)


def has_autoscaler() -> bool:
    """Return whether an autoscaler starts and ends nodes of the connected cluster.

    Every head reports a state of this kind; without an autoscaler each node is of a type of its
    own (Ray 2.60).
    """
    store = HeadStore()
    if status := store.autoscaler_status():
        report = json.loads(status).get("autoscaler_report") or {}
        types = (report.get("node_type_mapping") or {}).values()
        return any(not name.startswith("node_") for name in types)
    grouped = any("ray.io/node-group" in node["Labels"] for node in ray.nodes())
    return grouped and store.has_autoscaler_v2()


class Demand:
    """Trials for which there is no room yet, shown to the autoscaler as placement groups.

    Args:
        resources: of one trial.
    """

    def __init__(self, resources: Resources) -> None:
        bundle = {"CPU": resources.cpus_per_trial, "GPU": resources.gpus_per_trial}
        self._bundle = {name: amount for name, amount in bundle.items() if amount > 0}
        self._groups: list[PlacementGroup] = []

    def request(self, count: int) -> None:
        """Have so many groups wait, up to MAX_WAITING, and remove those that have a place."""
        if self._groups:
            table: dict[str, Any] = placement_group_table()
            self._remove([g for g in self._groups if table[g.id.hex()]["state"] == "CREATED"])
        count = max(0, min(count, MAX_WAITING))
        self._remove(self._groups[count:])
        while len(self._groups) < count:
            self._groups.append(placement_group([self._bundle]))

    def _remove(self, groups: list[PlacementGroup]) -> None:
        for group in groups:
            remove_placement_group(group)
            self._groups.remove(group)
