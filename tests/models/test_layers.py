import pytest
import torch
from torch import nn

from tune_noise.models.layers import (
    GlobalAveragePool,
    StackedBatchNorm,
    StackedConv2d,
    StackedLinear,
    StackedMaxPool,
    per_member,
)
from tune_noise.models.stack import reset_member


def close(actual, expected):
    torch.testing.assert_close(actual, expected, rtol=1e-5, atol=1e-5)


def random(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def initialised(layer, members):
    for member in range(members):
        reset_member(layer, member, seed=member)
    return layer


@pytest.mark.parametrize("members", [1, 2, 3])
def test_a_stacked_linear_layer_is_torchs_own_for_each_member(members):
    layer = initialised(StackedLinear(members, 7, 5), members)
    x = random(members, 6, 7)
    y = layer(x)
    for m in range(members):
        own = nn.Linear(7, 5)
        own.load_state_dict({"weight": layer.weight[m].T, "bias": layer.bias[m, 0]})
        close(y[m], own(x[m]))


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("size", [(8, 8), (7, 5), (1, 1)])
@pytest.mark.parametrize("members", [1, 2, 3])
def test_a_stacked_convolution_is_torchs_own_for_each_member(members, size, stride):
    layer = initialised(StackedConv2d(members, 3, 4, stride), members)
    x = random(members, 6, 3, *size)
    y = layer(x)
    for m in range(members):
        own = nn.Conv2d(3, 4, 3, stride, padding=1)
        own.load_state_dict({"weight": layer.weight[m], "bias": layer.bias[m]})
        close(y[m], own(x[m]))


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("size", [(8, 8), (7, 5)])
@pytest.mark.parametrize("members", [1, 2, 3])
def test_the_grouped_convolution_of_a_gpu_equals_the_loop_of_a_cpu(members, size, stride):
    layer = initialised(StackedConv2d(members, 3, 4, stride), members)
    x = random(members, 6, 3, *size).requires_grad_()
    loop, grouped = layer(x), layer._grouped(x)
    close(grouped, loop)
    inputs = [x, layer.weight, layer.bias]
    towards = random(*loop.shape, seed=1)
    for one, other in zip(
        torch.autograd.grad(grouped, inputs, towards),
        torch.autograd.grad(loop, inputs, towards),
        strict=True,
    ):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(("kernel", "padding"), [(1, None), (3, 0), (5, None), (5, 1)])
@pytest.mark.parametrize("stride", [1, 2])
def test_a_convolution_of_another_kernel_and_padding_without_bias_is_torchs_own(
    kernel, padding, stride
):
    options = {"kernel": kernel, "padding": padding, "bias": False}
    layer = initialised(StackedConv2d(2, 3, 4, stride, **options), 2)
    x = random(2, 6, 3, 9, 7)
    y = layer(x)
    close(layer._grouped(x), y)
    zeros = kernel // 2 if padding is None else padding
    for m in range(2):
        own = nn.Conv2d(3, 4, kernel, stride, padding=zeros, bias=False)
        own.load_state_dict({"weight": layer.weight[m]})
        close(y[m], own(x[m]))


@pytest.mark.parametrize("pixels", [(), (5, 3)])
@pytest.mark.parametrize("members", [1, 2, 3])
def test_a_stacked_batch_norm_is_torchs_own_for_each_member(members, pixels):
    layer = StackedBatchNorm(members, 4)
    owns = [nn.BatchNorm2d(4) if pixels else nn.BatchNorm1d(4) for _ in range(members)]
    for m, own in enumerate(owns):
        nn.init.uniform_(own.weight)
        nn.init.uniform_(own.bias)
        with torch.no_grad():
            layer.weight[m], layer.bias[m] = own.weight, own.bias
    for step in range(3):
        x = 2 + 3 * random(members, 6, 4, *pixels, seed=step)
        y = layer(x)
        for m, own in enumerate(owns):
            close(y[m], own(x[m]))
            close(layer.running_mean[m], own.running_mean)
            close(layer.running_var[m], own.running_var)
    layer.eval()
    x = random(members, 2, 4, *pixels, seed=9)
    y = layer(x)
    for m, own in enumerate(owns):
        close(y[m], own.eval()(x[m]))


def test_a_reset_member_of_a_batch_norm_is_as_new_and_the_others_stay():
    layer, new = StackedBatchNorm(2, 4), StackedBatchNorm(2, 4)
    layer(random(2, 6, 4) + 5)
    used = {name: value.clone() for name, value in layer.state_dict().items()}
    reset_member(layer, 0, seed=0)
    for name, value in layer.state_dict().items():
        assert torch.equal(value[0], new.state_dict()[name][0])
        assert torch.equal(value[1], used[name][1])


@pytest.mark.parametrize("size", [(8, 8), (7, 5), (2, 2)])
def test_max_pool_and_global_average_are_torchs_own_for_each_member(size):
    x = random(3, 6, 4, *size)
    flat = x.flatten(0, 1)
    pooled, average = StackedMaxPool()(x), GlobalAveragePool()(x)
    close(pooled.flatten(0, 1), nn.MaxPool2d(2)(flat))
    close(average.flatten(0, 1), nn.AdaptiveAvgPool2d(1)(flat)[:, :, 0, 0])
    assert average.shape == (3, 6, 4)


@pytest.mark.parametrize("members", [1, 2])
def test_per_member_stacks_what_the_function_gives(members):
    stacked = per_member(lambda m: torch.full((2,), float(m)), members)
    assert stacked.tolist() == [[float(m)] * 2 for m in range(members)]


@pytest.mark.parametrize(
    ("layer", "own"),
    [
        (StackedLinear(1, 300, 200), nn.Linear(300, 200)),
        (StackedConv2d(1, 32, 64), nn.Conv2d(32, 64, 3)),
        (StackedConv2d(1, 32, 64, kernel=1), nn.Conv2d(32, 64, 1)),
    ],
)
def test_a_layer_starts_uniform_within_the_bounds_of_torchs_default(layer, own):
    reset_member(layer, 0, seed=5)
    fan_in = own.weight[0].numel()
    bound = fan_in**-0.5
    for mine in (layer.weight.detach(), layer.bias.detach()):
        assert mine.abs().max() <= bound
        # A uniform distribution in +-bound has the standard deviation bound / sqrt(3).
        tolerance = 4 / mine.numel() ** 0.5
        assert mine.std().item() == pytest.approx(bound / 3**0.5, rel=tolerance)
    assert own.weight.abs().max() <= bound * (1 + 1e-6)
    # Torch's own is drawn anew in each run.
    tolerance = 4 / own.weight.numel() ** 0.5
    assert layer.weight.std().item() == pytest.approx(own.weight.std().item(), rel=tolerance)
