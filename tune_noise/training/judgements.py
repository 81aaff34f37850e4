"""What networks that did not learn an example say of its true class, kept as a file.

The table of suspects says how probably each label is wrong. An audit asks more: which class is the
true one instead, and how probably.
"""

from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from tune_noise.training.checkpoint import DamagedCheckpoint, read_checkpoint, write_checkpoint

if TYPE_CHECKING:
    from tune_noise.training.suspects import Suspects


@dataclass(frozen=True)
class Judgements:
    """All labels of a cross-fitting, the most suspicious first; arrays of the same length.

    Attributes:
        examples: int64, position of the example in the training set.
        copies: int64, which label of its example, from 0.
        given: int64, the label.
        predicted: int64, the likeliest class by the input alone.
        suspicion: float64 in [0, 1], probability that the label is wrong.
        classes: int64 [N, C], the classes that are likeliest given input and labels, likeliest
            first.
        chances: float32 [N, C], their probabilities.
    """

    examples: np.ndarray
    copies: np.ndarray
    given: np.ndarray
    predicted: np.ndarray
    suspicion: np.ndarray
    classes: np.ndarray
    chances: np.ndarray


def save_judgements(path: Path, suspects: "Suspects", about: dict[str, Any]) -> None:
    """Keep what is known of all labels, whole or not at all.

    Args:
        path: the file.
        suspects: all labels.
        about: which trial was cross-fitted, and how: `read_judgements` asks for the same.

    Raises:
        OSError: the folder cannot be written.
    """
    arrays = {
        "examples": suspects.examples,
        "copies": suspects.copies,
        "given": suspects.given_labels,
        "predicted": suspects.predicted_labels,
        "suspicion": suspects.probabilities,
        "classes": suspects.classes,
        "chances": suspects.chances,
    }
    tensors = {name: torch.tensor(array) for name, array in arrays.items()}
    write_checkpoint(path, tensors, about)


def read_judgements(path: Path, about: dict[str, Any]) -> Judgements | None:
    """Return what was kept for this very trial; None where nothing usable was.

    Raises:
        OSError: the disk cannot be read.
    """
    tensors = _read(path, about)
    if tensors is None:
        return None
    return Judgements(**{field.name: tensors[field.name].numpy() for field in fields(Judgements)})


def save_predictions(path: Path, predictions: dict[str, np.ndarray], about: dict[str, Any]) -> None:
    """Keep predicted classes by name, whole or not at all; `read_predictions` asks for the same.

    Raises:
        OSError: the folder cannot be written.
    """
    tensors = {name: torch.tensor(labels) for name, labels in predictions.items()}
    write_checkpoint(path, tensors, about)


def read_predictions(path: Path, about: dict[str, Any]) -> dict[str, np.ndarray]:
    """Return what was kept; empty where nothing usable was.

    Raises:
        OSError: the disk cannot be read.
    """
    tensors = _read(path, about)
    return {name: tensor.numpy() for name, tensor in (tensors or {}).items()}


def _read(path: Path, about: dict[str, Any]) -> dict[str, torch.Tensor] | None:
    try:
        tensors, values = read_checkpoint(path)
    except (FileNotFoundError, DamagedCheckpoint):
        return None
    is_same = all(values.get(name) == value for name, value in about.items())
    return tensors if is_same else None
