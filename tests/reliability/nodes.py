"""Kill a node of a local three-node cluster under a real search, which goes on by itself."""

import os
import random
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from typing import Any

from .audit import Audit, audit
from .command import PART_MARK, Command, kill_all, wait_for
from .facts import Findings, Life, read_events
from .kills import PATIENCE_SECONDS, Reference, begin, watch
from .redone import lost_stacks, notes_a_loss
from .searches import NAME, SPREAD

NUM_WORKERS = 2
# Ray asks a node whether it lives every 3 s, and gives it up after 5 failures; this is the same
# path, sooner. Trained time that is lost does not depend on it, only the wait for it.
SOONER = {
    "RAY_health_check_initial_delay_ms": "1000",
    "RAY_health_check_period_ms": "1000",
    "RAY_health_check_timeout_ms": "2000",
    "RAY_health_check_failure_threshold": "3",
}
# So many deaths are left to Ray's own times.
PATIENT_SHARE = 0.1
_COMMON = ["--object-store-memory", "200000000", "--disable-usage-stats"]
_COMMON += ["--dashboard-agent-listen-port", "0"]


class Cluster:
    """A head and more nodes of one CPU each: real Ray processes on this machine.

    Args:
        place: a short path, for logs and sockets.
        patient: with Ray's own times for the detection of a dead node.
        workers: nodes beside the head.
        head_cpus: 0 for a head that trains nothing.
    """

    def __init__(
        self,
        place: Path,
        *,
        patient: bool = False,
        workers: int = NUM_WORKERS,
        head_cpus: int = 1,
    ) -> None:
        """Start it."""
        self._place = place
        self._environment = {} if patient else SOONER
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.address = f"127.0.0.1:{free.getsockname()[1]}"
        port = self.address.rpartition(":")[2]
        head = ["--head", "--port", port, "--include-dashboard", "false"]
        self._head = self._node(*head, cpus=head_cpus)
        self.workers = [self._node("--address", self.address) for _ in range(workers)]

    def _node(self, *arguments: str, cpus: int = 1) -> Command:
        options = ["--node-ip-address", "127.0.0.1", "--num-cpus", str(cpus), *_COMMON]
        command = Command(
            self._place,
            ["ray.scripts.scripts", "start", *arguments, *options],
            extra=self._environment,
        )
        if problems := command.wait():
            raise RuntimeError(f"a node of the cluster {problems[0]}")
        return command

    def join(self) -> None:
        """Add a node."""
        self.workers.append(self._node("--address", self.address))

    def end(self) -> None:
        """Kill every process of every node."""
        for node in [*self.workers, self._head]:
            kill_all(PART_MARK, node.part)


@contextmanager
def running_cluster(place: Path, **options: Any) -> Iterator[Cluster]:
    """A cluster that is gone afterwards; options as for `Cluster`."""
    cluster = Cluster(place, **options)
    try:
        yield cluster
    finally:
        cluster.end()


def trains(node: Command) -> bool:
    """Whether a process of a node trains a trial just now: Ray writes the call into its title."""
    return any("Trainable.train" in title for title in node.left.values())


def kill_node(node: Command, *, whole: bool) -> None:
    """SIGKILL to the raylet of a node, or to all its processes at once as a power cut does."""
    if whole:
        kill_all(PART_MARK, node.part)
        return
    [raylet] = [pid for pid, title in node.left.items() if "/raylet/raylet " in title]
    os.kill(raylet, signal.SIGKILL)


def uninterrupted_on_nodes(place: Path) -> Reference:
    """The search on three nodes, none of which is killed."""
    with running_cluster(place) as cluster:
        command = begin(SPREAD, place, ["--address", cluster.address])
        life = Life(command.started)
        problems = command.wait()
        seconds = time.time() - command.started
    found = audit(place / "runs" / NAME, [life])
    first = next((e.seconds for e in life.events if e.kind == "start"), 0.0)
    last = next((e.seconds for e in life.events if e.kind == "finish"), 0.0)
    return Reference(place / "runs" / NAME, seconds, last - first, problems + found.findings.all)


def node_killed(reference: Reference, draw: random.Random, place: Path) -> Audit:
    """One search on three nodes, of which one is killed while it trains; audited.

    Args:
        reference: an uninterrupted run.
        draw: decides about the moment, the node, how it dies, and whether another one joins.
        place: an empty folder.
    """
    folder = place / "runs" / NAME
    delay = draw.uniform(0.0, 0.8 * reference.search_seconds)
    whole, joins = draw.random() < 0.5, draw.random() < 0.5
    patient = draw.random() < PATIENT_SHARE
    seen, watchers = Findings(), list[Thread]()
    with running_cluster(place, patient=patient) as cluster:
        command = begin(SPREAD, place, ["--address", cluster.address])
        first = Life(command.started, is_node=True)
        wait_for(
            lambda: command.has_ended or any(e.kind == "start" for e in read_events(folder)),
            seconds=PATIENCE_SECONDS,
            pause=0.1,
        )
        time.sleep(delay)
        busy: list[Command] = []

        def is_busy() -> bool:
            busy[:] = [node for node in cluster.workers if trains(node)]
            return bool(busy) or command.has_ended

        wait_for(is_busy, seconds=PATIENCE_SECONDS)
        if busy:
            victim = draw.choice(busy)
            first.killed = time.time()
            kill_node(victim, whole=whole)
            watchers.append(watch(victim, first, seen))
            first.victim = "all processes of a node" if whole else "raylet"
        first.events = read_events(folder)
        second = Life(first.killed or time.time(), known=first.events)
        if patient:
            first.victim += " (Ray's own times)"
        if joins:
            first.victim += ", another joins"
            cluster.join()
        seen.commands += command.wait()
        found = audit(folder, [first, second])
    seen.add([found.findings])
    found.findings, found.watchers = seen, watchers
    if not lost_stacks(first, second):
        # Its trial had ended just before: that is no death of a node that runs trials.
        first.killed = None
    return found


def recovery(first: Life, second: Life) -> tuple[float, float] | None:
    """Seconds until the driver notes a node's death, and from then until a lost trial trains."""
    if first.killed is None:
        return None
    for stack in lost_stacks(first, second).values():
        own = [e for e in second.news if e.trial_id == stack[0]]
        note = next(event for event in own if notes_a_loss(event))
        again = [e.seconds for e in own if e.number > note.number]
        if again:
            return note.seconds - first.killed, again[0] - note.seconds
    return None
