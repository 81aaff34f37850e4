"""Named random generators, all derived from explicit seeds; nothing here touches a global one.

Two purposes never share a stream: the order of the batches does not move when the noise does.
"""

import hashlib

import numpy as np


def derive_seed(root: int, *names: str | int) -> int:
    """Return a seed in [0, 2**63) for one purpose, e.g. `derive_seed(seed, "batches", epoch)`.

    Args:
        root: the seed that the user gave, any integer.
        names: the purpose; different names give independent streams.

    Example:
        >>> derive_seed(0, "noise") == derive_seed(0, "noise")
        True
        >>> derive_seed(0, "noise") == derive_seed(0, "initialisation")
        False
    """
    text = "/".join([str(root), *map(str, names)])
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1


def generator(root: int, *names: str | int) -> np.random.Generator:
    """Return a NumPy generator for one purpose; see `derive_seed`."""
    return np.random.default_rng(derive_seed(root, *names))
