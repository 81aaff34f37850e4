"""The networks by name, for any number of features or channels and nearly any image size."""

import math
from typing import Any

from torch import nn

from tune_noise.models.declarations import NETWORKS
from tune_noise.models.dropout import FlatInput, StackedDropout2d
from tune_noise.models.layers import (
    GlobalAveragePool,
    StackedBatchNorm,
    StackedConv2d,
    StackedLinear,
    StackedMaxPool,
)
from tune_noise.models.own import InputShape, StackedOwn
from tune_noise.models.residual import PreactivationBlock, ResidualBlock

# The co-teaching notebook's slope of LeakyReLU, also the paper's.
NEGATIVE_SLOPE = 0.01


def _mlp(
    members: int,
    input_shape: InputShape,
    num_classes: int,
    *hidden: int,
    input_dropout: float = 0.0,
) -> nn.Sequential:
    layers: list[nn.Module] = [FlatInput(input_dropout)]
    size = math.prod(input_shape)
    for next_size in hidden:
        layers += [StackedLinear(members, size, next_size), nn.ReLU()]
        size = next_size
    return nn.Sequential(*layers, StackedLinear(members, size, num_classes))


def perceptron(
    members: int, input_shape: InputShape, num_classes: int, **fields: float
) -> nn.Sequential:
    """Return a perceptron: inputs to classes by one linear layer."""
    return _mlp(members, input_shape, num_classes, **fields)


def mlp1(members: int, input_shape: InputShape, num_classes: int, **fields: float) -> nn.Sequential:
    """Return one hidden layer of 256 ReLU units: the MNIST-MLP of the co-teaching literature."""
    return _mlp(members, input_shape, num_classes, 256, **fields)


def mlp2(members: int, input_shape: InputShape, num_classes: int, **fields: float) -> nn.Sequential:
    """Return an MLP with hidden layers of 256 and 128 ReLU units."""
    return _mlp(members, input_shape, num_classes, 256, 128, **fields)


def mlp4(members: int, input_shape: InputShape, num_classes: int, **fields: float) -> nn.Sequential:
    """Return an MLP with four hidden layers, of 256, 128, 64 and 32 ReLU units."""
    return _mlp(members, input_shape, num_classes, 256, 128, 64, 32, **fields)


def conv4(members: int, input_shape: InputShape, num_classes: int) -> nn.Sequential:
    """Return four 3 x 3 convolutions of 16, 32, 64, 128 channels, then a global average.

    The second and fourth have a stride of 2, so that 128 features reach the classes: what the
    notebook's Conv4, which crashes at its 51,200 flattened features, was meant to be.
    """
    layers: list[nn.Module] = []
    channels = input_shape[0]
    for next_channels, stride in ((16, 1), (32, 2), (64, 1), (128, 2)):
        layers += [StackedConv2d(members, channels, next_channels, stride), nn.ReLU()]
        channels = next_channels
    return nn.Sequential(*layers, GlobalAveragePool(), StackedLinear(members, 128, num_classes))


def conv6(members: int, input_shape: InputShape, num_classes: int) -> nn.Sequential:
    """Return six 3 x 3 convolutions of 32, 32, 64, 64, 128, 128 channels, then an average.

    Rolnick's larger network for CIFAR-10. The paper's widths are not to be had; these are ours,
    laid out like `conv4`: every second convolution has a stride of 2.
    """
    layers: list[nn.Module] = []
    channels = input_shape[0]
    for next_channels in (32, 64, 128):
        layers += [StackedConv2d(members, channels, next_channels), nn.ReLU()]
        layers += [StackedConv2d(members, next_channels, next_channels, 2), nn.ReLU()]
        channels = next_channels
    return nn.Sequential(*layers, GlobalAveragePool(), StackedLinear(members, 128, num_classes))


def conv9(
    members: int, input_shape: InputShape, num_classes: int, dropout: float = 0.0
) -> nn.Sequential:
    """Return the 9-layer CNN of the co-teaching paper: 3 x 128, 3 x 256, 512, 256, 128 channels.

    Each 3 x 3 convolution is followed by batch norm and LeakyReLU; a 2 x 2 max-pool and dropout end
    the first two blocks, a global average the third. Where the paper's table and the authors' code
    differ, this is the code, which gave the published figures: the last three convolutions are not
    padded (so images are at least 28 x 28), and dropout drops whole channels. In the authors' runs
    dropout was, through a default of the torch of that time, never active: `dropout: 0` repeats
    them, 0.25 is what the paper says. Convolutions have no bias, which batch norm would cancel.

    Args:
        members: M.
        input_shape: (C, H, W) of pictures, (D,) of features.
        num_classes: K.
        dropout: probability in [0, 1) that a channel is dropped in training.
    """
    layers: list[nn.Module] = []
    channels = input_shape[0]
    for width in (128, 256):
        for _ in range(3):
            layers += _normalised(members, channels, width)
            channels = width
        layers += [StackedMaxPool(), StackedDropout2d(dropout)]
    for width in (512, 256, 128):
        layers += _normalised(members, channels, width, padding=0)
        channels = width
    return nn.Sequential(*layers, GlobalAveragePool(), StackedLinear(members, 128, num_classes))


