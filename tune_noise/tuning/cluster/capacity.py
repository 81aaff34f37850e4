"""How many stacks a search may have under way: it follows nodes and neighbours that come and go."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import ray

from tune_noise.config.search import Resources
from tune_noise.tuning.cluster.autoscaling import Demand, has_autoscaler
from tune_noise.tuning.cluster.neighbours import Neighbours, fair_share
from tune_noise.tuning.cluster.placement import max_concurrent
from tune_noise.tuning.session.session import Session

# How often the driver asks Ray whether nodes or other searches have come or gone.
CAPACITY_SECONDS = 1.0


class Capacity:
    """Asked for each stack; it asks Ray once a second.

    Attributes:
        left_out: ids of nodes that cannot take part -> why.
    """

    def __init__(self, resources: Resources, wanted: Callable[[], int]) -> None:
        """Of trials that take these resources; `wanted` says how many are left to do."""
        self.left_out: dict[str, str] = {}
        self._resources, self._wanted = resources, wanted
        self._neighbours = Neighbours()
        self._demand = Demand(resources) if has_autoscaler() else None
        self._value, self._asked = 0, -CAPACITY_SECONDS

    def __call__(self) -> int:
        """What this search may use of the connected cluster now, or fewer where the user said."""
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
        share = fair_share(room, self._neighbours.say(wanted), self._neighbours.own)
        if self._demand is not None:
            self._demand.show(wanted - share)
        return min(share, most or share)

    def leave(self) -> None:
        """This search has no use for the cluster any more."""
        self._neighbours.leave()
        if self._demand is not None:
            self._demand.show(0)


@contextmanager
def capacity(session: Session, resources: Resources) -> Iterator[Capacity]:
    """The capacity for a session, which is given back at its end."""
    made = Capacity(resources, lambda: stacks_left(session))
    try:
        yield made
    finally:
        made.leave()


def stacks_left(session: Session) -> int:
    """How many stacks are known to be left to train: under way, waiting, or not yet proposed."""
    trials = session.history.trials.values()
    under_way = {trial.stack_id for trial in trials if trial.status is None}
    if session.out_of_time:
        return len(under_way)
    asked = sum(trial.stage == "search" for trial in trials)
    planned = session.search.trials * len(session.search.all_conditions)
    return len(under_way) + max(0, planned - asked)
