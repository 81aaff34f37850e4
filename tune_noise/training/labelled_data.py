"""The data of a stack: inputs shared by all replicates, noisy labels of each replicate's own."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from tune_noise.config.trial import TrialConfig
from tune_noise.config.words import class_name
from tune_noise.data import Dataset
from tune_noise.data.input_views import Inputs, JoinedInputs, PickedInputs
from tune_noise.data.scaling import Scaling, fit_scaling
from tune_noise.data.splits import SPLIT_SEED, nested_subset, validation_split
from tune_noise.errors import DataError
from tune_noise.metrics.answers import Answers
from tune_noise.metrics.unmixing import inverse_of
from tune_noise.noise import LabelCounts, count_labels, realised_noise_rate
from tune_noise.training.known_noise import known_matrix, noisy_labels, true_labels
from tune_noise.training.material import foreign_images


@dataclass(frozen=True)
class LabelledData:
    """What a stack trains and is judged on.

    Attributes:
        train_inputs: all training inputs; examples point into them. Foreign ones follow them.
        input_of: int64 [examples], the input of each training example.
        noisy_labels: int64 [R, examples].
        is_clean: bool [R, examples]; None where the truth is unknown. The label of a foreign image
            is never clean.
        true_labels: int64 [examples], -1 for a foreign image, which is of no class; None where the
            truth is unknown. Only what measures sees it.
        val_inputs: those of the validation split, then the foreign ones that belong to them.
        val_noisy_labels: int64 [R, N_val, copies].
        val_answers: those of several annotators, by which the objective judges; None where each
            input has one label.
        val_true_labels: int64 [inputs with a class], where the configurations declare the oracle.
        transitions: T of each replicate, float64 [K, K]; None where the noise has no known one.
        test_inputs: None where the data set has no test split.
        test_labels: int64 [N_test].
        facts: one dict per replicate: `realised_noise_rate` of the training examples (where the
            truth is known), `train_examples`, `val_examples`.
        num_classes: K.
    """

    train_inputs: Inputs
    input_of: Tensor
    noisy_labels: Tensor
    is_clean: Tensor | None
    true_labels: Tensor | None
    val_inputs: Inputs
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
        """The inverse of each replicate's T; None where there is none. No epoch changes it."""
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


def example_split(dataset: Dataset, config: TrialConfig) -> tuple[np.ndarray, np.ndarray]:
    """Return which images are trained on and which validate, both int64, sorted, disjoint.

    See `data.splits.validation_split`. Validation is the same whatever `train_size` is, and a
    larger one holds all of a smaller one.

    Raises:
        DataError: the data set is too small for its validation split.
        ValueError: train_size is larger than what is left for training.
    """
    train, val = validation_split(
        dataset.train_labels,
        dataset.input_of,
        val_fraction=config.val_fraction,
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


def _check_training(dataset: Dataset, train: np.ndarray) -> None:
    """Check that each class is left for training beside a given validation split."""
    lost = np.setdiff1d(dataset.train_labels, dataset.train_labels[train]).tolist()
    if lost:
        names = [class_name(label, dataset.class_names) for label in lost[:10]]
        classes = ", ".join(names) + (", ..." if lost[10:] else "")
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
        configs: one per replicate, alike in noise, alpha, val_fraction and train_size.
        device: where tensors go.
        held_out: int64, images that neither train nor validate; the labels of the others do not
            change by that.

    Raises:
        DataError: the data set is too small for its validation split.
    """
    first = configs[0]
    train, val = example_split(dataset, first)
    if held_out is not None:
        train, val = np.setdiff1d(train, held_out), np.setdiff1d(val, held_out)
    # A second copy tells nothing new, and its label would vouch for that of the first.
    val = val[np.unique(dataset.input_of[val], return_index=True)[1]]
    noisy = np.stack([noisy_labels(dataset, config) for config in configs])
    image_numbers = _shown_images(dataset, first, copies=noisy.shape[2])
    truth = _truth(dataset, first, image_numbers)
    scaling = fit_scaling(dataset.train_inputs, first.scaling, among=train)

    def tensor(array: np.ndarray) -> Tensor:
        return torch.from_numpy(array).to(device)

    def of_training(array: np.ndarray) -> Tensor:
        return tensor(array[:, train].reshape(len(configs), -1))

    foreign = foreign_images(dataset, first)
    train_inputs = scaling.resident(dataset.train_inputs, device)
    val_inputs: Inputs = PickedInputs(train_inputs, tensor(val))
    val_noisy, val_answers = noisy[:, val], None
    if dataset.answers is not None:
        # Not those of an aggregation: trials that differ in it are judged by the same labels.
        val_noisy = np.tile(dataset.train_labels[val], (len(configs), 1))[:, :, None]
        # The labels of a single annotator are judged as labels are.
        if dataset.answers.shape[1] > 1:
            val_answers = Answers.of(dataset.answers[val], dataset.num_classes)
    if foreign is not None:
        train_inputs = JoinedInputs(train_inputs, scaling.resident(foreign, device))
        # One label each; the images that have a class come first.
        val_inputs = PickedInputs(train_inputs, tensor(image_numbers[val].T.reshape(-1)))
        val_noisy = val_noisy.transpose(0, 2, 1).reshape(len(configs), -1, 1)
    return LabelledData(
        train_inputs=train_inputs,
        input_of=tensor(image_numbers[train].reshape(-1)),
        noisy_labels=of_training(noisy),
        is_clean=None if truth is None else of_training(noisy == truth),
        true_labels=None if truth is None else tensor(truth[train].reshape(-1)),
        val_inputs=val_inputs,
        val_noisy_labels=tensor(val_noisy),
        val_answers=val_answers,
        val_true_labels=tensor(truth[val, 0]) if first.oracle and truth is not None else None,
        transitions=[known_matrix(c, dataset.num_classes, dataset.extras) for c in configs],
        test_inputs=(
            None if dataset.test_inputs is None else scaling.resident(dataset.test_inputs, device)
        ),
        test_labels=(
            None
            if dataset.test_labels is None
            else torch.tensor(dataset.test_labels, device=device)
        ),
        facts=[_facts(labels, train=train, val=val, truth=truth) for labels in noisy],
        num_classes=dataset.num_classes,
    )


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


def _facts(
    noisy: np.ndarray, *, train: np.ndarray, val: np.ndarray, truth: np.ndarray | None
) -> dict[str, float]:
    copies = noisy.shape[1]
    facts = {"train_examples": float(len(train) * copies), "val_examples": float(len(val) * copies)}
    if truth is not None:
        facts["realised_noise_rate"] = realised_noise_rate(noisy[train], truth[train])
    return facts
