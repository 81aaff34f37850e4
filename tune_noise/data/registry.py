"""The data sets by name: which there are, where their files live, and how one is loaded."""

import os
from pathlib import Path

from tune_noise.data.data_dir import default_data_dir
from tune_noise.data.dataset import Dataset
from tune_noise.errors import DataError, suggestion

DATASET_NAMES: tuple[str, ...] = (
    "digits",
    "mnist",
    "fashion_mnist",
    "kmnist",
    "cifar10",
    "cifar100",
)


def load_dataset(name: str, *, data_dir: Path | None = None) -> Dataset:
    """Load a data set into memory; a torchvision set is downloaded at its first use.

    Args:
        name: one of DATASET_NAMES, or a path ending in .npz (see `npz_dataset`).
        data_dir: the folder of the torchvision sets; None means `default_data_dir()`. A set
            whose files are there is read without a network.

    Raises:
        DataError: the name is unknown, or the files are absent, corrupted or wrong.

    Example:
        >>> load_dataset("digits").input_shape
        (1, 8, 8)
    """
    message = check_dataset_name(name)
    if message is not None:
        raise DataError(f"data set {message}")
    # Each source is imported when it is used: torchvision alone takes seconds to import.
    if name == "digits":
        from tune_noise.data.digits import load_digits

        return load_digits()
    if name in DATASET_NAMES:
        from tune_noise.data.torchvision_sets import load_torchvision_set

        folder = default_data_dir() if data_dir is None else data_dir
        return load_torchvision_set(name, data_dir=Path(os.path.expanduser(folder)))
    from tune_noise.data.own_data import load_npz

    return load_npz(Path(os.path.expanduser(name)))


def check_dataset_name(name: str) -> str | None:
    """Return what is wrong with a data set's name, found without loading anything.

    Returns:
        None for a known name or an existing .npz file, else the message: value, rule, way out.

    Example:
        >>> check_dataset_name("digits")
        >>> check_dataset_name("cifra10")
        "'cifra10' is neither a known name nor a path ending in .npz; did you mean 'cifar10'?"
    """
    if name in DATASET_NAMES:
        return None
    if not name.endswith(".npz"):
        # 'CIFAR-10' differs from 'cifar10' in every letter that a comparison would count.
        hint = suggestion(name.lower().replace("-", "_"), DATASET_NAMES)
        return f"{name!r} is neither a known name nor a path ending in .npz; {hint}"
    path = os.path.expanduser(name)  # as it is where there is no such user
    # Path.is_file raises where a name is too long for any file.
    if os.path.isfile(path):
        return None
    fault = "is not a file" if os.path.exists(path) else "does not exist"
    return f"{name!r} {fault}; a path is read from the current folder, {Path.cwd()}"
