"""What corrected labels buy, and what the search after a repair saves by the one before it.

    python benchmarks/repair.py gain runs/NAME --store gain.jsonl
    python benchmarks/repair.py curve runs/NAME --store gain.jsonl
    python benchmarks/repair.py start runs/NAME --store start.jsonl

RUN is a finished search on data of one's own whose true labels are known, which play the person.

`gain` corrects the first m suspects of the leader, and as many labels at random, and trains the
leader's configuration again on 5 seeds each: clean test accuracy, mean and sample standard
deviation. At random every seed draws labels of its own.

`curve` asks 5 audits of 200 labels each what correcting the first m suspects would gain, and puts
beside it the gain that was measured: in accuracy of the cross-fitted networks on all labels, which
is what an audit foretells, and in test accuracy by `gain`, where the file has it. Printed is in how
many audits the interval holds either.

`start` corrects the first 200 suspects and searches the new version in this process, trial after
trial, with its space and 3 seeds of the search: without a start, and with the finalists and best
trials of RUN first. Printed is after how many trials the objective of the cold search's best trial
is reached, exactly and within 0.01 of it; a search that does not reach it counts with all of its
trials. The best of many trials is in part the luckiest one. So what is best so far is also trained
on 3 seeds of its own, and printed is after how many trials their mean is within 0.01 of that of the
cold search's best, and what it is at the end.

Every training is kept in the file as soon as it is done, and not repeated; `--seconds N` begins no
further one after that time.
"""

import argparse
import csv
import dataclasses
import json
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from benchmarks.audit import asked
from tune_noise.audit.curve import curve, fit_corrected
from tune_noise.audit.estimates import AuditEstimates
from tune_noise.audit.sample import draw_sample, strata_of
from tune_noise.config.configurations import num_trials
from tune_noise.config.search import SearchConfig
from tune_noise.config.start import starting_points
from tune_noise.config.trial import TrialConfig
from tune_noise.data import Dataset
from tune_noise.history.open import read_history
from tune_noise.history.replay import History, TrialHistory
from tune_noise.record.folder import SUSPECTS_CSV, winner_dir
from tune_noise.reporting import summarise
from tune_noise.reporting.statistics import estimate
from tune_noise.service.audit.opened import OpenedAudit, open_audit
from tune_noise.service.checked_data import load_data
from tune_noise.service.earlier import configurations_of
from tune_noise.training.cross_fit import gather, make_folds, train_fold
from tune_noise.training.trial import Trial
from tune_noise.tuning.session.sampler import GroupSampler

FIRST = (0, 50, 100, 200, 400)
SEEDS, OF_SEARCHES, FRESH = range(5), range(3), range(3)
CORRECTED = AUDITED = 200
NEAR = 0.01


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=["gain", "curve", "start"])
    parser.add_argument("run", type=Path)
    parser.add_argument("--store", type=Path, required=True)
    parser.add_argument("--data-dir", type=Path)
    parser.add_argument("--seconds", type=float, default=1e9)
    options = parser.parse_args()
    torch.set_num_threads(1)
    history = read_history(options.run)
    dataset = load_data(history.config, options.data_dir)
    store = Store(options.store, time.monotonic() + options.seconds)
    measure = {"gain": gains, "curve": curves, "start": starts}[options.what]
    for row in measure(history, dataset, options.run, store):
        print(f"| {' | '.join(row)} |")


class Store:
    """Results by their keys, kept in a file, line by line."""

    def __init__(self, path: Path, end: float) -> None:
        lines = path.read_text().splitlines() if path.exists() else []
        self.known = dict(map(json.loads, lines))
        self._path, self._end = path, end

    def get(self, key: str, measure: Callable[[], Any]) -> Any:
        """Return a result, measured now if it is not known; None where the time is over."""
        if key not in self.known and time.monotonic() < self._end:
            self.known[key] = measure()
            with self._path.open("a") as file:
                file.write(json.dumps([key, self.known[key]]) + "\n")
        return self.known.get(key)


def gains(
    history: History, dataset: Dataset, folder: Path, store: Store
) -> Iterator[tuple[str, ...]]:
    [condition] = summarise(history).conditions
    assert condition.leader is not None
    config = condition.leader.config
    ranked = suspects(folder, condition.name)
    yield ("looked at", "wrong suspects", "first suspects", "wrong at random", "at random")
    yield ("--",) * 5
    for number in FIRST:
        by_rank = store.get(
            f"rank {number}",
            lambda number=number: accuracies(config, corrected(dataset, ranked[:number]), SEEDS),
        )
        drawn = [
            store.get(
                f"random {number} {seed}", lambda n=number, s=seed: at_random(config, dataset, n, s)
            )
            for seed in SEEDS
        ]
        if by_rank is not None and None not in drawn:
            wrong = wrong_of(dataset, ranked[:number])
            of_drawn = np.mean(
                [wrong_of(dataset, drawn_examples(dataset, number, s)) for s in SEEDS]
            )
            yield (f"{number}", f"{wrong}", cell(by_rank), f"{of_drawn:.0f}", cell(drawn))


