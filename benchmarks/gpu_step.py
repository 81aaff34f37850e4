"""One step of a stack as a graphics card may run it: eagerly, as a captured graph, or compiled.

The step takes its images from memory, normalises them, goes forward and back and updates with Adam.
What a trial does besides (methods, tally) is left out: this compares ways of launching kernels.
"""

from collections.abc import Callable

import numpy as np
import torch
from torch.nn import functional as F

from tune_noise.data.resident import ResidentImages
from tune_noise.models.dropout import start_epoch
from tune_noise.models.networks import build_network
from tune_noise.models.stack import reset_member

NUM_IMAGES, NUM_CLASSES, WARM_UP_STEPS = 2048, 10, 3
Run = Callable[[], None]


class BareStep:
    """A step of M networks on fixed places in memory, as a captured graph needs them.

    Args:
        model: name of a network.
        input_shape: channels, height, width.
        members: M.
        batch_size: images of each member.
        device: cuda or cpu.
    """

    def __init__(
        self,
        model: str,
        input_shape: tuple[int, int, int],
        *,
        members: int,
        batch_size: int,
        device: str,
    ) -> None:
        """Initialise the networks, and draw images, labels and a batch."""
        random = np.random.default_rng(0)
        pixels = random.integers(256, size=(NUM_IMAGES, *input_shape), dtype=np.uint8)
        statistics = [0.5] * input_shape[0], [0.3] * input_shape[0]
        mean, std = statistics
        self._images = ResidentImages(pixels, mean=mean, std=std, device=device)
        labels = torch.from_numpy(random.integers(NUM_CLASSES, size=NUM_IMAGES))
        self._labels = labels.to(device)
        indices = random.integers(NUM_IMAGES, size=(members, batch_size))
        self._indices = torch.from_numpy(indices).to(device)
        self.network = build_network(
            model, members=members, input_shape=input_shape, num_classes=NUM_CLASSES
        )
        for member in range(members):
            reset_member(self.network, member, seed=member)
        self.network.to(device).train()
        start_epoch(self.network, list(range(members)))
        self._optimizer = torch.optim.Adam(
            self.network.parameters(), lr=1e-3, fused=True, capturable=device != "cpu"
        )

    def eager(self) -> None:
        """One step, kernel by kernel."""
        self._optimizer.zero_grad(set_to_none=True)
        logits = self.network(self._images.batch(self._indices))
        labels = self._labels[self._indices].flatten()
        # Of each member the mean, of all the sum.
        loss = F.cross_entropy(logits.flatten(0, 1), labels, reduction="sum")
        (loss / self._indices.shape[1]).backward()
        self._optimizer.step()

    def captured(self) -> Run:
        """The step recorded once; what is returned replays it as one launch."""
        side = torch.cuda.Stream()
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            for _ in range(WARM_UP_STEPS):
                self.eager()
        torch.cuda.current_stream().wait_stream(side)
        graph = torch.cuda.CUDAGraph()
        self._optimizer.zero_grad(set_to_none=True)
        with torch.cuda.graph(graph):
            self.eager()
        return graph.replay

    def compiled(self, mode: str) -> Run:
        """The step through `torch.compile`; its first call compiles."""
        step: Run = torch.compile(self.eager, mode=mode)
        step()
        return step
