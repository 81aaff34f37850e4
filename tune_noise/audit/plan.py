"""How many labels it takes: the half-widths to expect, and when a wanted one is reached."""

import math
from collections.abc import Mapping

import numpy as np

from tune_noise.audit.estimator import (
    CONFIDENCE,
    EXPECTED_LABELS,
    MORE_MISSES,
    least_variance,
    share_estimate,
    variance_of_sum,
)
from tune_noise.audit.population import Population
from tune_noise.audit.sample import Sample, allocation, expected_variance, strata_of

SIZES = (50, 100, 200, 400)
# Of each look, where one draws on as long as the intervals are too wide. With it, and with a
# quarter more labels at each look, the last interval holds in 95 %: docs/audit.md.
CONFIDENCE_OF_LOOKS = 0.96
_GROWTH = 1.25


def confidence_of(sample: Sample) -> float:
    """Return the level of the intervals: higher where one draws on until they are narrow."""
    return CONFIDENCE if sample.until is None else CONFIDENCE_OF_LOOKS


def expected_half_widths(
    population: Population,
    labels: int,
    *,
    scales: Mapping[str, float] | None = None,
    confidence: float = CONFIDENCE,
) -> dict[str, float]:
    """Return half-widths of the leader's accuracy and of the noise rate, before anyone looks.

    Args:
        population: of the audit.
        labels: how many are checked.
        scales: how often networks miss beside how often they expect to (`Estimator.scale`), as far
            as checked labels tell; None: as often as they expect.
        confidence: of the intervals.
    """
    strata = strata_of(population)
    drawn = allocation(population, strata, labels)
    return _half_widths(population, strata, drawn, scales=scales, confidence=confidence)


def _half_widths(
    population: Population,
    strata: np.ndarray,
    drawn: np.ndarray,
    *,
    scales: Mapping[str, float] | None,
    confidence: float,
) -> dict[str, float]:
    sizes, labels = np.bincount(strata), int(drawn.sum())
    widths = {}
    for name, chances in {
        "accuracy": population.right(population.predicted),
        "noise_rate": population.judgements.suspicion,
    }.items():
        spread = np.bincount(strata, expected_variance(chances)) / sizes
        more = MORE_MISSES * len(population) / labels
        expected = float((sizes * spread).sum())
        scale = (expected + more) / expected if scales is None else scales[name]
        degrees = drawn - 1 + EXPECTED_LABELS
        variance, freedom = variance_of_sum(sizes, drawn, scale * spread, degrees)
        variance = max(variance, least_variance(len(population), labels))
        error = math.sqrt(variance) / len(population)
        share = share_estimate(
            float(chances.mean()), error, freedom, n=labels, confidence=confidence
        )
        widths[name] = share.half_width
    return widths


def labels_for(
    population: Population,
    half_width: float,
    *,
    before: int = 0,
    scales: Mapping[str, float] | None = None,
) -> int:
    """Return with how many labels both half-widths are expected to be small enough.

    Args:
        population: of the audit.
        half_width: the wanted one, a fraction.
        before: how many were checked, and were too few; at least a quarter more are asked for.
        scales: see `expected_half_widths`.
    """
    strata = strata_of(population)
    low, high = math.ceil(_GROWTH * before) if before else SIZES[0], len(population)
    while low < high:
        middle = (low + high) // 2
        drawn = allocation(population, strata, middle)
        widths = _half_widths(
            population, strata, drawn, scales=scales, confidence=CONFIDENCE_OF_LOOKS
        )
        low, high = (low, middle) if max(widths.values()) <= half_width else (middle + 1, high)
    return min(low, len(population))
