"""Read a batch file of CIFAR: a pickle of lists and one array, read without running any code."""

import io
import pickle
from typing import Any

import numpy as np

# All that the official files name; anything else could do anything.
_GLOBALS = {
    ("numpy.core.multiarray", "_reconstruct"),
    ("numpy", "ndarray"),
    ("numpy", "dtype"),
}
# CIFAR-10 and CIFAR-100 call their labels differently.
_LABELS = ("labels", "fine_labels")


class _ArraysOnly(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        """Return one of the few names that an array is made of."""
        if (module, name) not in _GLOBALS:
            raise pickle.UnpicklingError(f"{module}.{name} has no place in a batch of CIFAR")
        return super().find_class(module, name)


def read_batch(content: bytes) -> tuple[np.ndarray, np.ndarray]:
    """Read the images, uint8 [N, 3, 32, 32], and labels, int64 [N], of one batch file.

    Raises:
        ValueError: the content is not that of a batch file.
    """
    try:
        batch = _ArraysOnly(io.BytesIO(content), encoding="latin1").load()
        labels = next(batch[name] for name in _LABELS if name in batch)
        images = np.asarray(batch["data"], np.uint8).reshape(len(labels), 3, 32, 32)
    # A pickle is a program: what it raises when it is cut or bent is not a list that ends.
    except Exception as error:
        raise ValueError(f"not a batch of CIFAR: {error}") from error
    return images, np.asarray(labels, np.int64)
