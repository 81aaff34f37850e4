"""The moving average of a stack's weights over the steps of its training."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn


class WeightAverage:
    """A network whose weights are averages of those of the network that is trained.

    After step t, counted from 1, each average moves by max(1 / t, 1 - decay) of its distance to
    the weight: it is the plain mean of the weights so far, until that would be slower than the
    exponential moving average. So no value from before the training has a part in it, however few
    the steps are. Running averages of batch normalisation are averaged like the weights, and a
    buffer of whole numbers is copied.

    Args:
        network: a stack like the one that is trained; it takes the averages.
        trained: the stack that is trained.
        decays: of each replicate, in [0, 1); at 0 the average is the weight itself.

    Attributes:
        network: with the averages, in evaluation mode.

    Reference:
        Tarvainen and Valpola 2017, "Mean teachers are better role models", arXiv:1703.01780.
    """

    def __init__(self, network: nn.Module, trained: nn.Module, decays: Sequence[float]) -> None:
        """Begin with the present weights, before the first step."""
        network.load_state_dict(trained.state_dict())
        self.network = network.requires_grad_(False).eval()
        pairs = zip(network.state_dict().values(), trained.state_dict().values(), strict=True)
        self._pairs = list(pairs)
        average, _ = self._pairs[0]
        self._steps = torch.zeros((), dtype=torch.int64)
        shares = 1.0 - torch.tensor(decays, dtype=torch.float64)
        networks = len(average) // len(decays)
        self._least = shares.float().to(average.device).repeat_interleave(networks)

    def restart(self) -> None:
        """Begin again with the present weights."""
        self._steps.zero_()
        for average, value in self._pairs:
            average.copy_(value)

    def update(self) -> None:
        """Take in the weights after a step."""
        self._steps += 1
        shares = self._least.clamp(min=1.0 / int(self._steps))
        for average, value in self._pairs:
            if average.is_floating_point():
                by_member = shares.to(average.dtype).view(-1, *[1] * (average.dim() - 1))
                average.lerp_(value, by_member)
            else:
                average.copy_(value)

    def state(self) -> dict[str, Tensor]:
        """Return what a resumed training needs, by name; the caller copies it."""
        weights = {f"network.{k}": v for k, v in self.network.state_dict().items()}
        return {"steps": self._steps, **weights}

    def load_state(self, tensors: dict[str, Tensor]) -> None:
        """Continue exactly from what `state` returned; the tensors are copied."""
        for name, value in self.state().items():
            value.copy_(tensors[name])
