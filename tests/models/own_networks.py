"""Networks such as a user may bring: right ones, and one of each kind of wrong."""

import torch
from torch import nn


class Everything(nn.Module):
    """Convolution, batch norm, dropout, a block inside a block, and a buffer that is replaced."""

    def __init__(self, input_shape, num_classes):
        super().__init__()
        self.block = nn.Sequential(
            nn.Conv2d(input_shape[0], 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU()
        )
        self.dropout = nn.Dropout(0.3)
        self.out = nn.Linear(8, num_classes)
        self.register_buffer("seen", torch.zeros(()), persistent=False)

    def forward(self, x):
        if self.training:
            self.seen = self.seen + len(x)
        return self.out(self.dropout(self.block(x).mean(dim=(2, 3))))


def everything(input_shape, num_classes):
    return Everything(input_shape, num_classes)


def linear(input_shape, num_classes):
    channels, height, width = input_shape
    return nn.Sequential(nn.Flatten(), nn.Linear(channels * height * width, num_classes))


class Tied(nn.Module):
    def __init__(self, size, num_classes):
        super().__init__()
        self.first = nn.Linear(size, size, bias=False)
        self.second = nn.Linear(size, size, bias=False)
        self.second.weight = self.first.weight
        self.out = nn.Linear(size, num_classes)
        self.out.bias.requires_grad_(False)

    def forward(self, x):
        return self.out(torch.relu(self.second(torch.relu(self.first(x.flatten(1))))))


def tied(input_shape, num_classes):
    return Tied(input_shape[0] * input_shape[1] * input_shape[2], num_classes)


def raises(input_shape, num_classes):
    raise RuntimeError("no GPU\nfound")


def takes_nothing():
    return nn.Linear(1, 1)


def no_module(input_shape, num_classes):
    return "a network"


def no_parameters(input_shape, num_classes):
    return nn.Flatten()


def lazy(input_shape, num_classes):
    return nn.Sequential(nn.Flatten(), nn.LazyLinear(num_classes))


def too_few_logits(input_shape, num_classes):
    return linear(input_shape, num_classes - 1)


def wrong_input(input_shape, num_classes):
    return nn.Linear(3, num_classes)


class Pair(nn.Linear):
    def forward(self, x):
        logits = super().forward(x.flatten(1))
        return logits, logits


def two_outputs(input_shape, num_classes):
    return Pair(input_shape[0] * input_shape[1] * input_shape[2], num_classes)


_widths = iter(range(3, 10**6))


def never_the_same(input_shape, num_classes):
    size, width = input_shape[0] * input_shape[1] * input_shape[2], next(_widths)
    return nn.Sequential(nn.Flatten(), nn.Linear(size, width), nn.Linear(width, num_classes))


not_callable = 3
