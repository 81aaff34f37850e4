"""The networks by name, for any number of channels and nearly any image size."""

from collections.abc import Callable

from torch import nn

from tune_noise.models.layers import (
    FlattenImage,
    GlobalAveragePool,
    StackedBatchNorm,
    StackedConv2d,
    StackedLinear,
    StackedMaxPool,
)

ImageShape = tuple[int, int, int]
# The co-teaching notebook's slope of LeakyReLU, also the paper's.
NEGATIVE_SLOPE = 0.01


def _mlp(members: int, image_shape: ImageShape, num_classes: int, *hidden: int) -> nn.Sequential:
    channels, height, width = image_shape
    layers: list[nn.Module] = [FlattenImage()]
    size = channels * height * width
    for next_size in hidden:
        layers += [StackedLinear(members, size, next_size), nn.ReLU()]
        size = next_size
    return nn.Sequential(*layers, StackedLinear(members, size, num_classes))


def perceptron(members: int, image_shape: ImageShape, num_classes: int) -> nn.Sequential:
    """Pixels to classes by one linear layer."""
    return _mlp(members, image_shape, num_classes)


def mlp1(members: int, image_shape: ImageShape, num_classes: int) -> nn.Sequential:
    """One hidden layer of 256 ReLU units: the MNIST-MLP of the co-teaching literature."""
    return _mlp(members, image_shape, num_classes, 256)


def mlp2(members: int, image_shape: ImageShape, num_classes: int) -> nn.Sequential:
    """Hidden layers of 256 and 128 ReLU units."""
    return _mlp(members, image_shape, num_classes, 256, 128)


def mlp4(members: int, image_shape: ImageShape, num_classes: int) -> nn.Sequential:
    """Four hidden layers, of 256, 128, 64 and 32 ReLU units."""
    return _mlp(members, image_shape, num_classes, 256, 128, 64, 32)


def conv4(members: int, image_shape: ImageShape, num_classes: int) -> nn.Sequential:
    """Four 3 x 3 convolutions of 16, 32, 64, 128 channels, then a global average.

    The second and fourth have a stride of 2, so that 128 features reach the classes: what the
    notebook's Conv4, which crashes at its 51,200 flattened features, was meant to be.
    """
    layers: list[nn.Module] = []
    channels = image_shape[0]
    for next_channels, stride in ((16, 1), (32, 2), (64, 1), (128, 2)):
        layers += [StackedConv2d(members, channels, next_channels, stride), nn.ReLU()]
        channels = next_channels
    return nn.Sequential(*layers, GlobalAveragePool(), StackedLinear(members, 128, num_classes))


def conv9_small(members: int, image_shape: ImageShape, num_classes: int) -> nn.Sequential:
    """The co-teaching notebook's network: three blocks of three convolutions, 4-8-16 channels.

    Convolution, LeakyReLU, batch norm; a 2 x 2 max-pool ends the first two blocks and a global
    average the third; then 12 hidden units. Images are at least 4 x 4.
    """
    layers: list[nn.Module] = []
    channels = image_shape[0]
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


NETWORKS: dict[str, Callable[[int, ImageShape, int], nn.Sequential]] = {
    builder.__name__: builder for builder in (perceptron, mlp1, mlp2, mlp4, conv4, conv9_small)
}
_MIN_IMAGE_SIZE = {"conv9_small": 4}


def min_image_size(name: str) -> int:
    """The smallest height and width that a network takes, in pixels."""
    return _MIN_IMAGE_SIZE.get(name, 1)


def build_network(
    name: str, *, members: int, image_shape: ImageShape, num_classes: int
) -> nn.Sequential:
    """A stack of networks with zero weights; `reset_member` initialises each.

    Args:
        name: a key of `NETWORKS`.
        members: M, at least 1.
        image_shape: channels, height, width.
        num_classes: K, at least 2.

    Returns:
        A module from float [M, batch, C, H, W] to logits [M, batch, K].
    """
    return NETWORKS[name](members, image_shape, num_classes)
