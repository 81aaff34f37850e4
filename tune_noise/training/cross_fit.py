"""Cross-fitting: every example is judged by networks that learned others only.

A configuration with `val_folds` is cross-fitted whenever it is trained. For any other one the
inputs of training and validation are dealt into folds. For each fold the configuration is trained
once more without the fold's inputs, which take no part in its validation either, and predicts them
after each epoch. What is kept is a weighted mean of these predictions over the epochs up to the one
that validation selects.

A single fold is no cross-fitting: it is the training of the configuration itself, which judges also
what it learns, by what it predicts meanwhile (`training_memory`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from tune_noise.config.trial import TrialConfig
from tune_noise.data import Dataset
from tune_noise.data.splits import SPLIT_SEED, deal_folds
from tune_noise.errors import TuneNoiseError
from tune_noise.metrics.evaluation import predict_logits
from tune_noise.seeding import generator
from tune_noise.training.checkpoint import DamagedCheckpoint, read_checkpoint, write_checkpoint
from tune_noise.training.epoch_average import EpochAverage
from tune_noise.training.labelled_data import example_folds, example_split
from tune_noise.training.trial import Trial

_PROBABILITIES = "probabilities"


class FoldDiverged(TuneNoiseError):  # noqa: N818 - it names what happened
    """The networks of a fold have diverged before they predicted anything."""


@dataclass(frozen=True)
class Fold:
    """One training of a cross-fitting.

    Attributes:
        config: what is trained.
        number: of the fold, from 1.
        count: how many folds there are.
        fingerprint: of the data set.
    """

    config: TrialConfig
    number: int
    count: int
    fingerprint: str

    @property
    def name(self) -> str:
        """`3 of 4`."""
        return f"{self.number} of {self.count}"

    def to_json(self) -> dict[str, Any]:
        """Return plain values, equal exactly where the same is trained on the same data."""
        return {**vars(self), "config": self.config.to_plain()}


def make_folds(config: TrialConfig, dataset: Dataset, *, count: int) -> list[Fold]:
    """Return the trainings of a cross-fitting, which may run in any order and on any machine.

    A configuration with folds of its own needs one alone, whatever `count` is. One is the training
    of the configuration itself.
    """
    fingerprint = dataset.fingerprint
    if config.val_folds is not None:
        return [Fold(config, 1, 1, fingerprint)]
    return [Fold(config, number, count, fingerprint) for number in range(1, count + 1)]


def fold_of_examples(dataset: Dataset, config: TrialConfig, *, count: int) -> np.ndarray:
    """Return the fold, from 1, of each training example, int64 [N]; 0 takes no part.

    Every fold has its proportional share, to within one input, of each class and split. Equal
    inputs go to the same fold, and count as one, of the class of the first.

    Raises:
        DataError: the data set is too small for its validation split.

    Example:
        >>> from tune_noise.data import load_dataset
        >>> np.bincount(fold_of_examples(load_dataset("digits"), TrialConfig(), count=4)).tolist()
        [0, 315, 315, 314, 313]
    """
    folds = np.zeros(len(dataset.train_labels), dtype=np.int64)
    if config.val_folds is not None:
        for number, (_, val) in enumerate(example_folds(dataset, config), 1):
            folds[val] = number
        return folds
    for name, split in zip(("train", "val"), example_split(dataset, config), strict=True):
        folds[split] = deal_folds(
            dataset.train_labels,
            dataset.input_of,
            split,
            count=count,
            random=generator(SPLIT_SEED, "folds", name),
        )
    return folds


def held_out_examples(fold: Fold, dataset: Dataset) -> np.ndarray:
    """Return the examples that a training judges, int64, sorted."""
    if fold.config.val_folds is not None:
        return np.arange(len(dataset.train_labels))
    return np.flatnonzero(fold_of_examples(dataset, fold.config, count=fold.count) == fold.number)


def learned_examples(fold: Fold, dataset: Dataset) -> np.ndarray:
    """Return which training examples a training judges though it learns them, bool [N]."""
    is_learned = np.zeros(len(dataset.train_labels), dtype=bool)
    if fold.count == 1 and fold.config.val_folds is None:
        train, _ = example_split(dataset, fold.config)
        is_learned[train] = True
    return is_learned


def train_fold(fold: Fold, dataset: Dataset, *, device: str = "cpu") -> np.ndarray:
    """Train without the examples of a fold, and predict them; a single fold learns them, too.

    Args:
        fold: what to train.
        dataset: in memory, with the material that its noise needs.
        device: where to train.

    Returns:
        P(class | input), float64 [inputs of the fold, K]: the mean over the networks, and over the
        epochs up to the selected one, each weighted `EPOCH_DECAY` times the next; those of a
        single fold alike.

    Raises:
        FoldDiverged: the networks diverged in their first epoch.
    """
    # Nobody looks at the test set here, so it need not be evaluated.
    without_test = replace(dataset, test_inputs=None, test_labels=None)
    held_out = held_out_examples(fold, dataset)
    if fold.count == 1:
        trial = Trial([fold.config], without_test, device=device, keeps_judgements=True)
        while not trial.finished:
            trial.train_epoch()
        _check_trained(fold, trial)
        return np.asarray(trial.replicate_judgements(0, dataset)[held_out])
    trial = Trial([fold.config], without_test, device=device, held_out=held_out)
    indices = torch.from_numpy(held_out).to(trial.device)
    average = EpochAverage()
    while not trial.finished:
        if trial.train_epoch() == [None]:
            break
        logits = predict_logits(trial.judged_network, trial.data.train_inputs, indices=indices)
        average.add(logits.unsqueeze(0))
        if trial.progress[0].best_epoch == trial.epoch:
            average.select(0)
    _check_trained(fold, trial)
    return np.asarray(average.selected[0].numpy())


def _check_trained(fold: Fold, trial: Trial) -> None:
    progress = trial.progress[0]
    if progress.best_epoch == 0:
        raise FoldDiverged(f"fold {fold.name} diverged: {progress.stop_reason}")


def save_fold(path: Path, fold: Fold, probabilities: np.ndarray) -> None:
    """Keep what was trained for a fold, whole or not at all.

    Raises:
        OSError: the folder cannot be written.
    """
    write_checkpoint(path, {_PROBABILITIES: torch.tensor(probabilities)}, fold.to_json())


def read_fold(path: Path, fold: Fold) -> np.ndarray | None:
    """Return what was kept for exactly this fold; None where nothing usable was.

    Raises:
        OSError: the disk cannot be read.
    """
    try:
        tensors, values = read_checkpoint(path)
    except (FileNotFoundError, DamagedCheckpoint):
        return None
    if values != fold.to_json() or _PROBABILITIES not in tensors:
        return None
    return np.asarray(tensors[_PROBABILITIES].numpy())


def gather(folds: Mapping[Fold, np.ndarray], dataset: Dataset) -> tuple[np.ndarray, np.ndarray]:
    """Put the predictions of all folds together.

    Args:
        folds: every fold of one cross-fitting -> what `train_fold` returned.
        dataset: what was trained on.

    Returns:
        The examples that took part, int64 [N], sorted; and P(class | input), float64 [N, K].
    """
    parts = [(held_out_examples(fold, dataset), values) for fold, values in folds.items()]
    images = np.concatenate([part for part, _ in parts])
    order = np.argsort(images)
    return images[order], np.concatenate([values for _, values in parts])[order]