def at_random(config: TrialConfig, dataset: Dataset, number: int, seed: int) -> float:
    examples = drawn_examples(dataset, number, seed)
    return accuracies(config, corrected(dataset, examples), [seed])[0]


def drawn_examples(dataset: Dataset, number: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).permutation(len(dataset.train_labels))[:number]


def suspects(folder: Path, condition: str) -> np.ndarray:
    """Return the training examples, the most suspicious first."""
    with (winner_dir(folder, condition) / SUSPECTS_CSV).open(encoding="utf-8", newline="") as file:
        return np.array([int(row["index"]) for row in csv.DictReader(file)])


def corrected(dataset: Dataset, examples: np.ndarray) -> Dataset:
    labels = dataset.train_labels.copy()
    labels[examples] = dataset.clean_labels[examples]
    return dataclasses.replace(dataset, train_labels=labels)


def wrong_of(dataset: Dataset, examples: np.ndarray) -> int:
    return int((dataset.train_labels != dataset.clean_labels)[examples].sum())


def accuracies(config: TrialConfig, dataset: Dataset, seeds: Any) -> list[float]:
    """Return the test accuracy of a configuration by seed, at the epoch that it selects."""
    configs = [config.model_copy(update={"seed": 1000 + s, "noise_seed": 1000 + s}) for s in seeds]
    return [trained.selected["test_accuracy_clean"] for trained in trained_trials(configs, dataset)]


def trained_trials(configs: list[TrialConfig], dataset: Dataset) -> list[TrialHistory]:
    trial = Trial(configs, dataset)
    histories = [TrialHistory(f"{n}", "0", "search", "all", one) for n, one in enumerate(configs)]
    for _ in range(configs[0].epochs):
        for one, metrics in zip(histories, trial.train_epoch(), strict=True):
            one.add_epoch(metrics)
    for one, progress in zip(histories, trial.progress, strict=True):
        one.status = progress.status
    return histories


def curves(
    history: History, dataset: Dataset, folder: Path, store: Store
) -> Iterator[tuple[str, ...]]:
    audit = open_audit(folder, None, None)
    population = audit.population
    truth = dataset.clean_labels[population.examples]
    foretold: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for seed in SEEDS:
        rows = store.get(f"curve {seed}", lambda seed=seed: curve_of(audit, dataset, truth, seed))
        for row in rows or ():
            foretold[row["first"]].append(row["gain"])
    yield ("corrected", "gain of cross-fitted networks", "in", "gain in the test", "in", "foretold")
    yield ("--",) * 6
    # Those of `gain`, as far as they are there.
    tested = {first: store.known.get(f"rank {first}") for first in (0, *foretold)}
    as_given = 100 * (population.predicted == truth).mean()
    for first, gains_told in foretold.items():
        share = store.get(f"fitted {first}", lambda n=first: fitted(audit, dataset, truth, n))
        measured = [None if share is None else 100 * share - as_given]
        of_test = [tested[0], tested[first]]
        measured.append(
            None if None in of_test else 100 * np.subtract(*map(np.mean, of_test[::-1]))
        )
        ends = 100 * np.array([gain["ci95"] for gain in gains_told])
        cells = [f"{first}"]
        for gain in measured:
            held = "-" if gain is None else f"{((ends[:, 0] <= gain) & (gain <= ends[:, 1])).sum()}"
            cells += ["-" if gain is None else f"{gain:+.1f}", f"{held} of {len(ends)}"]
        value = 100 * np.mean([gain["value"] for gain in gains_told])
        yield (*cells, f"{value:+.1f} ± {(ends[:, 1] - ends[:, 0]).mean() / 2:.1f}")


def curve_of(
    audit: OpenedAudit, dataset: Dataset, truth: np.ndarray, seed: int
) -> list[dict[str, Any]]:
    """Return what one audit foretells, the truth playing the person."""
    population = audit.population
    sample = draw_sample(population, labels=AUDITED, seed=seed)
    checked = asked(population, sample, truth, np.random.default_rng(seed), 0.0)
    estimates = AuditEstimates(population, strata_of(population), checked)
    config, folds = judge_of(audit)
    done = fit_corrected(
        population, checked, estimates, config, dataset, folds=folds, device="cpu", done={}
    )
    return curve(estimates, population, dict(done))


def fitted(audit: OpenedAudit, dataset: Dataset, truth: np.ndarray, number: int) -> float:
    """Return the accuracy of networks that did not learn the example, with labels corrected."""
    population = audit.population
    config, folds = judge_of(audit)
    data = corrected(dataset, population.examples[:number])
    parts = make_folds(config, data, count=folds)
    examples, chances = gather({fold: train_fold(fold, data, device="cpu") for fold in parts}, data)
    predicted = np.full(len(data.train_labels), -1)
    predicted[examples] = chances.argmax(axis=1)
    return float((predicted[population.examples] == truth).mean())


