"""How much training a search gives a compiled step to pay for itself."""

import math

from tune_noise.config.search import SearchConfig
from tune_noise.training.step_choice import Compiling
from tune_noise.tuning.session.rungs import rung_levels

# Trials that differ in one of these have compiled steps of their own.
_OWN_STEP = ("model", "method", "optimizer", "batch_size", "peers", "alpha", "train_size")


def compiling_of(search: SearchConfig, *, slots: int) -> Compiling:
    """Whether the steps of a search are compiled, with the epochs that one process trains alike.

    At the least: as if every trial was stopped at the first rung. A process trains one trial after
    another, and those that are alike share what was compiled.

    Args:
        search: what will run.
        slots: processes that train side by side.

    Example:
        >>> compiling_of(SearchConfig(name="a", trials=40, epochs=9), slots=4).expected_epochs
        90.0
    """
    stopping = search.early_stopping
    shortest = search.epochs
    if stopping is not None:
        grace, eta = stopping.grace_epochs, stopping.reduction_factor
        shortest = min([*rung_levels(grace, search.epochs, eta), search.epochs])
    trials = search.trials * len(search.all_conditions)
    alike = trials / (_kinds_of_steps(search) * max(1, slots))
    return Compiling(search.resources.compile, shortest * max(1.0, alike))


def _kinds_of_steps(search: SearchConfig) -> int:
    domains = [search.search[field] for field in _OWN_STEP if field in search.search]
    of_domains = (
        len(domain.choice) if domain.choice is not None else 1 + int(domain.bounds[1])
        for domain in domains
    )
    levels = (len(search.conditions[field]) for field in _OWN_STEP if field in search.conditions)
    return math.prod(of_domains) * math.prod(levels)
