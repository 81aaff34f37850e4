"""The matrix products of a linear layer: torch's batched one, or oneDNN's on the CPUs it suits.

On an AMD CPU with AVX-512, MKL, which serves torch's float32 products, runs its AVX2 code; oneDNN,
which comes with torch as well, runs AVX-512. Measured on a Zen 5, one thread, 128 x 784 by 784 x
256: 0.48 ms against 0.23 ms. Which library serves a product follows from the CPU and the shape,
never from a probe, so that the same run on the same machine gives the same figures bit by bit.
"""

import platform
from functools import cache
from pathlib import Path

import torch
from torch import Tensor

from tune_noise.models.stack import per_member

# Below it the 10 microseconds that oneDNN takes more per call, and the 25 that a step of autograd
# takes more where it is written in Python, are not made up for.
MIN_MULTIPLICATIONS = 4_000_000
_CPU_INFO = Path("/proc/cpuinfo")


def stacked_product(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """Return the sum x W^T + b for each group of a stack.

    Args:
        x: float [G, batch, inputs].
        weight: float [G, outputs, inputs].
        bias: float [G, 1, outputs].

    Returns:
        float [G, batch, outputs], of any strides.
    """
    if _suits_onednn(x, x.shape[1], weight.shape[1], x.shape[2]):
        product: Tensor = _OneDnnLinear.apply(x, weight, bias)  # type: ignore[no-untyped-call]
        return product
    if x.requires_grad and x.stride(2) == 1:
        # Below, its gradient comes out in columns; an activation takes thirty times as long between
        # values and a gradient that lie differently.
        x.register_hook(Tensor.contiguous)  # type: ignore[no-untyped-call]
    # Transposed, so that the gradient of the weights comes out in their own layout.
    return torch.baddbmm(bias.mT, weight, x.mT).mT


class _OneDnnLinear(torch.autograd.Function):
    """`stacked_product`, group by group; an input that needs no gradient gets none."""

    @staticmethod
    def forward(ctx, x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:  # type: ignore[no-untyped-def]
        ctx.save_for_backward(x, weight)
        return per_member(lambda g: _product(x[g], weight[g], bias[g, 0]), len(x))

    @staticmethod
    def backward(ctx, gradient: Tensor) -> tuple[Tensor | None, ...]:  # type: ignore[no-untyped-def]
        x, weight = ctx.saved_tensors
        of_x = None
        if ctx.needs_input_grad[0]:
            of_x = per_member(lambda g: _product(gradient[g], weight[g].t()), len(x))
        # With a transposed matrix whose rows lie apart, as those of a shared product do, oneDNN
        # takes 90 milliseconds in place of 50 microseconds.
        of_weight = per_member(lambda g: _product(gradient[g].t(), x[g].contiguous().t()), len(x))
        return of_x, of_weight, gradient.sum(dim=1, keepdim=True)


def _product(a: Tensor, b: Tensor, bias: Tensor | None = None) -> Tensor:
    """Return the sum a b^T + bias, float [rows, columns].

    Args:
        a: float [rows, inner].
        b: float [columns, inner].
        bias: float [columns]; None: 0.
    """
    if _suits_onednn(a, len(a), len(b), a.shape[1]):
        return _onednn(a, b, bias)
    return a @ b.t() if bias is None else torch.addmm(bias, a, b.t())


def _onednn(a: Tensor, b: Tensor, bias: Tensor | None) -> Tensor:
    product: Tensor = torch.ops.mkldnn._linear_pointwise(a, b, bias, "none", [], "")
    return product


def _suits_onednn(x: Tensor, rows: int, columns: int, inner: int) -> bool:
    return (
        rows * columns * inner >= MIN_MULTIPLICATIONS
        and x.device.type == "cpu"
        and x.dtype == torch.float32
        and not torch.is_autocast_enabled("cpu")
        and onednn_is_faster()
    )


@cache
def onednn_is_faster() -> bool:
    """Return whether oneDNN serves large float32 products of this CPU: AMD, AVX-512, it works."""
    return torch.backends.cpu.get_cpu_capability() == "AVX512" and _is_amd() and onednn_agrees()


def _is_amd() -> bool:
    text = _CPU_INFO.read_text("utf-8", "replace") if _CPU_INFO.exists() else platform.processor()
    return "AuthenticAMD" in text


def onednn_agrees() -> bool:
    """Return whether the operator, which is private to torch, is there and does what it did."""
    a = torch.arange(12.0).view(3, 4)
    b, bias = a.view(4, 3).t() + 1.0, torch.arange(3.0)
    try:
        product = torch.ops.mkldnn._linear_pointwise(a, b, bias, "none", [], "")
    except (AttributeError, RuntimeError):
        return False
    return torch.allclose(product, a @ b.t() + bias)
