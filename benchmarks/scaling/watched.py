"""Runs a command and watches what its own process takes: memory and CPU time over the time."""

import os
import subprocess
import time
import uuid
from dataclasses import dataclass, field
from pathlib import Path

from tests.reliability.command import PART_MARK, environment, kill_all

PAUSE_SECONDS = 0.25


@dataclass(frozen=True)
class Look:
    """What a process has taken so far.

    Attributes:
        seconds: Unix time of the look.
        rss: resident memory in bytes.
        cpu: seconds of CPU time, of this process without its children.
    """

    seconds: float
    rss: int
    cpu: float


@dataclass
class Watched:
    """A command that has ended.

    Attributes:
        started: Unix time.
        ended: Unix time.
        looks: in order, several a second.
        text: all that it printed.
    """

    started: float
    ended: float = 0.0
    looks: list[Look] = field(default_factory=list)
    text: str = ""


def watch(arguments: list[str], folder: Path) -> Watched:
    """Run a command to its end; no process that descends from it is left behind.

    Args:
        arguments: program and arguments.
        folder: in which it runs; its path is short, as Ray makes sockets below it.

    Raises:
        RuntimeError: it failed.
    """
    part = uuid.uuid4().hex
    ray_folder, log = folder / "ray", folder / "printed.txt"
    ray_folder.mkdir(exist_ok=True)
    surroundings = environment(part, ray_folder=ray_folder)
    found = Watched(time.time())
    try:
        with log.open("wb") as output:
            process = subprocess.Popen(
                arguments, cwd=folder, env=surroundings, stdout=output, stderr=subprocess.STDOUT
            )
            while process.poll() is None:
                if look := _look(process.pid):
                    found.looks.append(look)
                time.sleep(PAUSE_SECONDS)
    finally:
        kill_all(PART_MARK, part)
    found.ended = time.time()
    found.text = log.read_text("utf-8", errors="replace")
    if process.returncode:
        raise RuntimeError(f"{' '.join(arguments)} failed:\n{found.text[-2000:]}")
    return found


def _look(pid: int) -> Look | None:
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
        # After the name, which may hold anything: utime and stime are fields 14 and 15.
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None  # it has just ended
    ticks = int(fields[11]) + int(fields[12])
    rss = pages * os.sysconf("SC_PAGE_SIZE")
    return Look(time.time(), rss, ticks / os.sysconf("SC_CLK_TCK"))
