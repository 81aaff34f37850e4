"""The driver's handle on the tracking process."""

import contextlib
import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

from tune_noise.errors import StorageError
from tune_noise.record import RecordPlace
from tune_noise.system.masking import mask_password
from tune_noise.tracking.follow import LOG_FILE, MAX_REASON_CHARACTERS
from tune_noise.tracking.orders import OVERDUE_SECONDS
from tune_noise.tracking.uri import CHILD_ENVIRONMENT

# Beyond its own deadline the child may be inside one last request, and then it ends itself.
GRACE_SECONDS = OVERDUE_SECONDS + 5.0
# A child that nobody waits for: how long it may take to leave no run RUNNING, and how long the
# driver looks whether it has ended already.
LEAVING_SECONDS = 5.0
MOMENT_SECONDS = 0.3
# The child imports what the driver can import, but not first from the current folder, as with
# `python -m`: a file there may have the name of a module, such as `random.py`.
# What `import tune_noise` needs is imported before its own folder, which may be the current one.
_PROGRAM = """
import importlib.metadata, json, sys
package, others = json.loads(sys.argv.pop(1))
sys.path.insert(0, package)
import tune_noise
sys.path[:] = [*sys.path[1:], *others]
from tune_noise.tracking.__main__ import main
sys.exit(main())
"""


class TrackingProcess:
    """A process that mirrors one search's record into MLflow, off the driver's loop.

    It survives Ctrl-C in the terminal and ends by itself if the driver is killed. If it dies
    itself, `finish` starts another, which continues where MLflow stands.

    Attributes:
        experiment_id: MLflow's; known after `finish`.
        run_id: MLflow's id of the search's run; known after `finish`.
        models: a line for each registered model; known after `finish`.
    """

    def __init__(
        self, place: RecordPlace, *, tracking_uri: str, experiment: str, output: Path
    ) -> None:
        """Use `start`."""
        self._place = place
        self._uri = tracking_uri
        self._experiment = experiment
        self._output = output
        self.experiment_id: str | None = None
        self.run_id: str | None = None
        self.models: list[str] = []
        self._spawn()

    @classmethod
    def start(
        cls, place: RecordPlace, *, tracking_uri: str, experiment: str, output: Path
    ) -> "TrackingProcess":
        """Start to mirror; returns at once.

        Args:
            place: of a record that exists; its `search` event may come later.
            tracking_uri: one that `check_tracking_uri` accepts.
            experiment: name of the MLflow experiment; made if it does not exist.
            output: the search's folder; gets `tracking.log`.

        Raises:
            StorageError: the log cannot be written, or the system has no room for a process.
        """
        return cls(place, tracking_uri=tracking_uri, experiment=experiment, output=output)

    def _spawn(self) -> None:
        paths = json.dumps([str(Path(__file__).resolve().parents[2]), sys.path])
        arguments = [paths, self._place.search, "--experiment", self._experiment]
        arguments += ["--output", str(self._output)]
        secrets = {"MLFLOW_TRACKING_URI": self._uri, "TUNE_NOISE_RECORD": self._place.url}
        try:
            with (self._output / LOG_FILE).open("ab") as log:
                self._log_start = log.tell()
                self._process = subprocess.Popen(
                    [sys.executable, "-P", "-c", _PROGRAM, *arguments],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=log,
                    env=os.environ | CHILD_ENVIRONMENT | secrets,
                    start_new_session=True,
                    text=True,
                )
        except OSError as error:
            raise StorageError(
                f"the process that brings results to MLflow cannot be started: {error.strerror} "
                f"({error.filename or sys.executable})"
            ) from None
        self._answer: dict[str, Any] | None = None
        self._has_ended = threading.Event()
        threading.Thread(target=self._listen, daemon=True, name="tracking").start()

    def _listen(self) -> None:
        """Take the child's one answer, and collect it when it ends, whoever waits for it."""
        process = self._process
        assert process.stdout
        assert process.stdin
        with process.stdout as stream:
            line = stream.readline()
        process.wait()
        with contextlib.suppress(ValueError):  # it was killed before or while it answered
            self._answer = json.loads(line)
        with contextlib.suppress(OSError):  # an order that nobody will read
            process.stdin.close()
        self._has_ended.set()

    @property
    def pid(self) -> int:
        """The id of the process."""
        return self._process.pid

    def finish(self, *, timeout_seconds: float) -> str | None:
        """Say that no more events come, and wait until MLflow holds them all.

        May be called again with less time, e.g. where the first call was interrupted.

        Args:
            timeout_seconds: after which the process gives up. 0: it is told to end and not waited
                for; it leaves by itself within seconds.

        Returns:
            None, or one sentence if not everything arrived, or may not have.
        """
        if timeout_seconds <= 0.0:
            return self._leave()
        deadline = time.monotonic() + timeout_seconds
        if self._end(timeout_seconds):
            return self._outcome()
        try:
            self._spawn()
        except StorageError as error:
            return self._warning(str(error))
        self._end(max(0.0, deadline - time.monotonic()))
        return self._outcome()

    def _leave(self) -> str | None:
        self._order(LEAVING_SECONDS)
        if self._has_ended.wait(MOMENT_SECONDS):
            return self._outcome()
        return self._warning("it was not waited for")

    def _end(self, seconds: float) -> bool:
        """Let the process finish; whether it used its time, i.e. did not die before."""
        self._order(seconds)
        if self._has_ended.wait(seconds + GRACE_SECONDS):
            return self._answer is not None
        self._process.kill()
        self._has_ended.wait(GRACE_SECONDS)
        return True

    def _order(self, seconds: float) -> None:
        assert self._process.stdin
        # It may be dead already, and then leaves no answer.
        with contextlib.suppress(OSError, ValueError):
            self._process.stdin.write(f"finish {seconds}\n")
            self._process.stdin.flush()

    def _outcome(self) -> str | None:
        answer = self._answer or {"failure": self._last_words()}
        self.experiment_id, self.run_id = answer.get("experiment_id"), answer.get("run_id")
        self.models = answer.get("models") or []
        return self._warning(answer["failure"]) if answer["failure"] else None

    def _last_words(self) -> str:
        """Return why there is no answer: the last line that the child wrote into its log."""
        path = self._output / LOG_FILE
        lines: list[str] = []
        with contextlib.suppress(OSError), path.open("rb") as log:
            log.seek(self._log_start)
            lines = log.read().decode(errors="replace").split("\n")
        last = next((line.strip() for line in reversed(lines) if line.strip()), "")
        return f"no answer, see {path}{f': {last[:MAX_REASON_CHARACTERS]}' if last else ''}"

    def _warning(self, failure: str) -> str:
        return mask_password(f"MLflow at {self._uri} did not receive everything ({failure})")
