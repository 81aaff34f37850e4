"""What bfloat16 in training (`precision: bfloat16`) gains, and whether the networks learn alike.

    python benchmarks/precision.py [--models conv4 conv9 mlp1] [--seeds 10] [--json FILE]

1. Time of a training step, float32 over bfloat16, batch 128, one thread, in turn; images of the
   size of MNIST (conv9: of CIFAR-10).
2. Test accuracy on `digits`, 40 % symmetric noise, after some epochs: bfloat16 minus float32, in
   pairs of one seed, in points.
"""

import argparse

from made_up_data import configuration, images_needed, made_up, shape_of
from paired import Figures, arguments, clock_option, in_turn
from timed_trial import PassClock

from tune_noise.config.trial import TrialConfig
from tune_noise.data import load_dataset
from tune_noise.training import Trial
from tune_noise.training.process import prepare_process

PRECISIONS = ("float32", "bfloat16")
# Steps per turn.
STEPS = {"perceptron": 300, "mlp1": 300, "mlp4": 200, "conv4": 20, "conv9_small": 20, "conv9": 2}
LEARNING = ("mlp1", "conv4")


def main() -> None:
    options = parse()
    prepare_process(threads=1)
    figures = Figures("precision")
    for model in options.models:
        measure_step(figures, model, options)
    if options.seeds:
        for model in LEARNING:
            compare_learning(figures, model, num_seeds=options.seeds)
    figures.write(options.json)


def parse() -> argparse.Namespace:
    assert __doc__ is not None
    parser = arguments(__doc__, "precision", repeats=7)
    clock_option(parser)
    parser.add_argument("--models", nargs="*", default=list(STEPS), choices=list(STEPS),
        metavar="NAME", help=f"default: {' '.join(STEPS)}")  # fmt: skip
    parser.add_argument("--seeds", type=int, default=10, help="0: do not compare; default 10")
    return parser.parse_args()


def measure_step(figures: Figures, model: str, options: argparse.Namespace) -> None:
    steps = STEPS[model]
    dataset = made_up(shape_of(model), num_images=max(images_needed(steps), 2_000))
    trials = [
        Trial([configuration(model, steps=steps, precision=precision)], dataset)
        for precision in PRECISIONS
    ]
    clocks = [PassClock(trial, options.clock) for trial in trials]
    turns = dict(zip(PRECISIONS, (trial._train for trial in trials), strict=True))
    in_turn(turns, repeats=options.repeats, clock=options.clock)
    print()
    plain, mixed = (clock.seconds[-options.repeats :] for clock in clocks)
    for precision, seconds in zip(PRECISIONS, (plain, mixed), strict=True):
        figures.add(f"{model}, {precision}: step", [1e3 * s / steps for s in seconds], "ms")
    figures.ratio(f"{model}: float32 / bfloat16", plain, mixed)


def compare_learning(figures: Figures, model: str, *, num_seeds: int) -> None:
    accuracies = {p: [accuracy(model, p, seed) for seed in range(num_seeds)] for p in PRECISIONS}
    pairs = zip(accuracies["bfloat16"], accuracies["float32"], strict=True)
    print()
    for precision in PRECISIONS:
        figures.add(f"{model}, {precision}: test accuracy", accuracies[precision], "%")
    figures.add(f"{model}: bfloat16 - float32", [a - b for a, b in pairs], "points")


def accuracy(model: str, precision: str, seed: int) -> float:
    """Percent, clean, of the last of 15 epochs."""
    config = TrialConfig(
        noise="symmetric",
        noise_rate=0.4,
        model=model,
        batch_size=64,
        epochs=15,
        seed=seed,
        noise_seed=seed,
        precision=precision,
    )
    trial = Trial([config], load_dataset("digits"))
    while not trial.finished:
        trial.train_epoch()
    return 100 * trial.progress[0].epochs[-1]["test_accuracy_clean"]


if __name__ == "__main__":
    main()
