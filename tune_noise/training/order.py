"""In which order, and in which batches, an epoch goes through the examples."""

import math

import numpy as np
import torch
from torch import Tensor

from tune_noise.config.trial import TrialConfig
from tune_noise.seeding import generator


def epoch_order(
    config: TrialConfig, *, epoch: int, noisy_labels: Tensor, is_clean: Tensor | None
) -> np.ndarray:
    """Draw the examples of an epoch in their order, int64 [N]: a permutation, unless balanced.

    It depends on the training seed, the epoch and the labels alone, so a resumed trial sees the
    same order.

    Args:
        config: gives seed, class_balance and example_order.
        epoch: counted from 0.
        noisy_labels: int64 [N], of the training set.
        is_clean: bool [N]; needed by clean_first and clean_last.
    """
    random = generator(config.seed, "order", epoch)
    if config.class_balance == "equal":
        order = _balanced(noisy_labels.cpu().numpy(), random)
    else:
        order = random.permutation(len(noisy_labels))
    if config.example_order == "shuffled" or is_clean is None:
        return order
    clean = is_clean.cpu().numpy()[order]
    last = ~clean if config.example_order == "clean_first" else clean
    return np.concatenate([order[~last], order[last]])


def _balanced(labels: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Draw as many examples as there are, of each label alike, in a random order, int64 [N].

    An example is drawn again only when all others of its label have been drawn as often.
    """
    _, counts = np.unique(labels, return_counts=True)
    of_label = np.split(np.argsort(labels, kind="stable"), np.cumsum(counts)[:-1])
    share, left = divmod(len(labels), len(counts))
    drawn = []
    for place, number in enumerate(random.permutation(len(counts))):
        examples, size = of_label[number], share + (place < left)
        rounds = [random.permutation(examples) for _ in range(math.ceil(size / len(examples)))]
        drawn.append(np.concatenate(rounds)[:size])
    return random.permutation(np.concatenate(drawn))


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
