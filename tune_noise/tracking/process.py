"""The driver's handle on the tracking process."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from tune_noise.tracking.follow import LOG_FILE, STATE_FILE
from tune_noise.tracking.uri import MLFLOW_ENVIRONMENT, SERVER_SCHEMES, mask_password, scheme_of

# Beyond its own deadline the child may be inside one last request.
GRACE_SECONDS = 10.0


class TrackingProcess:
    """A process that mirrors one search's record into MLflow, off the driver's loop.

    It survives Ctrl-C in the terminal and ends by itself if the driver is killed. If it dies
    itself, `finish` starts another, which continues where MLflow stands.
    """

    def __init__(
        self, record_path: Path, *, tracking_uri: str, experiment: str, output: Path
    ) -> None:
        """Use `start`."""
        self._record_path = record_path
        self._uri = tracking_uri
        self._experiment = experiment
        self._output = output
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
                env=os.environ | MLFLOW_ENVIRONMENT | {"MLFLOW_TRACKING_URI": self._uri},
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
        if self._process.poll() is not None:
            self._close()
            self._process = self._spawn()
        try:
            self._process.communicate(
                f"finish {timeout_seconds}\n", timeout=timeout_seconds + GRACE_SECONDS
            )
        except subprocess.TimeoutExpired:
            self._process.kill()
        self._close()
        state = self._state()
        if not state:
            failure = f"the tracking process ended early, see {self._output / LOG_FILE}"
        else:
            failure = state["failure"] or ""
        return self._warning(failure) if failure else None

    def _close(self) -> None:
        if self._process.stdin:
            self._process.stdin.close()
        self._process.wait()

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
    def experiment_id(self) -> str | None:
        """MLflow's; known after `finish`."""
        return self._state().get("experiment_id")

    @property
    def run_id(self) -> str | None:
        """MLflow's id of the search's run; known after `finish`."""
        return self._state().get("run_id")

    @property
    def run_url(self) -> str | None:
        """The page of the search's run on an MLflow server; known after `finish`."""
        if scheme_of(self._uri) not in SERVER_SCHEMES or self.run_id is None:
            return None
        base = mask_password(self._uri).replace("***@", "").rstrip("/")
        return f"{base}/#/experiments/{self.experiment_id}/runs/{self.run_id}"
