"""Whether a trial's training step is compiled: decided once, before its first batch.

What is compiled rounds differently, so the choice is part of a trial's state, and of what it tells.
"""

import math
import time
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from tune_noise.config.trial import TrialConfig
from tune_noise.errors import UserError
from tune_noise.methods.protocol import Batch, Outcome, Remembers
from tune_noise.training.compiled_step import (
    CompiledStep,
    CompilingFailed,
    has_compiler,
    kernel_key,
    obstacle,
)
from tune_noise.training.plain_step import Examples, PlainStep

Mode = Literal["auto", "on", "off"]
Step = Callable[[Examples], tuple[Batch, Outcome]]
COMPILED, PLAIN = "compiled", "plain"
NO_COMPILER = "no C++ compiler is found"
WAY_OUT = "install g++, or name a compiler in the environment variable CXX"
# What compiling for one size of batch takes without Inductor's cache, measured: 5 to 8 s for the
# perceptron, 8 to 11 s for mlp1.
COMPILE_SECONDS = 10.0
# So a step that was compiled in vain costs 5 % of the training at most.
MOST_SHARE = 0.05
# Of a step on one core: what it takes beside arithmetic, and the rate of that. A guess that is a
# number of its own, as a measured one would have two runs of one command choose differently.
SECONDS_BESIDE, OPERATIONS_PER_SECOND = 2e-4, 150e9
# A size of batch that fewer batches have is not worth a compilation.
LEAST_SHARE_OF_BATCHES = 0.1
# A compiled step is kept from here on. Those measured gain 1.13 or more, or lose (0.91: five
# replicates of mlp1 with Adam); a limit amid the gains that occur would have two runs of one
# command choose differently.
LEAST_GAIN = 1.05
PROBE_ROUNDS, PROBE_STEPS = 6, 10
# Kernels that this process has tried -> why they are not used; None: they are.
_REFUSED: dict[Hashable, str | None] = {}


@dataclass(frozen=True)
class Compiling:
    """Whether steps are compiled.

    Attributes:
        mode: `on` and `off` say it; `auto` where it pays and a probe finds it faster.
        expected_epochs: that this process is going to train with steps like this one, of this
            trial and of others; None: the trial's own.
    """

    mode: Mode = "off"
    expected_epochs: float | None = None


def check_compiler(mode: Mode) -> None:
    """Refuse to compile where nothing can.

    Raises:
        UserError: the mode is `on`, and there is no C++ compiler.
    """
    if mode == "on" and not has_compiler():
        raise UserError(f"compile: on, but {NO_COMPILER}: {WAY_OUT}, or use compile: auto")


