"""The architectures, against networks of torch's own layers written down by hand."""

import itertools

import pytest
import torch
from torch import nn

from tune_noise.config import declared
from tune_noise.models.declarations import NETWORKS
from tune_noise.models.dropout import StackedDropout2d
from tune_noise.models.layers import (
    StackedBatchNorm,
    StackedConv2d,
    StackedLinear,
    StackedMaxPool,
)
from tune_noise.models.networks import build_network
from tune_noise.models.stack import reset_member


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


class BasicBlock(nn.Module):
    """Written from figure 2 and section 3.3 of the ResNet paper."""

    def __init__(self, inputs, width, stride):
        super().__init__()
        self.first = nn.Conv2d(inputs, width, 3, stride=stride, padding=1, bias=False)
        self.first_norm = nn.BatchNorm2d(width)
        self.second = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.second_norm = nn.BatchNorm2d(width)
        self.projection = None
        if inputs != width:
            self.projection = nn.Sequential(
                nn.Conv2d(inputs, width, 1, stride=stride, bias=False), nn.BatchNorm2d(width)
            )

    def forward(self, x):
        residual = torch.relu(self.first_norm(self.first(x)))
        residual = self.second_norm(self.second(residual))
        return torch.relu(residual + (x if self.projection is None else self.projection(x)))


class PreactBlock(nn.Module):
    """Written from figure 4 (e) of "Identity Mappings in Deep Residual Networks"."""

    def __init__(self, inputs, width, stride):
        super().__init__()
        self.first_norm = nn.BatchNorm2d(inputs)
        self.first = nn.Conv2d(inputs, width, 3, stride=stride, padding=1, bias=False)
        self.second_norm = nn.BatchNorm2d(width)
        self.second = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.projection = None
        if inputs != width:
            self.projection = nn.Conv2d(inputs, width, 1, stride=stride, bias=False)

    def forward(self, x):
        activated = torch.relu(self.first_norm(x))
        residual = self.second(torch.relu(self.second_norm(self.first(activated))))
        return residual + (x if self.projection is None else self.projection(activated))


def official_block(channels, widths, padding):
    """Convolution, batch norm, LeakyReLU: the order of the authors' code."""
    layers = []
    for width in widths:
        layers += [nn.Conv2d(channels, width, 3, stride=1, padding=padding, bias=False)]
        layers += [nn.BatchNorm2d(width), nn.LeakyReLU(0.01)]
        channels = width
    return layers


def by_hand(name, channels, height, width, num_classes):
    pixels = channels * height * width
    average = [nn.AdaptiveAvgPool2d(1), nn.Flatten()]
    if name == "conv4":
        layers = [nn.Conv2d(channels, 16, 3, stride=1, padding=1), nn.ReLU()]
        layers += [nn.Conv2d(16, 32, 3, stride=2, padding=1), nn.ReLU()]
        layers += [nn.Conv2d(32, 64, 3, stride=1, padding=1), nn.ReLU()]
        layers += [nn.Conv2d(64, 128, 3, stride=2, padding=1), nn.ReLU()]
        layers += [*average, nn.Linear(128, num_classes)]
    elif name == "conv6":
        layers = []
        for inputs, width, stride in (
            (channels, 32, 1), (32, 32, 2), (32, 64, 1), (64, 64, 2), (64, 128, 1), (128, 128, 2)
        ):  # fmt: skip
            layers += [nn.Conv2d(inputs, width, 3, stride=stride, padding=1), nn.ReLU()]
        layers += [*average, nn.Linear(128, num_classes)]
    elif name == "conv9":
        layers = official_block(channels, (128, 128, 128), 1)
        layers += [nn.MaxPool2d(2, stride=2), nn.Dropout2d(0.25)]
        layers += official_block(128, (256, 256, 256), 1)
        layers += [nn.MaxPool2d(2, stride=2), nn.Dropout2d(0.25)]
        layers += official_block(256, (512, 256, 128), 0)
        layers += [*average, nn.Linear(128, num_classes)]
    elif name == "resnet18":
        layers = [nn.Conv2d(channels, 64, 3, padding=1, bias=False), nn.BatchNorm2d(64), nn.ReLU()]
        for inputs, width, stride in (
            (64, 64, 1), (64, 64, 1), (64, 128, 2), (128, 128, 1),
            (128, 256, 2), (256, 256, 1), (256, 512, 2), (512, 512, 1),
        ):  # fmt: skip
            layers.append(BasicBlock(inputs, width, stride))
        layers += [*average, nn.Linear(512, num_classes)]
    elif name == "preact_resnet18":
        layers = [nn.Conv2d(channels, 64, 3, padding=1, bias=False)]
        for inputs, width, stride in (
            (64, 64, 1), (64, 64, 1), (64, 128, 2), (128, 128, 1),
            (128, 256, 2), (256, 256, 1), (256, 512, 2), (512, 512, 1),
        ):  # fmt: skip
            layers.append(PreactBlock(inputs, width, stride))
        layers += [nn.BatchNorm2d(512), nn.ReLU(), *average, nn.Linear(512, num_classes)]
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
    stacked = StackedLinear | StackedConv2d | StackedBatchNorm
    ours = [module for module in network.modules() if isinstance(module, stacked)]
    single = nn.Linear | nn.Conv2d | nn.BatchNorm1d | nn.BatchNorm2d
    theirs = [module for module in twin.modules() if isinstance(module, single)]
    with torch.no_grad():
        for mine, own in zip(ours, theirs, strict=True):
            is_linear = isinstance(own, nn.Linear)
            mine.weight[0] = own.weight.T if is_linear else own.weight
            # A bias before batch norm changes nothing, whatever it is.
            if mine.bias is not None:
                mine.bias[0] = own.bias


