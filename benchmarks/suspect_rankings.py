"""Which predictions find wrong labels best, and what do they cost?

    pip install 'tune-noise[suspects]'
    python benchmarks/suspect_rankings.py measure results.jsonl --case symmetric --data-dir DATA
    python benchmarks/suspect_rankings.py measure results.jsonl --case worse --source features.npz
    python benchmarks/suspect_rankings.py table results.jsonl
    python benchmarks/suspect_rankings.py cost

`measure` ranks the labels of a case for each seed, in each way, and appends a line per seed; what
is there already is not measured again. `table` prints the results. The ways, all of the same
configuration:

- its own training: the mean of what it predicts while it is trained; nothing more is trained.
- the margin of the same means, without a model of the noise.
- four folds: four further trainings.
- five folds: out-of-fold predictions of `val_folds: 5`, which such a configuration makes anyway.
- cleanlab on the predictions of the five folds, by two of its scores.

Configurations are near those that searches have found; the noise is not shown to them. Cases:
`pair` and `symmetric` (6,000 images of MNIST; `_plain`: trained plainly), `worse` (CIFAR-10N on
features in an .npz; `worse_weak`: a network that learns by heart), `news` (a table of texts, which
static embeddings encode), `crowd` (features.npy, answers.csv and truth.csv in a folder),
`mnist_test` (MNIST's test set, with people's checks in mnist_mturk.json) and `cifar_test`
(CIFAR-10's, in an .npz of features with `labels` and `true_labels`).

`cost` trains on 10,000 to 1,000,000 made-up examples with and without the memory of training.
"""

import argparse
import json
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from tune_noise.config.data_source import DataSource
from tune_noise.config.trial import TrialConfig
from tune_noise.data import Dataset, load_dataset
from tune_noise.data.own_data import load_own
from tune_noise.metrics.suspicion import average_precision, matched
from tune_noise.reporting.statistics import Estimate, estimate
from tune_noise.training import Trial
from tune_noise.training.cross_fit import gather, learned_examples, make_folds, train_fold
from tune_noise.training.known_noise import noisy_labels, true_labels
from tune_noise.training.suspects import judge

