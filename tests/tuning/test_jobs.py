"""Folds trained by Ray, as a search does after its confirmation."""

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tune_noise.config.search import Resources
from tune_noise.config.trial import TrialConfig
from tune_noise.data import Dataset
from tune_noise.system.signals import Interrupt
from tune_noise.training.cross_fit import make_folds, train_fold
from tune_noise.tuning.cluster.connect import cluster
from tune_noise.tuning.jobs import run_jobs

from .fake_trainer import make_search

RESOURCES = Resources(max_concurrent=2)
# Too long to be trained by the driver.
GIVEN: dict[str, Any] = {"resources": RESOURCES, "train": train_fold, "seconds": math.inf}
CONFIG = TrialConfig(model="perceptron", noise_rate=0.3, epochs=2)


@pytest.fixture(scope="module")
def _ray(ray_room: None) -> Iterator[None]:
    with cluster(make_search(), address=None, folder=Path("runs")):
        yield


@pytest.mark.filterwarnings("default")  # Ray warns when it starts
@pytest.mark.usefixtures("_ray")
def test_folds_of_a_cluster_are_those_of_this_process(few_digits: Dataset) -> None:
    folds = make_folds(CONFIG, few_digits, count=3)
    found = dict(run_jobs(folds, few_digits, **GIVEN, interrupt=Interrupt()))
    assert set(found) == set(folds)
    for fold in folds:
        np.testing.assert_array_equal(found[fold], train_fold(fold, few_digits))


@pytest.mark.filterwarnings("default")
@pytest.mark.usefixtures("_ray")
def test_a_fold_that_diverges_or_fails_says_why_and_the_others_go_on(few_digits: Dataset) -> None:
    given = {"model": "mlp4", "optimizer": "sgd", "lr": 10.0, "momentum": 0.99, "batch_size": 4}
    diverging = make_folds(TrialConfig(epochs=2, **given), few_digits, count=2)[0]
    without_file = TrialConfig(noise="human", human_file="nowhere", epochs=1)
    failing = make_folds(without_file, few_digits, count=2)[0]
    sound = make_folds(CONFIG, few_digits, count=3)[0]
    folds = [diverging, failing, sound]
    found = dict(run_jobs(folds, few_digits, **GIVEN, interrupt=Interrupt()))
    assert "loss is not finite" in str(found[diverging])
    assert "labels/worse/nowhere" in str(found[failing])
    assert not isinstance(found[sound], str)


@pytest.mark.filterwarnings("default")
@pytest.mark.usefixtures("_ray")
def test_an_interrupt_leaves_the_rest(few_digits: Dataset) -> None:
    interrupt = Interrupt()
    interrupt.requested = True
    folds = make_folds(CONFIG, few_digits, count=3)
    with pytest.raises(KeyboardInterrupt):
        list(run_jobs(folds, few_digits, **GIVEN, interrupt=interrupt))


def test_short_folds_are_trained_without_a_cluster(few_digits: Dataset) -> None:
    folds, given = make_folds(CONFIG, few_digits, count=3), {**GIVEN, "seconds": 0.1}
    found = dict(run_jobs(folds, few_digits, **given, interrupt=Interrupt()))
    for fold in folds:
        np.testing.assert_array_equal(found[fold], train_fold(fold, few_digits))
    interrupt = Interrupt()
    interrupt.requested = True
    with pytest.raises(KeyboardInterrupt):
        list(run_jobs(folds, few_digits, **given, interrupt=interrupt))
