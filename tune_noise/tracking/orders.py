"""What the driver tells the tracking process, and what it hears from it: a line each, by pipes."""

import contextlib
import json
import math
import os
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, TextIO

# How long a child whose driver was killed goes on trying before it gives up.
ORPHAN_SECONDS = 60.0
# Past its deadline a child may be inside one last request; after that it ends in the middle of it.
OVERDUE_SECONDS = 3.0

# How often a child that only waits looks whether its driver lives.
END_POLL_SECONDS = 1.0


class Orders:
    """What the driver says through a pipe: `finish SECONDS`, or its end when it dies.

    Args:
        stream: the reading end; read by a thread of its own.
        on_overdue: called, by another thread, when the deadline is `OVERDUE_SECONDS` past.
    """

    def __init__(self, stream: TextIO, *, on_overdue: Callable[[], None]) -> None:
        """Start to listen."""
        self.deadline = math.inf
        self._on_overdue = on_overdue
        self._ended = threading.Event()
        self._driver_pid = os.getppid()
        threading.Thread(target=self._listen, args=(stream,), daemon=True).start()

    def _listen(self, stream: TextIO) -> None:
        for line in stream:
            command, _, seconds = line.partition(" ")
            if command == "finish":
                self._end(float(seconds))
        self._end(ORPHAN_SECONDS)

    def _end(self, seconds: float) -> None:
        """Note that the driver has ended or will; of several deadlines the first counts."""
        self.deadline = min(self.deadline, time.monotonic() + seconds)
        self._ended.set()
        timer = threading.Timer(seconds + OVERDUE_SECONDS, self._on_overdue)
        timer.daemon = True
        timer.start()

    def wait(self, seconds: float) -> bool:
        """Sleep until the driver ends at the latest, and return whether it has ended."""
        # The pipe alone does not tell: a process that the driver forked may hold its other end.
        if os.getppid() != self._driver_pid and not self._ended.is_set():
            self._end(ORPHAN_SECONDS)
        return self._ended.wait(seconds)

    def wait_for_end(self) -> None:
        """Sleep until the driver ends."""
        while not self.wait(END_POLL_SECONDS):
            pass

    @property
    def seconds_left(self) -> float:
        """Until the deadline; infinite while the driver lives, and never below 0."""
        return max(0.0, self.deadline - time.monotonic())


class Answer:
    """What the child says to its driver at its end; the first word counts.

    Through a pipe and not a file: the disk may be full.

    Args:
        stream: the writing end.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._lock = threading.Lock()
        self._is_given = False

    def give(
        self,
        failure: str | None,
        *,
        experiment_id: str | None = None,
        run_id: str | None = None,
        models: Sequence[str] = (),
    ) -> None:
        """Say how it went.

        Args:
            failure: why not everything arrived, in one line; None if all did.
            experiment_id: MLflow's.
            run_id: MLflow's, of the search.
            models: a line for each that is registered.
        """
        words: dict[str, Any] = {
            "failure": failure,
            "experiment_id": experiment_id,
            "run_id": run_id,
        }
        words |= {"models": list(models)}
        with self._lock:
            if self._is_given:
                return
            self._is_given = True
            with contextlib.suppress(OSError):  # the driver is gone, nobody listens
                self._stream.write(json.dumps(words) + "\n")
                self._stream.flush()
