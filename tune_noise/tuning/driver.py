"""Ray Tune runs what the session asks for, on as much of the cluster as there is."""

import logging
import os
import re
from pathlib import Path

from ray import tune
from ray.tune.error import TuneError

from tune_noise.config.search import Resources
from tune_noise.data import Dataset
from tune_noise.errors import DISK_ERRORS, StorageError
from tune_noise.record.folder import RAY_FOLDER
from tune_noise.system.signals import Interrupt
from tune_noise.tuning.adapters import SessionScheduler, SessionSearcher, SessionWatch
from tune_noise.tuning.cluster.capacity import capacity
from tune_noise.tuning.cluster.node_guard import node_guard
from tune_noise.tuning.places import Places
from tune_noise.tuning.ray_internals import patch_lost_results
from tune_noise.tuning.session.session import Session
from tune_noise.tuning.trainable import StackTrainable

_ERRNO = re.compile(r"\[Errno (\d+)\]")


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
        dataset: put once into Ray's object store, from which each node fetches it once.
        output: folder of the search, on storage that all nodes share.
        resources: of one trial.
        interrupt: once requested, what runs is checkpointed.

    Raises:
        StorageError: record or output folder cannot be written.
        KeyboardInterrupt: as requested; all that was trained is recorded and checkpointed.
    """
    patch_lost_results()
    # With a searcher Ray would otherwise keep only one trial waiting for resources; how many may
    # be under way is decided by `Places`.
    os.environ["TUNE_MAX_PENDING_TRIALS_PG"] = "1000000"
    # What fails stands in the record, with its traceback in .ray/tune/*/error.txt.
    logging.getLogger("ray.tune").setLevel(logging.CRITICAL)
    with capacity(resources, session.stacks_left) as slots, node_guard(output) as guard:
        session.slots = slots
        places = Places(session, output, interrupt, slots)
        trainable = tune.with_parameters(
            StackTrainable,
            dataset=dataset,
            output=str(output),
            rungs=session.rung_levels,
            cpus=resources.cpus_per_trial,
            gpus=resources.gpus_per_trial,
            suspect_folds=session.search.suspects.folds,
            guard=guard,
        )
        per_trial = {"cpu": resources.cpus_per_trial, "gpu": resources.gpus_per_trial}
        scheduler = SessionScheduler(session, places, interrupt, slots.left_out)
        _fit(
            tune.with_resources(trainable, per_trial),
            scheduler,
            SessionSearcher(session, places),
            SessionWatch(scheduler, interrupt),
            output,
        )


def _fit(
    trainable: object,
    scheduler: SessionScheduler,
    searcher: SessionSearcher,
    watch: SessionWatch,
    output: Path,
) -> None:
    tuner = tune.Tuner(
        trainable,
        tune_config=tune.TuneConfig(
            search_alg=searcher,
            scheduler=scheduler,
            num_samples=-1,
            reuse_actors=True,
            trial_dirname_creator=lambda trial: trial.trial_id,
        ),
        run_config=tune.RunConfig(
            name="tune",
            storage_path=str(output / RAY_FOLDER),
            verbose=0,
            # Failures are counted here: Ray counts none of those between two stacks, and gives the
            # second one up at the first.
            failure_config=tune.FailureConfig(max_failures=0),
            # Else Ray would have each stack that has ended save itself once more.
            checkpoint_config=tune.CheckpointConfig(checkpoint_at_end=False),
            callbacks=[watch],
        ),
    )
    try:
        tuner.fit()
    except TuneError as error:
        if (fault := find_storage_fault(str(error), output)) is None:
            raise
        raise StorageError(fault) from error


def find_storage_fault(traceback: str, output: Path) -> str | None:
    """Return the fault of the disk that a traceback of Ray's names; None where it names none.

    Ray keeps files of its own in the folder of the search.

    Example:
        >>> find_storage_fault("OSError: [Errno 28] No space left on device", Path("runs/mine"))
        'runs/mine cannot be written: No space left on device'
    """
    for number in _ERRNO.findall(traceback):
        reason = os.strerror(int(number))
        if int(number) in DISK_ERRORS or f"{reason}: '{output}" in traceback:
            return f"{output} cannot be written: {reason}"
    return None
