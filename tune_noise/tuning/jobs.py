"""Run jobs as tasks of Ray on as much of the cluster as there is; short ones in this process.

A job is what is trained after the confirmation: a fold, or a reference model.
"""

from collections.abc import Hashable, Iterator, Sequence
from typing import Protocol, TypeVar

import ray
from ray.exceptions import RayError

from tune_noise.config.search import Resources
from tune_noise.data import Dataset
from tune_noise.errors import TuneNoiseError
from tune_noise.system.signals import Interrupt
from tune_noise.tuning.cluster.devices import choose_device, set_threads
from tune_noise.tuning.cluster.placement import max_concurrent

# What processes that train take to start, at the least: all jobs together that take less are done
# by the driver.
START_SECONDS = 4.0
# How long a signal waits to be seen.
POLL_SECONDS = 0.5

Job = TypeVar("Job", bound=Hashable)
Result = TypeVar("Result", covariant=True)
AnyJob = TypeVar("AnyJob", contravariant=True)


class Train(Protocol[AnyJob, Result]):
    """A function that does one job, in any process that has the data."""

    def __call__(self, job: AnyJob, dataset: Dataset, /, *, device: str) -> Result:
        """Return the result; a TuneNoiseError says why there is none."""
        ...


def run_jobs(
    jobs: Sequence[Job],
    dataset: Dataset,
    *,
    train: Train[Job, Result],
    resources: Resources,
    interrupt: Interrupt,
    seconds: float,
) -> Iterator[tuple[Job, Result | str]]:
    """Do jobs side by side on the connected cluster, and yield each as soon as it is done.

    Args:
        jobs: what to do.
        dataset: put once into Ray's object store.
        train: does one.
        resources: of one.
        interrupt: once requested, the rest is left.
        seconds: that all take, about, one after another.

    Yields:
        A job and what `train` returned, or why it could not be done.

    Raises:
        KeyboardInterrupt: as requested.
    """
    if resources.gpus_per_trial == 0 and seconds < START_SECONDS:
        yield from _run_here(jobs, dataset, train, resources, interrupt)
    else:
        yield from _run_on_cluster(jobs, dataset, train, resources, interrupt)


def _run_here(
    jobs: Sequence[Job],
    dataset: Dataset,
    train: Train[Job, Result],
    resources: Resources,
    interrupt: Interrupt,
) -> Iterator[tuple[Job, Result | str]]:
    for job in jobs:
        if interrupt.requested:
            raise KeyboardInterrupt
        yield job, _do(job, dataset, train, resources)


def _run_on_cluster(
    jobs: Sequence[Job],
    dataset: Dataset,
    train: Train[Job, Result],
    resources: Resources,
    interrupt: Interrupt,
) -> Iterator[tuple[Job, Result | str]]:
    task = ray.remote(
        num_cpus=resources.cpus_per_trial, num_gpus=resources.gpus_per_trial, max_retries=3
    )(_do)
    data, waiting = ray.put(dataset), list(jobs)
    running: dict[ray.ObjectRef, Job] = {}
    while waiting or running:
        while waiting and len(running) < max_concurrent(ray.nodes(), resources):
            job = waiting.pop(0)
            running[task.remote(job, data, train, resources)] = job
        done, _ = ray.wait(list(running), timeout=POLL_SECONDS)
        if interrupt.requested:
            raise KeyboardInterrupt
        for reference in done:
            yield running.pop(reference), _result(reference)


def _result(reference: ray.ObjectRef) -> Result | str:
    try:
        result: Result | str = ray.get(reference)
    except RayError as error:  # all tries were lost, or the training itself failed
        return str(error).strip().splitlines()[-1]
    return result


def _do(
    job: Job, dataset: Dataset, train: Train[Job, Result], resources: Resources
) -> Result | str:
    """Train with as many threads as a trial has, as others train beside this process."""
    set_threads(resources.cpus_per_trial)
    try:
        return train(job, dataset, device=choose_device(resources.gpus_per_trial))
    except TuneNoiseError as error:
        return str(error)
