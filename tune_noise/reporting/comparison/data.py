"""A comparison of searches as plain values: for `--json` and for the tables."""

from collections.abc import Iterator
from typing import Any

from tune_noise.reporting.comparison.compare import (
    TEST_ACCURACY,
    Entry,
    SearchComparison,
    TaskComparison,
)
from tune_noise.reporting.comparison.words import leader_in_words
from tune_noise.reporting.statistics import Estimate
from tune_noise.verdict import ERROR


def comparison_to_json(comparison: SearchComparison) -> dict[str, Any]:
    """Return what `tune-noise report A B --json` prints; docs/commands.md lists the fields."""
    return {
        "searches": comparison.searches,
        "differ_in": comparison.differing,
        "tasks": [
            {
                "task": task.task,
                "verdict": task.verdict,
                "entries": [entry_values(entry, task) for entry in task.entries],
                "differences": list(differences(task)),
            }
            for task in comparison.tasks
        ],
        "not_begun": [
            {"search": entry.label, "condition": entry.condition.name}
            for entry in comparison.untold
        ],
    }


def entry_values(entry: Entry, task: TaskComparison) -> dict[str, Any]:
    """Return one condition of a search as plain values."""
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


def differences(task: TaskComparison) -> Iterator[dict[str, Any]]:
    """Yield the best leader of a task minus each other one, in objective and test accuracy.

    Only the objective separates, so `is_separated` is None for the test accuracy.
    """
    for against in task.against:
        judgements = (
            (task.objective, against.objective, against.level, against.is_separated),
            (TEST_ACCURACY, against.test_accuracy, ERROR, None),
        )
        for metric, difference, level, is_separated in judgements:
            if difference is None:
                continue
            low, high = difference.interval(level) or (None, None)
            yield {
                "metric": metric,
                "best": task.entries[0].name,
                "other": against.entry.name,
                "method": "paired" if difference.is_paired else "welch",
                "n_best": difference.n[0],
                "n_other": difference.n[1],
                "mean": difference.mean,
                "low": low,
                "high": high,
                "label_error": difference.label_error,
                "level": level,
                "is_separated": is_separated,
            }


def _figures(name: str, estimate: Estimate | None) -> dict[str, float | None]:
    mean, sd = (None, None) if estimate is None else (estimate.mean, estimate.sd)
    low, high = (None, None) if estimate is None or estimate.ci95 is None else estimate.ci95
    return {f"{name}_mean": mean, f"{name}_sd": sd, f"{name}_low": low, f"{name}_high": high}
