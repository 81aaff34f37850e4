"""Train folds as tasks of Ray on as much of the cluster as there is; short ones in this process."""

from collections.abc import Iterator, Sequence

import numpy as np
import ray
from ray.exceptions import RayError

from tune_noise.config.search import Resources
from tune_noise.data import Dataset
from tune_noise.errors import TuneNoiseError
from tune_noise.system.signals import Interrupt
from tune_noise.training.cross_fit import Fold, train_fold
from tune_noise.tuning.cluster.devices import choose_device, set_threads
from tune_noise.tuning.cluster.placement import max_concurrent

# What processes that train take to start, at the least: all folds together that take less are
# trained by the driver.
START_SECONDS = 4.0
# How long a signal waits to be seen.
POLL_SECONDS = 0.5


def train_folds(
    folds: Sequence[Fold],
    dataset: Dataset,
    *,
    resources: Resources,
    interrupt: Interrupt,
    fold_seconds: float,
) -> Iterator[tuple[Fold, np.ndarray | str]]:
    """Train folds side by side on the connected cluster, and yield each as soon as it is done.

    Args:
        folds: what to train.
        dataset: put once into Ray's object store.
        resources: of one training.
        interrupt: once requested, the rest is left.
        fold_seconds: that one training takes, about.

    Yields:
        A fold and what `train_fold` returned, or why it could not be trained.

    Raises:
        KeyboardInterrupt: as requested.
    """
    if resources.gpus_per_trial == 0 and len(folds) * fold_seconds < START_SECONDS:
        yield from _train_here(folds, dataset, resources, interrupt)
    else:
        yield from _train_on_cluster(folds, dataset, resources, interrupt)


def _train_here(
    folds: Sequence[Fold], dataset: Dataset, resources: Resources, interrupt: Interrupt
) -> Iterator[tuple[Fold, np.ndarray | str]]:
    for fold in folds:
        if interrupt.requested:
            raise KeyboardInterrupt
        yield fold, _train(fold, dataset, resources)


def _train_on_cluster(
    folds: Sequence[Fold], dataset: Dataset, resources: Resources, interrupt: Interrupt
) -> Iterator[tuple[Fold, np.ndarray | str]]:
    task = ray.remote(
        num_cpus=resources.cpus_per_trial, num_gpus=resources.gpus_per_trial, max_retries=3
    )(_train)
    data, waiting = ray.put(dataset), list(folds)
    running: dict[ray.ObjectRef, Fold] = {}
    while waiting or running:
        while waiting and len(running) < max_concurrent(ray.nodes(), resources):
            fold = waiting.pop(0)
            running[task.remote(fold, data, resources)] = fold
        done, _ = ray.wait(list(running), timeout=POLL_SECONDS)
        if interrupt.requested:
            raise KeyboardInterrupt
        for reference in done:
            yield running.pop(reference), _result(reference)


def _result(reference: ray.ObjectRef) -> np.ndarray | str:
    try:
        result: np.ndarray | str = ray.get(reference)
    except RayError as error:  # all tries were lost, or the training itself failed
        return str(error).strip().splitlines()[-1]
    return result


def _train(fold: Fold, dataset: Dataset, resources: Resources) -> np.ndarray | str:
    """Train with as many threads as a trial has, as others train beside this process."""
    set_threads(resources.cpus_per_trial)
    try:
        return train_fold(fold, dataset, device=choose_device(resources.gpus_per_trial))
    except TuneNoiseError as error:
        return str(error)
