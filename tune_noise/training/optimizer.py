"""One optimizer step for a whole stack, with a learning rate for each replicate."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from tune_noise.config.trial import TrialConfig


def learning_rate_factor(epoch: float, config: TrialConfig) -> float:
    """What the learning rate is multiplied with at `epoch`, counted from 0, also within an epoch.

    Linear: 1 until lr_decay_start of the epochs, then falling to reach 0 after the last.
    """
    if config.lr_schedule == "constant" or config.lr_decay_start is None:
        return 1.0
    start = config.lr_decay_start * config.epochs
    return min(1.0, (config.epochs - epoch) / (config.epochs - start))


class StackOptimizer:
    """SGD with momentum, Adam or Adadelta over stacked parameters.

    The update directions of all three do not depend on the learning rate. So replicates with
    different rates share a step at the largest, and each keeps its own share of the change.

    Args:
        network: a stack of R * P members, members of a replicate adjacent.
        configs: one per replicate, alike but for lr and what is no concern of the optimizer.
    """

    def __init__(self, network: nn.Module, configs: Sequence[TrialConfig]) -> None:
        """Take over the network's parameters."""
        self._config = configs[0]
        self._parameters = list(network.parameters())
        self._largest = max(config.lr for config in configs)
        shares = [config.lr / self._largest for config in configs]
        networks = len(self._parameters[0]) // len(configs)
        device = self._parameters[0].device
        self._shares = torch.tensor(shares, device=device).repeat_interleave(networks)
        self._all_equal = min(shares) == 1.0
        self._optimizer = _make(self._parameters, self._config, self._largest)

    def start_epoch(self, epoch: float) -> None:
        """Set the learning rate of an epoch, counted from 0."""
        factor = learning_rate_factor(epoch, self._config)
        self._optimizer.param_groups[0]["lr"] = self._largest * factor

    def step(self, loss: Tensor) -> None:
        """Minimise the sum of all members' losses: a member's gradient comes from its own alone."""
        self._optimizer.zero_grad(set_to_none=True)
        torch.autograd.backward(loss)
        if self._all_equal:
            self._optimizer.step()
            return
        before = [parameter.detach().clone() for parameter in self._parameters]
        self._optimizer.step()
        with torch.no_grad():
            for parameter, old in zip(self._parameters, before, strict=True):
                share = self._shares.view(-1, *[1] * (parameter.dim() - 1))
                parameter.copy_(torch.lerp(old, parameter, share.expand_as(old)))

    def state_tensors(self) -> dict[str, Tensor]:
        """All state, flat: `PARAMETER_NUMBER.NAME` -> tensor."""
        state = self._optimizer.state_dict()["state"]
        return {
            f"{number}.{name}": torch.as_tensor(value)
            for number, values in state.items()
            for name, value in values.items()
            if value is not None
        }

    def load_state_tensors(self, tensors: dict[str, Tensor]) -> None:
        """Restore what `state_tensors` gave; the tensors are copied."""
        state: dict[int, dict[str, Any]] = {}
        for key, tensor in tensors.items():
            number, _, name = key.partition(".")
            state.setdefault(int(number), {})[name] = tensor.clone()
        groups = self._optimizer.state_dict()["param_groups"]
        self._optimizer.load_state_dict({"state": state, "param_groups": groups})


def _make(parameters: list[nn.Parameter], config: TrialConfig, lr: float) -> torch.optim.Optimizer:
    if config.optimizer == "sgd":
        return torch.optim.SGD(parameters, lr=lr, momentum=config.momentum or 0.0, fused=True)
    if config.optimizer == "adam":
        return torch.optim.Adam(parameters, lr=lr, fused=True)
    return torch.optim.Adadelta(parameters, lr=lr, foreach=True)
