"""What a choice by a held-out part of the labels costs, against one by folds of all labels.

    python benchmarks/validation_folds.py features.npz --examples 500 1000
    python benchmarks/validation_folds.py digits --noise pair_flip --noise-rate 0.45
    python benchmarks/validation_folds.py mnist --noise symmetric --noise-rate 0.5 --examples 3000

In each repeat a part of the examples is drawn, with its noise, and a few random configurations are
trained on it: with a tenth and with three tenths of the labels held out, and with five folds. Each
way chooses by its own noisy objective. Printed are the clean test accuracy of the model that is
kept, how far the best configuration of the same way is above it, and the CPU seconds of all
trainings on one thread, with the paired differences from a part held out. The last row trains
what the folds have chosen once more, on all labels, as another model that could be kept.

With `--store FILE` every repeat is kept as soon as it is done and not trained again; `--seconds N`
begins no further one after that time, and prints those there are.
"""

import argparse
import dataclasses
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy.stats import t as student

from tune_noise.config.data_source import DataSource
from tune_noise.config.trial import TrialConfig
from tune_noise.data import Dataset, load_dataset
from tune_noise.data.own_data import load_own
from tune_noise.data.splits import nested_subset
from tune_noise.seeding import derive_seed, generator
from tune_noise.training.trial import Trial

