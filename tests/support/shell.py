"""Run the real commands as a user does, and leave no process behind."""

import json
import os
import re
import shlex
import signal
import sqlite3
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import yaml

from tests.support.waiting import wait_for

PROGRAMS = Path(sys.executable).parent
MARK = "TUNE_NOISE_TEST"

# Quick to train, and every part of a search takes part.
TINY: dict[str, Any] = {
    "noise": "pair_flip",
    "conditions": {"noise_rate": [0.45]},
    "search": {
        "method": {"choice": ["standard", "co_teaching"]},
        "lr": {"loguniform": [0.001, 0.01]},
    },
    "fixed": {"model": "perceptron", "ramp_epochs": 2, "batch_size": 64},
    "compare": "method",
    "trials": 4,
    "epochs": 6,
    "early_stopping": {"grace_epochs": 2, "reduction_factor": 2},
    "confirm": {"seeds": 2},
    "suspects": {"folds": 0},
    "references": [],
}


# Changes of it: nothing is stopped early, so that an audit knows how many epochs a trial has.
STEADY: dict[str, Any] = {
    "search": {"lr": {"loguniform": [0.001, 0.01]}},
    "fixed": {"model": "mlp2", "batch_size": 16},
    "compare": None,
    "early_stopping": None,
    "confirm": {"finalists": 1, "seeds": 1},
}
# An hour's worth: a trial that is met while it trains, however fast the machine is.
MANY_EPOCHS = 50_000

# How Ray calls the process of an actor that trains a stack.
ACTOR = re.compile(r"ray::\w*Trainable\b")


def marked(name: str, value: str) -> dict[int, str]:
    """Processes whose environment holds a mark: pid -> command line."""
    found = {}
    for path in Path("/proc").glob("[0-9]*"):
        try:
            if f"{name}={value}".encode() in (path / "environ").read_bytes():
                found[int(path.name)] = (path / "cmdline").read_text().replace("\0", " ")[:200]
        except OSError:
            continue  # it has just ended, or is another user's
    return found


def kill(*pids: int) -> None:
    """SIGKILL; one that has just ended is as good as killed."""
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


