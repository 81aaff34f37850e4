"""The kernels that serve the products of a stack: as the package chooses, or torch's own alone."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

from tune_noise.models import product


@contextmanager
def _plain() -> Iterator[None]:
    """No oneDNN: every product is torch's batched one."""
    chosen = product.onednn_is_faster
    product.onednn_is_faster = lambda: False  # type: ignore[assignment]
    try:
        yield
    finally:
        product.onednn_is_faster = chosen


KERNELS: dict[str, Callable[[], AbstractContextManager[None]]] = {
    "chosen": nullcontext,
    "plain": _plain,
}


def under(kernel: str, run: Callable[[], object]) -> Callable[[], object]:
    """A run with one choice of kernels."""

    def with_kernel() -> object:
        with KERNELS[kernel]():
            return run()

    return with_kernel
