"""Arrays: an .npz file with names in it, or an .npy file of features with its labels beside it."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from tune_noise.data.npz_dataset import load_npz
from tune_noise.data.sources.columns import Roles
from tune_noise.data.sources.notes import Notes
from tune_noise.data.sources.parts import Part
from tune_noise.data.sources.raw import RawForm


def read_npz(path: Path, notes: Notes) -> tuple[Mapping[str, Part], Roles]:
    """Read the splits of an .npz file; see `npz_dataset` for its arrays.

    Raises:
        DataError: the file cannot be read, or has problems; all of them are listed at once.
    """
    dataset = load_npz(path)
    if dataset.reading is not None:
        notes.reading.append(dataset.reading)
    classes = dataset.class_names or tuple(map(str, range(dataset.num_classes)))
    words = np.array(classes, dtype=object)
    first_of_validation = len(dataset.train_labels) - (dataset.num_validation or 0)
    parts = {}
    for split, rows in (
        ("train", slice(0, first_of_validation)),
        ("validation", slice(first_of_validation, None)),
    ):
        if split == "train" or dataset.num_validation:
            parts[split] = Part(
                str(path),
                dataset.train_inputs[rows],
                words[dataset.train_labels[rows]],
                None if dataset.true_labels is None else words[dataset.true_labels[rows]],
                None if dataset.train_ids is None else dataset.train_ids[rows].astype(object),
            )
    if dataset.test_inputs is not None:
        ids = None if dataset.test_ids is None else dataset.test_ids.astype(object)
        labels = words[dataset.test_labels]
        parts["test"] = Part(str(path), dataset.test_inputs, labels, ids=ids)
    kind = "pixels" if dataset.kind == "pictures" else "features"
    return parts, Roles(RawForm(kind=kind))
