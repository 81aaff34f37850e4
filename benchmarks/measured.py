"""A command with all that descends from it: wall time, CPU time, memory of the command itself.

Linux only. Ray collects its workers without their times, so these are read from /proc while they
live: what a process uses in its last `POLL_SECONDS` is not seen.
"""

import os
import subprocess
import tempfile
import threading
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

POLL_SECONDS = 0.25
MARK = "TUNE_NOISE_MEASURED"
_TICKS = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100
_FOREIGN = ("RAY_", "MLFLOW_", "TUNE_")


@dataclass(frozen=True)
class Measured:
    """What a command took.

    Attributes:
        wall_seconds: from its start to its end.
        cpu_seconds: of the command and all its descendants.
        driver_cpu_seconds: of the command itself.
        driver_bytes: the most memory that the command itself held.
    """

    wall_seconds: float
    cpu_seconds: float
    driver_cpu_seconds: float
    driver_bytes: int


def measure(command: Sequence[str | Path], *, folder: Path | None = None) -> Measured:
    """Run a command to its end.

    Raises:
        RuntimeError: it failed; with the end of what it said.
    """
    mark = uuid.uuid4().hex
    environment = {k: v for k, v in os.environ.items() if not k.startswith(_FOREIGN)}
    with tempfile.TemporaryFile("w+") as said:
        started = time.perf_counter()
        process = subprocess.Popen(
            [str(word) for word in command],
            cwd=folder,
            env=environment | {MARK: mark},
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=subprocess.STDOUT,
        )
        watch = _Watch(process.pid, mark)
        try:
            failed = process.wait() != 0
        finally:
            if process.poll() is None:
                process.terminate()  # e.g. Ctrl-C here: it ends its own descendants
                process.wait()
            watch.stop()
        wall = time.perf_counter() - started
        if failed:
            said.seek(0)
            raise RuntimeError(f"{command[:4]} ... failed:\n{said.read()[-4000:]}")
    return Measured(wall, watch.cpu_seconds, watch.seconds_of(process.pid), watch.driver_bytes)


class _Watch:
    """Follows the processes whose environment holds a mark, in a thread of its own."""

    def __init__(self, driver: int, mark: str) -> None:
        self._driver, self._mark = driver, f"{MARK}={mark}".encode()
        # (pid, start time) -> CPU seconds; pids that are not ours.
        self._seconds: dict[tuple[int, int], float] = {}
        self._others: set[tuple[int, int]] = set()
        self.driver_bytes = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._follow, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join()

    @property
    def cpu_seconds(self) -> float:
        return sum(self._seconds.values())

    def seconds_of(self, pid: int) -> float:
        return sum(seconds for (each, _), seconds in self._seconds.items() if each == pid)

    def _follow(self) -> None:
        while not self._stop.wait(POLL_SECONDS):
            for path in Path("/proc").glob("[0-9]*"):
                self._look_at(path)

    def _look_at(self, path: Path) -> None:
        try:
            # Fields count from the state on, which follows the name in brackets.
            fields = (path / "stat").read_text().rpartition(")")[2].split()
            key = int(path.name), int(fields[19])
            if key in self._others:
                return
            if key not in self._seconds and not self._is_ours(path):
                self._others.add(key)
                return
            self._seconds[key] = (int(fields[11]) + int(fields[12])) / _TICKS
            if key[0] == self._driver:
                self._note_memory((path / "status").read_text())
        except OSError:
            return  # it has just ended, or is another user's

    def _is_ours(self, path: Path) -> bool:
        return self._mark in (path / "environ").read_bytes().split(b"\0")

    def _note_memory(self, status: str) -> None:
        for line in status.splitlines():
            if line.startswith("VmHWM:"):
                self.driver_bytes = max(self.driver_bytes, int(line.split()[1]) * 1024)
