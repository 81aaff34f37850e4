"""A comparison of searches as plain values: for `--json`, and as tables."""

from collections.abc import Iterator
from typing import Any

import pandas as pd

from tune_noise.reporting.comparison.compare import (
    TEST_ACCURACY,
    Against,
    Entry,
    SearchComparison,
    TaskComparison,
)
from tune_noise.reporting.comparison.words import leader_in_words
from tune_noise.reporting.statistics import Estimate
from tune_noise.verdict import ERROR
from tune_noise.verdict.two_samples import Difference


def comparison_to_json(found: SearchComparison) -> dict[str, Any]:
    """As `tune-noise report A B --json` prints it; the fields stand in docs/commands.md."""
    return {
        "searches": found.searches,
        "differ_in": found.differing,
        "tasks": [
            {
                "task": each.task,
                "verdict": each.verdict,
                "entries": [_entry(entry, each) for entry in each.entries],
                "differences": list(_differences(each)),
            }
            for each in found.tasks
        ],
        "not_begun": [
            {"search": entry.label, "condition": entry.condition.name} for entry in found.untold
        ],
    }


def entries_table(found: SearchComparison) -> pd.DataFrame:
    """A row per condition of a search; `task` counts the tasks from 1."""
    rows = []
    for number, each in enumerate(found.tasks, start=1):
        for entry in each.entries:
            row = {"task": number, "objective_name": each.objective, **_entry(entry, each)}
            rows.append({k: v for k, v in row.items() if k not in ("config", "factors")})
    return pd.DataFrame(rows)


def differences_table(found: SearchComparison) -> pd.DataFrame:
    """A row per difference: the best leader of a task minus another one."""
    columns = ["task", "metric", "best", "other", "method", "n_best", "n_other", "mean"]
    columns += ["low", "high", "level", "is_separated"]
    rows = [
        {"task": number, **row}
        for number, each in enumerate(found.tasks, start=1)
        for row in _differences(each)
    ]
    return pd.DataFrame(rows, columns=columns)


def _entry(entry: Entry, task: TaskComparison) -> dict[str, Any]:
    condition, leader = entry.condition, entry.leader
    return {
        "search": entry.label,
        "condition": condition.name,
        "factors": condition.factors,
        "standing": task.standing(entry),
        "verdict_of_its_search": condition.verdict,
        "finalists": len(condition.finalists),
        "configuration": None if leader is None else ", ".join(leader_in_words(entry, task)),
        "config": None if leader is None else leader.config.model_dump(mode="json"),
        "seeds": 0 if leader is None else len(leader.counted),
        **_figures("objective", entry.estimate(task.objective)),
        **_figures("test_accuracy", entry.estimate(TEST_ACCURACY)),
        "trials": entry.cost.trials,
        "epochs": entry.cost.epochs,
        "network_epochs": entry.cost.network_epochs,
        "seconds": round(entry.cost.seconds, 3),
    }


def _figures(name: str, found: Estimate | None) -> dict[str, float | None]:
    low, high = (None, None) if found is None or found.ci95 is None else found.ci95
    return {
        f"{name}_mean": None if found is None else found.mean,
        f"{name}_sd": None if found is None else found.sd,
        f"{name}_low": low,
        f"{name}_high": high,
    }


def _differences(task: TaskComparison) -> Iterator[dict[str, Any]]:
    best = task.entries[0]
    for each in task.against:
        yield _difference(task.objective, best, each, each.objective, each.level)
        if each.test_accuracy is not None:
            yield _difference(TEST_ACCURACY, best, each, each.test_accuracy, ERROR)


def _difference(
    metric: str, best: Entry, against: Against, found: Difference, level: float
) -> dict[str, Any]:
    """One row; only the objective separates, so of test accuracy nothing is said."""
    low, high = found.interval(level) or (None, None)
    return {
        "metric": metric,
        "best": best.name,
        "other": against.entry.name,
        "method": "paired" if found.is_paired else "welch",
        "n_best": found.n[0],
        "n_other": found.n[1],
        "mean": found.mean,
        "low": low,
        "high": high,
        "level": level,
        "is_separated": against.is_separated if metric != TEST_ACCURACY else None,
    }
