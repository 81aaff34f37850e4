"""The data of a stack: inputs shared by all replicates, noisy labels of each replicate's own."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor

from tune_noise.config.trial import TrialConfig
from tune_noise.config.words import class_name
from tune_noise.data import Dataset
from tune_noise.data.input_views import Inputs, JoinedInputs, PickedInputs
from tune_noise.data.scaling import Scaling, fit_scaling
from tune_noise.data.splits import SPLIT_SEED, deal_folds, nested_subset, validation_split
from tune_noise.errors import DataError
from tune_noise.metrics.answers import Answers
from tune_noise.metrics.unmixing import inverse_of
from tune_noise.noise import LabelCounts, count_labels, realised_noise_rate
from tune_noise.seeding import generator
from tune_noise.training.known_noise import known_matrix, noisy_labels, true_labels
from tune_noise.training.material import foreign_images


@dataclass(frozen=True)
class LabelledData:
    """What a stack trains and is judged on: C configurations, each of which is trained F times.

    F is 1 where a validation split is held out. With folds each of the F replicates of a
    configuration holds out another part, and R = C * F.

    Attributes:
        train_inputs: all training inputs; examples point into them. Foreign ones follow them.
        input_of: int64 [R, examples], the input of each training example.
        noisy_labels: int64 [R, examples].
        answers: int64 [R, examples, W] of W annotators, -1 where there is none; None unless the
            method learns from them.
        is_clean: bool [R, examples]; None where the truth is unknown. The label of a foreign image
            is never clean.
        true_labels: int64 [R, examples], -1 for a foreign image, which is of no class; None where
            the truth is unknown. Only what measures sees it.
        val_examples: int64 [N_val without foreign ones], those of each fold after the other.
        val_inputs: of them, then the foreign ones that belong to them.
        val_folds: F of int64, the positions in `val_inputs` that each replicate holds out.
        val_noisy_labels: int64 [C, N_val, copies].
        val_answers: those of several annotators, by which the objective judges; None where each
            input has one label.
        val_true_labels: int64 [inputs with a class], where the configurations declare the oracle.
        transitions: T of each configuration, float64 [K, K]; None where the noise has no known one.
        test_inputs: None where the data set has no test split.
        test_labels: int64 [N_test].
        facts: one dict per configuration: `realised_noise_rate` of the training examples (where
            the truth is known), `train_examples`, `val_examples`.
        num_classes: K.
    """

    train_inputs: Inputs
    input_of: Tensor
    noisy_labels: Tensor
    answers: Tensor | None
    is_clean: Tensor | None
    true_labels: Tensor | None
    val_examples: np.ndarray
    val_inputs: Inputs
    val_folds: list[Tensor]
    val_noisy_labels: Tensor
    val_answers: Answers | None
    val_true_labels: Tensor | None
    transitions: list[np.ndarray | None]
    test_inputs: Inputs | None
    test_labels: Tensor | None
    facts: list[dict[str, float]]
    num_classes: int

    @cached_property
    def inverses(self) -> list[np.ndarray | None]:
        """The inverse of each configuration's T; None where there is none. No epoch changes it."""
        return [None if matrix is None else inverse_of(matrix) for matrix in self.transitions]


def realised_counts(dataset: Dataset, config: TrialConfig) -> LabelCounts | None:
    """Return the training labels of a configuration counted by true class.

    None where the truth is unknown, or where labels go with images that have no class.
    """
    truth = true_labels(dataset, config.noise)
    if truth is None or foreign_images(dataset, config) is not None:
        return None
    train, _ = example_split(dataset, config)
    noisy = noisy_labels(dataset, config)[train]
    return count_labels(truth[train], noisy, dataset.num_classes)


Split = tuple[np.ndarray, np.ndarray]


def example_folds(dataset: Dataset, config: TrialConfig) -> list[Split]:
    """Return the splits by which the networks of a configuration are trained and judged.

    Each has the examples that are trained on and those that validate, both int64, sorted,
    disjoint. There is one where a validation split is held out; see `data.splits.validation_split`.
    With folds there is one for each fold: together they validate every example once, and all train
    on equally many. Validation is the same whatever `train_size` is, and a larger one holds all of
    a smaller one.

    Raises:
        DataError: the data set is too small for its validation split or its folds.
        ValueError: train_size is larger than what is left for training.
    """
    if config.val_fraction is not None:
        return [_held_out_split(dataset, config, config.val_fraction)]
    labels, everything = dataset.train_labels, np.arange(len(dataset.train_labels))
    fold_of = deal_folds(
        labels,
        dataset.input_of,
        everything,
        count=config.num_folds,
        random=generator(SPLIT_SEED, "validation folds"),
    )
    splits = [
        (np.flatnonzero(fold_of != fold), np.flatnonzero(fold_of == fold))
        for fold in range(1, config.num_folds + 1)
    ]
    for train, val in splits:
        _check_fold(dataset, train, val, config.num_folds)
    # Networks of one stack learn from equally many examples.
    size = config.train_size or min(len(train) for train, _ in splits)
    return [(nested_subset(labels, part, size=size, seed=SPLIT_SEED), val) for part, val in splits]


