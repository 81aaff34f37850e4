"""Notices that the connected Ray cluster is gone, before Ray ends the whole process for it."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import ray

# A head that is started again with its state in Redis may take a while; after 60 seconds without
# it Ray aborts the driver from inside, with a C++ trace and no word of ours.
LOSS_SECONDS = 45.0
POLL_SECONDS = 2.0


@contextmanager
def cluster_watch(on_loss: Callable[[str], None]) -> Iterator[None]:
    """Watch the head of the connected cluster in a thread of its own.

    Args:
        on_loss: called in that thread with a sentence once the head has not answered for
            LOSS_SECONDS. The main thread may hang inside Ray then.
    """
    address = ray.get_runtime_context().gcs_address
    ended = threading.Event()
    thread = threading.Thread(target=_watch, args=(address, ended, on_loss), daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()


def _watch(address: str, ended: threading.Event, on_loss: Callable[[str], None]) -> None:
    last_answer = time.monotonic()
    while not ended.wait(POLL_SECONDS):
        if answers(address):
            last_answer = time.monotonic()
        elif time.monotonic() - last_answer > LOSS_SECONDS:
            on_loss(f"the head of the Ray cluster, {address}, has not answered for a while")
            return


def answers(address: str) -> bool:
    """Whether something listens at HOST:PORT."""
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=POLL_SECONDS).close()
    except OSError:
        return False
    return True
