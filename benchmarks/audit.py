"""What an audit promises, where the truth plays the person: coverage, width and bias.

    python benchmarks/audit.py train CACHE --data DATA --features worse.npz --text train.csv
    python benchmarks/audit.py estimates CACHE [--mistakes 0.05]
    python benchmarks/audit.py until CACHE
    python benchmarks/audit.py population CACHE --data DATA --features worse.npz
    python benchmarks/audit.py people CACHE --data DATA --label-errors FOLDER --features test.npz

`train` cross-fits two configurations with fixed settings on each case, and keeps what they predict:
digits with 30 % symmetric noise, a part of MNIST with 20 % symmetric noise and with pair flips of
45 %, features of images with labels of people (.npz with `features`, `labels`, `true_labels`; may
be given several times), and texts with labels of people (.csv with `text`, `label`, `true_label`).

`estimates` draws 1,000 samples of 50, 100 and 200 labels of each case and estimates with the
package's own code; figures of one class on every tenth sample. For each figure: its truth,
how often the 95 % interval holds it, the mean half-width, the same relative to a simple random
sample of as many (Wilson's interval), the bias, and the number of intervals. With `--mistakes` the
person names a wrong class that often. `population` compares what cross-fitted networks get right
with what networks trained on all of it get right on the test set, 3 seeds. `until` draws on until
both half-widths are small enough.

`people` takes the labels of test images that five people have checked: `mnist_mturk.json` in FOLDER
and, where features of CIFAR-10's test images are given with their labels, `cifar10_mturk.json`. A
label is wrong that fewer than three of the five confirm. The population is once these images alone,
and once the whole test set, in which an image that nobody has checked counts as right.
"""

import argparse
import json
import math
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from tune_noise.audit.checked import Checked
from tune_noise.audit.estimates import AuditEstimates
from tune_noise.audit.estimator import Estimated
from tune_noise.audit.plan import CONFIDENCE_OF_LOOKS, labels_for
from tune_noise.audit.population import Population
from tune_noise.audit.sample import Sample, draw_sample, strata_of
from tune_noise.config.loader import build_source
from tune_noise.config.trial import TrialConfig
from tune_noise.data import Dataset, load_dataset
from tune_noise.data.own_data import load_own
from tune_noise.reporting.statistics import share_interval
from tune_noise.training import Trial, with_material
from tune_noise.training.cross_fit import gather, make_folds, train_fold
from tune_noise.training.judgements import Judgements
from tune_noise.training.suspects import judge

OWN = {"noise": "given", "optimizer": "sgd", "lr_schedule": "linear", "batch_size": 64}
OWN |= {"class_balance": "equal", "epochs": 30, "last_epochs": 5, "val_fraction": 0.3}
MNIST = {"dataset": "mnist", "model": "mlp1", "lr": 0.001, "val_fraction": 0.1}
FEATURES = {**OWN, "model": "perceptron", "scaling": "unit", "lr": 0.02, "weight_decay": 3.0}
TEXT = {**OWN, "model": "perceptron", "lr": 0.01, "weight_decay": 1.0, "epochs": 15}
# The settings of the leader, and what the other finalist has in their place.
CASES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "digits": (
        {"noise": "symmetric", "noise_rate": 0.3, "model": "mlp1", "lr": 0.003, "epochs": 20},
        {"model": "perceptron"},
    ),
    "mnist_symmetric": (
        {**MNIST, "noise": "symmetric", "noise_rate": 0.2, "epochs": 12}
        | {"method": "co_teaching", "tau": 0.2, "ramp_epochs": 5},
        {"method": "standard"},
    ),
    "mnist_pair": (
        {**MNIST, "noise": "pair_flip", "noise_rate": 0.45, "epochs": 15}
        | {"method": "co_teaching", "tau": 0.5, "ramp_epochs": 7},
        {"method": "standard"},
    ),
}
IMAGES, FOLDS, SIZES, SUSPECTS = 6000, 4, (50, 100, 200), 100
OF_TEST_SET = {"scaling": "standard", "weight_decay": 0.3, "lr": 0.01}
PEOPLE = {"dataset": "mnist", "noise": "given", "model": "mlp1", "lr": 0.001, "epochs": 12}


