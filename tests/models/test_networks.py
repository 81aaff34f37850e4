"""The architectures, against networks of torch's own layers written down by hand."""

import itertools

import pytest
import torch
from torch import nn

from tune_noise.models import NETWORKS, build_network, min_image_size, reset_member
from tune_noise.models.layers import StackedBatchNorm, StackedConv2d, StackedLinear


def mlp(*sizes):
    layers = [nn.Flatten()]
    for inputs, outputs in itertools.pairwise(sizes):
        layers += [nn.Linear(inputs, outputs), nn.ReLU()]
    return layers[:-1]


def conv_block(channels, width, end):
    def conv(inputs):
        return [nn.Conv2d(inputs, width, 3, padding=1), nn.LeakyReLU(0.01)]

    first = [*conv(channels), nn.BatchNorm2d(width), *conv(width), nn.BatchNorm2d(width)]
    return [*first, *conv(width), *end]


def by_hand(name, channels, height, width, num_classes):
    pixels = channels * height * width
    average = [nn.AdaptiveAvgPool2d(1), nn.Flatten()]
    if name == "conv4":
        layers = [nn.Conv2d(channels, 16, 3, stride=1, padding=1), nn.ReLU()]
        layers += [nn.Conv2d(16, 32, 3, stride=2, padding=1), nn.ReLU()]
        layers += [nn.Conv2d(32, 64, 3, stride=1, padding=1), nn.ReLU()]
        layers += [nn.Conv2d(64, 128, 3, stride=2, padding=1), nn.ReLU()]
        layers += [*average, nn.Linear(128, num_classes)]
    elif name == "conv9_small":
        layers = conv_block(channels, 4, [nn.MaxPool2d(2), nn.BatchNorm2d(4)])
        layers += conv_block(4, 8, [nn.MaxPool2d(2), nn.BatchNorm2d(8)])
        layers += conv_block(8, 16, [*average, nn.BatchNorm1d(16)])
        layers += [nn.Linear(16, 12), nn.LeakyReLU(0.01), nn.BatchNorm1d(12)]
        layers += [nn.Linear(12, num_classes)]
    else:
        hidden = {"perceptron": [], "mlp1": [256], "mlp2": [256, 128], "mlp4": [256, 128, 64, 32]}
        layers = mlp(pixels, *hidden[name], num_classes)
    return nn.Sequential(*layers)


def copy_weights(network, twin):
    """Give the one member of `network` the parameters of `twin`, layer by layer."""
    ours = [m for m in network if isinstance(m, StackedLinear | StackedConv2d | StackedBatchNorm)]
    theirs = [m for m in twin if next(m.parameters(), None) is not None]
    with torch.no_grad():
        for mine, own in zip(ours, theirs, strict=True):
            is_linear = isinstance(own, nn.Linear)
            mine.weight[0] = own.weight.T if is_linear else own.weight
            mine.bias[0] = own.bias


@pytest.mark.parametrize("image_shape", [(1, 8, 8), (3, 9, 7)])
@pytest.mark.parametrize("name", NETWORKS)
def test_a_network_computes_what_torchs_own_layers_compute(name, image_shape):
    torch.manual_seed(0)
    network = build_network(name, members=1, image_shape=image_shape, num_classes=6)
    twin = by_hand(name, *image_shape, 6)
    copy_weights(network, twin)
    for step in range(3):
        if step == 2:
            network.eval(), twin.eval()
        x = torch.randn(10, *image_shape)
        torch.testing.assert_close(network(x[None])[0], twin(x), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("perceptron", 784 * 10 + 10),
        ("mlp1", 784 * 256 + 256 + 256 * 10 + 10),
        ("mlp2", 784 * 256 + 256 + 256 * 128 + 128 + 128 * 10 + 10),
        (
            "mlp4",
            784 * 256 + 256 + 256 * 128 + 128 + 128 * 64 + 64 + 64 * 32 + 32 + 32 * 10 + 10,
        ),
        ("conv4", 9 * (16 + 16 * 32 + 32 * 64 + 64 * 128) + 16 + 32 + 64 + 128 + 128 * 10 + 10),
        (
            "conv9_small",
            9 * (4 + 16 + 16 + 32 + 64 + 64 + 128 + 256 + 256)
            + 3 * 3 * (4 + 8 + 16)  # a bias, a scale and a shift after each convolution
            + (16 * 12 + 3 * 12)
            + (12 * 10 + 10),
        ),
    ],
)
def test_the_parameters_of_a_network_on_mnist_add_up(name, parameters):
    network = build_network(name, members=1, image_shape=(1, 28, 28), num_classes=10)
    assert sum(value.numel() for value in network.parameters()) == parameters


def test_mlp4_has_four_hidden_layers():
    network = build_network("mlp4", members=1, image_shape=(1, 28, 28), num_classes=10)
    assert sum(isinstance(layer, nn.ReLU) for layer in network) == 4
    assert sum(isinstance(layer, StackedLinear) for layer in network) == 5


@pytest.mark.parametrize("name", NETWORKS)
def test_a_network_takes_its_smallest_image_and_classifies_it(name):
    size = min_image_size(name)
    network = build_network(name, members=2, image_shape=(1, size, size), num_classes=3)
    for member in range(2):
        reset_member(network, member, seed=member)
    assert network(torch.randn(2, 4, 1, size, size)).shape == (2, 4, 3)


def test_an_image_below_the_smallest_size_cannot_pass():
    network = build_network("conv9_small", members=1, image_shape=(1, 3, 3), num_classes=3)
    with pytest.raises(RuntimeError):
        network(torch.randn(1, 4, 1, 3, 3))
