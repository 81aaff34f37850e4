"""Stacked layers: M networks of one architecture as one module.

Activations are float [M, batch, ...]; member m of the output depends on member m of the input and
of the parameters alone. An input may also be [G, batch, ...] where G divides M: M / G adjacent
members share each of the G, as the networks of a replicate share its images, without a copy. A
layer chooses its own kernel.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tune_noise.models.product import stacked_product
from tune_noise.models.stack import per_member


def own_inputs(x: Tensor, members: int) -> list[Tensor]:
    """Return the input of each member, [batch, ...]; adjacent members may share one.

    Taken apart once: the gradient of x[m] is as large as all of x, and M of them would be added.
    """
    inputs = x.unbind()
    return [inputs[member * len(inputs) // members] for member in range(members)]


def _uniform_member(parameter: Tensor, member: int, bound: float, random: torch.Generator) -> None:
    # On the CPU whatever the device, so that a seed means the same network everywhere.
    drawn = torch.rand(parameter.shape[1:], generator=random) * (2 * bound) - bound
    with torch.no_grad():
        parameter[member].copy_(drawn)


class StackedLinear(nn.Module):
    """y = x W + b for each member.

    The weights lie in memory as [M, num_outputs, num_inputs]: products with few outputs are up to
    three times as fast so, and members that share an input are one product with all their weights
    side by side.

    Args:
        members: M.
        num_inputs: features of x.
        num_outputs: features of y.
    """

    def __init__(self, members: int, num_inputs: int, num_outputs: int) -> None:
        """Allocate the parameters; `reset_member` gives them values."""
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(members, num_outputs, num_inputs).mT)
        self.bias = nn.Parameter(torch.zeros(members, 1, num_outputs))

    def forward(self, x: Tensor) -> Tensor:
        """Map float [M or G, batch, num_inputs] to [M, batch, num_outputs]."""
        groups, (members, num_inputs, num_outputs) = len(x), self.weight.shape
        weight = self.weight.mT.reshape(groups, -1, num_inputs)
        y = stacked_product(x, weight, self.bias.view(groups, 1, -1))
        batch = x.shape[1]
        by_member = y.reshape(groups, batch, members // groups, num_outputs).transpose(1, 2)
        return by_member.reshape(members, batch, num_outputs)

    def reset_member(self, member: int, random: torch.Generator) -> None:
        """Draw uniform in +-1/sqrt(num_inputs), the default of torch.nn.Linear."""
        bound = 1.0 / math.sqrt(self.weight.shape[1])
        _uniform_member(self.weight, member, bound, random)
        _uniform_member(self.bias, member, bound, random)


class StackedConv2d(nn.Module):
    """A square convolution for each member; by default 3 x 3 with padding 1.

    On a CPU members are convolved one after another (a grouped convolution measured 0.5 to 1 times
    as fast there); on a GPU all at once as one grouped convolution.

    Args:
        members: M.
        in_channels: channels of the input.
        out_channels: channels of the output.
        stride: 1 keeps height and width (with the default padding), 2 halves them (rounded up).
        kernel: height and width of the kernel.
        padding: rows and columns of zeros on each side; None: (kernel - 1) / 2, rounded down.
        bias: False where a batch norm follows at once and would take a bias away again.
    """

    def __init__(
        self,
        members: int,
        in_channels: int,
        out_channels: int,
        stride: int = 1,
        *,
        kernel: int = 3,
        padding: int | None = None,
        bias: bool = True,
    ) -> None:
        """Allocate the parameters; `reset_member` gives them values."""
        super().__init__()
        self.stride = stride
        self.padding = (kernel - 1) // 2 if padding is None else padding
        self.weight = nn.Parameter(torch.zeros(members, out_channels, in_channels, kernel, kernel))
        self.bias = nn.Parameter(torch.zeros(members, out_channels)) if bias else None

    def forward(self, x: Tensor) -> Tensor:
        """Map float [M or G, batch, in_channels, H, W] to [M, batch, out_channels, H', W']."""
        members = len(self.weight)
        if members > 1 and x.is_cuda:
            return self._grouped(x.repeat_interleave(members // len(x), dim=0))

        images, weights = own_inputs(x, members), self.weight.unbind()
        biases = [None] * members if self.bias is None else self.bias.unbind()

        def convolve(m: int) -> Tensor:
            return F.conv2d(images[m], weights[m], biases[m], self.stride, self.padding)

        return per_member(convolve, members)

    def _grouped(self, x: Tensor) -> Tensor:
        members, batch = x.shape[:2]
        y = F.conv2d(
            x.transpose(0, 1).flatten(1, 2),
            self.weight.flatten(0, 1),
            None if self.bias is None else self.bias.flatten(),
            self.stride,
            self.padding,
            groups=members,
        )
        return y.view(batch, members, -1, *y.shape[2:]).transpose(0, 1)

    def reset_member(self, member: int, random: torch.Generator) -> None:
        """Draw uniform in +-1/sqrt(kernel^2 in_channels), the default of torch.nn.Conv2d."""
        bound = 1.0 / math.sqrt(self.weight[0, 0].numel())
        _uniform_member(self.weight, member, bound, random)
        if self.bias is not None:
            _uniform_member(self.bias, member, bound, random)


class StackedBatchNorm(nn.Module):
    """Batch normalisation of each member's channels by its own batch; running averages to evaluate.

    Args:
        members: M.
        channels: features, or channels of an image.
        momentum: weight of the newest batch in the running averages (torch's default).
        eps: added to the variance (torch's default).
    """

    running_mean: Tensor
    running_var: Tensor

    def __init__(
        self, members: int, channels: int, momentum: float = 0.1, eps: float = 1e-5
    ) -> None:
        """Begin with scale 1, shift 0, running mean 0 and variance 1."""
        super().__init__()
        self.momentum, self.eps = momentum, eps
        self.weight = nn.Parameter(torch.ones(members, channels))
        self.bias = nn.Parameter(torch.zeros(members, channels))
        self.register_buffer("running_mean", torch.zeros(members, channels))
        self.register_buffer("running_var", torch.ones(members, channels))

    def forward(self, x: Tensor) -> Tensor:
        """Map float [M or G, batch, channels], or with [..., H, W] after it, to [M, ...]."""
        members = len(self.weight)
        inputs, weights, biases = own_inputs(x, members), self.weight.unbind(), self.bias.unbind()

        def normalise(m: int) -> Tensor:
            return F.batch_norm(
                inputs[m],
                self.running_mean[m],
                self.running_var[m],
                weights[m],
                biases[m],
                self.training,
                self.momentum,
                self.eps,
            )

        return per_member(normalise, members)

    def reset_member(self, member: int, random: torch.Generator) -> None:
        """Reset to scale 1, shift 0 and untouched running averages; nothing is drawn."""
        with torch.no_grad():
            for tensor, value in (
                (self.weight, 1.0),
                (self.bias, 0.0),
                (self.running_mean, 0.0),
                (self.running_var, 1.0),
            ):
                tensor[member].fill_(value)


class StackedMaxPool(nn.Module):
    """The largest of each 2 x 2 block of pixels."""

    def forward(self, x: Tensor) -> Tensor:
        """Map float [M, batch, C, H, W] to [M, batch, C, H // 2, W // 2]."""
        pooled: Tensor = F.max_pool2d(x.flatten(0, 1), 2)
        return pooled.view(*x.shape[:2], *pooled.shape[1:])


class GlobalAveragePool(nn.Module):
    """The mean over all pixels of each channel."""

    def forward(self, x: Tensor) -> Tensor:
        """Map float [M, batch, C, H, W] to [M, batch, C]."""
        return x.mean(dim=(-2, -1))