def judge_of(audit: OpenedAudit) -> tuple[TrialConfig, int]:
    """Return the configuration that judged the labels, and how many folds it had."""
    leader, suspects = audit.condition.leader, audit.condition.suspects
    assert leader is not None
    assert suspects is not None
    return next(iter(leader.counted.values())).config, suspects["folds"]


def cell(values: list[float]) -> str:
    found = estimate([100 * value for value in values])
    return f"{found.mean:.1f} ± {found.sd:.1f}"


def starts(
    history: History, dataset: Dataset, folder: Path, store: Store
) -> Iterator[tuple[str, ...]]:
    [condition] = summarise(history).conditions
    repaired = corrected(dataset, suspects(folder, condition.name)[:CORRECTED])
    points, _ = starting_points(history.config, configurations_of(history, history.config))
    yield (
        *("seed", "cold: best after", "warm: reached after", f"within {NEAR}: cold", "warm"),
        *("on fresh seeds: cold", "warm", "at the end: cold", "warm"),
    )
    yield ("--",) * 9
    counts = []
    for seed in OF_SEARCHES:
        search = history.config.model_copy(update={"seed": 7000 + seed})
        cold, warm = (
            searched(search, repaired, start, f"{name} {seed}", store)
            for name, start in (("cold", {}), ("warm", points))
        )
        if cold is None or warm is None:
            return
        fresh = [of_the_best(trials, repaired, store) for trials in (cold, warm)]
        if None in fresh[0] or None in fresh[1]:
            return
        scores = [[score for score, _ in trials] for trials in (cold, warm)]
        found = [reached(one, max(scores[0]) - near) for near in (0.0, NEAR) for one in scores]
        found += [reached(one, fresh[0][-1] - NEAR) for one in fresh]
        counts.append(found)
        yield (f"{seed}", *map(str, found), *(f"{one[-1]:.3f}" for one in fresh))
    yield ("mean", *(f"{mean:.1f}" for mean in np.mean(counts, axis=0)), "", "")


def of_the_best(
    trials: list[tuple[float, TrialConfig]], dataset: Dataset, store: Store
) -> list[Any]:
    """Return after each trial the mean objective of the best one so far, on seeds of its own."""
    means: list[Any] = []
    best = (-np.inf, trials[0][1])
    for trial in trials:
        best = max(best, trial, key=lambda one: one[0])
        config = best[1]
        fresh = [config.model_copy(update={"seed": 900 + s, "noise_seed": 900 + s}) for s in FRESH]
        key = f"fresh {config.model_dump_json(exclude={'seed', 'noise_seed'})}"
        means.append(
            store.get(
                key,
                lambda fresh=fresh: float(
                    np.mean([scored(one)[0] for one in trained_trials(fresh, dataset)])
                ),
            )
        )
    return means


def reached(scores: list[float], target: float) -> int:
    """Return after how many trials a score was reached; all of them where it was not."""
    return next((n for n, score in enumerate(scores, 1) if score >= target), len(scores))


def searched(
    search: SearchConfig, dataset: Dataset, start: Any, name: str, store: Store
) -> list[tuple[float, TrialConfig]] | None:
    """Return objective and configuration of each trial of a search, in the order of asking."""
    [condition] = search.all_conditions
    levels = num_trials(search, condition)
    samplers = {}
    for level, trials in levels.items():
        points = [
            p for p in start.get("all", ()) if search.compare is None or p[search.compare] == level
        ]
        rest = [{k: v for k, v in point.items() if k != search.compare} for point in points]
        samplers[level] = GroupSampler(search, condition, level, trials, rest)
    trials_asked = []
    for number in range(sum(levels.values())):
        level = min(levels, key=lambda one: samplers[one].num_asked)
        values = samplers[level].ask(str(number))
        config = search.trial_config(condition, values, seed=search.seed, noise_seed=search.seed)
        kept = store.get(
            f"{name} {number}", lambda config=config: scored(trained_trials([config], dataset)[0])
        )
        if kept is None:
            return None
        score, status = kept
        ended = Ended(str(number), "0", "search", "all", config, status=status, result=score)
        samplers[level].tell(ended)
        trials_asked.append((-np.inf if score is None else score, config))
    return trials_asked


def scored(trial: TrialHistory) -> tuple[float | None, str | None]:
    return trial.score, trial.status


@dataclasses.dataclass
class Ended(TrialHistory):
    """A trial of which the score alone was kept."""

    result: float | None = None

    @property
    def score(self) -> float | None:
        """The score that was kept."""
        return self.result


if __name__ == "__main__":
    main()
