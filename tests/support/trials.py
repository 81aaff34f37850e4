"""Training to the end, as a search does, without a search."""

from typing import Any

from tune_noise.config.trial import TrialConfig
from tune_noise.data import Dataset
from tune_noise.training import Trial

# Short beginnings, so that four epochs see a method at its work.
SHORT = {
    "tau": 0.3,
    "ramp_epochs": 2,
    "warm_up_epochs": 1,
    "first_epochs": 2,
    "last_layer_epochs": 0,
}


def train(trial: Trial, epochs: int | None = None) -> list[list[Any]]:
    """Train so many epochs, or to the end; return the rows of each epoch."""
    rows = []
    while len(rows) < epochs if epochs is not None else not trial.finished:
        rows.append(trial.train_epoch())
    return rows


def trained(
    configs: list[TrialConfig], dataset: Dataset, epochs: int | None = None, **options: Any
) -> Trial:
    """Return a trial that has been trained so many epochs, or to the end."""
    trial = Trial(configs, dataset, **options)
    train(trial, epochs)
    return trial