def _normalised(
    members: int, channels: int, width: int, *, padding: int | None = None
) -> list[nn.Module]:
    convolution = StackedConv2d(members, channels, width, padding=padding, bias=False)
    return [convolution, StackedBatchNorm(members, width), _leaky_relu()]


def resnet18(members: int, input_shape: InputShape, num_classes: int) -> nn.Sequential:
    """Return ResNet-18 for small images: a 3 x 3 stem without max-pool, 64 to 512 channels.

    Two residual blocks of each width; the first block of the last three halves the image. As in
    the CIFAR experiments of He et al. 2015, arXiv:1512.03385, but with the widths and the shortcuts
    (1 x 1 convolutions where the shape changes, option B) of their ImageNet network.
    """
    stem: list[nn.Module] = [
        StackedConv2d(members, input_shape[0], 64, bias=False),
        StackedBatchNorm(members, 64),
        nn.ReLU(),
    ]
    blocks = _eight_blocks(ResidualBlock, members)
    return nn.Sequential(
        *stem, *blocks, GlobalAveragePool(), StackedLinear(members, 512, num_classes)
    )


def preact_resnet18(members: int, input_shape: InputShape, num_classes: int) -> nn.Sequential:
    """Return ResNet-18 for small images with batch norm and ReLU before each convolution.

    He et al. 2016, arXiv:1603.05027: a 3 x 3 stem, the blocks of `resnet18` in their form, and
    batch norm and ReLU after the last one. DivideMix and ELR+ were published with it; their code
    has batch norm and ReLU after the stem instead of the end.
    """
    return nn.Sequential(
        StackedConv2d(members, input_shape[0], 64, bias=False),
        *_eight_blocks(PreactivationBlock, members),
        StackedBatchNorm(members, 512),
        nn.ReLU(),
        GlobalAveragePool(),
        StackedLinear(members, 512, num_classes),
    )


def _eight_blocks(
    block: type[ResidualBlock] | type[PreactivationBlock], members: int
) -> list[nn.Module]:
    """Return two blocks of each width, 64 to 512; the first of the last three halves the image."""
    blocks: list[nn.Module] = []
    channels = 64
    for width, stride in ((64, 1), (128, 2), (256, 2), (512, 2)):
        blocks += [block(members, channels, width, stride), block(members, width, width)]
        channels = width
    return blocks


def conv9_small(members: int, input_shape: InputShape, num_classes: int) -> nn.Sequential:
    """Return the co-teaching notebook's network: three blocks of three convolutions, 4 to 16 wide.

    Convolution, LeakyReLU, batch norm; a 2 x 2 max-pool ends the first two blocks and a global
    average the third; then 12 hidden units. Images are at least 4 x 4.
    """
    layers: list[nn.Module] = []
    channels = input_shape[0]
    for block, next_channels in enumerate((4, 8, 16)):
        for position in range(3):
            layers += [StackedConv2d(members, channels, next_channels), _leaky_relu()]
            if position == 2:
                layers.append(StackedMaxPool() if block < 2 else GlobalAveragePool())
            layers.append(StackedBatchNorm(members, next_channels))
            channels = next_channels
    layers += [StackedLinear(members, 16, 12), _leaky_relu(), StackedBatchNorm(members, 12)]
    return nn.Sequential(*layers, StackedLinear(members, 12, num_classes))


def _leaky_relu() -> nn.LeakyReLU:
    return nn.LeakyReLU(NEGATIVE_SLOPE)


def build_network(
    name: str,
    *,
    members: int,
    input_shape: InputShape,
    num_classes: int,
    **fields: Any,
) -> nn.Module:
    """Return a stack of networks without values; `reset_member` initialises each.

    Args:
        name: a declared network, or `package.module:factory` for a user's own.
        members: M, at least 1.
        input_shape: (C, H, W) of pictures, (D,) of features.
        num_classes: K, at least 2.
        **fields: the values of the fields that the network declares.

    Returns:
        A module from float [M, batch, *input_shape] to logits [M, batch, K]. Networks that draw in
        training want `start_epoch` first.

    Raises:
        FactoryError: a user's factory cannot be loaded, or does not return a network.
    """
    declaration = NETWORKS.get(name)
    if declaration is None:
        return StackedOwn(name, members, input_shape, num_classes, **fields)
    builder = globals()[declaration.implementation.partition(":")[2]]
    network: nn.Module = builder(members, input_shape, num_classes, **fields)
    return network
