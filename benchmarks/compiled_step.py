"""What torch.compile of the whole stacked step would gain, and after how many epochs it pays.

The step of `Trial`: look up a batch, forward, loss, backward, Adam or Adadelta. Against it the same
step as one compiled graph, so written that nothing is compiled twice: products are an operator of
their own, as Inductor has no lowering for oneDNN's, and the learning rate is a tensor. The seconds
that compiling takes come from a fresh cache; a second process that finds the cache needs a part.

    python benchmarks/compiled_step.py --data-dir DIR [--networks perceptron mlp1 ...]
"""

import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import torch
from paired import Figures, arguments, in_turn
from torch import Tensor

from tune_noise.config.trial import TrialConfig
from tune_noise.data import load_dataset
from tune_noise.methods import Batch
from tune_noise.models import product
from tune_noise.training import Trial
from tune_noise.training.order import split_batches
from tune_noise.training.update_rules import ADADELTA_EPS, ADAM_EPS, BETAS, RHO

BATCH, STEPS = 128, 50


def main() -> None:
    """Measure each network, optimizer and number of members."""
    parser = arguments(__doc__ or "", "compiled_step", repeats=5)
    parser.add_argument("--data-dir", type=Path, help="where MNIST lies; downloaded if it does not")
    parser.add_argument("--networks", nargs="+", default=["perceptron", "mlp1", "mlp2", "mlp4"])
    parser.add_argument("--optimizers", nargs="+", default=["adam", "adadelta"])
    parser.add_argument("--members", nargs="+", type=int, default=[1, 2, 5, 8])
    args = parser.parse_args()
    torch.set_num_threads(1)
    dataset = load_dataset("mnist", data_dir=args.data_dir)
    make_products_traceable()
    figures = Figures("compiled_step")
    for model in args.networks:
        for optimizer in args.optimizers:
            for members in args.members:
                configs = [
                    TrialConfig(model=model, optimizer=optimizer, batch_size=BATCH, seed=seed)
                    for seed in range(members)
                ]
                name = f"{model} {optimizer} {members}"
                measure(name, Trial(configs, dataset), figures, repeats=args.repeats)
    figures.write(args.json)


def measure(name: str, trial: Trial, figures: Figures, *, repeats: int) -> None:
    """Milliseconds a step both ways, seconds to compile, and the epochs after which it has paid."""
    trial.network.train()
    batches = [b for b in split_batches(trial._order(0), BATCH) if b.shape[1] == BATCH]
    plain, compiled = plain_step(trial), compiled_step(trial)
    with tempfile.TemporaryDirectory() as folder, torch._inductor.utils.fresh_cache(dir=folder):
        started = time.perf_counter()
        compiled(batches[0])
        seconds_to_compile = time.perf_counter() - started
        found = in_turn(
            {"plain": over(batches[:STEPS], plain), "compiled": over(batches[:STEPS], compiled)},
            repeats=repeats,
        )
    per_step = {way: [seconds / STEPS for seconds in all_] for way, all_ in found.items()}
    for way, seconds in per_step.items():
        figures.add(f"{name}, {way}", [s * 1e3 for s in seconds], "ms/step")
    figures.ratio(f"{name}, gain", per_step["plain"], per_step["compiled"])
    figures.add(f"{name}, to compile", [seconds_to_compile], "s")
    pairs = zip(per_step["plain"], per_step["compiled"], strict=True)
    saved = [(a - b) * len(split_batches(trial._order(0), BATCH)) for a, b in pairs]
    figures.add(
        f"{name}, pays after",
        [seconds_to_compile / s if s > 0 else float("inf") for s in saved],
        "epochs",
    )
    torch._dynamo.reset()


def over(batches: list[Tensor], step: Callable[[Tensor], object]) -> Callable[[], None]:
    """A run of some steps."""

    def run() -> None:
        for indices in batches:
            step(indices)

    return run


def losses_of(trial: Trial, indices: Tensor) -> Tensor:
    """Forward pass and losses of a batch."""
    data = trial.data
    images = data.train_images.batch(data.image_of[indices])
    logits = trial.network(images).unflatten(0, (len(indices), -1))
    labels = data.noisy_labels.gather(1, indices)
    return trial.method(Batch(logits, labels, indices, 0)).losses.sum()


def plain_step(trial: Trial) -> Callable[[Tensor], object]:
    """As `Trial` does it."""
    return lambda indices: trial.optimizer.step(losses_of(trial, indices))


def compiled_step(trial: Trial) -> Callable[[Tensor], object]:
    """The same as one graph; it has a state of its own."""
    torch._dynamo.config.trace_autograd_ops = True
    parameters = list(trial.network.parameters())
    first, second = ([torch.zeros_like(p) for p in parameters] for _ in range(2))
    count, lr = torch.zeros(()), torch.tensor(trial.configs[0].lr)
    update = adam if trial.configs[0].optimizer == "adam" else adadelta

    def step(indices: Tensor) -> Tensor:
        loss = losses_of(trial, indices)
        gradients = torch.autograd.grad(loss, parameters)
        with torch.no_grad():
            count.add_(1)
            for row in zip(parameters, gradients, first, second, strict=True):
                update(*row, count, lr)
        return loss.detach()

    compiled: Callable[[Tensor], object] = torch.compile(step, dynamic=False, fullgraph=True)
    return compiled


def adam(p: Tensor, g: Tensor, mean: Tensor, square: Tensor, count: Tensor, lr: Tensor) -> None:
    """One step of Adam in plain tensor operations, which Inductor makes one loop of."""
    mean.lerp_(g, 1.0 - BETAS[0])
    square.mul_(BETAS[1]).addcmul_(g, g, value=1.0 - BETAS[1])
    root = torch.sqrt(square) / torch.sqrt(1.0 - BETAS[1] ** count)
    p.sub_(lr / (1.0 - BETAS[0] ** count) * mean / (root + ADAM_EPS))


def adadelta(p: Tensor, g: Tensor, square: Tensor, acc: Tensor, count: Tensor, lr: Tensor) -> None:
    """One step of Adadelta, likewise."""
    square.mul_(RHO).addcmul_(g, g, value=1.0 - RHO)
    delta = torch.sqrt(acc + ADADELTA_EPS) / torch.sqrt(square + ADADELTA_EPS) * g
    acc.mul_(RHO).addcmul_(delta, delta, value=1.0 - RHO)
    p.sub_(lr * delta)


def make_products_traceable() -> None:
    """Have the products that go to oneDNN be an operator that torch.compile leaves as it is."""
    if not product.onednn_is_faster():
        return
    library = torch.library.Library("benchmark", "FRAGMENT")
    library.define("product(Tensor a, Tensor b, Tensor? bias) -> Tensor")
    own = torch.ops.mkldnn._linear_pointwise
    library.impl("product", lambda a, b, bias: own(a, b, bias, "none", [], ""), "CPU")
    torch.library.register_fake(
        "benchmark::product", lambda a, b, bias: a.new_empty(len(a), len(b)), lib=library
    )
    make_products_traceable.library = library  # type: ignore[attr-defined]  # else it goes again

    def traceable(a: Tensor, b: Tensor, bias: Tensor | None = None) -> Tensor:
        if product._suits_onednn(a, len(a), len(b), a.shape[1]):
            return torch.ops.benchmark.product(a, b, bias)
        return a @ b.t() if bias is None else torch.addmm(bias, a, b.t())

    product._product = traceable
    product.onednn_is_faster = lambda: True


if __name__ == "__main__":
    main()