class StepChoice:
    """Chooses how a trial runs its steps.

    Args:
        plain: its step.
        config: of the first replicate.
        compiling: None: not at all.

    Attributes:
        told: `compiled`, `plain`, or `plain: ` and why; None before the choice.
        warning: why a step that it would pay to compile cannot be; None where nothing is amiss.
    """

    def __init__(self, plain: PlainStep, config: TrialConfig, compiling: Compiling | None) -> None:
        """Choose nothing yet."""
        self._plain, self._config = plain, config
        self._compiling = compiling or Compiling()
        self._step: Step | None = None
        self._recalled: str | None = None
        self.told: str | None = None
        self.warning: str | None = None

    def recall(self, told: str | None) -> None:
        """Go on as a checkpoint says; None: one of before there was a choice."""
        self._step, self._recalled = None, told or PLAIN
        self.told = self._recalled

    def step(self, examples: Callable[[], Iterable[Examples]]) -> Step:
        """How to run a step.

        Args:
            examples: gives the batches of the pass that comes next.

        Raises:
            UserError: the mode is `on`, and there is no C++ compiler.
            CompilingFailed: the mode is `on`, and it failed.
        """
        if self._step is None:
            reason = self._reason_before()
            if reason is None:
                reason = self._try(list(examples()))
            self.told = COMPILED if reason is None else f"{PLAIN}: {reason}" if reason else PLAIN
            if self._step is None:
                self._step = self._plain
        return self._step

    def _reason_before(self) -> str | None:
        """Why nothing is to be tried, empty where it goes without saying; None: try."""
        if self._recalled is not None and self._recalled != COMPILED:
            return self._recalled.removeprefix(PLAIN).removeprefix(": ")
        if self._recalled is None and self._compiling.mode == "off":
            return ""
        return obstacle(self._plain, self._config)

    def _try(self, batches: Sequence[Examples]) -> str | None:
        """Compile the step; None, or why it is not used."""
        counts = Counter(batch.indices.shape[1] for batch in batches)
        sizes = {n for n, c in counts.items() if c >= LEAST_SHARE_OF_BATCHES * len(batches)}
        free = self._compiling.mode == "auto" and self._recalled is None
        if free and not self._pays(len(batches), num_compilations=len(sizes)):
            return "the training is too short for compiling to pay"
        check_compiler("auto" if free else self._compiling.mode)
        if not has_compiler():
            self.warning = f"training steps are not compiled: {NO_COMPILER}; {WAY_OUT}"
            return NO_COMPILER
        key = kernel_key(self._plain, self._config, max(sizes))
        if free and _REFUSED.get(key) is not None:
            return _REFUSED[key]
        step = CompiledStep(self._plain, self._config, frozenset(sizes))
        reason = None
        try:
            is_known = not free or key in _REFUSED
            gain = self._compile_and_probe(step, batches, sizes, is_known=is_known)
            if gain < LEAST_GAIN:
                reason = "it was compiled, and hardly faster"
        except CompilingFailed as error:
            if self._compiling.mode == "on":
                raise
            self.warning = f"training steps are not compiled: {error}"
            reason = str(error)
        if free:
            _REFUSED[key] = reason
        if reason is None:
            self._step = step
        return reason

    def _pays(self, num_batches: int, *, num_compilations: int) -> bool:
        """Whether compiling, even in vain, would be lost in the time of all training to come."""
        epochs = self._compiling.expected_epochs or self._config.epochs
        operations = 6 * self._config.batch_size * _num_weights(self._plain)
        seconds = SECONDS_BESIDE + operations / OPERATIONS_PER_SECOND / torch.get_num_threads()
        steps = epochs * self._config.passes_per_epoch * num_batches
        return MOST_SHARE * steps * seconds >= num_compilations * COMPILE_SECONDS

    def _compile_and_probe(
        self, step: CompiledStep, batches: Sequence[Examples], sizes: set[int], *, is_known: bool
    ) -> float:
        """How many times as fast the compiled step is; infinitely where that is known before.

        Both run on the trial's own batches, and its state is afterwards what it was.
        """
        by_size = {size: [b for b in batches if b.indices.shape[1] == size] for size in sizes}
        state = self._state()
        before = [tensor.clone() for tensor in state]
        try:
            for own in by_size.values():
                step.compile(own[0])
            return math.inf if is_known else _gain(self._plain, step, by_size[max(sizes)])
        finally:
            with torch.no_grad():
                for tensor, value in zip(state, before, strict=True):
                    tensor.copy_(value)

    def _state(self) -> list[Tensor]:
        """All that a step writes to."""
        step = self._plain
        method = step.method.state() if isinstance(step.method, Remembers) else {}
        optimizer = step.optimizer.state_tensors()
        return [*step.network.parameters(), *optimizer.values(), *method.values()]


def _num_weights(step: PlainStep) -> int:
    return sum(parameter.numel() for parameter in step.network.parameters())


def _gain(plain: Step, compiled: Step, batches: Sequence[Examples]) -> float:
    """How many times as fast the compiled step is, by the fastest of some rounds each."""
    few = batches[:PROBE_STEPS]
    seconds: dict[str, list[float]] = {PLAIN: [], COMPILED: []}
    for _ in range(PROBE_ROUNDS):
        for name, step in ((PLAIN, plain), (COMPILED, compiled)):
            started = time.perf_counter()
            for batch in few:
                step(batch)
            seconds[name].append(time.perf_counter() - started)
    return min(seconds[PLAIN]) / min(seconds[COMPILED])
