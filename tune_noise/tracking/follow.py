"""The child process: follow the record, deliver to MLflow, try again, end when the driver ends."""

import contextlib
import fcntl
import json
import logging
import math
import os
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

from tune_noise.record import Record
from tune_noise.tracking.mirror import Mirror
from tune_noise.tracking.uri import mask_password

POLL_SECONDS = 1.0
MAX_BACK_OFF_SECONDS = 30.0
# How long a child whose driver was killed goes on trying before it gives up.
ORPHAN_SECONDS = 60.0
STATE_FILE = "tracking.json"
LOG_FILE = "tracking.log"

_log = logging.getLogger(__name__)


class Orders:
    """What the driver says through a pipe: `finish SECONDS`, or its end when it dies.

    Args:
        stream: the reading end; read by a thread of its own.
    """

    def __init__(self, stream: TextIO) -> None:
        """Start to listen."""
        self.deadline = math.inf
        self._ended = threading.Event()
        self._driver_pid = os.getppid()
        threading.Thread(target=self._listen, args=(stream,), daemon=True).start()

    def _listen(self, stream: TextIO) -> None:
        command, _, seconds = stream.readline().partition(" ")
        self._end(float(seconds) if command == "finish" else ORPHAN_SECONDS)

    def _end(self, seconds: float) -> None:
        self.deadline = time.monotonic() + seconds
        self._ended.set()

    def wait(self, seconds: float) -> bool:
        """Sleep, but no longer than until the driver ends; whether it has ended."""
        # The pipe alone does not tell: a process that the driver forked may hold its other end.
        if os.getppid() != self._driver_pid and not self._ended.is_set():
            self._end(ORPHAN_SECONDS)
        return self._ended.wait(seconds)

    @property
    def seconds_left(self) -> float:
        """Until the deadline; infinite while the driver lives, and never below 0."""
        return max(0.0, self.deadline - time.monotonic())


def follow(mirror: Mirror, record: Record, orders: Orders) -> str | None:
    """Deliver the record to MLflow until the driver ends.

    Returns:
        None if all arrived, else the last failure in one line.
    """
    failures = 0
    while True:
        # Asked before the record is read, so that the last reading sees the last event.
        is_last = orders.wait(0.0 if failures else POLL_SECONDS)
        try:
            for event in record.events(after=mirror.history.last_number):
                mirror.observe(event)
            mirror.deliver(is_last=is_last, deadline=orders.deadline)
        except Exception as error:  # of any kind: it is tried again, and the record has it all
            failures += 1
            reason = mask_password(" ".join(f"{type(error).__name__}: {error}".split()))[:300]
            _log.warning("delivery failed (%d in a row): %s", failures, reason)
            if orders.seconds_left <= 0.0:
                return reason
            _back_off(orders, failures)
            continue
        failures = 0
        if is_last:
            return None


def _back_off(orders: Orders, failures: int) -> None:
    """Wait 1, 2, 4, ... seconds; at most one once the driver waits for us."""
    ready = time.monotonic() + min(2.0 ** (failures - 1), MAX_BACK_OFF_SECONDS)
    while (now := time.monotonic()) < ready:
        if orders.wait(min(POLL_SECONDS, ready - now)):
            time.sleep(min(POLL_SECONDS, orders.seconds_left))
            return


def run(*, record_path: Path, tracking_uri: str, experiment: str, output: Path) -> None:
    """The whole life of the child process; orders come from standard input."""
    orders = Orders(sys.stdin)
    mirror = Mirror(tracking_uri=tracking_uri, experiment=experiment, output=output)
    with _alone(output), Record(record_path) as record:
        failure = follow(mirror, record, orders)
    state = {
        "pid": os.getpid(),
        "tracking_uri": mask_password(tracking_uri),
        "experiment": experiment,
        "experiment_id": mirror.experiment_id,
        "run_id": mirror.parent_run_id,
        "failure": failure,
    }
    (output / STATE_FILE).write_text(json.dumps(state, indent=1) + "\n", encoding="utf-8")
    _log.info("everything was delivered" if failure is None else f"gave up: {failure}")


@contextlib.contextmanager
def _alone(output: Path) -> Iterator[None]:
    """Wait until no other process mirrors this search, e.g. one whose driver was killed."""
    with (output / LOG_FILE).open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