def main() -> None:
    parser = argparse.ArgumentParser(description="Coverage and width of an audit's intervals.")
    parser.add_argument("what", choices=["train", "estimates", "population", "until", "people"])
    parser.add_argument("cache", type=Path)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--features", type=Path, action="append", default=[])
    parser.add_argument("--text", type=Path)
    parser.add_argument("--label-errors", type=Path)
    parser.add_argument("--cases", nargs="+")
    parser.add_argument("--sizes", nargs="+", type=int, default=SIZES)
    parser.add_argument("--repetitions", type=int, default=1000)
    parser.add_argument("--mistakes", type=float, default=0.0)
    options = parser.parse_args()
    torch.set_num_threads(1)
    if options.what == "train":
        for case in cases(options):
            train(case, options)
    elif options.what == "population":
        for case in cases(options):
            population_of(case)
    elif options.what == "people":
        people(options)
    else:
        measure = estimates_of if options.what == "estimates" else until_of
        for path in sorted(options.cache.glob("*.npz")):
            if options.cases is None or path.stem in options.cases:
                measure(path, options)


@dataclass(frozen=True)
class Case:
    """A case: its data, and the settings of the two finalists."""

    name: str
    dataset: Dataset
    leader: dict[str, Any]
    other: dict[str, Any]

    def config(self, values: dict[str, Any], seed: int = 1) -> TrialConfig:
        """One training; what another method needs is left out."""
        if values.get("method") == "standard":
            values = {k: v for k, v in values.items() if k not in ("tau", "ramp_epochs")}
        return TrialConfig.model_validate({**values, "seed": seed, "noise_seed": seed})


def cases(options: argparse.Namespace) -> Iterator[Case]:
    for name, (leader, other) in CASES.items():
        if options.cases is None or name in options.cases:
            data = load_dataset(leader.get("dataset", "digits"), data_dir=options.data)
            yield Case(name, thinned(data), leader, {**leader, **other})
    sources = {path.stem: (path, FEATURES, {"scaling": "standard"}) for path in options.features}
    if options.text is not None:
        sources["text"] = (options.text, TEXT, {"model": "mlp1", "weight_decay": 0.0})
    for name, (path, leader, other) in sources.items():
        if options.cases is None or name in options.cases:
            source = build_source({"data": str(path)}, source=str(path))
            data = load_own(source, val_fraction=0.3, cache_dir=options.cache / "encoded")
            yield Case(name, data, leader, {**leader, **other})


def train(case: Case, options: argparse.Namespace) -> None:
    options.cache.mkdir(parents=True, exist_ok=True)
    path = options.cache / f"{case.name}.npz"
    if path.exists():
        return
    judged, truth = cross_fitted(case.dataset, case.config(case.leader))
    other, _ = cross_fitted(case.dataset, case.config(case.other))
    by_example = other.predicted[np.argsort(other.examples)]
    np.savez_compressed(path, **vars(judged), truth=truth, other=by_example[judged.examples])
    right = (judged.predicted == truth).mean()
    print(f"{case.name}: {100 * right:.1f} % right, {100 * (judged.given == truth).mean():.1f} %")


def population_of(case: Case) -> None:
    """Cross-fitted accuracy on the population beside test accuracy of the whole configuration."""
    pairs = []
    for seed in (1, 2, 3):
        config = case.config(case.leader, seed)
        judged, truth = cross_fitted(case.dataset, config)
        trial = Trial([config], with_material(case.dataset, [config]))
        while not trial.finished:
            trial.train_epoch()
        trial.network.load_state_dict(trial.best_weights)
        logits = trial.test_logits()
        assert logits is not None
        assert case.dataset.test_labels is not None
        predicted = logits[0].double().softmax(dim=2).mean(dim=0).argmax(dim=1).cpu().numpy()
        tested = (predicted == case.dataset.test_labels).mean()
        pairs.append((100 * (judged.predicted == truth).mean(), 100 * tested))
    crossed, tested = np.array(pairs).T
    gap = crossed - tested
    cells = [case.name, f"{crossed.mean():.1f}", f"{tested.mean():.1f}"]
    cells += [f"{gap.mean():+.1f} ± {gap.std(ddof=1):.1f}", "3"]
    print(f"| {' | '.join(cells)} |", flush=True)


