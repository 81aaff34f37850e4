"""Differences in accuracy that a validation set is too small to see."""

import numpy as np

from tune_noise.config.declared import noise
from tune_noise.config.search import SearchConfig
from tune_noise.config.trial import TrialConfig
from tune_noise.data import Dataset
from tune_noise.training.known_noise import known_matrix
from tune_noise.verdict.power import least_visible_difference

# Of labels that are given the rate of wrong ones is unknown.
ASSUMED_RATES = (0.2, 0.4)
# Counting takes seconds with more.
MAX_ASSUMED_CLASSES = 1000


def least_differences(search: SearchConfig, dataset: Dataset) -> list[str]:
    """Say for every condition which difference in accuracy its validation set cannot see.

    Of labels that are given nobody knows how many are wrong: it is said for two rates.
    """
    if not search.objective.startswith("val_information"):
        return []
    sentences = []
    for condition in search.all_conditions:
        config = search.trial_config(condition, {})
        examples = dataset.validation_size(config.val_share)
        matrix = known_matrix(config, dataset.num_classes, dataset.extras)
        if matrix is not None:
            apart = [_apart(matrix, examples, alpha=config.labels_per_image - 1 or None)]
        elif noise(config.noise).takes_given_labels and dataset.num_classes <= MAX_ASSUMED_CLASSES:
            apart = [
                f"{_apart(_evenly_wrong(rate, dataset.num_classes), examples)} where "
                f"{100 * rate:.0f} % of the labels are wrong"
                for rate in ASSUMED_RATES
            ]
        else:
            continue
        sentence = " and ".join(apart)
        sentences.append(f"{condition.name}: {examples} validation examples {sentence}")
    return sentences


def _apart(matrix: np.ndarray, examples: int, *, alpha: int | None = None) -> str:
    least = least_visible_difference(matrix, examples, alpha=alpha)
    if least is None:
        return "cannot tell any configurations apart: their labels say too little of the classes"
    return (
        "cannot tell configurations apart that differ by less than "
        f"{100 * least:.2g} points of accuracy"
    )


def _evenly_wrong(rate: float, num_classes: int) -> np.ndarray:
    config = TrialConfig.model_validate({"noise": "symmetric", "noise_rate": rate})
    matrix = known_matrix(config, num_classes, {})
    assert matrix is not None
    return matrix
