"""What a stack of networks trained side by side gains over training them one by one.

    python benchmarks/stack.py [--models mlp1 conv4] [--members 1 2 4 8] [--parts ...]

Parts, each in turn with what it is compared with, one thread, batch 128, Adam:

- members: members x samples per second of a stack of 1 to 64 standard trials, against trials
  trained one after another (a loop over stacks of 1), with the kernels that the package chooses
  and with torch's own alone;
- pair: a co-teaching step against a standard step (goal: at most 1.7 times as long), and against
  two networks trained as the authors' code does it, from images that lie normalised in memory;
- confirmation: a finalist on five seeds as one stack against five runs one after another (goal: at
  least 2.5 times as fast): first training alone in one process, then as commands with start-up.
"""

import argparse
import subprocess
import sys
from pathlib import Path

from kernels import KERNELS, under
from made_up_data import configuration, images_needed, made_up, shape_of
from naive_pair import NaivePair
from paired import Figures, arguments, clock_option, in_turn
from timed_trial import PassClock

from tune_noise.config.trial import TrialConfig
from tune_noise.data import load_dataset
from tune_noise.data.data_dir import default_data_dir
from tune_noise.training import Trial
from tune_noise.training.process import prepare_process

BATCH_SIZE = 128
# Member steps per turn: a quarter of a second to two seconds each.
MEMBER_STEPS = {
    "perceptron": 1024, "mlp1": 384, "mlp2": 384, "mlp4": 384, "conv4": 16, "conv9": 1,
}  # fmt: skip
MEMBERS = (1, 2, 4, 8, 16, 32, 64)
MOST_MEMBERS = {"conv4": 16, "conv9": 2}
MLPS = ("perceptron", "mlp1", "mlp2", "mlp4")
PAIRS = (*MLPS, "conv4")
# One whole training of the confirmation: the arguments of `python -m tune_noise.train`.
CONFIRMED = {
    "digits": {"dataset": "digits", "epochs": 30},
    "mnist": {"dataset": "mnist", "epochs": 5, "train_size": 12_000},
}


def main() -> None:
    options = parse()
    prepare_process(threads=1)
    figures = Figures("stack")
    for model in options.models:
        if "members" in options.parts:
            measure_members(figures, model, options)
    for model in options.models:
        if "pair" in options.parts and model in PAIRS:
            measure_pair(figures, model, options)
    if "confirmation" in options.parts:
        for model in options.confirmed_models:
            measure_confirmation(figures, model, options)
    if "commands" in options.parts:
        for model in options.confirmed_models:
            measure_commands(figures, model, options)
    figures.write(options.json)


def parse() -> argparse.Namespace:
    assert __doc__ is not None
    parts = ("members", "pair", "confirmation", "commands")
    parser = arguments(__doc__, "stack", repeats=5)
    clock_option(parser)
    add = parser.add_argument
    add("--parts", nargs="+", default=parts, choices=parts, metavar="NAME",
        help=f"default: {' '.join(parts)}")  # fmt: skip
    add("--models", nargs="+", default=list(MEMBER_STEPS), choices=list(MEMBER_STEPS),
        metavar="NAME", help=f"default: {' '.join(MEMBER_STEPS)}")  # fmt: skip
    add("--members", nargs="+", type=int, default=list(MEMBERS), metavar="N",
        help=f"default: {' '.join(map(str, MEMBERS))}; of conv4 and conv9 fewer")  # fmt: skip
    add("--kernels", nargs="+", default=list(KERNELS), choices=list(KERNELS), metavar="NAME",
        help=f"of the members part; default: {' '.join(KERNELS)}")  # fmt: skip
    add("--scale", type=float, default=1.0, help="of the steps per turn; default 1")
    add("--confirmed-models", nargs="+", default=["mlp1"], metavar="NAME", help="default: mlp1")
    add("--confirmed-dataset", default="mnist", choices=list(CONFIRMED), help="default: mnist")
    add("--confirmed-epochs", type=int, help="default: 5 on mnist, 30 on digits")
    add("--seeds", type=int, default=5, help="of a finalist; default 5")
    add("--data-dir", type=Path, default=default_data_dir(), help="holds MNIST; as of a search")
    return parser.parse_args()


def measure_members(figures: Figures, model: str, options: argparse.Namespace) -> None:
    runs, clocks, samples = {}, {}, {}
    most = MOST_MEMBERS.get(model, max(MEMBERS))
    # A convolution has one kernel; its one small product does not show.
    kernels = options.kernels if model in MLPS else ["chosen"]
    for members in sorted({1, *(count for count in options.members if count <= most)}):
        # Few steps of a large stack: a turn takes about as long whatever the members.
        steps = max(2, round(MEMBER_STEPS[model] * options.scale / members))
        dataset = made_up(shape_of(model), num_images=images_needed(steps))
        for kernel in kernels:
            trial = Trial(seeds_of(model, members, steps=steps), dataset)
            name = members, kernel
            clocks[name], runs[name] = (
                PassClock(trial, options.clock),
                under(kernel, trial.train_epoch),
            )
            samples[name] = members * steps * BATCH_SIZE
    in_turn(runs, repeats=options.repeats, clock=options.clock)
    pace = {
        name: [samples[name] / value for value in clock.seconds[-options.repeats :]]
        for name, clock in clocks.items()
    }
    tell_members(figures, model, pace)