FREE = "its own training"
MNIST = {"dataset": "mnist", "model": "mlp1", "epochs": 20}
PAIR = {**MNIST, "noise": "pair_flip", "noise_rate": 0.45}
SYMMETRIC = {**MNIST, "noise": "symmetric", "noise_rate": 0.5}
CO_TEACHING = {"method": "co_teaching", "ramp_epochs": 7}
# What the space `own` fixes.
OWN = {
    **{"noise": "given", "val_fraction": 0.3, "optimizer": "sgd", "lr_schedule": "linear"},
    **{"batch_size": 64, "class_balance": "equal", "last_epochs": 5, "epochs": 30},
}
LINEAR = {**OWN, "model": "perceptron", "scaling": "unit", "lr": 0.01, "weight_decay": 3.0}
HIDDEN = {**OWN, "model": "mlp1", "scaling": "unit"}
CASES: dict[str, dict[str, Any]] = {
    "pair": {**PAIR, **CO_TEACHING, "tau": 0.5},
    "pair_plain": PAIR,
    "symmetric": {**SYMMETRIC, **CO_TEACHING, "tau": 0.55},
    "symmetric_plain": SYMMETRIC,
    "worse": LINEAR,
    "worse_weak": {**HIDDEN, "lr": 0.01},
    "news": {**HIDDEN, "method": "elr", "elr_lambda": 3.74, "lr": 0.0013},
    "crowd": LINEAR,
    "mnist_test": {**MNIST, "noise": "given"},
    "cifar_test": {**LINEAR, "scaling": "standard", "weight_decay": 0.3},
}
IMAGES = 6000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(required=True)
    measure = commands.add_parser("measure")
    measure.add_argument("results", type=Path)
    measure.add_argument("--case", choices=CASES, required=True)
    measure.add_argument("--source", type=Path, help="of the case: a file or a folder")
    measure.add_argument("--data-dir", type=Path, help="of MNIST")
    measure.add_argument("--seeds", type=int, default=5)
    measure.set_defaults(run=run_measure)
    table = commands.add_parser("table")
    table.add_argument("results", type=Path)
    table.set_defaults(run=print_tables)
    cost = commands.add_parser("cost")
    cost.add_argument("--examples", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    cost.add_argument("--repeats", type=int, default=3)
    cost.set_defaults(run=print_cost)
    options = parser.parse_args()
    torch.set_num_threads(1)
    options.run(options)


# --- data


def load(case: str, source: Path | None, data_dir: Path | None) -> Dataset:
    """Load the data of a case, without a test set."""
    if CASES[case].get("dataset") == "mnist":
        dataset = load_dataset("mnist", data_dir=data_dir)
        dataset = _checked_test(dataset, source) if case == "mnist_test" else _part(dataset)
    else:
        assert source is not None, f"--source is missing: the data of {case}"
        dataset = _OWN_DATA.get(case, _features)(source)
    return replace(
        dataset, test_inputs=None, test_labels=None, test_ids=None, first_equals=None, extras={}
    )


def _part(dataset: Dataset) -> Dataset:
    part = np.sort(np.random.default_rng(0).permutation(len(dataset.train_labels))[:IMAGES])
    labels = dataset.train_labels[part]
    return replace(
        dataset, train_inputs=dataset.train_inputs[part], train_labels=labels, true_labels=None
    )


def _checked_test(dataset: Dataset, checks: Path | None) -> Dataset:
    """Return MNIST's test set; wrong is what fewer than three of five people confirm."""
    assert checks is not None, "--source is missing: people's checks"
    assert dataset.test_labels is not None
    truth = dataset.test_labels.copy()
    for entry in json.loads(checks.read_text()):
        if entry["mturk"]["given"] < 3:
            truth[entry["id"]] = entry["our_guessed_label"]
    labels = dataset.test_labels.copy()
    return replace(
        dataset, train_inputs=dataset.test_inputs, train_labels=labels, true_labels=truth
    )


def _features(source: Path) -> Dataset:
    return load_own(DataSource(train=str(source)), val_fraction=None)


def _news(source: Path) -> Dataset:
    columns = {"label": "label", "true_label": "true_label", "id": "id"}
    return load_own(DataSource(train=str(source), encoder="wordllama", **columns), val_fraction=0.3)


def _crowd(source: Path) -> Dataset:
    parts = {"train": "features.npy", "answers": "answers.csv", "true_labels": "truth.csv"}
    return load_own(
        DataSource(**{key: str(source / name) for key, name in parts.items()}), val_fraction=None
    )


_OWN_DATA: dict[str, Callable[[Path], Dataset]] = {"news": _news, "crowd": _crowd}


# --- rankings


def run_measure(options: argparse.Namespace) -> None:
    lines = options.results.read_text().splitlines() if options.results.exists() else []
    measured = {(row["case"], row["seed"]) for row in map(json.loads, lines)}
    dataset = load(options.case, options.source, options.data_dir)
    for seed in range(1, options.seeds + 1):
        if (options.case, seed) not in measured:
            row = {"case": options.case, "seed": seed, **measured_ways(options.case, seed, dataset)}
            with options.results.open("a") as file:
                file.write(f"{json.dumps(row)}\n")


def measured_ways(case: str, seed: int, dataset: Dataset) -> dict[str, Any]:
    """Return what each way has found, and the CPU seconds of its trainings."""
    seeds = {"seed": seed, "noise_seed": seed}
    config = TrialConfig(**CASES[case] | seeds)
    labels, truth = noisy_labels(dataset, config)[:, 0], true_labels(dataset, config.noise)
    assert truth is not None
    is_wrong = labels != truth
    folded = {k: v for k, v in CASES[case].items() if k != "val_fraction"} | {"val_folds": 5}
    ways: dict[str, dict[str, float]] = {}
    seconds = {}
    for way, one, count in (
        (FREE, config, 1),
        ("four folds", config, 4),
        ("five folds", TrialConfig(**folded | seeds), 1),
    ):
        started = time.process_time()
        by_fold = {f: train_fold(f, dataset) for f in make_folds(one, dataset, count=count)}
        seconds[way] = time.process_time() - started
        found = judge(by_fold, dataset)
        ways[way] = figures(-np.arange(len(found.examples)), is_wrong[found.examples])
        examples, probabilities = gather(by_fold, dataset)
        if way == FREE:
            learned = learned_examples(next(iter(by_fold)), dataset)[examples]
            scores = margins(probabilities, labels[examples])
            scores[learned] = matched(scores[learned], scores[~learned])
            ways["its margin"] = figures(scores, is_wrong[examples])
        elif count == 1:
            ways |= of_cleanlab(probabilities, labels[examples], is_wrong[examples])
    return {"rate": float(is_wrong.mean()), "ways": ways, "seconds": seconds}


def margins(probabilities: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return the largest probability of another class minus that of the label."""
    rows, others = np.arange(len(labels)), probabilities.copy()
    others[rows, labels] = -1.0
    return np.asarray(others.max(axis=1) - probabilities[rows, labels])


def of_cleanlab(
    probabilities: np.ndarray, labels: np.ndarray, is_wrong: np.ndarray
) -> dict[str, dict[str, float]]:
    try:
        from cleanlab.rank import get_label_quality_scores
    except ImportError:
        raise SystemExit(
            "error: cleanlab is not installed: pip install 'tune-noise[suspects]'"
        ) from None
    shares = probabilities / probabilities.sum(axis=1, keepdims=True)
    return {
        f"cleanlab, {method.replace('_', ' ')}": figures(
            -get_label_quality_scores(labels, shares, method=method), is_wrong
        )
        for method in ("self_confidence", "normalized_margin")
    }


def figures(scores: np.ndarray, is_wrong: np.ndarray) -> dict[str, float]:
    """Return the average precision, and the share missed among as many as are wrong."""
    budget = int(is_wrong.sum())
    first = np.argsort(-scores, kind="stable")[:budget]
    return {
        "average_precision": average_precision(scores.astype(float), is_wrong) or 0.0,
        "missed": 1.0 - float(is_wrong[first].sum()) / budget,
    }


# --- tables


def print_tables(options: argparse.Namespace) -> None:
    cases = defaultdict(list)
    for line in options.results.read_text().splitlines():
        cases[json.loads(line)["case"]].append(json.loads(line))
    ways = list(next(iter(cases.values()))[0]["ways"])
    print_table("average precision (%)", ways, cases, lambda row, way: percent(row, way))
    others = [way for way in ways if way != FREE]
    print_table(
        f"average precision of {FREE} minus that of another way, paired (points)",
        others,
        cases,
        lambda row, way: percent(row, FREE) - percent(row, way),
    )
    print_table(
        "missed at a budget equal to the noise rate (%)",
        ways,
        cases,
        lambda row, way: percent(row, way, "missed"),
    )
    trained = [way for way in ways if way in next(iter(cases.values()))[0]["seconds"]]
    print_table("CPU seconds", trained, cases, lambda row, way: row["seconds"][way])


def percent(row: dict[str, Any], way: str, figure: str = "average_precision") -> float:
    return 100 * float(row["ways"][way][figure])


def print_table(
    title: str,
    ways: list[str],
    cases: dict[str, list[dict[str, Any]]],
    value: Callable[[dict[str, Any], str], float],
) -> None:
    print(f"\n{title}; mean over n seeds [95 % t interval]\n")
    print(f"| case | n | {' | '.join(ways)} |")
    print(f"|{' -- |' * (2 + len(ways))}")
    for case, rows in cases.items():
        cells = [shown(estimate([value(row, way) for row in rows])) for way in ways]
        print(f"| {case} | {len(rows)} | {' | '.join(cells)} |")


def shown(value: Estimate) -> str:
    ends = "" if value.ci95 is None else f" [{value.ci95[0]:.1f}, {value.ci95[1]:.1f}]"
    return f"{value.mean:.1f}{ends}"


# --- cost


def print_cost(options: argparse.Namespace) -> None:
    print(
        "| examples | CPU time of an epoch, with over without | memory (MB) | bytes per example |"
    )
    print("| -- | -- | -- | -- |")
    for number in options.examples:
        ratios, held = [], 0
        dataset = made_up(number)
        config = TrialConfig(noise="given", model="mlp1", epochs=99, val_fraction=0.1)
        trials = [Trial([config], dataset, keeps_judgements=keeps) for keeps in (True, False)]
        held = sum(
            value.numel() * value.element_size()
            for name, value in trials[0].state()[0].items()
            if name.startswith("judgements.")
        )
        for _ in range(options.repeats):
            seconds = []
            for trial in trials:
                started = time.process_time()
                trial.train_epoch()
                seconds.append(time.process_time() - started)
            ratios.append(seconds[0] / seconds[1])
        ratio = f"{np.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"
        print(f"| {number:,} | {ratio} | {held / 1e6:.1f} | {held / number:.0f} |", flush=True)


def made_up(number: int) -> Dataset:
    random = np.random.default_rng(0)
    labels = random.integers(0, 10, number)
    inputs = random.normal(size=(number, 64)).astype(np.float32)
    inputs[np.arange(number), labels] += 2.0
    return Dataset("made-up", inputs, labels, labels, None, None, 10)


if __name__ == "__main__":
    main()
