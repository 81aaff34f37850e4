"""The same trials judged by other objectives: their choices, and how these test.

The price of honesty: how far the choice by noisy labels falls short of the best that was there.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from tune_noise.config.metric_names import SEARCHABLE, sign
from tune_noise.config.selected_epoch import EpochMetrics
from tune_noise.history.replay import TrialHistory

ORACLE = "test_accuracy_clean"


@dataclass(frozen=True)
class Choice:
    """One epoch of one search trial, the best of all by some criterion.

    Attributes:
        criterion: a searchable metric, or `test_accuracy_clean` for the oracle that no search has.
        trial: the trial it belongs to.
        epoch: its metrics.
    """

    criterion: str
    trial: TrialHistory
    epoch: EpochMetrics

    @property
    def is_oracle(self) -> bool:
        """Whether the choice needed clean test labels."""
        return self.criterion == ORACLE

    @property
    def test_accuracy(self) -> float | None:
        """Clean test accuracy of the chosen epoch, a fraction; None without a test set."""
        return self.epoch.get(ORACLE)


def choices(trials: Iterable[TrialHistory]) -> list[Choice]:
    """Return what every criterion chooses among all epochs of some trials; the oracle last.

    Trials that were stopped early take part with the epochs they have. Of equal values the one that
    was asked for first, and its earliest epoch, counts.
    """
    epochs = [(trial, epoch) for trial in trials for epoch in trial.epochs]
    chosen = []
    for criterion in (*SEARCHABLE, ORACLE):
        measured = [(trial, epoch) for trial, epoch in epochs if criterion in epoch]
        if measured:
            factor = sign(criterion)
            trial, epoch = max(measured, key=lambda pair: factor * pair[1][criterion])
            chosen.append(Choice(criterion, trial, epoch))
    return chosen