def tell_members(figures: Figures, model: str, pace: dict[tuple[int, str], list[float]]) -> None:
    print()
    for (members, kernel), values in pace.items():
        name = f"{model}, {members} members, {kernel} kernels: members x samples per second"
        figures.add(name, values, "1/s")
    for (members, kernel), values in pace.items():
        name = f"{model}, {members} members"
        if kernel != "chosen":
            chosen = pace.get((members, "chosen"))
            if chosen is not None:
                figures.ratio(f"{name}: chosen / {kernel} kernels", chosen, values)
        elif members > 1:
            figures.ratio(f"{name}: stack / loop", values, pace[1, "chosen"])


def seeds_of(model: str, count: int, *, steps: int) -> list[TrialConfig]:
    return [configuration(model, steps=steps, seed=s, noise_seed=s) for s in range(count)]


def measure_pair(figures: Figures, model: str, options: argparse.Namespace) -> None:
    steps = max(2, round(MEMBER_STEPS[model] * options.scale / 2))
    dataset = made_up(shape_of(model), num_images=images_needed(steps))
    trials = {
        method: Trial([configuration(model, steps=steps, method=method)], dataset)
        for method in ("standard", "co_teaching")
    }
    clocks = {method: PassClock(trial, options.clock) for method, trial in trials.items()}
    naive = naive_pair(trials["co_teaching"], forget_rate=0.4)
    seconds = in_turn(
        {
            **{method: trial.train_epoch for method, trial in trials.items()},
            "naive": lambda: naive.train_epoch(BATCH_SIZE),
        },
        repeats=options.repeats,
        clock=options.clock,
    )
    own = {method: clock.seconds[-options.repeats :] for method, clock in clocks.items()}
    print()
    for method, values in {**own, "naive pair": seconds["naive"]}.items():
        figures.add(f"{model}, {method}: step", [1000 * v / steps for v in values], "ms")
    pair = own["co_teaching"]
    figures.ratio(f"{model}: co-teaching / standard step", pair, own["standard"])
    figures.ratio(f"{model}: naive pair / co-teaching step", seconds["naive"], pair)


def naive_pair(trial: Trial, *, forget_rate: float) -> NaivePair:
    """Two plain networks on what a trial trains on."""
    [config], data = trial.configs, trial.data
    assert data.is_clean is not None
    images = data.train_inputs.batch(data.input_of[0])
    return NaivePair(config.model, images, data.noisy_labels[0], data.is_clean[0], forget_rate)


def confirmed(model: str, seed: int, options: argparse.Namespace) -> TrialConfig:
    fields: dict[str, object] = {**CONFIRMED[options.confirmed_dataset]}
    fields |= {"noise_rate": 0.4, "model": model, "seed": seed, "noise_seed": seed}
    if options.confirmed_epochs:
        fields["epochs"] = options.confirmed_epochs
    return TrialConfig.model_validate(fields)


def measure_confirmation(figures: Figures, model: str, options: argparse.Namespace) -> None:
    """Start of the trials included: noise, split and first values, but neither torch nor data."""
    configs = [confirmed(model, seed, options) for seed in range(options.seeds)]
    dataset = load_dataset(options.confirmed_dataset, data_dir=options.data_dir)

    def train(stack: list[TrialConfig]) -> None:
        trial = Trial(stack, dataset)
        while not trial.finished:
            trial.train_epoch()

    seconds = in_turn(
        {
            "stack": lambda: train(configs),
            "one by one": lambda: [train([config]) for config in configs],
        },
        repeats=options.repeats,
        clock=options.clock,
    )
    tell_confirmation(figures, f"{model}, {options.confirmed_dataset}, training", seconds, options)


def measure_commands(figures: Figures, model: str, options: argparse.Namespace) -> None:
    """The same as commands: what a user waits for, Python's start and the data set included."""
    fields = [
        confirmed(model, s, options).model_dump(exclude_unset=True) for s in range(options.seeds)
    ]
    sets = [[f"{name}={value}" for name, value in each.items()] for each in fields]

    def command(*words: str) -> None:
        words = (*words, "--data-dir", str(options.data_dir))
        subprocess.run([sys.executable, *words], check=True, stdout=subprocess.DEVNULL)

    def one_by_one() -> None:
        for each in sets:
            options_of = [word for assignment in each for word in ("--set", assignment)]
            command("-m", "tune_noise.train", "--quiet", *options_of)

    stack = [
        str(Path(__file__).parent / "confirmation_stack.py"),
        *sets[0],
        "--seeds",
        str(options.seeds),
    ]
    seconds = in_turn(
        {"stack": lambda: command(*stack), "one by one": one_by_one},
        repeats=max(1, options.repeats - 2),
        warm_up=0,
    )
    tell_confirmation(figures, f"{model}, {options.confirmed_dataset}, commands", seconds, options)


def tell_confirmation(
    figures: Figures, name: str, seconds: dict[str, list[float]], options: argparse.Namespace
) -> None:
    print()
    figures.add(f"{name}: {options.seeds} seeds as one stack", seconds["stack"], "s")
    figures.add(f"{name}: {options.seeds} runs one after another", seconds["one by one"], "s")
    figures.ratio(f"{name}: runs / stack", seconds["one by one"], seconds["stack"])


if __name__ == "__main__":
    main()
