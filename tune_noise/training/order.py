"""In which order, and in which batches, an epoch goes through the examples."""

import numpy as np
import torch
from torch import Tensor

from tune_noise.config.trial import TrialConfig
from tune_noise.seeding import generator


def epoch_order(
    config: TrialConfig, *, epoch: int, num_examples: int, is_clean: Tensor | None
) -> np.ndarray:
    """Draw a permutation of the examples, int64 [num_examples].

    It depends on the training seed and the epoch alone, so a resumed trial sees the same order.

    Args:
        config: gives seed and example_order.
        epoch: counted from 0.
        num_examples: of the training set.
        is_clean: bool [num_examples]; needed by clean_first and clean_last.
    """
    order = generator(config.seed, "order", epoch).permutation(num_examples)
    if config.example_order == "shuffled" or is_clean is None:
        return order
    clean = is_clean.cpu().numpy()[order]
    last = ~clean if config.example_order == "clean_first" else clean
    return np.concatenate([order[~last], order[last]])


def split_batches(order: Tensor, batch_size: int) -> tuple[Tensor, ...]:
    """Cut [R, examples] into batches [R, <= batch_size] whose sizes differ by at most 1.

    Equal batches, because a small last one would weigh its few examples more and give batch norm
    too few of them.

    Example:
        >>> [batch.shape[1] for batch in split_batches(torch.zeros(1, 10), 4)]
        [4, 3, 3]
    """
    num_batches = -(-order.shape[1] // batch_size)
    return torch.tensor_split(order, num_batches, dim=1)