WAYS: dict[str, dict[str, Any]] = {
    "a tenth held out": {"val_fraction": 0.1},
    "three tenths held out": {"val_fraction": 0.3},
    "five folds": {"val_folds": 5},
}
# Every epoch of every network predicts them.
MAX_TEST = 2000
ALL_LABELS = "chosen by five folds, trained on all labels"
FIXED = {
    **{"optimizer": "sgd", "lr_schedule": "linear", "batch_size": 64, "class_balance": "equal"},
    "last_epochs": 5,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("source", help="a file of one's own data, or the name of a data set")
    parser.add_argument("--label")
    parser.add_argument("--data-dir", type=Path)
    parser.add_argument("--noise", default="given")
    parser.add_argument("--noise-rate", type=float)
    parser.add_argument("--examples", type=int, nargs="+", default=[500, 1000])
    parser.add_argument("--repeats", type=int, default=20)
    parser.add_argument("--configurations", type=int, default=8)
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--store", type=Path, help="JSON lines, a repeat in each")
    parser.add_argument("--seconds", type=float, default=float("inf"))
    options = parser.parse_args()
    torch.set_num_threads(1)
    data = load_data(options)
    if data.test_inputs is not None and data.test_labels is not None:
        test = data.test_inputs[:MAX_TEST], data.test_labels[:MAX_TEST]
        data = dataclasses.replace(data, test_inputs=test[0], test_labels=test[1])
    noise = {"noise": options.noise, "epochs": options.epochs}
    if options.noise_rate is not None:
        noise["noise_rate"] = options.noise_rate
    stored, started = read_stored(options.store), time.monotonic()
    for examples in options.examples:
        rows = []
        for seed in range(options.repeats):
            key = json.dumps([options.source, noise, examples, options.configurations, seed])
            if key not in stored and time.monotonic() - started < options.seconds:
                number = options.configurations
                stored[key] = repeat(data, noise, examples=examples, number=number, seed=seed)
                if options.store is not None:
                    with options.store.open("a") as file:
                        file.write(json.dumps({"key": key, "outcome": stored[key]}) + "\n")
            if key in stored:
                rows.append(stored[key])
        if rows:
            show(rows, examples)


def read_stored(path: Path | None) -> dict[str, dict[str, tuple[float, float, float]]]:
    """Return what earlier runs have left: key -> outcome of a repeat."""
    if path is None or not path.exists():
        return {}
    lines = map(json.loads, path.read_text().splitlines())
    return {line["key"]: line["outcome"] for line in lines}


def load_data(options: argparse.Namespace) -> Dataset:
    """Load what `source`, `label` and `data_dir` of the options name."""
    if not Path(options.source).exists():
        return load_dataset(options.source, data_dir=options.data_dir)
    source = DataSource(train=options.source, label=options.label)
    return load_own(source, val_fraction=None)


def repeat(
    data: Dataset, noise: dict[str, Any], *, examples: int, number: int, seed: int
) -> dict[str, tuple[float, float, float]]:
    """Return way -> accuracy of the kept model, of the best configuration, and CPU seconds."""
    part = _part(data, examples, seed)
    fields = [noise | FIXED | c for c in configurations(number, seed, is_features=_is_flat(data))]
    seeds = {"seed": seed, "noise_seed": seed}
    outcome: dict[str, tuple[float, float, float]] = {}
    for way, split in WAYS.items():
        started = time.process_time()
        trained = [_train(part, TrialConfig(**one | split | seeds)) for one in fields]
        seconds = time.process_time() - started
        chosen = int(np.argmax([score for score, _ in trained]))
        accuracies = [accuracy for _, accuracy in trained]
        outcome[way] = accuracies[chosen], max(accuracies), seconds
    started = time.process_time()
    # The part is without a test set of its own split: all its labels are learnt.
    everything = TrialConfig(**fields[chosen] | seeds)
    _, accuracy = _train(_beside_stand_ins(part), everything)
    again = outcome["five folds"][2] + time.process_time() - started
    outcome[ALL_LABELS] = accuracy, outcome["five folds"][1], again
    return outcome


def _train(data: Dataset, config: TrialConfig) -> tuple[float, float]:
    """Return the score, and the clean test accuracy of the model that is kept."""
    trial = Trial([config], data)
    while not trial.finished:
        trial.train_epoch()
    progress = trial.progress[0]
    accuracy = progress.epochs[-1]["test_accuracy_clean"] if progress.epochs else 0.0
    return progress.best_score, 100 * accuracy


def configurations(number: int, seed: int, *, is_features: bool) -> Iterator[dict[str, Any]]:
    """Yield random configurations from the ranges of the space `own`."""
    random = generator(seed, "configurations")
    for _ in range(number):
        one: dict[str, Any] = {
            "method": str(random.choice(["standard", "elr", "gce", "co_teaching"])),
            "model": str(random.choice(["perceptron", "mlp1"])),
            "lr": float(np.exp(random.uniform(np.log(0.0005), np.log(0.02)))),
        }
        if is_features:
            one["scaling"] = str(random.choice(["standard", "unit"]))
        if one["model"] == "perceptron":
            one["weight_decay"] = float(np.exp(random.uniform(np.log(0.1), np.log(10.0))))
        one |= {
            "elr": {"elr_lambda": float(random.uniform(3.0, 7.0))},
            "gce": {"gce_q": float(random.uniform(0.3, 0.9))},
            "co_teaching": {"tau": float(random.uniform(0.1, 0.5)), "ramp_epochs": 5},
        }.get(one["method"], {})
        yield one


def _is_flat(data: Dataset) -> bool:
    return data.kind == "features"


def _part(data: Dataset, examples: int, seed: int) -> Dataset:
    """Return a random part of the training examples, with their classes in proportion."""
    everything = np.arange(len(data.train_labels))
    part = nested_subset(
        data.train_labels, everything, size=examples, seed=derive_seed(seed, "part")
    )
    return training_part(data, part)


def training_part(data: Dataset, part: np.ndarray) -> Dataset:
    """Return the data with some of their training examples, int64 positions, alone."""
    return dataclasses.replace(
        data,
        train_inputs=data.train_inputs[part],
        train_labels=data.train_labels[part],
        true_labels=None if data.true_labels is None else data.true_labels[part],
        first_equals=None,
        train_ids=None,
        shown=None,
    )


def _beside_stand_ins(data: Dataset) -> Dataset:
    """Return the data with random inputs as a validation split, so that all labels are learnt."""
    random, number = generator(0, "stand-ins"), 2 * data.num_classes
    inputs = random.permuted(data.train_inputs[:number].reshape(number, -1), axis=1)
    labels = np.arange(number, dtype=np.int64) % data.num_classes
    inputs = inputs.reshape(number, *data.input_shape)
    truth = data.true_labels
    return dataclasses.replace(
        data,
        train_inputs=np.concatenate([data.train_inputs, inputs]),
        train_labels=np.concatenate([data.train_labels, labels]),
        true_labels=None if truth is None else np.concatenate([truth, labels]),
        num_validation=number,
    )


def show(rows: list[dict[str, tuple[float, float, float]]], examples: int) -> None:
    print(f"{examples} examples, n = {len(rows)} repeats: mean [95 % t interval]")
    base, larger = (np.array([row[way] for row in rows]) for way in list(WAYS)[:2])
    for way in rows[0]:
        values = np.array([row[way] for row in rows])
        tenth, three = (interval(values[:, 0] - other[:, 0]) for other in (base, larger))
        print(
            f"  {way:<44} test {interval(values[:, 0])} %, worst {values[:, 0].min():.1f}; below "
            f"the best {np.mean(values[:, 1] - values[:, 0]):.1f}; gain over a tenth {tenth}, "
            f"over three tenths {three}; "
            f"CPU {np.mean(values[:, 2] / base[:, 2]):.2f}x",
            flush=True,
        )


def interval(values: np.ndarray) -> str:
    """Return the mean with its 95 % t interval over the repeats, as text."""
    half = student.ppf(0.975, len(values) - 1) * values.std(ddof=1) / np.sqrt(len(values))
    return f"{values.mean():.1f} [{values.mean() - half:.1f}, {values.mean() + half:.1f}]"


if __name__ == "__main__":
    main()
