"""transition.csv: every finalist's estimate of the noise transition matrix, a row per cell."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from tune_noise.reporting.findings.noise_estimate import MatrixEstimate, noise_estimate
from tune_noise.reporting.findings.summary import Summary

COLUMNS = (
    "condition",
    "finalist",
    "true_class",
    "noisy_label",
    "estimate",
    "low",
    "high",
    "truth",
)
# With more, only cells in which estimate or truth is above 0.
MAX_WHOLE_CLASSES = 100


def transition_table(summary: Summary) -> pd.DataFrame:
    """A row per cell of each finalist's matrix; shares, with ends of their 95 % intervals.

    Estimate and interval are empty in the row of a class that is never predicted, `truth` where it
    is not known. The truth is measured on the training labels of the finalist's seeds.
    """
    rows: list[dict[str, Any]] = []
    for condition in summary.conditions:
        for finalist in condition.scored:
            matrix = noise_estimate(finalist).matrix
            if matrix is not None:
                about = {"condition": condition.name, "finalist": finalist.trial_id}
                rows += [about | cell for cell in _cells(matrix)]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _cells(matrix: MatrixEstimate) -> Iterator[dict[str, Any]]:
    shown = np.ones(matrix.values.shape, dtype=bool)
    if matrix.num_classes > MAX_WHOLE_CLASSES:
        shown = np.nan_to_num(matrix.values, nan=1.0) > 0
        if matrix.truth is not None:
            shown |= np.nan_to_num(matrix.truth) > 0
    for i, j in np.argwhere(shown):
        yield {
            "true_class": int(i),
            "noisy_label": int(j),
            "estimate": matrix.values[i, j],
            "low": matrix.low[i, j],
            "high": matrix.high[i, j],
            "truth": None if matrix.truth is None else matrix.truth[i, j],
        }
