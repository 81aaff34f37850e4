"""Co-teaching as its authors' code does it: two networks, two optimizers, one after the other."""

from itertools import pairwise

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F


def plain_network(model: str, input_shape: tuple[int, int, int], num_classes: int) -> nn.Sequential:
    """The networks of `tune_noise.models` without a member dimension, of torch's own layers."""
    channels, height, width = input_shape
    hidden = {"perceptron": [], "mlp1": [256], "mlp2": [256, 128], "mlp4": [256, 128, 64, 32]}
    if model in hidden:
        sizes = [channels * height * width, *hidden[model]]
        layers: list[nn.Module] = [nn.Flatten()]
        for before, after in pairwise(sizes):
            layers += [nn.Linear(before, after), nn.ReLU()]
        return nn.Sequential(*layers, nn.Linear(sizes[-1], num_classes))
    if model != "conv4":
        raise ValueError(f"{model!r} is not written here: use conv4 or one of {', '.join(hidden)}")
    layers = []
    for after, stride in ((16, 1), (32, 2), (64, 1), (128, 2)):
        layers += [nn.Conv2d(channels, after, 3, stride, padding=1), nn.ReLU()]
        channels = after
    pool = [nn.AdaptiveAvgPool2d(1), nn.Flatten()]
    return nn.Sequential(*layers, *pool, nn.Linear(128, num_classes))


class NaivePair:
    """Two networks that exchange their small-loss examples.

    Args:
        model: perceptron, mlp1, mlp2, mlp4 or conv4.
        images: float [N, C, H, W], in memory; only the order is drawn per epoch.
        labels: int64 [N], noisy.
        is_clean: bool [N]: the code reports which share of what it keeps is clean.
        forget_rate: fraction of each batch that is dropped.
    """

    def __init__(
        self, model: str, images: Tensor, labels: Tensor, is_clean: Tensor, forget_rate: float
    ) -> None:
        """Two networks, two optimizers."""
        self.images, self.labels, self.is_clean = images, labels, is_clean.numpy()
        self.forget_rate = forget_rate
        shape = (images.shape[1], images.shape[2], images.shape[3])
        self.models = [plain_network(model, shape, 10) for _ in range(2)]
        self.optimizers = [torch.optim.Adam(net.parameters(), lr=1e-3) for net in self.models]

    def train_epoch(self, batch_size: int) -> list[float]:
        """One pass; returns training accuracies and label precisions, as the code prints them."""
        told: list[list[float]] = []
        for net in self.models:
            net.train()
        for batch in torch.randperm(len(self.labels)).split(batch_size):
            images, labels = self.images[batch], self.labels[batch]
            logits = [net(images) for net in self.models]
            accuracies = [_accuracy(each, labels) for each in logits]
            losses, precisions = self._losses(logits, labels, batch.numpy())
            for optimizer, loss in zip(self.optimizers, losses, strict=True):
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
            told.append(accuracies + precisions)
        return [float(value) for value in np.mean(told, axis=0)]

    def _losses(
        self, logits: list[Tensor], labels: Tensor, batch: np.ndarray
    ) -> tuple[list[Tensor], list[float]]:
        num_kept = int((1 - self.forget_rate) * len(labels))
        chosen, precisions = [], []
        for each in logits:
            loss = F.cross_entropy(each, labels, reduction="none")
            order = np.argsort(loss.detach().numpy())[:num_kept]
            precisions.append(float(np.sum(self.is_clean[batch[order]]) / num_kept))
            chosen.append(torch.from_numpy(order))
        losses = [
            F.cross_entropy(each[kept], labels[kept])
            for each, kept in zip(logits, reversed(chosen), strict=True)
        ]
        return losses, precisions


def _accuracy(logits: Tensor, labels: Tensor) -> float:
    """Of one batch, by the softmax and top-k that the code takes it with."""
    _, predicted = F.softmax(logits, dim=1).topk(1, 1, largest=True, sorted=True)
    return float(predicted.flatten().eq(labels).float().mean())
