"""Start the real commands, kill them, and know every process that descends from them."""

import os
import shutil
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import mkdtemp

from tests.support.waiting import PATIENCE_SECONDS

RUN_MARK, PART_MARK = "TUNE_NOISE_KILLS", "TUNE_NOISE_KILLS_PART"
# One mark for all that this process starts, so that nothing can be left behind.
RUN = uuid.uuid4().hex
# Driver, tracking process, actors, raylet: what may still train or write. Ray's agents, and workers
# that had just been started, do neither; they notice within a minute that their node is gone.
_ACTIVE = ("-m tune_noise.", "Trainable", "/raylet/raylet ")
_FOREIGN = ("PYTEST", "RAY_", "MLFLOW", "TUNE_NOISE_")


def environment(part: str, *, ray_folder: Path) -> dict[str, str]:
    """What a command sees: nothing of a caller's Ray or MLflow, and the marks.

    Args:
        part: mark of the command and its descendants.
        ray_folder: for Ray's sessions; short, because sockets are made below it.
    """
    inherited = {k: v for k, v in os.environ.items() if not k.startswith(_FOREIGN)}
    programs = Path(sys.executable).parent
    return inherited | {
        RUN_MARK: RUN,
        PART_MARK: part,
        "COLUMNS": "100",
        "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
        # Where the home folder holds a token, only some ways to start Ray would ask for it.
        "RAY_AUTH_MODE": "disabled",
        "RAY_TMPDIR": str(ray_folder),
        "RAY_USAGE_STATS_ENABLED": "0",
    }


def marked(mark: str, value: str) -> dict[int, str]:
    """Living processes whose environment holds a mark: pid -> command line."""
    wanted = f"{mark}={value}".encode()
    found = {}
    for path in Path("/proc").glob("[0-9]*"):
        try:
            # A zombie has no environment left.
            if wanted in (path / "environ").read_bytes().split(b"\0"):
                found[int(path.name)] = (path / "cmdline").read_text().replace("\0", " ").strip()
        except OSError:
            continue  # it has just ended, or is another user's
    return found


def kill_all(mark: str, value: str) -> None:
    """Kill every process of a mark, also those that are born meanwhile."""
    while found := marked(mark, value):
        for pid in found:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        time.sleep(0.02)


def wait_for(condition: Callable[[], bool], *, seconds: float, pause: float = 0.05) -> bool:
    """Wait until something is true, but no longer than this; whether it became so."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(pause)
    return True


@dataclass
class Command:
    """One real command, in a process group of its own.

    Attributes:
        folder: where it runs and its output is kept.
        arguments: after `python -m`.
        extra: further environment variables.
    """

    folder: Path
    arguments: list[str]
    extra: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Start it."""
        self.part = uuid.uuid4().hex
        self.output = self.folder / f"{self.part[:8]}.log"
        ray_folder = self.folder / "ray"
        ray_folder.mkdir(exist_ok=True)
        self.started = time.time()
        with self.output.open("wb") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-m", *self.arguments],
                cwd=self.folder,
                env=environment(self.part, ray_folder=ray_folder) | self.extra,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def has_ended(self) -> bool:
        """Whether it came to its end."""
        return self._process.poll() is not None

    def kill(self, *, with_descendants: bool) -> float:
        """SIGKILL to the command alone, or to all its descendants, too; the Unix time of it.

        The latter is what the end of a container or a job does.
        """
        now = time.time()
        self._process.kill()
        if with_descendants:
            kill_all(PART_MARK, self.part)
        self._process.wait()
        return now

    def wait(self) -> list[str]:
        """Wait for its end; what is wrong with it, in words."""
        try:
            code = self._process.wait(PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill(with_descendants=True)
            return [f"did not end within {PATIENCE_SECONDS:g} s: {self.last_lines}"]
        if code != 0 or "Traceback" in self.text:
            return [f"ended with exit code {code}: {self.last_lines}"]
        return []

    @property
    def text(self) -> str:
        """All that it printed."""
        return self.output.read_text("utf-8", "replace")

    @property
    def last_lines(self) -> str:
        """The end of what it printed."""
        return " | ".join(self.text.strip().splitlines()[-4:])

    @property
    def left(self) -> dict[int, str]:
        """Its descendants that still live."""
        return marked(PART_MARK, self.part)

    @property
    def is_active(self) -> bool:
        """Whether any descendant may still train or write."""
        return any(mark in title for title in self.left.values() for mark in _ACTIVE)


_workplaces: list[Path] = []


def workplace() -> Path:
    """A new folder; its path is short, as Ray makes sockets below it."""
    folder = Path(mkdtemp(prefix="kill_"))
    _workplaces.append(folder)
    return folder


def remove(folder: Path) -> None:
    """Delete a folder; whatever a dying process still writes into it does not matter."""
    shutil.rmtree(folder, ignore_errors=True)


def clean_up() -> None:
    """End every process that was started here, and delete every folder."""
    kill_all(RUN_MARK, RUN)
    for folder in _workplaces:
        remove(folder)