def example_split(dataset: Dataset, config: TrialConfig) -> Split:
    """Return which examples are trained on and which validate, both int64, sorted.

    They are disjoint where a validation split is held out, and the same with folds.

    Raises:
        DataError: the data set is too small for its validation split or its folds.
        ValueError: train_size is larger than what is left for training.
    """
    train, val = zip(*example_folds(dataset, config), strict=True)
    return np.unique(np.concatenate(train)), np.sort(np.concatenate(val))


def _held_out_split(dataset: Dataset, config: TrialConfig, val_fraction: float) -> Split:
    train, val = validation_split(
        dataset.train_labels,
        dataset.input_of,
        val_fraction=val_fraction,
        num_validation=dataset.num_validation,
        class_names=dataset.class_names,
    )
    if dataset.num_validation is not None:
        _check_training(dataset, train)
    if config.train_size is not None:
        train = nested_subset(dataset.train_labels, train, size=config.train_size, seed=SPLIT_SEED)
    return train, val


def fitted_scaling(dataset: Dataset, config: TrialConfig) -> Scaling:
    """Return the scaling of a configuration, measured on its training examples.

    Raises:
        DataError: the data set is too small for its validation split.
    """
    train, _ = example_split(dataset, config)
    return fit_scaling(dataset.train_inputs, config.scaling, among=train)


def _check_fold(dataset: Dataset, train: np.ndarray, val: np.ndarray, num_folds: int) -> None:
    """Check that a fold has examples, and that each class is left for training beside it."""
    if not len(val):
        raise DataError(
            f"{dataset.name}: val_folds {num_folds} is more than there are different inputs: use "
            "fewer folds or more examples"
        )
    if classes := _lost_classes(dataset, train):
        raise DataError(
            f"{dataset.name}: a class needs at least 2 different examples, one to train and one to "
            f"validate; class {classes} has 1 that no equal one repeats"
        )


def _lost_classes(dataset: Dataset, train: np.ndarray) -> str:
    """Return the names of the classes that have no training example."""
    lost = np.setdiff1d(dataset.train_labels, dataset.train_labels[train]).tolist()
    names = [class_name(label, dataset.class_names) for label in lost[:10]]
    return ", ".join(names) + (", ..." if lost[10:] else "")


def _check_training(dataset: Dataset, train: np.ndarray) -> None:
    """Check that each class is left for training beside a given validation split."""
    if classes := _lost_classes(dataset, train):
        raise DataError(
            f"{dataset.name}: no training example of class {classes} is left without those that "
            "equal an example of the given validation split: take the copies out of that split"
        )


def prepare(
    dataset: Dataset,
    configs: Sequence[TrialConfig],
    *,
    device: torch.device,
    held_out: np.ndarray | None = None,
) -> LabelledData:
    """Split, corrupt and lay out the data of a stack.

    Args:
        dataset: in memory, with the material that the noise needs; its images are shared, not
            copied, on a CPU.
        configs: alike in noise, alpha, val_fraction, val_folds and train_size.
        device: where tensors go.
        held_out: int64, images that neither train nor validate; the labels of the others do not
            change by that.

    Raises:
        DataError: the data set is too small for its validation split or its folds.
    """
    first = configs[0]
    trains, vals = _without(held_out, dataset, example_folds(dataset, first))
    train, val = np.unique(np.concatenate(trains)), np.concatenate(vals)
    noisy = np.stack([noisy_labels(dataset, config) for config in configs])
    image_numbers = _shown_images(dataset, first, copies=noisy.shape[2])
    truth = _truth(dataset, first, image_numbers)
    scaling = fit_scaling(dataset.train_inputs, first.scaling, among=train)

    def tensor(array: np.ndarray) -> Tensor:
        return torch.from_numpy(array).to(device)

    def of_training(array: np.ndarray) -> Tensor:
        """Return [C, N, copies] for the examples of each replicate, [R, examples]."""
        parts = np.stack([array[:, part] for part in trains], axis=1)
        return tensor(parts.reshape(len(array) * len(trains), -1))

    def of_all(array: np.ndarray) -> Tensor:
        """Return [N, copies], which all configurations share, in the same way."""
        parts = of_training(array[None])
        return parts.expand(len(configs), -1) if len(parts) == 1 else parts.repeat(len(configs), 1)

    foreign = foreign_images(dataset, first)
    train_inputs = scaling.resident(dataset.train_inputs, device)
    val_inputs: Inputs = PickedInputs(train_inputs, tensor(val))
    val_noisy, val_answers = noisy[:, val], _answers(dataset, val)
    if dataset.answers is not None:
        # Not those of an aggregation: trials that differ in it are judged by the same labels.
        val_noisy = np.tile(dataset.train_labels[val], (len(configs), 1))[:, :, None]
    if foreign is not None:
        train_inputs = JoinedInputs(train_inputs, scaling.resident(foreign, device))
        # One label each; the images that have a class come first.
        val_inputs = PickedInputs(train_inputs, tensor(image_numbers[val].T.reshape(-1)))
        val_noisy = val_noisy.transpose(0, 2, 1).reshape(len(configs), -1, 1)
    return LabelledData(
        train_inputs=train_inputs,
        input_of=of_all(image_numbers),
        noisy_labels=of_training(noisy),
        answers=_training_answers(dataset, trains, configs, device),
        is_clean=None if truth is None else of_training(noisy == truth),
        true_labels=None if truth is None else of_all(truth),
        val_examples=val,
        val_inputs=val_inputs,
        val_folds=_val_folds(vals, num_inputs=len(val_inputs), device=device),
        val_noisy_labels=tensor(val_noisy),
        val_answers=val_answers,
        val_true_labels=tensor(truth[val, 0]) if first.oracle and truth is not None else None,
        transitions=[known_matrix(c, dataset.num_classes, dataset.extras) for c in configs],
        test_inputs=(
            None if dataset.test_inputs is None else scaling.resident(dataset.test_inputs, device)
        ),
        test_labels=None if dataset.test_labels is None else tensor(dataset.test_labels.copy()),
        facts=[_facts(labels, trains=trains, val=val, truth=truth) for labels in noisy],
        num_classes=dataset.num_classes,
    )


