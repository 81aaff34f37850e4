"""What the other finalists of a condition predict out of sample, beside what its leader does.

A finalist whose configuration has folds has left its predictions when it was confirmed. Any other
one is cross-fitted as the leader was, where somebody asks for it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tune_noise.data import Dataset
from tune_noise.history.replay import TrialHistory
from tune_noise.record.folder import FINALISTS_FILE, judgements_file, winner_dir
from tune_noise.reporting import ConditionSummary
from tune_noise.training.cross_fit import gather, make_folds, read_fold, train_fold
from tune_noise.training.judgements import read_predictions, save_predictions


@dataclass(frozen=True)
class OtherFinalist:
    """A finalist beside the leader.

    Attributes:
        trial_id: the search trial that was confirmed.
        trial: its confirmation on the seed, and so the labels, of the leader's networks.
    """

    trial_id: str
    trial: TrialHistory


def other_finalists(condition: ConditionSummary) -> Iterator[OtherFinalist]:
    """Yield the finalists that the leader's first fresh seed has trained to the end, too."""
    if condition.leader is None:
        return
    seed = next(iter(condition.leader.counted))
    for finalist in condition.scored:
        if finalist is not condition.leader and seed in finalist.counted:
            yield OtherFinalist(finalist.trial_id, finalist.counted[seed])


def keep_predictions(condition: ConditionSummary, dataset: Dataset, folder: Path) -> None:
    """Keep what finalists with folds have predicted, before it is removed with the checkpoints.

    Raises:
        OSError: the folder cannot be written.
    """
    predictions = {}
    for finalist in other_finalists(condition):
        if finalist.trial.config.val_folds is not None:
            [fold] = make_folds(finalist.trial.config, dataset, count=1)
            values = read_fold(judgements_file(folder, finalist.trial.trial_id), fold)
            if values is not None:
                predictions[finalist.trial_id] = values.argmax(axis=1)
    if predictions:
        _save(condition, dataset, folder, predictions)


def fit_finalists(
    condition: ConditionSummary, dataset: Dataset, folder: Path, *, folds: int, device: str
) -> Iterator[str]:
    """Cross-fit the finalists whose predictions are not there, in this process.

    Each is kept as soon as it is done.

    Yields:
        The trial_id of each that is done.
    """
    predictions = read_finalists(condition, folder)
    for finalist in other_finalists(condition):
        if finalist.trial_id in predictions:
            continue
        parts = make_folds(finalist.trial.config, dataset, count=folds)
        by_fold = {fold: train_fold(fold, dataset, device=device) for fold in parts}
        examples, probabilities = gather(by_fold, dataset)
        predicted = np.full(len(dataset.train_labels), -1, dtype=np.int64)
        predicted[examples] = probabilities.argmax(axis=1)
        predictions[finalist.trial_id] = predicted
        _save(condition, dataset, folder, predictions)
        yield finalist.trial_id


def read_finalists(condition: ConditionSummary, folder: Path) -> dict[str, np.ndarray]:
    """Return trial_id -> predicted class of each training example, -1 where there is none."""
    path = winner_dir(folder, condition.name) / FINALISTS_FILE
    names = {finalist.trial_id for finalist in other_finalists(condition)}
    predictions = read_predictions(path, _about(condition))
    return {name: values for name, values in predictions.items() if name in names}


def _save(
    condition: ConditionSummary, dataset: Dataset, folder: Path, predictions: dict[str, np.ndarray]
) -> None:
    target = winner_dir(folder, condition.name)
    target.mkdir(exist_ok=True, parents=True)
    save_predictions(target / FINALISTS_FILE, predictions, _about(condition))


def _about(condition: ConditionSummary) -> dict[str, str]:
    """Return which labels the finalists were trained on: those of the leader's seed."""
    assert condition.leader is not None
    return {"trial_id": next(iter(condition.leader.counted.values())).trial_id}
