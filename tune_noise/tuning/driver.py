"""Ray Tune runs what the session asks for: two thin adapters and the call of the tuner."""

import json
import logging
import os
from pathlib import Path
from typing import Any

from ray import tune
from ray.tune.schedulers import FIFOScheduler, TrialScheduler
from ray.tune.search import Searcher

from tune_noise.config.search import Resources
from tune_noise.data import Dataset
from tune_noise.tuning.cluster import max_concurrent
from tune_noise.tuning.paths import checkpoint_file
from tune_noise.tuning.session import Session
from tune_noise.tuning.stacks import Stack
from tune_noise.tuning.trainable import REPORT, STACK, StackTrainable

# A lost actor or node gives its stack back this often before its trials count as failed.
MAX_FAILURES = 3
MAX_REASON_CHARACTERS = 300


class SessionSearcher(Searcher):  # type: ignore[misc]
    """Ray asks for configurations: it gets the session's next stack."""

    def __init__(self, session: Session, output: Path, errors: dict[str, str]) -> None:
        """Serve one session; `errors` holds the last error of each of Ray's trials."""
        super().__init__()
        self._session = session
        self._output = output
        self._errors = errors
        self._stacks: dict[str, Stack] = {}

    def suggest(self, trial_id: str) -> dict[str, str] | str | None:
        """A stack as one string; None to be asked again later; FINISHED at the end."""
        stack = self._session.next_stack()
        if stack is not None:
            self._stacks[trial_id] = stack
            return {STACK: stack.to_json()}
        return Searcher.FINISHED if self._session.finished else None

    def on_trial_complete(
        self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False
    ) -> None:
        """Forget a stack; one that Ray gave up counts as failed."""
        stack = self._stacks.pop(trial_id)
        if error:
            last = self._errors.get(trial_id) or "see the Ray logs"
            self._session.fail(stack, f"failed {MAX_FAILURES + 1} times: {last}")
        checkpoint_file(self._output, stack.stack_id).unlink(missing_ok=True)

    def __getstate__(self) -> dict[str, Any]:
        """Ray pickles a tuner for its own restore, which is not used: the record is ours."""
        return {}

    def save(self, checkpoint_path: str) -> None:
        """Nothing: the record is what a search resumes from."""

    def restore(self, checkpoint_path: str) -> None:
        """See `save`."""


class SessionScheduler(FIFOScheduler):  # type: ignore[misc]
    """Ray reports results: the session records them and decides."""

    def __init__(self, session: Session, errors: dict[str, str]) -> None:
        """Serve one session; what goes wrong is noted in `errors`."""
        super().__init__()
        self._session = session
        self._errors = errors

    def __getstate__(self) -> dict[str, Any]:
        """See `SessionSearcher`."""
        return {}

    def on_trial_result(self, controller: Any, trial: Any, result: dict[str, Any]) -> str:
        """Called for every report but a stack's last."""
        goes_on = self._session.report(json.loads(result[REPORT]))
        decision: str = TrialScheduler.CONTINUE if goes_on else TrialScheduler.STOP
        return decision

    def on_trial_error(self, controller: Any, trial: Any) -> None:
        """Called each time that an actor fails, before it is given another try."""
        # The file holds a traceback, of which the last line is the error itself.
        text = Path(trial.error_file).read_text("utf-8") if trial.error_file else ""
        last = text.strip().rpartition("\n")[2].strip()
        self._errors[trial.trial_id] = last[:MAX_REASON_CHARACTERS]

    def on_trial_complete(self, controller: Any, trial: Any, result: dict[str, Any]) -> None:
        """Called with a stack's last report; news that are known already change nothing."""
        if REPORT in result:
            self._session.report(json.loads(result[REPORT]))


def run_session(
    session: Session,
    dataset: Dataset,
    *,
    output: Path,
    resources: Resources,
    cluster_resources: dict[str, float],
) -> None:
    """Run a session to its end on the connected cluster.

    Args:
        session: what to run; possibly the rest of an interrupted search.
        dataset: put once into Ray's object store, whence each node fetches it once.
        output: folder of the search, on storage that all nodes share.
        resources: of one trial.
        cluster_resources: total of the cluster.
    """
    concurrent = max_concurrent(cluster_resources, resources)
    # With a searcher Ray would otherwise keep only one trial waiting for resources.
    os.environ["TUNE_MAX_PENDING_TRIALS_PG"] = str(concurrent)
    trainable = tune.with_parameters(
        StackTrainable,
        dataset=dataset,
        output=str(output),
        rungs=session.rung_levels,
        cpus=resources.cpus_per_trial,
        gpus=resources.gpus_per_trial,
    )
    per_trial = {"cpu": resources.cpus_per_trial, "gpu": resources.gpus_per_trial}
    # What fails stands in the record, with its traceback in .ray/tune/*/error.txt.
    logging.getLogger("ray.tune").setLevel(logging.CRITICAL)
    errors: dict[str, str] = {}
    tuner = tune.Tuner(
        tune.with_resources(trainable, per_trial),
        tune_config=tune.TuneConfig(
            search_alg=tune.search.ConcurrencyLimiter(
                SessionSearcher(session, output, errors), max_concurrent=concurrent
            ),
            scheduler=SessionScheduler(session, errors),
            num_samples=-1,
            reuse_actors=True,
            trial_dirname_creator=lambda trial: trial.trial_id,
        ),
        run_config=tune.RunConfig(
            name="tune",
            storage_path=str(output / ".ray"),
            verbose=0,
            failure_config=tune.FailureConfig(max_failures=MAX_FAILURES),
        ),
    )
    tuner.fit()
