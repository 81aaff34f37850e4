"""The driver's handle on the tracking process."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from tune_noise.tracking.follow import LOG_FILE, STATE_FILE
from tune_noise.tracking.uri import CHILD_ENVIRONMENT, SERVER_SCHEMES, mask_password, scheme_of

# Beyond its own deadline the child may be inside one last request.
GRACE_SECONDS = 10.0


class TrackingProcess:
    """A process that mirrors one search's record into MLflow, off the driver's loop.

    It survives Ctrl-C in the terminal and ends by itself if the driver is killed. If it dies
    itself, `finish` starts another, which continues where MLflow stands.

    Attributes:
        experiment_id: MLflow's; known after `finish`.
        run_id: MLflow's id of the search's run; known after `finish`.
    """

    def __init__(
        self, record_path: Path, *, tracking_uri: str, experiment: str, output: Path
    ) -> None:
        """Use `start`."""
        self._record_path = record_path
        self._uri = tracking_uri
        self._experiment = experiment
        self._output = output
        self.experiment_id: str | None = None
        self.run_id: str | None = None
        self._process = self._spawn()

    @classmethod
    def start(
        cls, record_path: Path, *, tracking_uri: str, experiment: str, output: Path
    ) -> "TrackingProcess":
        """Start to mirror; returns at once.

        Args:
            record_path: of a record that exists; its `search` event may come later.
            tracking_uri: one that `check_tracking_uri` accepts.
            experiment: name of the MLflow experiment; made if it does not exist.
            output: the search's folder; gets `tracking.log` and `tracking.json`.
        """
        return cls(record_path, tracking_uri=tracking_uri, experiment=experiment, output=output)

    def _spawn(self) -> "subprocess.Popen[str]":
        arguments = [str(self._record_path), "--experiment", self._experiment]
        arguments += ["--output", str(self._output)]
        with (self._output / LOG_FILE).open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-m", "tune_noise.tracking", *arguments],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                env=os.environ | CHILD_ENVIRONMENT | {"MLFLOW_TRACKING_URI": self._uri},
                start_new_session=True,
                text=True,
            )

    @property
    def pid(self) -> int:
        """Of the process."""
        return self._process.pid

    def finish(self, *, timeout_seconds: float) -> str | None:
        """Say that no more events come, and wait until MLflow holds them all.

        Args:
            timeout_seconds: after which the process gives up.

        Returns:
            None, or one sentence if not everything arrived.
        """
        deadline = time.monotonic() + timeout_seconds
        if not self._end(timeout_seconds):
            self._process = self._spawn()
            self._end(max(0.0, deadline - time.monotonic()))
        state = self._state()
        self.experiment_id, self.run_id = state.get("experiment_id"), state.get("run_id")
        failure = state.get("failure", f"no answer, see {self._output / LOG_FILE}")
        return self._warning(failure) if failure else None

    def _end(self, seconds: float) -> bool:
        """Let the process finish; whether it used its time, i.e. did not die before."""
        try:
            # A process that is dead already is no error here: it leaves no state.
            self._process.communicate(f"finish {seconds}\n", timeout=seconds + GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.communicate()
            return True
        return bool(self._state())

    def _warning(self, failure: str) -> str:
        return mask_password(
            f"MLflow at {self._uri} did not receive everything ({failure}); nothing is lost: "
            "the same command with --resume delivers the rest"
        )

    def _state(self) -> dict[str, Any]:
        path = self._output / STATE_FILE
        state: dict[str, Any] = json.loads(path.read_text("utf-8")) if path.exists() else {}
        return state if state.get("pid") == self._process.pid else {}

    @property
    def run_url(self) -> str | None:
        """The page of the search's run on an MLflow server; known after `finish`."""
        if scheme_of(self._uri) not in SERVER_SCHEMES or self.run_id is None:
            return None
        base = mask_password(self._uri).replace("***@", "").rstrip("/")
        return f"{base}/#/experiments/{self.experiment_id}/runs/{self.run_id}"