def _without(
    held_out: np.ndarray | None, dataset: Dataset, splits: list[Split]
) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Return what is trained on and what validates of each split, copies of the latter left out."""
    if held_out is not None:
        splits = [(np.setdiff1d(t, held_out), np.setdiff1d(v, held_out)) for t, v in splits]
    # A second copy tells nothing new, and its label would vouch for that of the first.
    vals = [val[np.unique(dataset.input_of[val], return_index=True)[1]] for _, val in splits]
    return [train for train, _ in splits], vals


def _val_folds(vals: list[np.ndarray], *, num_inputs: int, device: torch.device) -> list[Tensor]:
    """Return the positions of each fold among the validation inputs.

    The foreign ones, which belong to the examples in their order, follow all of them, copy by copy.
    """
    ends = np.cumsum([0, *map(len, vals)])
    positions = np.arange(num_inputs).reshape(-1, ends[-1])
    folds = [positions[:, start:end].reshape(-1) for start, end in pairwise(ends)]
    return [torch.from_numpy(fold).to(device) for fold in folds]


def _shown_images(dataset: Dataset, config: TrialConfig, *, copies: int) -> np.ndarray:
    """Return the image of each label, int64 [N, copies]: its own, or a foreign one after all those.

    The foreign images are dealt out copy by copy, and from the first again when they run out. They
    are the same for every noise_seed, since the replicates of a stack share their images.
    """
    number = len(dataset.train_labels)
    numbers = np.repeat(np.arange(number)[:, None], copies, axis=1)
    foreign = foreign_images(dataset, config)
    if foreign is not None:
        dealt = np.arange((copies - 1) * number).reshape(copies - 1, number).T
        numbers[:, 1:] = number + dealt % max(1, len(foreign))
    return numbers


def _truth(dataset: Dataset, config: TrialConfig, image_numbers: np.ndarray) -> np.ndarray | None:
    """Return the true class behind each label, int64 [N, copies]; -1: none of the classes."""
    truth = true_labels(dataset, config.noise)
    if truth is None:
        return None
    # A foreign image is numbered after all own ones, and shows no class.
    return np.asarray(np.append(truth, -1)[np.minimum(image_numbers, len(truth))])


def _training_answers(
    dataset: Dataset,
    trains: list[np.ndarray],
    configs: Sequence[TrialConfig],
    device: torch.device,
) -> Tensor | None:
    if dataset.answers is None or not configs[0].method_declaration.needs_answers:
        return None
    parts = torch.from_numpy(np.stack([dataset.answers[part] for part in trains])).to(device)
    # Without folds, all configurations share one tensor.
    return parts.expand(len(configs), *parts.shape).flatten(0, 1)


def _answers(dataset: Dataset, val: np.ndarray) -> Answers | None:
    """Return the answers to what validates; the labels of a single annotator are judged as such."""
    if dataset.answers is None or dataset.answers.shape[1] == 1:
        return None
    return Answers.of(dataset.answers[val], dataset.num_classes)


def _facts(
    noisy: np.ndarray, *, trains: list[np.ndarray], val: np.ndarray, truth: np.ndarray | None
) -> dict[str, float]:
    copies, train = noisy.shape[1], np.unique(np.concatenate(trains))
    facts = {
        "train_examples": float(len(trains[0]) * copies),
        "val_examples": float(len(val) * copies),
    }
    if truth is not None:
        facts["realised_noise_rate"] = realised_noise_rate(noisy[train], truth[train])
    return facts
