"""How close training comes to the machine's limit: in a step, and in a whole search.

    python benchmarks/limit.py [--models mlp1 conv4] [--spaces uniform] [--data-dir DIR]

1. Share of arithmetic: the time of a step on one constant batch, over that of the step as a trial
   does it, with order, batches, labels and tally. Batch 128, one thread, in turn. Goal: 95 %.
2. Share of the ceiling: the time that the matrix products of a step take by the fastest product
   that torch offers, each alone on the same shapes, over that of the step. What is missing is
   activations, losses, optimizer and memory; convolutions are counted as products, and can do
   better than these.
3. Share of a search that is training: seconds of all trials over slots x wall time, of a search run
   as a command, from start-up to report. Each core is a slot.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from ceiling import peak, products_of_step, seconds_at_ceiling
from made_up_data import configuration, images_needed, made_up, shape_of
from paired import Figures, arguments, clock_option, in_turn
from timed_trial import ConstantBatch, PassClock

from tune_noise.data.data_dir import default_data_dir
from tune_noise.history.replay import History
from tune_noise.record import Record
from tune_noise.system.cores import usable_cores
from tune_noise.training import Trial
from tune_noise.training.process import prepare_process

# Steps per turn: an epoch of MNIST where that takes about a second.
STEPS = {"perceptron": 420, "mlp1": 420, "mlp2": 420, "mlp4": 420, "conv4": 40, "conv9": 2}
MOST_REPEATS = {"conv9": 3}
METHODS = ("standard", "co_teaching")
# Of each search: what makes it end within a minute or two.
SPACES = {
    "smoke": ["--trials", "2", "--set", "confirm.seeds=2"],
    "uniform": ["--trials", "20"],
    "mnist_symmetric": ["--trials", "4", "--epochs", "4", "--set", "train_size=12000"],
}


def main() -> None:
    options = parse()
    prepare_process(threads=1)
    figures = Figures("limit")
    if options.models:
        rate = peak()
        figures.add("largest product: operations per second", [rate / 1e9], "GFLOP/s")
    for model in options.models:
        steps = max(2, round(STEPS[model] * options.scale))
        for method in options.methods:
            measure_step(figures, model, method, steps=steps, options=options)
    for space in options.spaces:
        measure_search(figures, space, options)
    figures.write(options.json)


def parse() -> argparse.Namespace:
    assert __doc__ is not None
    parser = arguments(__doc__, "limit", repeats=7)
    clock_option(parser)
    add = parser.add_argument
    add("--models", nargs="*", default=list(STEPS), choices=list(STEPS), metavar="NAME",
        help=f"default: {' '.join(STEPS)}")  # fmt: skip
    add("--methods", nargs="+", default=list(METHODS), metavar="NAME",
        help=f"default: {' '.join(METHODS)}")  # fmt: skip
    add("--scale", type=float, default=1.0, help="of the steps per turn; default 1")
    add("--spaces", nargs="*", default=list(SPACES)[1:], metavar="NAME",
        help=f"searches to run; default: {' '.join(list(SPACES)[1:])}")  # fmt: skip
    add("--search-repeats", type=int, default=3, help="default 3")
    add("--data-dir", type=Path, default=default_data_dir(), help="holds MNIST; as of a search")
    return parser.parse_args()


def measure_step(
    figures: Figures, model: str, method: str, *, steps: int, options: argparse.Namespace
) -> None:
    repeats = min(options.repeats, MOST_REPEATS.get(model, options.repeats))
    dataset = made_up(shape_of(model), num_images=max(images_needed(steps), 20_000))
    config = configuration(model, steps=steps, method=method)
    trial = Trial([config], dataset)
    clock, constant = PassClock(trial, options.clock), ConstantBatch(trial)
    seconds = in_turn(
        {"real": trial.train_epoch, "constant": lambda: constant.train(steps)},
        repeats=repeats,
        clock=options.clock,
    )
    real, name = clock.seconds[-repeats:], f"{model}, {method}"
    print()
    figures.add(f"{name}: step", [1000 * value / steps for value in real], "ms")
    shares = [100 * a / b for a, b in zip(seconds["constant"], real, strict=True)]
    figures.add(f"{name}: share of arithmetic in the step", shares, "%")
    products = products_of_step(trial.network, constant.images)
    ceiling = seconds_at_ceiling(products)
    figures.add(
        f"{name}: share of the ceiling of its products",
        [100 * steps * ceiling / value for value in real],
        "%",
    )
    rate = sum(product.operations for product in products) * steps
    figures.add(f"{name}: operations per second", [rate / v / 1e9 for v in real], "GFLOP/s")


def measure_search(figures: Figures, space: str, options: argparse.Namespace) -> None:
    slots, whole, between = usable_cores(), [], []
    walls = []
    for _ in range(options.search_repeats):
        with tempfile.TemporaryDirectory() as folder:
            wall = run_search(space, Path(folder), options)
            trained, span = trained_seconds(Path(folder) / "search")
        walls.append(wall)
        whole.append(100 * trained / (slots * wall))
        between.append(100 * trained / (slots * span))
    print()
    figures.add(f"search {space}: wall", walls, "s")
    figures.add(f"search {space}: share of training, whole command", whole, "%")
    figures.add(f"search {space}: share of training, first ask to last end", between, "%")


def run_search(space: str, folder: Path, options: argparse.Namespace) -> float:
    """Wall seconds of a search; its files go into `folder`."""
    command = [sys.executable, "-m", "tune_noise.search", "--space", space, "--quiet"]
    command += ["--output", str(folder), "--name", "search", "--data-dir", str(options.data_dir)]
    # Folds that look for wrong labels are training, too, but the record does not time them.
    command += ["--set", "suspects.folds=0", *SPACES.get(space, [])]
    started = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - started


def trained_seconds(folder: Path) -> tuple[float, float]:
    """Seconds that all stacks trained and evaluated, and from the first ask to the last end."""
    with Record(folder / "record.db") as record:
        trials = list(History.replay(record.events()).trials.values())
    ended = [t for t in trials if t.ended_seconds is not None]
    stacks: dict[str, float] = {}
    for trial in ended:
        # Trials of one stack share its time; one that was stopped early has less of it.
        own = trial.epochs[-1]["seconds"] if trial.epochs else 0.0
        stacks[trial.stack_id] = max(own, stacks.get(trial.stack_id, 0.0))
    ends = [t.ended_seconds for t in ended if t.ended_seconds is not None]
    return sum(stacks.values()), max(ends) - min(t.asked_seconds for t in ended)


if __name__ == "__main__":
    main()
