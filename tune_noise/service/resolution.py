"""What a validation set can see: where its labels are too few for the objective to choose by.

Under strong dilution even a perfect classifier tells little about a noisy label, and counting a
K x K table from few labels costs more than that. There the objective cannot rank configurations:
predicting one class for everything, which costs nothing to estimate, may come out best.
"""

from collections.abc import Mapping

import numpy as np

from tune_noise.config.declared import noise
from tune_noise.config.search import SearchConfig
from tune_noise.config.trial import TrialConfig
from tune_noise.data import Dataset
from tune_noise.training.known_noise import known_matrix
from tune_noise.verdict.power import least_visible_difference

# Below twice its cost of estimation the information of a perfect classifier drowns.
LEAST_RATIO = 2.0
# Of labels that are given the rate of wrong ones is unknown.
ASSUMED_RATES = (0.2, 0.4)
# Counting takes seconds with more.
MAX_ASSUMED_CLASSES = 1000


def perfect_information(
    config: TrialConfig, num_classes: int, extras: Mapping[str, np.ndarray] | None = None
) -> float | None:
    """Return what a perfect classifier knows of a noisy label, in nats, for equal classes.

    None where the noise has no known transition matrix: `given`, `human`, `instance`, `foreign`.

    Args:
        config: names the noise.
        num_classes: K.
        extras: of the data set, where the noise needs material of its own.

    Example:
        >>> config = TrialConfig(noise="symmetric", noise_rate=0.5)
        >>> round(perfect_information(config, num_classes=10), 3)
        0.511
    """
    matrix = known_matrix(config, num_classes, extras or {})
    if matrix is None:
        return None
    nats = _entropy(matrix.mean(axis=0)) - sum(map(_entropy, matrix)) / num_classes
    return max(0.0, nats)  # rounding may leave a little less than nothing


def _entropy(shares: np.ndarray) -> float:
    present = shares[shares > 0]
    return float(-(present * np.log(present)).sum())


def estimation_cost(num_classes: int, num_labels: int) -> float:
    """Return what cross-fitting a K x K table from a validation set costs, in nats.

    All other labels estimate K (K - 1) free cells; a maximum-likelihood table loses half a nat per
    cell and label on data that it has not seen.
    """
    return num_classes * (num_classes - 1) / (2 * num_labels)


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
        return "cannot tell any configurations apart"
    return (
        "cannot tell configurations apart that differ by less than "
        f"{100 * least:.2g} points of accuracy"
    )


def _evenly_wrong(rate: float, num_classes: int) -> np.ndarray:
    config = TrialConfig.model_validate({"noise": "symmetric", "noise_rate": rate})
    matrix = known_matrix(config, num_classes, {})
    assert matrix is not None
    return matrix


def blind_conditions(search: SearchConfig, dataset: Dataset) -> list[str]:
    """Return a sentence for every condition whose validation set is too small to choose by."""
    if search.objective != "val_information_noisy":
        return []
    sentences = []
    for condition in search.all_conditions:
        config = search.trial_config(condition, {})
        examples = dataset.validation_size(config.val_share)
        nats = perfect_information(config, dataset.num_classes, dataset.extras)
        cost = estimation_cost(dataset.num_classes, examples * config.labels_per_image)
        if nats is not None and nats < LEAST_RATIO * cost:
            sentences.append(
                f"{condition.name}: a perfect classifier tells {nats:.2g} nats about a noisy "
                f"label, and estimating that from {examples} validation examples costs "
                f"{cost:.2g}: the objective can hardly rank configurations there; raise "
                "val_fraction, take more data, or less noise"
            )
    return sentences
