"""What compiling the training step gains, what it takes, and after how many epochs it has paid.

The product's own compiled step against its plain one, an epoch without evaluation in turn, batch
128, one thread; once for each network, method, optimizer and number of replicates. Compiling is
timed in processes of their own: the first finds an empty cache, the second what the first left.

    python benchmarks/compiled_step.py [--models perceptron mlp1 ...] [--cpu-time]
"""

import argparse
import multiprocessing
import os
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor

from made_up_data import configuration, images_needed, made_up, shape_of
from paired import Figures, arguments, clock_option, in_turn
from timed_trial import PassClock

from tune_noise.training import Trial
from tune_noise.training.process import prepare_process
from tune_noise.training.step_choice import Compiling

# Steps per turn, and in an epoch of MNIST.
STEPS, STEPS_OF_MNIST = 100, 422
MODELS = ("perceptron", "mlp1", "mlp2", "mlp4")
METHODS = ("standard", "co_teaching")
OPTIMIZERS = ("adam", "adadelta")
REPLICATES = (1, 2, 5, 8)


def main() -> None:
    """Measure each combination."""
    options = parse()
    figures = Figures("compiled_step")
    with tempfile.TemporaryDirectory() as cache:
        os.environ["TORCHINDUCTOR_CACHE_DIR"] = cache
        prepare_process(threads=1)
        for model in options.models:
            for method in options.methods:
                for optimizer in options.optimizers:
                    for replicates in options.replicates:
                        measure(figures, options, (model, method, optimizer, replicates))
    figures.write(options.json)


def parse() -> argparse.Namespace:
    """The command line."""
    parser = arguments(__doc__ or "", "compiled_step", repeats=7)
    clock_option(parser)
    add = parser.add_argument
    for name, values in (("models", MODELS), ("methods", METHODS), ("optimizers", OPTIMIZERS)):
        add(f"--{name}", nargs="+", default=list(values), metavar="NAME",
            help=f"default: {' '.join(values)}")  # fmt: skip
    add("--replicates", nargs="+", type=int, default=list(REPLICATES), metavar="N",
        help=f"of a stack; default: {' '.join(map(str, REPLICATES))}")  # fmt: skip
    return parser.parse_args()


Case = tuple[str, str, str, int]


def trial_of(case: Case, compile_: Compiling) -> Trial:
    """A trial of made-up images of MNIST's size."""
    model, method, optimizer, replicates = case
    other = {"method": method, "optimizer": optimizer}
    configs = [configuration(model, steps=STEPS, seed=s, **other) for s in range(replicates)]
    return Trial(
        configs, made_up(shape_of(model), num_images=images_needed(STEPS)), compiling=compile_
    )


def compiling_seconds(case: Case) -> float:
    """Of one compilation, in a process that has done nothing before, with torch's imports."""
    prepare_process(threads=1)
    trial = trial_of(case, Compiling("on"))
    started = time.perf_counter()
    trial.step_choice.step(lambda: trial._examples(0))
    seconds = time.perf_counter() - started
    assert trial.step_choice.told == "compiled"
    return seconds


def measure(figures: Figures, options: argparse.Namespace, case: Case) -> None:
    """Milliseconds a step both ways, seconds to compile, epochs of MNIST until it has paid."""
    name = " ".join(map(str, case))
    to_compile = {}
    for cache in ("cold", "warm"):
        spawn = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(1, mp_context=spawn) as process:
            to_compile[cache] = process.submit(compiling_seconds, case).result()
    trials = {mode: trial_of(case, Compiling(mode)) for mode in ("off", "on")}
    clocks = {mode: PassClock(trial, options.clock) for mode, trial in trials.items()}
    in_turn({mode: trial._train for mode, trial in trials.items()}, repeats=options.repeats)
    plain, compiled = (
        [seconds / STEPS for seconds in clocks[mode].seconds[-options.repeats :]]
        for mode in ("off", "on")
    )
    print()
    figures.add(f"{name}, plain", [1e3 * s for s in plain], "ms/step")
    figures.add(f"{name}, compiled", [1e3 * s for s in compiled], "ms/step")
    figures.ratio(f"{name}, gain", plain, compiled)
    for cache, seconds in to_compile.items():
        figures.add(f"{name}, to compile, {cache}", [seconds], "s")
    saved = [(a - b) * STEPS_OF_MNIST for a, b in zip(plain, compiled, strict=True)]
    figures.add(
        f"{name}, pays after, cold",
        [to_compile["cold"] / s if s > 0 else float("inf") for s in saved],
        "epochs",
    )


if __name__ == "__main__":
    main()
