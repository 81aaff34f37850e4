"""The residual blocks of ResNet-18 and of its pre-activation form, stacked."""

import torch.nn.functional as F
from torch import Tensor, nn

from tune_noise.models.layers import StackedBatchNorm, StackedConv2d


class ResidualBlock(nn.Module):
    """Two 3 x 3 convolutions with batch norm, added to a shortcut around them.

    The shortcut is the input itself, or a 1 x 1 convolution with batch norm where the shape changes
    (option B).

    Args:
        members: M.
        in_channels: channels of the input.
        out_channels: channels of the output.
        stride: of the first convolution; 2 halves height and width (rounded up).

    Reference:
        He et al. 2015, "Deep Residual Learning for Image Recognition", arXiv:1512.03385.
    """

    def __init__(self, members: int, in_channels: int, out_channels: int, stride: int = 1) -> None:
        """Allocate the parameters; `reset_member` gives them values."""
        super().__init__()
        self.conv1 = StackedConv2d(members, in_channels, out_channels, stride, bias=False)
        self.norm1 = StackedBatchNorm(members, out_channels)
        self.conv2 = StackedConv2d(members, out_channels, out_channels, bias=False)
        self.norm2 = StackedBatchNorm(members, out_channels)
        self.shortcut = nn.Sequential()
        if stride != 1 or in_channels != out_channels:
            self.shortcut.append(
                StackedConv2d(members, in_channels, out_channels, stride, kernel=1, bias=False)
            )
            self.shortcut.append(StackedBatchNorm(members, out_channels))

    def forward(self, x: Tensor) -> Tensor:
        """Map float [M, batch, in_channels, H, W] to [M, batch, out_channels, H', W']."""
        y = F.relu(self.norm1(self.conv1(x)))
        shortcut: Tensor = self.shortcut(x)
        return F.relu(self.norm2(self.conv2(y)) + shortcut)


class PreactivationBlock(nn.Module):
    """Batch norm, ReLU and a 3 x 3 convolution, twice, added to a shortcut around them.

    The shortcut is the input itself, or a 1 x 1 convolution of the first ReLU where the shape
    changes. In the code of DivideMix and ELR+ the shortcut takes the first ReLU in both cases; this
    is the paper.

    Args:
        members: M.
        in_channels: channels of the input.
        out_channels: channels of the output.
        stride: of the first convolution; 2 halves height and width (rounded up).

    Reference:
        He et al. 2016, "Identity Mappings in Deep Residual Networks", arXiv:1603.05027.
    """

    def __init__(self, members: int, in_channels: int, out_channels: int, stride: int = 1) -> None:
        """Allocate the parameters; `reset_member` gives them values."""
        super().__init__()
        self.norm1 = StackedBatchNorm(members, in_channels)
        self.conv1 = StackedConv2d(members, in_channels, out_channels, stride, bias=False)
        self.norm2 = StackedBatchNorm(members, out_channels)
        self.conv2 = StackedConv2d(members, out_channels, out_channels, bias=False)
        self.shortcut = None
        if stride != 1 or in_channels != out_channels:
            self.shortcut = StackedConv2d(
                members, in_channels, out_channels, stride, kernel=1, bias=False
            )

    def forward(self, x: Tensor) -> Tensor:
        """Map float [M, batch, in_channels, H, W] to [M, batch, out_channels, H', W']."""
        y = F.relu(self.norm1(x))
        shortcut = x if self.shortcut is None else self.shortcut(y)
        residual: Tensor = self.conv2(F.relu(self.norm2(self.conv1(y))))
        return residual + shortcut
