"""What a search will do, before it does it: conditions, trials, rungs, and what they may cost."""

import time
from dataclasses import dataclass, replace
from itertools import chain, product
from math import inf
from typing import Any

import numpy as np

from tune_noise.config import declared
from tune_noise.config.configurations import num_configurations, num_finalists, num_trials
from tune_noise.config.search import SearchConfig
from tune_noise.config.trial import TrialConfig
from tune_noise.data import Dataset
from tune_noise.tuning.session.rungs import rung_levels

# Enough inputs that a probe times training, few enough that it takes a fraction of a second.
PROBE_INPUTS = 1500
# Starting Ray, its actors, and writing the report; measured at 15 to 25 s.
OVERHEAD_SECONDS = 20.0
# Conditions that one sentence names.
MAX_NAMED = 3
# Fixed fields that change how long a batch takes.
_PROBED_FIELDS = ("batch_size", "optimizer", "augmentation", "precision")


@dataclass(frozen=True)
class Plan:
    """The shape of a search.

    Attributes:
        conditions: their names.
        rungs: the epochs at which trials are judged; empty without early stopping.
        trials: of the search stage, all conditions together; with a budget of network-epochs, if
            none is stopped.
        finalists: configurations that are confirmed, all conditions together.
        confirm_trials: finalists times seeds of the first look.
        max_confirm_trials: finalists times all seeds that may be spent on one.
        min_epochs: epochs of the search stage if every rung stops all it may.
        max_epochs: epochs of the search stage if no trial is stopped.
        confirm_epochs: epochs of the confirmation's first look.
        max_confirm_epochs: epochs of the confirmation if all seeds are spent.
        suspect_epochs: epochs that the search for wrong labels takes, each counted as the share
            of the examples that it goes through.
        configurations: how many different ones each condition may try, in the same order; None
            for any number, with a continuous range.
    """

    conditions: list[str]
    rungs: list[int]
    trials: int
    finalists: int
    confirm_trials: int
    max_confirm_trials: int
    min_epochs: int
    max_epochs: int
    confirm_epochs: int
    suspect_epochs: int
    max_confirm_epochs: int
    configurations: list[int | None]


def make_plan(search: SearchConfig) -> Plan:
    """Count what a search will do."""
    stopping = search.early_stopping
    rungs = (
        rung_levels(stopping.grace_epochs, search.epochs, stopping.reduction_factor)
        if stopping
        else []
    )
    conditions = [condition.name for condition in search.all_conditions]
    numbers = [num_configurations(search, condition) for condition in search.all_conditions]
    groups = [list(num_trials(search, c).values()) for c in search.all_conditions]
    trials = sum(map(sum, groups))
    finalists = sum(num_finalists(search, condition) for condition in search.all_conditions)
    confirm_trials = finalists * search.confirm.seeds
    max_confirm_trials = finalists * (search.confirm.max_seeds or search.confirm.seeds)
    return Plan(
        conditions=conditions,
        rungs=rungs,
        trials=trials,
        finalists=finalists,
        confirm_trials=confirm_trials,
        max_confirm_trials=max_confirm_trials,
        # What rungs save of network-epochs is spent on further trials.
        min_epochs=trials * search.epochs
        if search.budget == "network_epochs"
        else sum(_least_epochs(search, rungs, trials) for trials in chain(*groups)),
        max_epochs=trials * search.epochs,
        confirm_epochs=confirm_trials * search.epochs,
        # Of F folds each training leaves one out: F times (F - 1) / F of the examples.
        suspect_epochs=search.epochs
        * sum(max(0, search.suspect_folds(condition) - 1) for condition in search.all_conditions),
        max_confirm_epochs=max_confirm_trials * search.epochs,
        configurations=[None if number == inf else int(number) for number in numbers],
    )


def repetitions_left_out(search: SearchConfig) -> list[str]:
    """Return a sentence for the conditions in which fewer trials are made than were asked for."""
    if search.budget == "network_epochs":
        return []  # their number is not asked for
    if search.sampler == "grid":
        return []  # it ends with its points by its nature
    names: dict[int, list[str]] = {}
    for condition in search.all_conditions:
        names.setdefault(sum(num_trials(search, condition).values()), []).append(condition.name)
    at_a_level = f" at some level of {search.compare}" if len(search.levels) > 1 else ""
    return [
        f"{_named(conditions)}: {number} of {search.trials} trials are made, as there are no more "
        f"different configurations{at_a_level}; on the same seed a repetition would give the same "
        "result"
        for number, conditions in names.items()
        if number < search.trials
    ]


def _named(conditions: list[str]) -> str:
    hidden = len(conditions) - MAX_NAMED
    return ", ".join(conditions[:MAX_NAMED]) + (f" and {hidden} more" if hidden > 0 else "")


