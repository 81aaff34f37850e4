"""Notices that the connected Ray cluster is gone, before Ray ends the whole process for it."""

import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import ray

from tune_noise.errors import TuneNoiseError
from tune_noise.system.signals import Interrupt

POLL_SECONDS = 2.0
CONNECT_SECONDS = 2.0
# A head that is started again with its state in Redis may take a while; after 60 seconds without
# it Ray aborts the driver from inside, with a C++ trace and no word of ours.
HEAD_SECONDS = 45.0
# The Ray process of the driver's own machine never comes back, and without it Ray ends the driver
# after some 15 seconds.
RAYLET_SECONDS = 4.0


@contextmanager
def cluster_watch(on_loss: Callable[[str], None], interrupt: Interrupt) -> Iterator[None]:
    """Watch the head of the connected cluster, and Ray on this machine, in threads of their own.

    Args:
        on_loss: called in such a thread with a sentence once one of them is lost. The main thread
            may hang inside Ray then.
        interrupt: once requested, nobody waits for a head to come back.

    Raises:
        KeyboardInterrupt: a signal came, the cluster has ended, too, and Ray fails over that. What
            stops the driver, e.g. Slurm, may have sent its signal to all processes.
    """
    ended = threading.Event()
    watched = (
        ("the head of the Ray cluster", ray.get_runtime_context().gcs_address, HEAD_SECONDS),
        ("Ray's process on this machine", _raylet_address(), RAYLET_SECONDS),
    )
    for name, address, patience_seconds in watched:
        arguments = (name, address, patience_seconds, interrupt, ended, on_loss)
        threading.Thread(target=_watch, args=arguments, daemon=True).start()
    try:
        yield
    except TuneNoiseError:
        raise
    except Exception as error:
        if interrupt.has_come and _is_lost([address for _, address, _ in watched]):
            raise KeyboardInterrupt from error
        raise
    finally:
        ended.set()


def _is_lost(addresses: Sequence[str]) -> bool:
    """Return whether one of some addresses stops to answer in the next seconds."""
    deadline = time.monotonic() + RAYLET_SECONDS
    while all(map(answers, addresses)):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.1)
    return True


def _raylet_address() -> str:
    node_id = ray.get_runtime_context().get_node_id()
    [node] = [node for node in ray.nodes() if node["NodeID"] == node_id]
    return f"{node['NodeManagerAddress']}:{node['NodeManagerPort']}"


def _watch(
    name: str,
    address: str,
    patience_seconds: float,
    interrupt: Interrupt,
    ended: threading.Event,
    on_loss: Callable[[str], None],
) -> None:
    last_answer = time.monotonic()
    while not ended.wait(POLL_SECONDS):
        if answers(address):
            last_answer = time.monotonic()
            continue
        patience = RAYLET_SECONDS if interrupt.has_come else patience_seconds
        if time.monotonic() - last_answer > patience:
            # One is enough: the other thread would say the same of the same loss.
            ended.set()
            on_loss(f"{name}, {address}, does not answer any more")


def answers(address: str) -> bool:
    """Return whether something listens at HOST:PORT."""
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=CONNECT_SECONDS).close()
    except OSError:
        return False
    return True
