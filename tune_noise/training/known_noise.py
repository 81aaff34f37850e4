"""The noise of a configuration: its labels, and its transition matrix where that is known."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from tune_noise.config import declared
from tune_noise.config.trial import TrialConfig
from tune_noise.data import Dataset
from tune_noise.data.aggregation import drawn_votes
from tune_noise.declaration import import_object
from tune_noise.errors import Problem
from tune_noise.noise import Material, Noise, NoiseFacts, check_transition_matrix
from tune_noise.seeding import generator

Extras = Mapping[str, np.ndarray]

# Fitted once, by the process that runs the search.
MODELLED = {
    name: Material(key=f"labels/{name}", field="aggregation", reader=f"tune_noise.data.{reader}")
    for name, reader in (
        ("dawid_skene", "aggregation:dawid_skene"),
        ("crowdlab", "crowdlab:crowdlab"),
    )
}


def material_of(config: TrialConfig, dataset: Dataset) -> Material | None:
    """Return what a configuration's labels need beside the data set; None: nothing."""
    if dataset.answers is not None and config.aggregation in MODELLED:
        return MODELLED[config.aggregation]
    return noise_of(config).material


def noise_of(config: TrialConfig) -> Noise:
    """Return the noise of a configuration, made with the values of its declared fields."""
    make = import_object(declared.noise(config.noise).implementation)
    noise: Noise = make(**config.declared_values("noise"))
    return noise


def true_labels(dataset: Dataset, noise: str) -> np.ndarray | None:
    """Return the truth about the training labels, int64 [N]; None where it is unknown.

    A noise that is drawn takes the data set's labels for clean if the data set names no true ones:
    whoever asks for such a noise says that they are.
    """
    if declared.noise(noise).takes_given_labels:
        return dataset.true_labels
    return dataset.clean_labels


def noisy_labels(dataset: Dataset, config: TrialConfig) -> np.ndarray:
    """Return the noisy labels of the whole training set, int64 [N, labels per image].

    They are fixed by `noise_seed`.

    Raises:
        KeyError: the material of the noise is not among the data set's extras.
    """
    if dataset.answers is not None and config.aggregation in MODELLED:
        return dataset.extras[MODELLED[config.aggregation].key][:, None]
    if dataset.answers is not None and config.aggregation == "drawn":
        votes = drawn_votes(dataset.answers, generator(config.noise_seed, "noise", "drawn vote"))
        return votes[:, None]
    is_given = declared.noise(config.noise).takes_given_labels
    return noise_of(config).draw(
        dataset.train_labels if is_given else dataset.clean_labels,
        _facts(config, dataset),
        generator(config.noise_seed, "noise", config.noise),
    )


def known_matrix(config: TrialConfig, num_classes: int, extras: Extras) -> np.ndarray | None:
    """Return the noise transition matrix that a configuration draws its labels from.

    Args:
        config: names the noise.
        num_classes: K.
        extras: of the data set, with the material of this configuration (`with_material`).

    Returns:
        T, float64 [K, K], of all labels that an image has: under dilution and structured noise
        the clean one and the noisy ones together. None where no such matrix exists (instance;
        foreign images, which have no class) or nobody knows it (human, given).

    Raises:
        KeyError: the material is not there.

    Example:
        >>> known_matrix(TrialConfig(noise="dilution", alpha=1), 2, {})
        array([[0.75, 0.25],
               [0.25, 0.75]])
    """
    facts = NoiseFacts(num_classes=num_classes, extras=extras, seed=config.noise_seed)
    return noise_of(config).matrix(facts)


def noise_problems(config: TrialConfig, dataset: Dataset) -> list[Problem]:
    """Return everything that the noise asks of a data set that it cannot give."""
    noise, facts = noise_of(config), _facts(config, dataset)
    problems = [Problem(field, message) for field, message in noise.problems(facts)]
    if problems or not declared.is_own("noise", config.noise):
        return problems
    if noise.material is not None and noise.material.key not in dataset.extras:
        return []
    try:
        _check_drawn(noise, config, dataset)
    except Exception as error:  # whatever the user's code may raise
        message = " ".join(str(error).split())[:300]
        return [Problem("noise", f"{config.noise!r}: {type(error).__name__}: {message}")]
    return []


def _facts(config: TrialConfig, dataset: Dataset) -> NoiseFacts:
    return NoiseFacts(
        num_classes=dataset.num_classes,
        dataset=config.dataset,
        name=dataset.name,
        inputs=dataset.train_inputs,
        extras=dataset.extras,
        seed=config.noise_seed,
    )


def _check_drawn(noise: Noise, config: TrialConfig, dataset: Dataset) -> None:
    """Check what a noise of the user's own draws for a data set.

    Raises:
        ValueError: its labels or its matrix have another shape, type or range than they must have.
    """
    labels: Any = noisy_labels(dataset, config)
    shape = (len(dataset.train_labels), config.labels_per_image)
    if not isinstance(labels, np.ndarray) or labels.shape != shape or labels.dtype != np.int64:
        kind = getattr(labels, "dtype", type(labels).__name__)
        raise ValueError(
            f"draw must return int64 labels {list(shape)}; it returned {kind} "
            f"{list(np.shape(labels))}"
        )
    if labels.size and not 0 <= labels.min() <= labels.max() < dataset.num_classes:
        raise ValueError(
            f"draw must return labels in [0, {dataset.num_classes}); it returned "
            f"{labels.min()}..{labels.max()}"
        )
    matrix = noise.matrix(_facts(config, dataset))
    if matrix is not None:
        check_transition_matrix(matrix)
    if (matrix is None) == noise.declaration.class_conditional:
        says = "True" if noise.declaration.class_conditional else "False"
        raise ValueError(
            f"it declares class_conditional={says}, and its matrix is "
            f"{'None' if matrix is None else 'known'}: change one of them"
        )