def _least_epochs(search: SearchConfig, rungs: list[int], alive: int) -> int:
    """Return the epochs of one group of trials if exactly 1/eta of it passes every rung."""
    eta = search.early_stopping.reduction_factor if search.early_stopping else 1
    total = previous = 0
    for level in [*rungs, search.epochs]:
        total += alive * (level - previous)
        alive, previous = max(1, alive // eta), level
    return total


@dataclass(frozen=True)
class Cost:
    """Estimated wall time in seconds, from a probe on this machine.

    Attributes:
        least: if every rung stops all it may, and the first look decides between finalists.
        most: if no trial is stopped, and no look decides.
        probes: (model, method) -> measured seconds per 1,000 examples of training and evaluation.
    """

    least: float
    most: float
    probes: dict[tuple[str, str], float]


def estimate_cost(search: SearchConfig, dataset: Dataset, *, concurrent: int) -> Cost:
    """Time a short epoch of each network and method, and extrapolate.

    Args:
        search: what will run.
        dataset: its data.
        concurrent: trials that run side by side.
    """
    plan = make_plan(search)
    probes = {
        (model, method): _probe(search, dataset, model, method)
        for model, method in product(_values(search, "model"), _values(search, "method"))
    }
    # Trials are taken as spread evenly over networks and methods.
    per_example = float(np.mean(list(probes.values()))) / 1000
    examples = float(np.mean(examples_of_epochs(search, dataset)))
    least, most = (
        (epochs + plan.suspect_epochs) * examples * per_example / concurrent + OVERHEAD_SECONDS
        for epochs in (
            plan.min_epochs + plan.confirm_epochs,
            plan.max_epochs + plan.max_confirm_epochs,
        )
    )
    return Cost(least, most, probes)


def _values(search: SearchConfig, field: str) -> list[Any]:
    if field in search.search:
        return search.search[field].extremes()
    if field in search.conditions:
        return list(search.conditions[field])
    default = TrialConfig.model_validate({"noise": search.noise})
    return [search.fixed.get(field, getattr(default, field))]


def _labels_per_image(search: SearchConfig) -> list[int]:
    noise = declared.noise(search.noise)
    if not (field := noise.added_labels):
        return [1]
    return [noise.labels_per_image({field: value}) for value in _values(search, field)]


def examples_of_epochs(search: SearchConfig, dataset: Dataset) -> list[float]:
    """Return the training examples of an epoch, for each combination of what decides them."""
    factors = product(_labels_per_image(search), _values(search, "train_size"))
    return [_examples(search, dataset, *levels) for levels in factors]


def _examples(
    search: SearchConfig, dataset: Dataset, labels_per_image: int, train_size: int | None
) -> float:
    """Return the training examples of an epoch: the labels of all inputs that are trained on."""
    examples: float = len(dataset.train_labels) - (dataset.num_validation or 0)
    if dataset.num_validation is None:
        examples *= _any_trial(search).train_share
    if train_size is not None:
        examples = min(examples, train_size)
    return examples * labels_per_image


def _any_trial(search: SearchConfig) -> TrialConfig:
    return search.trial_config(search.all_conditions[0], {})


def _probe(search: SearchConfig, dataset: Dataset, model: str, method: str) -> float:
    """Return the seconds per 1,000 training examples, evaluation included, of a second epoch."""
    from tune_noise.training import Trial
    from tune_noise.training.process import prepare_process

    # As an actor does; by default torch takes all cores, and the trials share them.
    prepare_process(threads=max(1, int(search.resources.cpus_per_trial)))
    sample = _sample(dataset)
    alike = {k: v for k, v in search.fixed.items() if k in _PROBED_FIELDS}
    trial = _any_trial(search)
    alike |= {"val_fraction": trial.val_fraction, "val_folds": trial.val_folds}
    alike |= {"epochs": 2, "model": model, "method": method}
    # A method costs most once it does its own work, and with the most networks it may have.
    declaration = declared.method(method)
    for field in declaration.fields:
        if field.begins:
            alike[field.name] = int(field.ge or 0)
        elif field.name == declaration.networks:
            alike[field.name] = max(_values(search, field.name))
    probe = Trial([TrialConfig.model_validate({**_probe_noise(trial), **alike})], sample)
    probe.train_epoch()
    started = time.perf_counter()
    probe.train_epoch()
    return (time.perf_counter() - started) / probe.num_examples * 1000


def _probe_noise(config: TrialConfig) -> dict[str, Any]:
    """Return a noise that costs as much per example, and needs no material of its own."""
    noise = declared.noise(config.noise)
    if noise.takes_given_labels:
        return {"noise": config.noise}
    # Added images are evaluated too, so an example of theirs costs what an image with one label
    # does.
    if noise.added_labels and not noise.adds_images:
        return {"noise": "dilution", "alpha": config.labels_per_image - 1}
    return {"noise": "symmetric"}


def _sample(dataset: Dataset) -> Dataset:
    """Return the data set thinned to about PROBE_INPUTS, training and test alike.

    The labels of its inputs alternate between two classes: they do not matter for the time, and a
    rare class may be too small for a split once it is thinned.
    """
    thin = slice(None, None, max(1, len(dataset.train_labels) // PROBE_INPUTS))
    labels = np.unique(dataset.input_of[thin], return_inverse=True)[1].astype(np.int64) % 2
    return replace(
        dataset,
        train_inputs=dataset.train_inputs[thin],
        train_labels=labels,
        num_validation=None,
        answers=None if dataset.answers is None else dataset.answers[thin],
        first_equals=None,
        train_ids=None,
        test_ids=None,
        true_labels=None if dataset.true_labels is None else labels,
        test_inputs=None if dataset.test_inputs is None else dataset.test_inputs[thin],
        test_labels=None if dataset.test_labels is None else dataset.test_labels[thin],
        extras={},
    )
