"""The training step as one compiled graph: gather, forward, losses, backward and update fused.

Inductor traces `PlainStep` itself, so there is one step and two ways to run it; they agree up to
rounding. What changes between epochs (learning rates, forget rates) reaches the graph as tensors.
The graph is compiled for one size of batch: with the size left open the kernels are slower. All
trials of a process that have the same network, method, optimizer and batch share it, and Inductor
keeps it on the disk for the user's other processes.
"""

import warnings
from collections.abc import Callable, Hashable
from types import CodeType, FunctionType

import torch
from torch import Tensor

from tune_noise.config.trial import TrialConfig
from tune_noise.errors import TuneNoiseError
from tune_noise.methods.protocol import Batch, Outcome, Remembers
from tune_noise.models.product import make_traceable
from tune_noise.training.plain_step import Examples, PlainStep

# Networks of linear layers alone: convolutions gain nothing.
NETWORKS = frozenset({"perceptron", "mlp1", "mlp2", "mlp4"})
# Methods that take nothing from the number of the epoch but forget rates, and do not mix.
METHODS = frozenset(
    {"standard", "standard_ensemble", "standard_long", "co_teaching", "small_loss", "jocor", "elr"}
    | {"gmm", "decoupling", "gce", "sce", "bootstrap_hard", "bootstrap_soft", "label_smoothing"}
    | {"infinite_batch"}
)
Kernel = Callable[[PlainStep, Tensor, Tensor, Tensor], tuple[Tensor, Outcome]]
_KERNELS: dict[Hashable, Kernel] = {}


class CompilingFailed(TuneNoiseError):  # noqa: N818 - it names what happened
    """Inductor cannot compile a step here."""


def obstacle(step: PlainStep, config: TrialConfig) -> str | None:
    """Why a trial's step is not one that is compiled, as the end of a sentence; None: it is."""
    if config.model not in NETWORKS:
        return f"{config.model} is not compiled"
    if config.method not in METHODS:
        return f"the method {config.method} is not compiled"
    if config.precision != "float32":
        return f"{config.precision} is not compiled"
    if config.augmentation != "none":
        return "augmentation is not compiled"
    if step.optimizer.device.type != "cpu":
        return "on a GPU nothing is compiled"
    return None


def has_compiler() -> bool:
    """Whether Inductor finds a C++ compiler: that of CXX, or g++ (on macOS clang++)."""
    from torch._inductor.cpp_builder import get_cpp_compiler
    from torch._inductor.exc import InvalidCxxCompiler

    try:
        get_cpp_compiler()
    except InvalidCxxCompiler:
        return False
    return True


def kernel_key(step: PlainStep, config: TrialConfig, batch_size: int) -> Hashable:
    """What decides the graph; steps alike in it share one."""
    # Tables of all examples are part of the graph only where a method has one.
    tables = isinstance(step.method, Remembers) or config.method == "gmm"
    return (
        config.model,
        config.method,
        config.optimizer,
        bool(config.momentum),
        tuple(tuple(parameter.shape) for parameter in step.network.parameters()),
        batch_size,
        type(step.images),
        len(step.images),
        step.num_examples if tables else None,
        step.num_replicates,
        torch.get_num_threads(),
    )


class CompiledStep:
    """Runs batches of some sizes compiled, and the others as they are.

    Args:
        plain: the step to compile.
        config: of the first replicate.
        sizes: of the batches that are compiled; each is a compilation of its own.
    """

    def __init__(self, plain: PlainStep, config: TrialConfig, sizes: frozenset[int]) -> None:
        """Nothing is compiled before the first batch of a size."""
        self._plain = plain
        self._kernels = {size: _kernel(kernel_key(plain, config, size)) for size in sizes}

    def compile(self, examples: Examples) -> None:
        """Compile for the size of a batch, by learning from it.

        Raises:
            CompilingFailed: nothing was compiled, and nothing learnt.
        """
        try:
            with warnings.catch_warnings():
                # Of torch about itself, mostly of what it imports.
                warnings.simplefilter("ignore")
                self(examples)
        except torch._dynamo.exc.TorchDynamoException as error:
            reason = " ".join(str(error).split()).partition(" Set TORCHDYNAMO_VERBOSE")[0]
            raise CompilingFailed(f"it cannot be compiled: {reason[:300]}") from error

    def __call__(self, examples: Examples) -> tuple[Batch, Outcome]:
        """Learn from a batch."""
        kernel = self._kernels.get(examples.indices.shape[1])
        if kernel is None:
            return self._plain(examples)
        indices, labels = examples.indices, examples.noisy_labels
        logits, outcome = kernel(self._plain, indices, labels, examples.images)
        return Batch(logits, labels, indices, examples.epoch), outcome


def _kernel(key: Hashable) -> Kernel:
    """The graph of a key: what was compiled for one trial serves all like it."""
    if key not in _KERNELS:
        import torch._inductor.config

        make_traceable()
        # Else there is no tracing a gradient that is taken within a step.
        torch._dynamo.config.trace_autograd_ops = True
        # In this process: a trial has its cores, and leaves no process behind.
        torch._inductor.config.compile_threads = 1
        # Dynamo counts the compilations of a code object; each kernel has one of its own.
        code: CodeType = _step.__code__.replace()
        own = FunctionType(code, _step.__globals__, "_step")
        _KERNELS[key] = torch.compile(own, dynamic=False, fullgraph=True)
    return _KERNELS[key]


def _step(
    plain: PlainStep, indices: Tensor, noisy_labels: Tensor, images: Tensor
) -> tuple[Tensor, Outcome]:
    """What is traced; the epoch is not part of it."""
    batch, outcome = plain(Examples(indices, noisy_labels, images, epoch=0, number=0))
    detached = Outcome(
        outcome.losses.detach(),
        outcome.kept,
        outcome.cross_entropies.detach(),
        outcome.forget_rates,
    )
    return batch.logits.detach(), detached
