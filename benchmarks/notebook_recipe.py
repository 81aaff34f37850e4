"""The notebook's way of training: a PIL image per item, a DataLoader, Adadelta, one network.

A notebook on Rolnick et al. 2017 (arXiv:1705.10694) is where this project began. Here are its data
path and its loop as they were, with what they do per item, batch and epoch. Repaired only to run:

- the networks are built per training, where one set of them was trained on and on;
- the files of MNIST lie in a folder that the caller names, and nothing is downloaded twice;
- its early stopping, logs and saved files are left out: they take no part in an epoch's time. So is
  its choice of the best epoch, which kept the worst.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset, Subset, random_split

from tune_noise.data.torchvision_import import import_torchvision

SHARE_TO_VALIDATE = 0.2
PIXEL_MEAN, PIXEL_STD = 0.5, 0.5


class NoisyLabelDataset(Dataset[tuple[Tensor, int]]):
    """Every image alpha + 1 times: once with its label, then with a label drawn at each access."""

    def __init__(self, dataset: Any, alpha: int) -> None:
        """Wrap a torchvision data set."""
        self.dataset = dataset
        self.alpha = alpha

    def __len__(self) -> int:
        """Items, noisy ones included."""
        return len(self.dataset) * (self.alpha + 1)

    def __getitem__(self, idx: int) -> tuple[Tensor, int]:
        """The image, and its label or a noisy one."""
        x, y = self.dataset[idx // (self.alpha + 1)]
        if idx % (self.alpha + 1) != 0:
            y = np.random.choice(len(self.dataset.classes))  # noqa: NPY002 - as it was
        return x, y


def linear_relu(num_inputs: int, num_outputs: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(num_inputs, num_outputs), nn.ReLU())


def network(name: str) -> nn.Sequential:
    """The notebook's perceptron or its MLP with one hidden layer."""
    if name == "perceptron":
        return nn.Sequential(nn.Flatten(), nn.Linear(28 * 28, 10))
    if name == "mlp1":
        return nn.Sequential(nn.Flatten(), linear_relu(28 * 28, 256), nn.Linear(256, 10))
    raise ValueError(f"the notebook's {name!r} is not here: use perceptron or mlp1")


def mnist(folder: Path, *, train: bool, mean: float = PIXEL_MEAN, std: float = PIXEL_STD) -> Any:
    """MNIST as torchvision serves it: one PIL image per item, then a normalised tensor.

    Args:
        folder: torchvision's root, with its .gz files; they are unpacked beside them.
        train: the training set; else the test set.
        mean: what is taken off a pixel in [0, 1].
        std: what it is then divided by.
    """
    vision = import_torchvision()
    steps = [vision.transforms.ToTensor(), vision.transforms.Normalize((mean,), (std,))]
    transform = vision.transforms.Compose(steps)
    return vision.datasets.MNIST(str(folder), train=train, download=True, transform=transform)


def only(dataset: Any, images: np.ndarray) -> Any:
    """Restrict a torchvision data set to some images; it stays what it was."""
    dataset.data, dataset.targets = dataset.data[images], dataset.targets[images]
    return dataset


def split_test_set(test_dataset: Any, seed: int) -> Sequence[Subset[Any]]:
    """The notebook validates on a fifth of the test set and tests on the rest."""
    shares = (SHARE_TO_VALIDATE, 1.0 - SHARE_TO_VALIDATE)
    return random_split(test_dataset, shares, generator=torch.Generator().manual_seed(seed))


class NotebookTraining:
    """One network in training; `train` goes on where it stopped, within an epoch, too.

    Args:
        model: perceptron or mlp1.
        dataset: what a DataLoader shuffles.
        lr: of Adadelta.
        batch_size: items of a step.
    """

    def __init__(self, model: str, dataset: Dataset[Any], *, lr: float, batch_size: int) -> None:
        """Nothing is loaded yet."""
        self.model = network(model)
        self.criterion = nn.CrossEntropyLoss()
        self.optimizer = torch.optim.Adadelta(self.model.parameters(), lr=lr)
        self.loader = DataLoader(dataset, batch_size=batch_size, shuffle=True)
        self._batches: Iterator[Any] = iter(())

    def train(self, num_batches: int) -> None:
        """So many steps; the order of an epoch is drawn when the last one is used up."""
        self.model.train()
        for _ in range(num_batches):
            images, labels = self._next_batch()
            self.optimizer.zero_grad()
            loss = self.criterion(self.model(images), labels)
            loss.backward()
            self.optimizer.step()

    def _next_batch(self) -> tuple[Tensor, Tensor]:
        batch = next(self._batches, None)
        if batch is None:
            self._batches = iter(self.loader)
            batch = next(self._batches)
        images, labels = batch
        return images, labels

    def evaluate(self, dataset: Dataset[Any], *, batch_size: int) -> tuple[float, float]:
        """Loss and accuracy; the model runs twice on each batch, as it did."""
        loader = DataLoader(dataset, batch_size=batch_size, shuffle=False)
        self.model.eval()
        correct, loss, count = 0.0, 0.0, 0
        with torch.no_grad():
            for images, labels in loader:
                _, predicted = torch.max(self.model(images), 1)
                correct += (predicted == labels).float().sum().item()
                loss += self.criterion(self.model(images), labels).item()
                count += len(labels)
        return loss / count, correct / count
