"""The scores of a confirmation, as the record tells them."""

from collections.abc import Hashable, Iterable, Sequence

import numpy as np

from tune_noise.config import declared
from tune_noise.config.search import Confirm
from tune_noise.history.ranking import by_finalist
from tune_noise.history.replay import TrialHistory
from tune_noise.verdict.looks import looks_of
from tune_noise.verdict.standing import Standing, decide


def standing_of(
    trials: Iterable[TrialHistory],
    confirm: Confirm,
    *,
    finalists: Sequence[str] = (),
    seeds: Sequence[Hashable] | None = None,
    no_more: bool = False,
) -> Standing:
    """Return how the finalists of one condition stand by the trials of its confirmation.

    Args:
        trials: of its confirmation, those that still run included.
        confirm: says when they are judged.
        finalists: that may have no trial yet.
        seeds: all that may be spent, in order; None for those of the trials.
        no_more: no further results will come.
    """
    trials = list(trials)
    scores: dict[str, dict[Hashable, float | None]] = {name: {} for name in finalists}
    for finalist, seeds_of_it in by_finalist(trials).items():
        scores[finalist] = {
            trial.config.seed: trial.score if trial.ended_well else None
            for trial in seeds_of_it
            if trial.status is not None
        }
    in_order = sorted({trial.config.seed for trial in trials}) if seeds is None else seeds
    looks = looks_of(confirm.seeds, confirm.max_seeds)
    without = without_groups(trials) if share_labels(trials) else None
    return decide(scores, in_order, looks, without=without, no_more=no_more)


def share_labels(trials: Sequence[TrialHistory]) -> bool:
    """Return whether no seed draws labels of its own: they are given, or noise_seed is fixed."""
    if not trials or not declared.noise(trials[0].config.noise).drawn:
        return bool(trials)
    seeds = {trial.config.seed: trial.config.noise_seed for trial in trials}
    return len(seeds) > 1 and len(set(seeds.values())) == 1


def without_groups(
    trials: Iterable[TrialHistory],
) -> dict[str, dict[Hashable, Sequence[float]]] | None:
    """Return finalist -> seed -> objective without each group of validation labels.

    None where a trial has none, as one of an earlier version, or of too many classes.
    """
    without: dict[str, dict[Hashable, Sequence[float]]] = {}
    for finalist, of_finalist in by_finalist(trials).items():
        for trial in of_finalist:
            if trial.ended_well:
                values = (trial.noise or {}).get("objective_without")
                if values is None:
                    return None
                without.setdefault(finalist, {})[trial.config.seed] = values
    return without


def mean_without_groups(trials: Sequence[TrialHistory]) -> list[float] | None:
    """Return the objective without each group of validation labels, the mean over the seeds.

    None where each seed draws labels of its own, or a trial does not tell.
    """
    groups = without_groups(trials) if share_labels(trials) else None
    if groups is None:
        return None
    rows = [row for of_finalist in groups.values() for row in of_finalist.values()]
    return [float(value) for value in np.mean(rows, axis=0)] if rows else None
