"""The labels that people gave to the images of CIFAR-10 and CIFAR-100, brought by the user.

CIFAR-10N and CIFAR-100N may be used for research alone (CC BY-NC 4.0) and are part of no package.
The official files are `CIFAR-10_human.pt` and `CIFAR-100_human.pt`, dicts of arrays that torch has
saved; an .npz file may hold the same arrays.

Reference: Wei et al. 2022, "Learning with Noisy Labels Revisited", arXiv:2110.12088.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from tune_noise.data.dataset import Dataset
from tune_noise.data.npz_file import read_arrays
from tune_noise.errors import ConfigError, DataError

CLEAN_KEY = "clean_label"
# What a configuration calls them -> their name in the file.
KEYS: Mapping[str, str] = {
    "aggregate": "aggre_label",
    "random1": "random_label1",
    "random2": "random_label2",
    "random3": "random_label3",
    "worse": "worse_label",
    # The only ones of CIFAR-100N for its 100 classes.
    "noisy": "noisy_label",
}
_UNUSED = ("clean_coarse_label", "noisy_coarse_label", "class_names")
_KNOWN = (CLEAN_KEY, *KEYS.values(), *_UNUSED)
_EXAMPLE = "clean_label=clean_label, worse_label=worse_label"
# The official file has 2.4 MB.
MAX_BYTES = 100_000_000


def load_human_labels(
    dataset: Dataset, *, path: str, which: str, data_dir: Path | None
) -> np.ndarray:
    """Read the labels that people gave to a data set's images; see `read_human_labels`.

    Args:
        dataset: that they are for.
        path: of the file; `~` is the home folder.
        which: one of KEYS.
        data_dir: not used; every reader of material takes it.
    """
    clean = dataset.clean_labels
    return read_human_labels(Path(os.path.expanduser(path)), which=which, clean_labels=clean)


def read_human_labels(path: Path, *, which: str, clean_labels: np.ndarray) -> np.ndarray:
    """Read one set of labels and check that it is about these examples.

    Args:
        path: `CIFAR-10_human.pt`, `CIFAR-100_human.pt`, or an .npz file with the same arrays; no
            code in it is run.
        which: one of KEYS.
        clean_labels: int64 [N], of the data set; the file holds the same, in the same order.

    Returns:
        int64 [N].

    Raises:
        DataError: the file cannot be read, or is about other examples; the first difference is
            named.
    """
    if not os.path.isfile(path):  # a pipe or a device might never end
        raise DataError(f"{path} is not a file; a path is read from the current folder")
    if os.path.getsize(path) > MAX_BYTES:
        raise DataError(f"{path} has more than {MAX_BYTES} bytes: it is not a file of labels")
    arrays = _read_npz(path) if path.suffix == ".npz" else _read_torch(path)
    clean, labels = (_labels(path, arrays, name) for name in (CLEAN_KEY, KEYS[which]))
    for name, values in ((CLEAN_KEY, clean), (KEYS[which], labels)):
        if len(values) != len(clean_labels):
            raise DataError(
                f"{path}: {name} has {len(values)} labels, and the data set {len(clean_labels)} "
                "examples: these are the labels of another data set"
            )
    if len(different := np.flatnonzero(clean != clean_labels)):
        first = different[0]
        raise DataError(
            f"{path}: {CLEAN_KEY} differs from the data set's labels in {len(different)} examples, "
            f"first in example {first}: {clean[first]} there, {clean_labels[first]} in the data "
            "set; take the data set that the labels were made for, in its official order"
        )
    if labels.min() < 0 or labels.max() > clean_labels.max():
        where = int(np.flatnonzero((labels < 0) | (labels > clean_labels.max()))[0])
        raise DataError(
            f"{path}: {KEYS[which]} of example {where} is {labels[where]}, but classes are "
            f"0..{clean_labels.max()}"
        )
    return labels


def _read_npz(path: Path) -> Mapping[str, Any]:
    arrays, problems = read_arrays(path, allowed=_KNOWN, example=_EXAMPLE)
    if problems:
        raise DataError(str(ConfigError(str(path), problems)))
    return arrays


def _read_torch(path: Path) -> Mapping[str, Any]:
    """Read what torch has saved, where that is a dict of arrays; nothing else is built."""
    try:
        with torch.serialization.safe_globals(_array_parts()):
            content = torch.load(path, map_location="cpu", weights_only=True)
    # A damaged pickle raises whatever its broken instructions happen to meet.
    except Exception as error:
        reason = str(error).partition("\n")[0][:200]
        raise DataError(
            f"{path} cannot be read as a torch file of arrays ({reason}); take the official "
            "CIFAR-10_human.pt or CIFAR-100_human.pt, or write an .npz file with "
            f"numpy.savez_compressed(path, {_EXAMPLE})"
        ) from error
    if not isinstance(content, dict):
        raise DataError(f"{path} holds no dict of arrays, but a {type(content).__name__}")
    return content


def _array_parts() -> list[Any]:
    """Return the parts of a pickled array of integers, under NumPy's old and new names."""
    reconstruct = np.empty(0).__reduce__()[0]
    dtypes = [type(np.dtype(name)) for name in ("int64", "int32", "int16", "int8", "uint8")]
    old = [(reconstruct, "numpy.core.multiarray._reconstruct")]
    return [reconstruct, *old, np.ndarray, np.dtype, *dtypes]


def _labels(path: Path, arrays: Mapping[str, Any], name: str) -> np.ndarray:
    if name not in arrays:
        present = ", ".join(map(str, list(arrays)[:10])) or "nothing"
        usable = [which for which, key in KEYS.items() if key in arrays]
        way_out = f"; set human_labels to {' or '.join(usable)}" if usable else ""
        raise DataError(f"{path} has no {name}: it holds {present}{way_out}")
    try:
        labels = np.asarray(arrays[name])
    except (TypeError, ValueError, RuntimeError):
        labels = np.empty(0)
    if labels.dtype.kind not in "iu" or labels.ndim != 1 or labels.size == 0:
        raise DataError(
            f"{path}: {name} must be integers [N], got {labels.dtype} {list(labels.shape)}"
        )
    return labels.astype(np.int64)