def thinned(dataset: Dataset) -> Dataset:
    """A random part of the training examples, the same each time; all of a small data set."""
    number = len(dataset.train_labels)
    part = np.sort(np.random.default_rng(0).permutation(number)[:IMAGES])
    return replace(
        dataset,
        train_inputs=dataset.train_inputs[part],
        train_labels=dataset.train_labels[part],
        true_labels=None if dataset.true_labels is None else dataset.true_labels[part],
    )


def cross_fitted(dataset: Dataset, config: TrialConfig) -> tuple[Judgements, np.ndarray]:
    """What the networks of a configuration say of all labels, and the truth in the same order."""
    dataset = with_material(dataset, [config])
    folds = make_folds(config, dataset, count=FOLDS)
    by_fold = {fold: train_fold(fold, dataset) for fold in folds}
    suspects = judge(by_fold, dataset)
    examples, _ = gather(by_fold, dataset)
    assert len(examples) == len(dataset.train_labels)
    judged = Judgements(
        examples=suspects.examples,
        copies=suspects.copies,
        given=suspects.given_labels,
        predicted=suspects.predicted_labels,
        suspicion=suspects.probabilities,
        classes=suspects.classes,
        chances=suspects.chances,
    )
    truth = suspects.true_labels
    return judged, np.empty(0) if truth is None else truth


def read_case(path: Path) -> tuple[Population, np.ndarray, np.ndarray]:
    """The population, its truth and the predictions of the other finalist, row by row."""
    with np.load(path) as file:
        arrays = dict(file)
    truth, other = arrays.pop("truth"), arrays.pop("other")
    classes = int(max(truth.max(), arrays["given"].max())) + 1
    return Population(path.stem, "leader", classes, Judgements(**arrays)), truth, other


def asked(
    population: Population, sample: Sample, truth: np.ndarray, random: np.random.Generator, p: float
) -> Checked:
    """What a person says of a sample who names a wrong class with this probability."""
    rows = np.array([population.row_of[example] for example in sample.examples.tolist()])
    classes = population.num_classes
    shift = random.integers(1, classes, len(rows)) * (random.random(len(rows)) < p)
    return Checked(rows, np.eye(classes + 1)[(truth[rows] + shift) % classes], {})


def estimates_of(path: Path, options: argparse.Namespace) -> None:
    population, truth, other = read_case(path)
    strata, true = strata_of(population), truths(population, truth, other)
    size = len(population)
    for labels in options.sizes:
        pairs_of = defaultdict[str, list[tuple[Estimated, float]]](list)
        for repetition in range(options.repetitions):
            sample = draw_sample(population, labels=labels, seed=repetition)
            random = np.random.default_rng(repetition)
            checked = asked(population, sample, truth, random, options.mistakes)
            estimates = AuditEstimates(population, strata, checked)
            every = repetition % 10 == 0
            for name, estimated in figures(estimates, population, other, classes=every):
                if estimated is not None and not math.isnan(true[name]):
                    pairs_of[name.partition("|")[0]].append((estimated, true[name]))
        for name, pairs in pairs_of.items():
            print(line(path.stem, labels, name, pairs, size), flush=True)


def figures(
    estimates: AuditEstimates, population: Population, other: np.ndarray, *, classes: bool
) -> Iterator[tuple[str, Estimated | None]]:
    """All figures of an audit; those of one class are named after it, behind a bar."""
    leader = population.predicted
    yield "noise rate", estimates.noise_rate()
    yield "accuracy", estimates.accuracy(leader)
    yield "accuracy of the other", estimates.accuracy(other)
    yield "difference", estimates.difference(leader, other)
    yield f"precision of the first {SUSPECTS}", estimates.precision(SUSPECTS)
    yield f"recall of the first {SUSPECTS}", estimates.recall(SUSPECTS)
    yield "balanced accuracy", estimates.balanced_accuracy(leader)
    if not classes:
        return
    for k in range(population.num_classes):
        yield f"noise rate of a given class|{k}", estimates.noise_rate(population.given == k)
        yield f"recall of a class|{k}", estimates.recall_of_class(leader, k)
        yield f"labels kept, of a true class|{k}", estimates.recall_of_class(population.given, k)