class Shell:
    """Starts commands in one folder; every process that descends from them carries a mark.

    Args:
        folder: where the commands run.
        outputs: folder for what they print.
    """

    def __init__(self, folder: Path, outputs: Path) -> None:
        self.folder = folder
        self.mark = uuid.uuid4().hex
        # A cluster outlives the searches that join it.
        self.has_cluster = False
        self._outputs = outputs
        self._started: list[subprocess.Popen[str]] = []
        # Put before each command, e.g. to run it on a host of its own.
        self.prefix: list[str] = []
        inherited = {
            k: v for k, v in os.environ.items() if not k.startswith(("PYTEST", "RAY_", "MLFLOW"))
        }
        # Where the home folder holds a token, only some ways to start Ray would ask for it.
        ours = {MARK: self.mark, "COLUMNS": "100", "RAY_AUTH_MODE": "disabled"}
        # As where the environment is activated.
        ours["PATH"] = f"{PROGRAMS}{os.pathsep}{os.environ['PATH']}"
        self.environment = inherited | ours

    def start(self, *arguments: str) -> "subprocess.Popen[str]":
        """`tune-noise ARGUMENTS` or `python -m MODULE ARGUMENTS`, in a process group of its own."""
        program, *rest = arguments
        is_module = program.startswith("tune_noise.")
        first = [sys.executable, "-m", program] if is_module else [str(PROGRAMS / program)]
        # Files, so that a test can look into them while the command runs.
        out_file, err_file = self._files(len(self._started))
        with out_file.open("wb") as out, err_file.open("wb") as err:
            process = subprocess.Popen(
                [*self.prefix, *first, *rest],
                cwd=self.folder,
                env=self.environment,
                stdout=out,
                stderr=err,
                text=True,
                start_new_session=True,
            )
        self._started.append(process)
        return process

    def _files(self, number: int) -> tuple[Path, Path]:
        """What the command of this number prints to."""
        return self._outputs / f"{number}.out", self._outputs / f"{number}.err"

    def printed(self, process: "subprocess.Popen[str]") -> tuple[str, str]:
        """What a command has printed so far, on stdout and on stderr."""
        out, err = self._files(self._started.index(process))
        return out.read_text(errors="replace"), err.read_text(errors="replace")

    def run(self, *arguments: str, code: int = 0) -> str:
        """Run to the end and expect an exit code; stdout, or stderr where the code is not 0."""
        out, err = self.end_of(self.start(*arguments), code=code)
        return err if code else out

    def search(self, *arguments: str) -> str:
        return self.run("tune_noise.search", *arguments)

    def end_of(self, process: "subprocess.Popen[str]", *, code: int) -> tuple[str, str]:
        """Wait for the end of a command; its stdout and stderr."""
        self.wait_for(process, lambda: process.poll() is not None, "end of the command")
        out, err = self.printed(process)
        assert process.returncode == code, out + err
        assert "Traceback" not in out + err
        return out, err

    def ending_of(self, process: "subprocess.Popen[str]", *, code: int) -> tuple[str, str]:
        """Wait for the end of a command and of all its descendants; its stdout and stderr."""
        out, err = self.end_of(process, code=code)
        self.wait_until_all_ended()
        return out, err

    def go_on(self, err: str) -> str:
        """Run the command that a message ends with, as a person would copy it."""
        program, *rest = shlex.split(err.strip().splitlines()[-1])
        assert (program, rest[0]) == ("tune-noise", "resume")
        return self.run(program, *rest)

    def processes(self) -> dict[int, str]:
        """Those that carry the mark: pid -> command line."""
        return marked(MARK, self.mark)

    def actors(self) -> dict[int, str]:
        """Processes that train, or are about to: pid -> name of Ray's folder for the trial."""
        found = {}
        for pid, command in self.processes().items():
            with suppress(OSError):
                if ACTOR.match(command):
                    found[pid] = Path(f"/proc/{pid}/cwd").readlink().name
        return found

    @contextmanager
    def training_held(self) -> Iterator[None]:
        """Stop the processes that train, so that no search ends while a test prepares something."""
        held = self.actors()
        for pid in held:
            os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            for pid in held:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGCONT)

    def wait_until(self, condition: Callable[[], Any], what: str) -> None:
        wait_for(condition, what, shown=self.processes)

    def wait_for(
        self, process: "subprocess.Popen[str]", condition: Callable[[], Any], what: str
    ) -> None:
        """Wait for something that a command does while it runs."""

        def is_true() -> bool:
            has_ended = process.poll() is not None
            if condition():
                return True
            assert not has_ended, f"no {what}: {self.printed(process)}"
            return False

        wait_for(is_true, what, shown=lambda: (self.printed(process), self.processes()))

    def wait_until_all_ended(self) -> None:
        self.wait_until(lambda: not self.processes(), "the end of all processes")

    def end_all(self) -> None:
        """Kill whatever is left, e.g. where a test has failed half-way."""
        kill(*self.processes())
        for process in self._started:
            process.wait()

    def space(self, **changes: Any) -> str:
        path = self.folder / "tiny.yaml"
        path.write_text(yaml.safe_dump({**TINY, **changes}))
        return path.name


@contextmanager
def running_shell(folder: Path) -> Iterator[Shell]:
    """A shell whose commands have to leave no process behind, unless it has a cluster."""
    with TemporaryDirectory() as outputs:
        shell = Shell(folder, Path(outputs))
        try:
            yield shell
            if not shell.has_cluster:
                shell.wait_until_all_ended()
        finally:
            shell.end_all()


def recorded(folder: Path, kind: str) -> list[tuple[str, dict[str, Any]]]:
    """Trial ids and data of the events of one kind, while the search may still write."""
    path = folder / "record.db"
    if not path.exists():
        return []
    try:
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
            query = "select trial_id, data from events where kind = ? order by number"
            return [(row[0], json.loads(row[1])) for row in connection.execute(query, (kind,))]
    except sqlite3.OperationalError:
        return []  # not yet


def events(folder: Path, kind: str) -> list[str]:
    """Trial ids of the events of one kind, while the search may still write."""
    return [trial_id for trial_id, _ in recorded(folder, kind)]
