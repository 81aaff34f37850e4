"""Whole searches of the space `own` with and without a start, by the session that searches use."""

import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.criteria.population import Problem
from benchmarks.regimes.conditions import Regime
from benchmarks.regimes.pool import FIXED, as_dataset
from benchmarks.regimes.study import data_of, interval
from benchmarks.regimes.tables import print_rows
from tune_noise.config.loader import read_search
from tune_noise.config.search import SearchConfig
from tune_noise.config.start import starting_points
from tune_noise.history.ranking import best_trial
from tune_noise.history.replay import TrialHistory
from tune_noise.record import Event, Record
from tune_noise.training.trial import Trial
from tune_noise.tuning.session.session import Session

TRIALS = 24
AFTER = (4, 8, 12, 24)


def own_search(seed: int) -> SearchConfig:
    """Return the search of the space `own`, short; its data set is put in its place later."""
    changes = {"epochs": FIXED["epochs"], "trials": TRIALS, "seed": seed, "name": "own"}
    return read_search("own", {"data": "digits.csv", **changes})


def search(problem: Problem, start: list[dict[str, Any]], seed: int) -> dict[str, Any]:
    """Run the trials of a search one after the other, without Ray and without a confirmation.

    Args:
        problem: its data.
        start: configurations that are asked first; none: a cold search.
        seed: of the search.

    Returns:
        For each number of trials `accuracies`, in per cent, of what the objective would choose
        then, and `scores`, its objective; `remarks`, how the start was fitted to the space.
    """
    config, dataset = own_search(seed), as_dataset(problem)
    points, remarks = starting_points(config, {"all": start})
    with tempfile.TemporaryDirectory() as folder, Record(Path(folder) / "record.db") as record:
        record.append(Event("search", data={"config": config.to_plain(), "start": points}))
        session = Session(config, record)
        while (stack := session.next_stack()) and stack.stage == "search":
            trial = Trial(stack.configs, dataset)
            while not trial.finished:
                trial.train_epoch()
            progress = trial.progress[0]
            session.report(
                {
                    stack.stack_id: {
                        "facts": {"examples": len(problem.labels)},
                        "epochs": progress.epochs,
                        "status": progress.status,
                        "stop_reason": progress.stop_reason,
                    }
                }
            )
        trials = session.history.of(condition="all", stage="search")
    leaders = [best_trial(trials[:number]) for number in range(1, len(trials) + 1)]
    return {
        "accuracies": [0.0 if leader is None else _accuracy(leader) for leader in leaders],
        "scores": [None if leader is None else leader.score for leader in leaders],
        "remarks": remarks,
    }


def _accuracy(leader: TrialHistory) -> float:
    return round(100.0 * (leader.selected or {})["test_accuracy_clean"], 2)


def print_searches(path: Path) -> None:
    """Print what a start gains in whole searches, and how soon it has a cold search's best."""
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    data = np.array([data_of(Regime(**row["regime"])) for row in rows])
    cold = np.array([_whole(row["cold"]["accuracies"]) for row in rows])
    ways = [way for way in rows[0] if isinstance(rows[0][way], dict) and "scores" in rows[0][way]]
    print(f"## Searches of `own`: {len(rows)} conditions, {len(np.unique(data))} data sets\n")
    table = []
    for way in ways:
        warm = np.array([_whole(row[way]["accuracies"]) for row in rows])
        needed, of_cold = (
            np.array([_needed(row[arm]["scores"], row["cold"]["scores"][-1]) for row in rows])
            for arm in (way, "cold")
        )
        table.append(
            [
                way,
                *(f"{_mean(warm[:, n - 1], data):.1f}" for n in AFTER),
                *(interval((warm - cold)[:, n - 1], data) for n in AFTER),
                f"{np.median(needed):.0f}",
                f"{(needed <= TRIALS / 3).mean():.0%}",
                f"{(needed > TRIALS).mean():.0%}",
                f"{(needed <= of_cold).mean():.0%}",
            ]
        )
    print_rows(
        [
            "start",
            *(f"test after {n} (%)" for n in AFTER),
            *(f"gain after {n}" for n in AFTER),
            *("trials to the cold search's best, median", "in a third of the trials"),
            *("never", "no later than the cold one"),
        ],
        table,
    )


def _mean(values: np.ndarray, groups: np.ndarray) -> float:
    return float(np.mean([values[groups == group].mean() for group in np.unique(groups)]))


def _whole(values: list[float]) -> list[float]:
    """Return the values after each trial; a search that ended early keeps its last."""
    return values + values[-1:] * (TRIALS - len(values))


def _needed(scores: list[float | None], goal: float) -> int:
    """Return after how many trials a score is reached; one more than all where it is not."""
    reached = (n for n, score in enumerate(scores, 1) if score is not None and score >= goal)
    return next(reached, TRIALS + 1)