def truths(population: Population, truth: np.ndarray, other: np.ndarray) -> dict[str, float]:
    leader, given = population.predicted, population.given
    wrong, first = given != truth, np.arange(len(truth)) < SUSPECTS
    by_class = [truth == k for k in range(population.num_classes)]
    values = {
        "noise rate": wrong.mean(),
        "accuracy": (leader == truth).mean(),
        "accuracy of the other": (other == truth).mean(),
        "difference": (leader == truth).mean() - (other == truth).mean(),
        "balanced accuracy": np.mean([(leader == truth)[of].mean() for of in by_class]),
        f"precision of the first {SUSPECTS}": wrong[first].mean(),
        f"recall of the first {SUSPECTS}": wrong[first].sum() / wrong.sum(),
    }
    for k, of in enumerate(by_class):
        values[f"noise rate of a given class|{k}"] = wrong[given == k].mean()
        values[f"recall of a class|{k}"] = (leader == truth)[of].mean()
        values[f"labels kept, of a true class|{k}"] = 1.0 - wrong[of].mean()
    return {name: float(value) for name, value in values.items()}


def line(case: str, labels: int, name: str, pairs: list[tuple[Estimated, float]], size: int) -> str:
    n = len(pairs)
    # Where everything was checked the interval is a point.
    holds = np.mean([e.low - 1e-9 <= truth <= e.high + 1e-9 for e, truth in pairs])
    width = np.mean([e.half_width for e, _ in pairs])
    bias = np.mean([e.value - truth for e, truth in pairs])
    truth = np.mean([truth for _, truth in pairs])
    relative = "-"
    if name in ("noise rate", "accuracy", "accuracy of the other"):
        relative = f"{width / simple_half_width(truth, labels, size):.2f}"
    cells = [case, str(labels), name, f"{100 * truth:.1f}", f"{100 * holds:.1f}"]
    cells += [f"{100 * width:.1f}", relative, f"{100 * bias:+.2f}", f"{n:,}"]
    return f"| {' | '.join(cells)} |"


def simple_half_width(share: float, labels: int, size: int) -> float:
    """The mean half-width of Wilson's interval by simple random samples."""
    random = np.random.default_rng(0)
    hits = random.hypergeometric(round(share * size), size - round(share * size), labels, 4000)
    effective = np.full(4000, labels / (1.0 - labels / size))
    low, high = share_interval(hits / labels, effective)
    return float((high - low).mean() / 2)


def until_of(path: Path, options: argparse.Namespace) -> None:
    population, truth, _ = read_case(path)
    strata, wrong = strata_of(population), population.given != truth
    right = population.predicted == truth
    for points in (2, 3):
        holds, numbers, looks = [], [], []
        begin = labels_for(population, points / 100)
        for repetition in range(options.repetitions):
            sample, number, look = None, begin, 0
            while True:
                look += 1
                sample = draw_sample(population, labels=number, seed=repetition, before=sample)
                checked = asked(population, sample, truth, np.random.default_rng(0), 0.0)
                estimates = AuditEstimates(
                    population, strata, checked, confidence=CONFIDENCE_OF_LOOKS
                )
                accuracy, rate = estimates.accuracy(population.predicted), estimates.noise_rate()
                assert rate is not None
                widest = max(accuracy.half_width, rate.half_width)
                if widest <= points / 100 or len(sample) == len(population):
                    break
                scales = estimates.scales()
                number = labels_for(population, points / 100, before=len(sample), scales=scales)
            holds.append(
                (
                    accuracy.low <= right.mean() <= accuracy.high,
                    rate.low <= wrong.mean() <= rate.high,
                )
            )
            numbers.append(len(sample))
            looks.append(look)
        low, middle, high = np.percentile(numbers, (5, 50, 95))
        shares = " | ".join(f"{100 * share:.1f}" for share in np.mean(holds, axis=0))
        span = f"{middle:.0f} [{low:.0f}, {high:.0f}] of {len(population):,}"
        cells = [path.stem, f"± {points}", span, f"{np.mean(looks):.2f}", shares]
        print(f"| {' | '.join(cells)} | {options.repetitions:,} |", flush=True)


