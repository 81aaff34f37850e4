"""The digits data set: small enough for a test, real enough for a first search."""

import gzip
import hashlib
import importlib.util
import zlib
from pathlib import Path

import numpy as np

from tune_noise.data.dataset import Dataset
from tune_noise.data.splits import split_by_class
from tune_noise.errors import DataError

_TEST_SIZE = 540
# SHA-256 of the grey values as float32, then the labels as int64.
_DIGEST = "faf2d98f61250c1cdc0b114323133d3c58da04f5c5d28bb78e4bde3c936a75b1"


def load_digits() -> Dataset:
    """Load 1,797 handwritten digits of 8 x 8 pixels, shipped with scikit-learn: no download.

    The test split of 540 is drawn once, stratified and independent of every seed, so all runs
    ever made are tested on the same images. Grey values 0..16 are scaled to 0..255.

    Returns:
        1257 training and 540 test images, uint8 [1, 8, 8], 10 classes.

    Reference:
        Alpaydin and Kaynak 1998, "Optical Recognition of Handwritten Digits", UCI repository;
        scikit-learn carries its test part.

    Raises:
        DataError: scikit-learn's copy is damaged.
    """
    images, labels = _read_checked()
    images = np.rint(images * (255 / 16)).astype(np.uint8)[:, np.newaxis]
    generator = np.random.RandomState(0)
    train, test = split_by_class(labels, num_val=_TEST_SIZE, random_state=generator)
    train.sort()
    test.sort()
    return Dataset(
        name="digits",
        train_inputs=images[train],
        train_labels=labels[train],
        true_labels=labels[train],
        test_inputs=images[test],
        test_labels=labels[test],
        num_classes=10,
    )


def digits_file() -> Path:
    """Return where scikit-learn has the digits, without its slow import.

    Raises:
        OSError: it is not installed.
    """
    spec = importlib.util.find_spec("sklearn")  # finds the folder, imports nothing
    if spec is None or spec.origin is None:
        raise FileNotFoundError("scikit-learn is not installed")
    return Path(spec.origin).parent / "datasets" / "data" / "digits.csv.gz"


def _read_checked() -> tuple[np.ndarray, np.ndarray]:
    """Return grey values 0..16, float [N, 8, 8], and labels, int64 [N]."""
    try:
        with gzip.open(digits_file(), "rt", encoding="ascii") as file:
            rows = np.array([line.split(",") for line in file], dtype=np.float64)
        images, labels = rows[:, :-1].reshape(-1, 8, 8), rows[:, -1].astype(np.int64)
        content = images.astype("<f4").tobytes() + labels.astype("<i8").tobytes()
        fault = "its content differs" if hashlib.sha256(content).hexdigest() != _DIGEST else None
    except (OSError, EOFError, ValueError, IndexError, zlib.error) as error:
        fault = str(error) or type(error).__name__
    if fault is not None:
        raise DataError(
            f"digits is corrupted: scikit-learn's copy of it cannot be used ({fault}); install "
            "scikit-learn again: pip install --force-reinstall --no-deps scikit-learn"
        )
    return images, labels
