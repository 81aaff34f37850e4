"""One optimizer step for a whole stack, with a learning rate for each replicate."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from tune_noise.config.trial import TrialConfig
from tune_noise.training.last_layer import last_layer
from tune_noise.training.update_rules import make_rule


def learning_rate_factor(epoch: float, config: TrialConfig) -> float:
    """Return what the learning rate is multiplied with at `epoch`, from 0, fractions included.

    It rises in equal steps to 1 over the epochs of `lr_warm_up`, is 1 until `lr_decay_start` of the
    epochs, and then falls, linearly or like half a cosine wave, to reach 0 after the last one.
    """
    warm_up = config.lr_warm_up * config.epochs
    if epoch < warm_up:
        return (epoch + 1.0) / (warm_up + 1.0)
    if config.lr_schedule == "constant" or config.lr_decay_start is None:
        return 1.0
    start = max(config.lr_decay_start * config.epochs, warm_up)
    left = min(1.0, (config.epochs - epoch) / (config.epochs - start))
    return left if config.lr_schedule == "linear" else (1.0 - math.cos(math.pi * left)) / 2.0


class StackOptimizer:
    """SGD with momentum, Adam or Adadelta over stacked parameters.

    The update directions of all three do not depend on the learning rate. So replicates with
    different rates share a step at the largest, and each keeps its own share of the change.

    Args:
        network: a stack of R * P members, members of a replicate adjacent.
        configs: one per replicate, alike but for lr and what is no concern of the optimizer.
        others: further parameters of the same members, which a method has.
    """

    def __init__(
        self,
        network: nn.Module,
        configs: Sequence[TrialConfig],
        others: Sequence[nn.Parameter] = (),
    ) -> None:
        """Take over the parameters; a frozen one stays as it is."""
        self._config = configs[0]
        parameters = [*network.parameters(), *others]
        trained = {n: p for n, p in enumerate(parameters) if p.requires_grad}
        self._numbers, self._parameters = list(trained), list(trained.values())
        self._orders = [_memory_order(parameter) for parameter in self._parameters]
        self._values = [
            p.detach().permute(order)
            for p, order in zip(self._parameters, self._orders, strict=True)
        ]
        self._rule = make_rule(configs[0], self._values)
        self._largest = self._lr = max(config.lr for config in configs)
        shares = [config.lr / self._largest for config in configs]
        networks = len(self._parameters[0]) // len(configs)
        device = self._parameters[0].device
        self._shares = torch.tensor(shares, device=device).repeat_interleave(networks)
        self._all_equal = min(shares) == 1.0
        self._last_layer = set(last_layer(network))
        self._frozen: Tensor | None = None

    @property
    def device(self) -> torch.device:
        """Where the parameters are."""
        return self._parameters[0].device

    def start_epoch(self, epoch: float) -> None:
        """Set the learning rate of an epoch, counted from 0."""
        self._lr = self._largest * learning_rate_factor(epoch, self._config)

    def freeze(self, members: Sequence[bool]) -> None:
        """Let some members learn in their last layer alone from now on, and the others in all.

        Args:
            members: for each of M whether it does.
        """
        self._frozen = torch.tensor(members, device=self.device) if any(members) else None

    def step(self, loss: Tensor) -> None:
        """Minimise the sum of all members' losses: a member's gradient comes from its own alone."""
        gradients = torch.autograd.grad(loss, self._parameters, allow_unused=True)
        permuted = [
            # A parameter that the loss does not depend on stays as it is.
            None if gradient is None else gradient.permute(order).contiguous()
            for gradient, order in zip(gradients, self._orders, strict=True)
        ]
        if self._all_equal and self._frozen is None:
            self._rule.update(permuted, self._lr)
            return
        before = [value.clone() for value in self._values]
        self._rule.update(permuted, self._lr)
        learnt = zip(self._numbers, self._values, before, self._orders, strict=True)
        for number, value, old, order in learnt:
            shares = self._shares
            if self._frozen is not None and number not in self._last_layer:
                shares = shares.where(~self._frozen, 0.0)
            shares = shares.view(-1, *[1] * (value.dim() - 1)).permute(order)
            torch.lerp(old, value, shares.expand_as(old), out=value)

    def state_tensors(self) -> dict[str, Tensor]:
        """Return all state, flat: `PARAMETER_NUMBER.NAME` -> tensor, in the parameter's shape."""
        return {
            f"{number}.{name}": tensor if tensor.dim() == 0 else tensor.permute(_inverse(order))
            for name, tensors in self._rule.state.items()
            for number, order, tensor in zip(self._numbers, self._orders, tensors, strict=True)
        }

    def load_state_tensors(self, tensors: dict[str, Tensor]) -> None:
        """Restore what `state_tensors` gave; the tensors are copied."""
        state = self.state_tensors()
        for key, tensor in tensors.items():
            if key in state:
                state[key].copy_(tensor)


def _memory_order(parameter: Tensor) -> list[int]:
    """Return the dimensions of a dense tensor, slowest first: permuted so, it is contiguous."""
    # Of equal strides one dimension has length 1, and sorting is stable.
    strides = parameter.stride()
    return sorted(range(len(strides)), key=lambda d: -strides[d])


def _inverse(order: list[int]) -> list[int]:
    return sorted(range(len(order)), key=order.__getitem__)
