"""Ray Tune runs what the session asks for, on as much of the cluster as there is."""

import logging
import os
import re
import time
from pathlib import Path

import ray
from ray import tune
from ray.tune.error import TuneError

from tune_noise.config.search import Resources
from tune_noise.data import Dataset
from tune_noise.errors import DISK_ERRORS, StorageError
from tune_noise.interrupt import Interrupt
from tune_noise.tuning.adapters import SessionScheduler, SessionSearcher, SessionWatch
from tune_noise.tuning.cluster import max_concurrent
from tune_noise.tuning.idle_actors import keep_idle_actors
from tune_noise.tuning.lost_results import treat_lost_results_as_lost_actors
from tune_noise.tuning.session import Session
from tune_noise.tuning.trainable import StackTrainable

# How often the driver asks Ray whether nodes have come or gone.
CAPACITY_SECONDS = 1.0
_ERRNO = re.compile(r"\[Errno (\d+)\]")


class Capacity:
    """How many stacks may be under way: it follows nodes that join or leave."""

    def __init__(self, resources: Resources) -> None:
        """Of trials that take these resources."""
        self._resources = resources
        self._value, self._asked = 0, -CAPACITY_SECONDS

    def __call__(self) -> int:
        """What the connected cluster holds now, or fewer where the user said so."""
        if time.monotonic() - self._asked >= CAPACITY_SECONDS:
            self._value = max_concurrent(ray.cluster_resources(), self._resources)
            self._asked = time.monotonic()
        return self._value


def run_session(
    session: Session,
    dataset: Dataset,
    *,
    output: Path,
    resources: Resources,
    interrupt: Interrupt,
) -> None:
    """Run a session to its end on the connected cluster.

    Args:
        session: what to run; possibly the rest of an interrupted search.
        dataset: put once into Ray's object store, whence each node fetches it once.
        output: folder of the search, on storage that all nodes share.
        resources: of one trial.
        interrupt: once requested, what runs is checkpointed.

    Raises:
        StorageError: record or output folder cannot be written.
        KeyboardInterrupt: as requested; all that was trained is recorded and checkpointed.
    """
    treat_lost_results_as_lost_actors()
    keep_idle_actors()
    # With a searcher Ray would otherwise keep only one trial waiting for resources; how many may
    # be under way is the searcher's affair.
    os.environ["TUNE_MAX_PENDING_TRIALS_PG"] = "1000000"
    # What fails stands in the record, with its traceback in .ray/tune/*/error.txt.
    logging.getLogger("ray.tune").setLevel(logging.CRITICAL)
    trainable = tune.with_parameters(
        StackTrainable,
        dataset=dataset,
        output=str(output),
        rungs=session.rung_levels,
        cpus=resources.cpus_per_trial,
        gpus=resources.gpus_per_trial,
    )
    per_trial = {"cpu": resources.cpus_per_trial, "gpu": resources.gpus_per_trial}
    session.slots = capacity = Capacity(resources)
    searcher = SessionSearcher(session, output, interrupt, capacity)
    tuner = tune.Tuner(
        tune.with_resources(trainable, per_trial),
        tune_config=tune.TuneConfig(
            search_alg=searcher,
            scheduler=SessionScheduler(session, searcher, interrupt),
            num_samples=-1,
            reuse_actors=True,
            trial_dirname_creator=lambda trial: trial.trial_id,
        ),
        run_config=tune.RunConfig(
            name="tune",
            storage_path=str(output / ".ray"),
            verbose=0,
            # Failures are counted here: Ray counts none of those between two stacks, and gives the
            # second one up at the first.
            failure_config=tune.FailureConfig(max_failures=0),
            # Else Ray would have each stack that has ended save itself once more.
            checkpoint_config=tune.CheckpointConfig(checkpoint_at_end=False),
            callbacks=[SessionWatch(searcher, interrupt)],
        ),
    )
    try:
        tuner.fit()
    except TuneError as error:
        if (fault := storage_fault_of(str(error), output)) is None:
            raise
        raise StorageError(fault) from error


def storage_fault_of(traceback: str, output: Path) -> str | None:
    """What a traceback of Ray's says of the disk: Ray keeps files of its own in the folder.

    Example:
        >>> storage_fault_of("OSError: [Errno 28] No space left on device", Path("runs/mine"))
        'runs/mine cannot be written: No space left on device'
    """
    for number in _ERRNO.findall(traceback):
        reason = os.strerror(int(number))
        if int(number) in DISK_ERRORS or f"{reason}: '{output}" in traceback:
            return f"{output} cannot be written: {reason}"
    return None
