"""Train one configuration on several seeds as one stack, as a command of its own.

    python benchmarks/confirmation_stack.py model=mlp1 noise_rate=0.4 epochs=5 --seeds 5

What benchmarks/stack.py compares with as many runs of `python -m tune_noise.train`.
"""

import argparse
from pathlib import Path

from tune_noise.config.loader import build_trial, parse_assignments
from tune_noise.data import load_dataset
from tune_noise.training import Trial
from tune_noise.training.process import prepare_process


def main() -> None:
    assert __doc__ is not None
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("fields", nargs="+", metavar="FIELD=VALUE")
    parser.add_argument("--seeds", type=int, default=5, help="default 5")
    parser.add_argument("--data-dir", type=Path)
    options = parser.parse_args()
    prepare_process(threads=1)
    config = build_trial(parse_assignments(options.fields), source="fields")
    configs = [
        config.model_copy(update={"seed": seed, "noise_seed": seed})
        for seed in range(options.seeds)
    ]
    trial = Trial(configs, load_dataset(config.dataset, data_dir=options.data_dir))
    while not trial.finished:
        trial.train_epoch()
    for seed, progress in enumerate(trial.progress):
        accuracy = 100 * progress.epochs[-1]["test_accuracy_clean"]
        print(f"seed {seed}: {progress.status}, test accuracy {accuracy:.1f} %")


if __name__ == "__main__":
    main()
