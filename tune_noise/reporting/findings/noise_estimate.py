"""A finalist's estimate of the noise: transition matrix, rate and clean-equivalent accuracy.

The validation inputs are the same for all seeds. Whether their labels are the same decides how
seeds are pooled: fresh labels add up; labels that no seed draws again are one validation set,
however many networks look at it.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import stdtrit

from tune_noise.history.replay import TrialHistory
from tune_noise.noise import LabelCounts, total
from tune_noise.reporting.findings.finalists import Finalist
from tune_noise.reporting.statistics import (
    Estimate,
    Floats,
    Z,
    share_interval,
    with_errors,
)


@dataclass(frozen=True)
class MatrixEstimate:
    """A noise transition matrix, P(noisy label | true class), with 95 % intervals.

    Attributes:
        values: float64 [K, K], a row per true class; NaN in the row of a class without an image.
        low: lower ends of the intervals of the single cells.
        high: upper ends.
        truth: as measured on the training labels, [K, K]; None where it is not known.
        num_seeds: seeds behind it.
        copies: labels of an image.
        share_labels: whether all seeds were validated on the same labels.
    """

    values: Floats
    low: Floats
    high: Floats
    truth: Floats | None
    num_seeds: int
    copies: int
    share_labels: bool

    @property
    def num_classes(self) -> int:
        """K."""
        return len(self.values)

    @property
    def unseen(self) -> list[int]:
        """The classes whose rows cannot be estimated: no image is predicted to be of them."""
        return [int(c) for c in np.flatnonzero(np.isnan(self.values).any(axis=1))]


@dataclass(frozen=True)
class NoiseEstimate:
    """The noise as one finalist estimates it; None for what it cannot tell.

    Attributes:
        matrix: from the more confident half of each predicted class.
        rate: share of wrong labels by it, a fraction, from above.
        true_rate: measured share of wrong training labels over the same seeds.
        known_accuracy: accuracy on clean labels, unmixed by the known matrix; unbiased.
        accuracy_bound: accuracy on clean labels as if the confident half were all right.
        num_seeds: seeds trained to their end.
    """

    matrix: MatrixEstimate | None
    rate: Estimate | None
    true_rate: float | None
    known_accuracy: Estimate | None
    accuracy_bound: Estimate | None
    num_seeds: int

    def to_json(self) -> dict[str, Any]:
        """Return the entry of `summary.json`, without the matrix."""
        figures = {
            "noise_rate": self.rate,
            "accuracy_from_known_matrix": self.known_accuracy,
            "accuracy_at_most": self.accuracy_bound,
        }
        return {k: None if value is None else value.to_json() for k, value in figures.items()}


def noise_estimate(finalist: Finalist) -> NoiseEstimate:
    """Pool the fresh seeds of a finalist."""
    trials = list(finalist.counted.values())
    shared = finalist.shares_labels
    rates = [t.facts["realised_noise_rate"] for t in trials if "realised_noise_rate" in t.facts]
    bounded = [t.noise for t in trials if t.noise and t.noise.get("accuracy_bound") is not None]
    bounds = [noise["accuracy_bound"] for noise in bounded]
    errors = [noise["accuracy_bound_se"] for noise in bounded]
    return NoiseEstimate(
        matrix=_matrix(trials, share_labels=shared),
        rate=_of_metric(finalist, "val_noise_rate_estimate", share_labels=shared),
        true_rate=sum(rates) / len(rates) if rates else None,
        known_accuracy=_of_metric(finalist, "val_accuracy_clean_estimate", share_labels=shared),
        # Where most seeds have none, the few that do are not like them.
        accuracy_bound=with_errors(bounds, errors, share_labels=shared)
        if 2 * len(bounds) > len(trials)
        else None,
        num_seeds=len(trials),
    )


def _of_metric(finalist: Finalist, metric: str, *, share_labels: bool) -> Estimate | None:
    values, errors = finalist.values(metric), finalist.values(f"{metric}_se")
    seeds = [seed for seed in values if seed in errors]
    if not seeds:
        return None
    return with_errors(
        [values[seed] for seed in seeds],
        [errors[seed] for seed in seeds],
        share_labels=share_labels,
    )


def _matrix(trials: list[TrialHistory], *, share_labels: bool) -> MatrixEstimate | None:
    noises = [trial.noise for trial in trials if trial.noise and "seen" in trial.noise]
    if not noises:
        return None
    # Networks of one seed see the same labels.
    seen = [LabelCounts.from_plain(noise["seen"]).divided(noise["networks"]) for noise in noises]
    counts = total(seen)
    low, high = share_interval(counts.matrix, pooled_observations(seen, share_labels=share_labels))
    true = [LabelCounts.from_plain(n["true"]) for n in noises if n["true"] is not None]
    return MatrixEstimate(
        values=counts.matrix,
        low=low,
        high=high,
        truth=total(true).matrix if len(true) == len(noises) else None,
        num_seeds=len(noises),
        copies=counts.copies,
        share_labels=share_labels,
    )


def pooled_observations(seeds: list[LabelCounts], *, share_labels: bool) -> Floats:
    """Return how many independent observations each cell's share over all seeds is worth, [K, K].

    Networks differ in what they get wrong. How much the seeds disagree, against what chance in the
    labels makes them, is taken from all cells of a row together: a cell alone has too few seeds for
    that. Where they disagree by more than chance, it counts in place of chance; where seeds share
    their labels, of which they see the same chance, it counts on top.

    Args:
        seeds: the counts of each seed; at least one.
        share_labels: whether the seeds differ only in their training.
    """
    number, counts = len(seeds), total(seeds)
    worth = observations(counts.divided(number) if share_labels else counts)
    if number == 1:
        return worth
    shares = np.nan_to_num(counts.matrix)
    every = np.maximum(counts.images * counts.copies, 1.0)[:, None]
    off = np.array([s.labels - shares * (s.images * s.copies)[:, None] for s in seeds])
    between = number / (number - 1) * (off**2).sum(axis=(0, 2)) / every[:, 0] ** 2
    within = (shares * (1 - shares) / worth).sum(axis=1)
    ratio = between / np.where(within > 0, within, 1.0)
    excess = 1.0 + ratio if share_labels else np.maximum(ratio, 1.0)
    return np.asarray(np.maximum(worth / excess[:, None], 1.0))


def observations(counts: LabelCounts) -> Floats:
    """Return how many independent observations each cell's share is worth, [K, K], at least 1.

    Where images have one label, these are the images of the row. Where they have several, an image
    is one observation of a fraction: the number is that of coin flips that vary as much, and it is
    smaller where the variance is estimated from few images.

    Reference:
        Korn and Graubard 1998, "Confidence intervals for proportions with small expected number of
        positive counts estimated from survey data", Survey Methodology 24.
    """
    images = np.broadcast_to(np.maximum(counts.images, 1.0)[:, None], counts.labels.shape)
    if counts.copies == 1:
        return images
    shares, freedom = np.nan_to_num(counts.matrix), np.maximum(images - 1, 1e-9)
    variances = (counts.squares / (images * counts.copies**2) - shares**2) / freedom
    # Images that are all alike say nothing of their variance.
    is_known = (images > 1) & (variances > 1e-12)
    flips = shares * (1 - shares) / np.where(is_known, variances, 1.0)
    worth = flips * (Z / stdtrit(freedom, 0.975)) ** 2
    return np.asarray(np.maximum(np.where(is_known, worth, images), 1.0))