def people(options: argparse.Namespace) -> None:
    """Print how precision is estimated where five people have said which labels are wrong."""
    for name, dataset, config in checked_test_sets(options):
        entries = json.loads((options.label_errors / f"{name}_mturk.json").read_text())
        votes = {entry["id"]: entry["mturk"]["given"] for entry in entries}
        guess = {entry["id"]: entry["our_guessed_label"] for entry in entries}
        judged = kept_judgements(options.cache / "people" / f"{name}.npz", dataset, config)
        # Fewer than three of the five confirm the label: it is another class, or none.
        wrong = np.array([votes.get(example, 5) < 3 for example in judged.examples.tolist()])
        truth = judged.given.copy()
        truth[wrong] = [guess[example] for example in judged.examples[wrong].tolist()]
        is_checked = np.isin(judged.examples, list(votes))
        whole = np.ones(len(wrong), dtype=bool)
        for part, rows in (("checked", is_checked), ("all", whole)):
            inside = Judgements(**{key: array[rows] for key, array in vars(judged).items()})
            population = Population(f"{name}, {part}", "leader", 10, inside)
            precision_of(population, truth[rows], is_checked[rows], options)


def checked_test_sets(options: argparse.Namespace) -> Iterator[tuple[str, Dataset, TrialConfig]]:
    """Yield the test sets that people have checked, as data to learn from, and how to do so."""
    mnist = load_dataset("mnist", data_dir=options.data)
    assert mnist.test_inputs is not None
    assert mnist.test_labels is not None
    data = replace(mnist, train_inputs=mnist.test_inputs, train_labels=mnist.test_labels)
    data = replace(data, true_labels=None, test_inputs=None, test_labels=None)
    yield "mnist", data, TrialConfig.model_validate({**PEOPLE, "val_fraction": 0.1})
    for path in options.features:
        source = build_source({"data": str(path)}, source=str(path))
        data = replace(load_own(source, val_fraction=0.3), true_labels=None)
        yield "cifar10", data, TrialConfig.model_validate({**FEATURES, **OF_TEST_SET})


def kept_judgements(path: Path, dataset: Dataset, config: TrialConfig) -> Judgements:
    """Return what cross-fitted networks say of all labels, from a file where that is there."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        np.savez_compressed(path, **vars(cross_fitted(dataset, config)[0]))
    with np.load(path) as file:
        return Judgements(**file)


def precision_of(
    population: Population, truth: np.ndarray, is_checked: np.ndarray, options: argparse.Namespace
) -> None:
    """Print for some sizes of the sample how precision is estimated, and how it was."""
    wrong, size = population.given != truth, len(population)
    sizes = (size // 4, size // 2, 3 * size // 4) if is_checked.all() else (100, 200, 400)
    for first in (10, 25, 50, 100):
        cells = [population.condition, f"first {first}", f"{is_checked[:first].sum()}"]
        print(f"| {' | '.join(cells)} checked, {wrong[:first].sum()} wrong |", flush=True)
    for labels in sizes:
        pairs_of = defaultdict[str, list[tuple[Estimated, float]]](list)
        for repetition in range(options.repetitions):
            sample = draw_sample(population, labels=labels, seed=repetition)
            checked = asked(population, sample, truth, np.random.default_rng(0), 0.0)
            estimates = AuditEstimates(population, strata_of(population), checked)
            rate = estimates.noise_rate()
            assert rate is not None
            pairs_of["wrong labels"].append((rate, float(wrong.mean())))
            for first in (10, 25, 50, 100):
                if first < size and (estimated := estimates.precision(first)) is not None:
                    share = float(wrong[:first].mean())
                    pairs_of[f"precision of the first {first}"].append((estimated, share))
        for name, pairs in pairs_of.items():
            print(line(population.condition, labels, name, pairs, size), flush=True)


if __name__ == "__main__":
    main()
