"""Adam, SGD with momentum and Adadelta, as plain functions over lists of contiguous tensors.

They are torch's own, without what `torch.optim.Optimizer` does around each step: with a small
network that takes as long as the step. Adadelta on a CPU is written here, because torch's takes two
to four times as long.
"""

from collections.abc import Sequence
from typing import Protocol

import torch
from torch import Tensor
from torch.optim.adadelta import adadelta

from tune_noise.config.trial import TrialConfig

# The defaults of torch.
BETAS, ADAM_EPS = (0.9, 0.999), 1e-8
RHO, ADADELTA_EPS = 0.9, 1e-6
Gradients = Sequence[Tensor | None]


class UpdateRule(Protocol):
    """How parameters move along their gradients.

    Attributes:
        state: name, as in `torch.optim` -> a tensor for each parameter.
    """

    state: dict[str, list[Tensor]]

    def update(self, gradients: Gradients, lr: float) -> None:
        """Take one step; a parameter without a gradient stays as it is, and so does its state."""


def make_rule(config: TrialConfig, values: Sequence[Tensor]) -> UpdateRule:
    """Return the rule that a configuration asks for.

    Args:
        config: gives optimizer, momentum and weight decay.
        values: the parameters, contiguous and detached, which are written to.
    """
    decay = config.weight_decay
    if config.optimizer == "sgd":
        return Sgd(values, momentum=config.momentum or 0.0, weight_decay=decay)
    rule = Adam if config.optimizer == "adam" else Adadelta
    return rule(values, weight_decay=decay)


class Sgd:
    """Gradient descent with momentum."""

    def __init__(
        self, values: Sequence[Tensor], *, momentum: float, weight_decay: float = 0.0
    ) -> None:
        self._values, self._momentum, self._weight_decay = values, momentum, weight_decay
        self.state = {"momentum_buffer": _zeros(values)} if momentum else {}

    def update(self, gradients: Gradients, lr: float) -> None:
        """Take one step."""
        values, present, *state = _present(self._values, gradients, *self.state.values())
        torch._fused_sgd_(
            values,
            present,
            state[0] if state else [],
            weight_decay=self._weight_decay,
            momentum=self._momentum,
            lr=lr,
            dampening=0.0,
            nesterov=False,
            maximize=False,
            is_first_step=False,
        )


class Adam:
    """Kingma and Ba 2014, arXiv:1412.6980; weights decay as in Loshchilov and Hutter 2017.

    That is AdamW, arXiv:1711.05101: the decay is no part of the gradient, whose size Adam ignores.
    """

    def __init__(self, values: Sequence[Tensor], *, weight_decay: float = 0.0) -> None:
        self._values, self._weight_decay = values, weight_decay
        steps = [torch.zeros((), device=value.device) for value in values]
        self.state = {"step": steps, "exp_avg": _zeros(values), "exp_avg_sq": _zeros(values)}

    def update(self, gradients: Gradients, lr: float) -> None:
        """Take one step."""
        values, present, steps, averages, squares = _present(
            self._values, gradients, *self.state.values()
        )
        torch._foreach_add_(steps, 1)
        torch._fused_adamw_(
            values,
            present,
            averages,
            squares,
            [],
            steps,
            lr=lr,
            beta1=BETAS[0],
            beta2=BETAS[1],
            weight_decay=self._weight_decay,
            eps=ADAM_EPS,
            amsgrad=False,
            maximize=False,
        )


class Adadelta:
    """Zeiler 2012, arXiv:1212.5701."""

    def __init__(self, values: Sequence[Tensor], *, weight_decay: float = 0.0) -> None:
        self._values, self._weight_decay = values, weight_decay
        steps = [torch.zeros(()) for _ in values]
        self.state = {"step": steps, "square_avg": _zeros(values), "acc_delta": _zeros(values)}
        sizes = [value.numel() for value in values]
        self._scratch = torch.empty((2, max(sizes)), device=values[0].device)

    def update(self, gradients: Gradients, lr: float) -> None:
        """Take one step."""
        values, present, steps, squares, deltas = _present(
            self._values, gradients, *self.state.values()
        )
        if self._scratch.device.type != "cpu":
            adadelta(
                values,
                present,
                squares,
                deltas,
                steps,
                foreach=True,
                lr=lr,
                rho=RHO,
                eps=ADADELTA_EPS,
                weight_decay=self._weight_decay,
                maximize=False,
            )
            return
        torch._foreach_add_(steps, 1)
        for row in zip(values, present, squares, deltas, strict=True):
            self._move(*row, lr=lr)

    def _move(
        self, value: Tensor, gradient: Tensor, square_avg: Tensor, acc_delta: Tensor, *, lr: float
    ) -> None:
        """Update in place, with as few passes over the memory as possible."""
        if self._weight_decay:
            gradient = gradient.add(value, alpha=self._weight_decay)
        size = value.numel()
        above, below = (row[:size].view_as(value) for row in self._scratch)
        square_avg.mul_(RHO).addcmul_(gradient, gradient, value=1.0 - RHO)
        torch.add(square_avg, ADADELTA_EPS, out=above)
        torch.add(acc_delta, ADADELTA_EPS, out=below)
        # x^-1/2 and not sqrt: torch has MKL take square roots, which on AMD takes thrice as long.
        delta = above.div_(below).pow_(-0.5).mul_(gradient)
        acc_delta.mul_(RHO).addcmul_(delta, delta, value=1.0 - RHO)
        value.sub_(delta, alpha=lr)


def _zeros(values: Sequence[Tensor]) -> list[Tensor]:
    return [torch.zeros_like(value) for value in values]


def _present(
    values: Sequence[Tensor], gradients: Gradients, *state: list[Tensor]
) -> list[list[Tensor]]:
    """Return values, gradients and state of the parameters that have a gradient."""
    rows = [row for row in zip(values, gradients, *state, strict=True) if row[1] is not None]
    columns = zip(*rows, strict=True) if rows else ([] for _ in range(2 + len(state)))
    return [[tensor for tensor in column if tensor is not None] for column in columns]
