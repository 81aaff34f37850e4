"""The kernels of a training step on the CPU, each against what else could serve, on one thread.

Products of a linear layer: torch's (MKL) against oneDNN's, and in bfloat16. Optimizers: ours
against torch.optim. Convolutional networks, forward and backward: as they are, with channels last,
and in bfloat16, which is not the same arithmetic. `--parts` chooses.

    python benchmarks/step_kernels.py [--parts products optimizers convolutions]
"""

from collections.abc import Callable

import torch
from paired import Figures, arguments, in_turn
from torch import Tensor, nn

from tune_noise.config.trial import TrialConfig
from tune_noise.models.networks import build_network
from tune_noise.models.product import onednn_agrees, onednn_is_faster
from tune_noise.models.stack import reset_member
from tune_noise.training.optimizer import StackOptimizer

PRODUCTS = [(128, 784, 256), (128, 3072, 256), (128, 784, 10), (128, 256, 128), (128, 64, 256)]
CONVOLUTIONS = {"conv4": 128, "conv9_small": 128, "conv9": 16}
CIFAR = (3, 32, 32)
TIMES = 50


def main() -> None:
    """Measure the parts that are asked for."""
    parser = arguments(__doc__ or "", "step_kernels", repeats=15)
    parts = {"products": products, "optimizers": optimizers, "convolutions": convolutions}
    parser.add_argument("--parts", nargs="+", choices=parts, default=list(parts))
    args = parser.parse_args()
    torch.set_num_threads(1)
    figures = Figures("step_kernels")
    print(f"oneDNN serves large products here: {onednn_is_faster()}")
    for part in args.parts:
        parts[part](figures, args.repeats)
    figures.write(args.json)


def products(figures: Figures, repeats: int) -> None:
    """Forward product and the gradient of W, of a batch."""
    random = torch.Generator().manual_seed(0)
    for batch, inputs, outputs in PRODUCTS:
        x = torch.randn(batch, inputs, generator=random)
        weight = torch.randn(outputs, inputs, generator=random)
        gradient = torch.randn(batch, outputs, generator=random)
        for what, a, b in (("x W^T", x, weight), ("g^T x", gradient.t(), x.t())):
            narrow = a.bfloat16(), b.bfloat16()
            runs = {"MKL": repeated(lambda a=a, b=b: a @ b.t())}
            if onednn_agrees():
                runs["oneDNN"] = repeated(lambda a=a, b=b: onednn(a, b))
            runs["bfloat16"] = repeated(lambda ab=narrow: ab[0] @ ab[1].t())
            compare(f"{batch} x {inputs} x {outputs}, {what}", runs, figures, repeats)


def onednn(a: Tensor, b: Tensor) -> Tensor:
    """The product a b^T by oneDNN, whatever the CPU."""
    found: Tensor = torch.ops.mkldnn._linear_pointwise(a, b, None, "none", [], "")
    return found


def optimizers(figures: Figures, repeats: int) -> None:
    """A step of mlp1 for MNIST: ours from its gradients on, torch's as it is called best."""
    makers: dict[str, Callable[[list[nn.Parameter]], torch.optim.Optimizer]] = {
        "sgd": lambda p: torch.optim.SGD(p, lr=1e-3, momentum=0.9, fused=True),
        "adam": lambda p: torch.optim.Adam(p, lr=1e-3, fused=True),
        "adadelta": lambda p: torch.optim.Adadelta(p, lr=1e-3, foreach=False),
    }
    for name, make in makers.items():
        network = network_of("mlp1", (1, 28, 28))
        ours = StackOptimizer(network, [TrialConfig(optimizer=name, lr=1e-3)])
        gradients = [torch.rand_like(value) for value in ours._values]
        twins = [nn.Parameter(value.clone()) for value in ours._values]
        for twin, gradient in zip(twins, gradients, strict=True):
            twin.grad = gradient
        theirs = make(twins)
        rule = ours._rule
        runs = {
            "torch": repeated(theirs.step),
            "ours": repeated(lambda rule=rule, g=gradients: rule.update(g, 1e-3)),
        }
        compare(f"{name}, mlp1", runs, figures, repeats)


def convolutions(figures: Figures, repeats: int) -> None:
    """Forward and backward of a batch of CIFAR-10's size, one member."""
    for model, batch in CONVOLUTIONS.items():
        network = network_of(model, CIFAR)
        last = network_of(model, CIFAR)
        for module in last.modules():
            for parameter in module.parameters(recurse=False):
                if parameter.dim() == 5:
                    parameter.data = channels_last(parameter.data)
        x = torch.randn(1, batch, *CIFAR, generator=torch.Generator().manual_seed(0))
        runs = {
            "as it is": passes(network, x),
            "channels last": passes(last, channels_last(x)),
            "bfloat16": passes(network, x, narrow=True),
        }
        compare(f"{model}, batch {batch}", runs, figures, max(3, repeats // 3), times=1)


def channels_last(x: Tensor) -> Tensor:
    """The same [M, N, C, H, W] with the channels of a pixel side by side in memory."""
    return x.permute(0, 1, 3, 4, 2).contiguous().permute(0, 1, 4, 2, 3)


def passes(network: nn.Module, x: Tensor, *, narrow: bool = False) -> Callable[[], None]:
    """A run of one forward and backward pass."""

    def run() -> None:
        with torch.autocast("cpu", torch.bfloat16, enabled=narrow):
            loss = network(x).float().square().mean()
        torch.autograd.grad(loss, list(network.parameters()))

    return run


def network_of(model: str, input_shape: tuple[int, int, int]) -> nn.Module:
    """One initialised member in training mode."""
    network = build_network(model, members=1, input_shape=input_shape, num_classes=10)
    reset_member(network, 0, seed=0)
    return network.train()


def repeated(run: Callable[[], object]) -> Callable[[], None]:
    """TIMES of them, as one is too short for the clock of a busy machine."""

    def runs() -> None:
        for _ in range(TIMES):
            run()

    return runs


def compare(
    name: str,
    runs: dict[str, Callable[[], None]],
    figures: Figures,
    repeats: int,
    *,
    times: int = TIMES,
) -> None:
    """Milliseconds of each, and how much faster than the first each other is."""
    found = in_turn(runs, repeats=repeats)
    first = next(iter(runs))
    for way, seconds in found.items():
        figures.add(f"{name}, {way}", [s / times * 1e3 for s in seconds], "ms")
    for way in list(runs)[1:]:
        figures.ratio(f"{name}, {first} / {way}", found[first], found[way])


if __name__ == "__main__":
    main()