@pytest.mark.parametrize("input_shape", [(1, 8, 8), (3, 9, 7)])
@pytest.mark.parametrize("name", NETWORKS)
def test_a_network_computes_what_torchs_own_layers_compute(name, input_shape):
    torch.manual_seed(0)
    if declared.network(name).min_image_size > 9:
        input_shape = (input_shape[0], 28, 30)
    network = build_network(name, members=1, input_shape=input_shape, num_classes=6)
    twin = by_hand(name, *input_shape, 6)
    copy_weights(network, twin)
    for module in twin.modules():
        if isinstance(module, nn.Dropout2d):
            module.p = 0.0
    for step in range(3):
        if step == 2:
            network.eval(), twin.eval()
        x = torch.randn(10, *input_shape)
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
            "conv6",
            9 * (32 + 32 * 32 + 32 * 64 + 64 * 64 + 64 * 128 + 128 * 128)
            + 2 * (32 + 64 + 128)
            + (128 * 10 + 10),
        ),
        (
            "conv9",
            9 * 128 * (1 + 128 + 128)
            + 9 * 256 * (128 + 256 + 256)
            + 9 * (256 * 512 + 512 * 256 + 256 * 128)
            + 2 * (3 * 128 + 3 * 256 + 512 + 256 + 128)  # scale and shift of batch norm
            + (128 * 10 + 10),
        ),
        # As often stated for CIFAR-10, 11,173,962, less two of three input channels.
        ("resnet18", 11_173_962 - 2 * 64 * 9),
        # The three shortcuts have no batch norm.
        ("preact_resnet18", 11_173_962 - 2 * 64 * 9 - 2 * (128 + 256 + 512)),
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
    network = build_network(name, members=1, input_shape=(1, 28, 28), num_classes=10)
    assert sum(value.numel() for value in network.parameters()) == parameters


def test_mlp4_has_four_hidden_layers():
    network = build_network("mlp4", members=1, input_shape=(1, 28, 28), num_classes=10)
    assert sum(isinstance(layer, nn.ReLU) for layer in network) == 4
    assert sum(isinstance(layer, StackedLinear) for layer in network) == 5


@pytest.mark.parametrize("name", NETWORKS)
def test_a_network_takes_its_smallest_image_and_classifies_it(name):
    size = declared.network(name).min_image_size
    network = build_network(name, members=2, input_shape=(1, size, size), num_classes=3)
    for member in range(2):
        reset_member(network, member, seed=member)
    assert network(torch.randn(2, 4, 1, size, size)).shape == (2, 4, 3)


@pytest.mark.parametrize("name", ["conv9_small", "conv9"])
def test_an_image_below_the_smallest_size_cannot_pass(name):
    size = declared.network(name).min_image_size - 1
    network = build_network(name, members=1, input_shape=(1, size, size), num_classes=3)
    with pytest.raises(RuntimeError):
        network(torch.randn(1, 4, 1, size, size))


def test_conv9_drops_channels_after_each_pool_at_the_rate_that_is_given():
    network = build_network("conv9", members=1, input_shape=(1, 28, 28), num_classes=3, dropout=0.4)
    places = [n for n, layer in enumerate(network) if isinstance(layer, StackedDropout2d)]
    assert [type(network[n - 1]) for n in places] == [StackedMaxPool] * 2
    assert [network[n].rate for n in places] == [0.4, 0.4]
