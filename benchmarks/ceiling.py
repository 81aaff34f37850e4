"""What a machine can do at most: the fastest products of matrices that torch offers.

On an AMD processor the product behind `torch.matmul` (MKL) can be half as fast as oneDNN's, which
`torch.ops.mkldnn._linear_pointwise` reaches; so both are tried, and the faster one counts.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from tune_noise.models.layers import StackedConv2d, StackedLinear


@dataclass(frozen=True)
class Product:
    """A product of matrices: [rows, inner] times [inner, columns]."""

    rows: int
    inner: int
    columns: int

    @property
    def operations(self) -> int:
        """Multiplications and additions."""
        return 2 * self.rows * self.inner * self.columns

    def seconds(self, repeats: int = 7) -> float:
        """The shortest time of the fastest way."""
        a, b = torch.randn(self.rows, self.inner), torch.randn(self.inner, self.columns)
        transposed = b.t().contiguous()
        ways: list[Callable[[], Tensor]] = [
            lambda: a @ b,
            lambda: torch.ops.mkldnn._linear_pointwise(a, transposed, None, "none", [], ""),
        ]
        return min(_shortest(way, repeats) for way in ways)


def _shortest(run: Callable[[], Any], repeats: int) -> float:
    run()
    seconds = []
    for _ in range(repeats):
        started = time.perf_counter()
        run()
        seconds.append(time.perf_counter() - started)
    return min(seconds)


def products_of_step(network: nn.Module, images: Tensor) -> list[Product]:
    """The products that one step of a stack cannot do without, member by member.

    Forward, gradient of the weights, and gradient of the inputs except of the first layer; a
    convolution counts as the product of its unfolded input with its kernels.

    Args:
        network: a stack.
        images: float [M or G, batch, C, H, W].
    """
    forward: list[Product] = []

    def note(layer: nn.Module, inputs: tuple[Tensor], output: Tensor) -> None:
        [x] = inputs
        weight = layer.weight
        if isinstance(layer, StackedLinear):
            product = Product(x.shape[1], weight.shape[1], weight.shape[2])
        else:
            pixels = output.shape[-2] * output.shape[-1]
            product = Product(x.shape[1] * pixels, weight[0, 0].numel(), weight.shape[1])
        # Members may share an input.
        forward.extend([product] * len(weight))

    layers = [m for m in network.modules() if isinstance(m, StackedLinear | StackedConv2d)]
    hooks = [layer.register_forward_hook(note) for layer in layers]
    with torch.no_grad():
        network(images)
    for hook in hooks:
        hook.remove()
    weights = [Product(p.inner, p.rows, p.columns) for p in forward]
    members = len(layers[0].weight)
    inputs = [Product(p.rows, p.columns, p.inner) for p in forward[members:]]
    return forward + weights + inputs


def bytes_of_step(network: nn.Module, images: Tensor) -> int:
    """What a step with Adam moves at the least where nothing is fused and nothing stays in a cache.

    Of a parameter ten numbers: it is read forward and back, its gradient written and read, and the
    update reads and writes it and its two moments. Of what a layer puts out four: written and read,
    and its gradient likewise. Of the images one.
    """
    put_out: list[int] = []
    leaves = [module for module in network.modules() if not any(module.children())]
    hooks = [
        layer.register_forward_hook(lambda _, __, output: put_out.append(output.numel()))
        for layer in leaves
    ]
    with torch.no_grad():
        network(images)
    for hook in hooks:
        hook.remove()
    parameters = sum(parameter.numel() for parameter in network.parameters())
    return 4 * (10 * parameters + 4 * sum(put_out) + images.numel())


def seconds_at_ceiling(products: list[Product]) -> float:
    """How long the products of a step take where each is done in the fastest way."""
    different = {product: product.seconds() for product in set(products)}
    return sum(different[product] for product in products)


def peak() -> float:
    """Floating-point operations per second of a product that is large enough to be fast."""
    large = Product(1024, 1024, 1024)
    return large.operations / large.seconds()
