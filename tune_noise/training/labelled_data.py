"""The data of a stack: images shared by all replicates, noisy labels of each replicate's own."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from tune_noise.config.trial import TrialConfig
from tune_noise.data import Dataset
from tune_noise.data.resident import ResidentImages, channel_statistics
from tune_noise.data.splits import stratified_split
from tune_noise.noise import corrupt, known_transition, realised_noise_rate
from tune_noise.seeding import generator

# Which examples validate is part of the data set, not of a trial: it never moves with a seed.
SPLIT_SEED = 0


@dataclass(frozen=True)
class LabelledData:
    """What a stack trains and is judged on.

    Attributes:
        train_images: all training images; examples point into them.
        image_of: int64 [examples], the image of each training example.
        noisy_labels: int64 [R, examples].
        is_clean: bool [R, examples]; None where the truth is unknown.
        val_images: images of the validation split.
        val_noisy_labels: int64 [R, N_val, copies].
        val_true_labels: int64 [N_val], only where the configurations declare the oracle.
        transitions: T of each replicate, float64 [K, K]; None where the noise has no known one.
        test_images: None where the data set has no test split.
        test_labels: int64 [N_test].
        facts: one dict per replicate: `realised_noise_rate` of the training examples (where the
            truth is known), `train_examples`, `val_examples`.
        num_classes: K.
    """

    train_images: ResidentImages
    image_of: Tensor
    noisy_labels: Tensor
    is_clean: Tensor | None
    val_images: ResidentImages
    val_noisy_labels: Tensor
    val_true_labels: Tensor | None
    transitions: list[np.ndarray | None]
    test_images: ResidentImages | None
    test_labels: Tensor | None
    facts: list[dict[str, float]]
    num_classes: int


def true_labels(dataset: Dataset, noise: str) -> np.ndarray | None:
    """The truth about the training labels, int64 [N]; None where it is unknown.

    A synthetic noise takes the given labels for clean where the data set names no true ones:
    whoever asks for it says that they are.
    """
    if dataset.true_labels is not None or noise == "given":
        return dataset.true_labels
    return dataset.train_labels


def noisy_labels(dataset: Dataset, config: TrialConfig) -> np.ndarray:
    """The noisy labels of the whole training set, int64 [N, copies], fixed by noise_seed."""
    clean = true_labels(dataset, config.noise)
    return corrupt(
        config.noise,
        dataset.train_labels if config.noise == "given" or clean is None else clean,
        num_classes=dataset.num_classes,
        generator=generator(config.noise_seed, "noise", config.noise),
        alpha=config.alpha,
        noise_rate=config.noise_rate,
    )


def noise_fingerprint(dataset: Dataset, config: TrialConfig) -> str:
    """A short hash of the noisy labels: equal in two trials exactly if their labels are."""
    return hashlib.sha256(noisy_labels(dataset, config).tobytes()).hexdigest()[:16]


def _transition(config: TrialConfig, num_classes: int) -> np.ndarray | None:
    return known_transition(
        config.noise, num_classes=num_classes, alpha=config.alpha, noise_rate=config.noise_rate
    )


def prepare(
    dataset: Dataset, configs: Sequence[TrialConfig], *, device: torch.device
) -> LabelledData:
    """Split, corrupt and lay out the data of a stack.

    Args:
        dataset: in memory; its images are shared, not copied, on a CPU.
        configs: one per replicate, alike in noise, alpha and val_fraction.
        device: where tensors go.

    Raises:
        DataError: the data set is too small for its validation split.
    """
    first = configs[0]
    train, val = stratified_split(
        dataset.train_labels, val_fraction=first.val_fraction, seed=SPLIT_SEED
    )
    truth = true_labels(dataset, first.noise)
    noisy = np.stack([noisy_labels(dataset, config) for config in configs])
    copies = noisy.shape[2]
    mean, std = channel_statistics(dataset.train_images)

    def resident(images: np.ndarray) -> ResidentImages:
        return ResidentImages(images, mean=mean, std=std, device=device)

    def tensor(array: np.ndarray) -> Tensor:
        return torch.from_numpy(array).to(device)

    is_clean = None
    facts = [
        {"train_examples": float(len(train) * copies), "val_examples": float(len(val) * copies)}
        for _ in configs
    ]
    if truth is not None:
        is_clean = tensor((noisy[:, train] == truth[train, None]).reshape(len(configs), -1))
        for fact, labels in zip(facts, noisy, strict=True):
            fact["realised_noise_rate"] = realised_noise_rate(labels[train], truth[train])
    return LabelledData(
        train_images=resident(dataset.train_images),
        image_of=tensor(np.repeat(train, copies)),
        noisy_labels=tensor(noisy[:, train].reshape(len(configs), -1)),
        is_clean=is_clean,
        val_images=resident(dataset.train_images[val]),
        val_noisy_labels=tensor(noisy[:, val]),
        val_true_labels=tensor(truth[val]) if first.oracle and truth is not None else None,
        transitions=[_transition(config, dataset.num_classes) for config in configs],
        test_images=None if dataset.test_images is None else resident(dataset.test_images),
        test_labels=(
            None
            if dataset.test_labels is None
            else torch.tensor(dataset.test_labels, device=device)
        ),
        facts=facts,
        num_classes=dataset.num_classes,
    )
