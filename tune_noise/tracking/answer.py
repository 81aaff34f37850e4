"""The answer of a search for MLflow's runs, from `summary.json`: verdicts, means, intervals."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tune_noise.config.search import SEED_FIELDS, Condition
from tune_noise.history.replay import History
from tune_noise.record.folder import SUMMARY_FILE
from tune_noise.tracking.content import MAX_VALUE_CHARACTERS, SELECTED, Point, milliseconds

LAST_MEAN = "test_accuracy_clean_last_mean"
# MLflow refuses these characters in the name of a metric.
_NO_NAME = re.compile(r"[^A-Za-z0-9 ._:-]")
Summary = dict[str, Any]


def read_summary(output: Path) -> Summary | None:
    """Return the content of a search's `summary.json`; None if there is no such file."""
    path = output / SUMMARY_FILE
    if not path.exists():
        return None
    content: Summary = json.loads(path.read_text(encoding="utf-8"))
    return content


def description(history: History, summary: Summary) -> str:
    """Return the description of the search's run in Markdown: title and verdict per condition."""
    sentences = [entry["sentence"] for entry in summary["conditions"] if "sentence" in entry]
    parts = [history.config.title, *sentences]
    parts.append("The whole report is under *Artifacts*: `report.html`.")
    return "\n\n".join(filter(None, parts))[:MAX_VALUE_CHARACTERS]


def search_points(history: History, summary: Summary) -> list[Point]:
    """Return metrics of the search's run: the size of the search, and each condition's leader.

    If there are several conditions, a name says which one it is about: `noise_rate 0.45/seeds`.
    """
    time = _last_end(history)
    num_searched = sum(trial.stage == "search" for trial in history.trials.values())
    sizes = {"search_trials": num_searched, "confirm_trials": len(history.trials) - num_searched}
    points = [Point(name, float(size), time, 0) for name, size in sizes.items()]
    entries = summary["conditions"]
    for entry in entries:
        if entry["winner"] is None:
            continue
        place = f"{_metric_word(Condition(entry['condition']).name)}/" if len(entries) > 1 else ""
        names = ("seeds", f"{history.config.objective}_selected", "test_accuracy_clean_selected")
        points += [
            point._replace(name=place + point.name)
            for point in finalist_points(history, entry["winner"])
            if point.name.startswith(names)
        ]
        points += [p._replace(name=place + p.name) for p in audit_points(entry, time)]
    return points


def audit_points(entry: dict[str, Any], time: int) -> list[Point]:
    """Return what labels checked by hand tell of a condition; the step is their number."""
    audit = entry.get("audit") or {}
    if "noise_rate" not in audit:
        return []
    figures = {
        "audit_accuracy": audit["finalists"][audit["trial_id"]]["accuracy"],
        "audit_noise_rate": audit["noise_rate"],
    }
    values = {"audit_labels": float(audit["checked"])}
    for name, figure in figures.items():
        low, high = figure["ci95"]
        values |= {name: figure["value"], f"{name}_low": low, f"{name}_high": high}
    return [Point(name, value, time, audit["checked"]) for name, value in values.items()]


def finalist_points(history: History, finalist: dict[str, Any]) -> list[Point]:
    """Return means over the seeds and the ends of their 95 % intervals.

    A mean has the name of the figure of a single trial, so that both stand in one column.

    Args:
        history: history of the search.
        finalist: the finalist as `summary.json` holds it.
    """
    objective, time = history.config.objective, _last_end(history)
    names = {name: f"{name}_selected" for name in dict.fromkeys((objective, *SELECTED))}
    names[LAST_MEAN] = LAST_MEAN
    metrics = finalist["metrics"]
    seeds = metrics.get(objective, {}).get("n", 0)
    values = {"seeds": float(seeds)}
    for name, column in names.items():
        if name in metrics:
            values[column] = metrics[name]["mean"]
            if interval := metrics[name]["ci95"]:
                values |= {f"{column}_low": interval[0], f"{column}_high": interval[1]}
    return [Point(name, value, time, seeds) for name, value in values.items()]


def finalists(summary: Summary) -> dict[str, dict[str, Any]]:
    """Return trial_id of a finalist -> the finalist as `summary.json` holds it."""
    return {f["trial_id"]: f for entry in summary["conditions"] for f in entry.get("finalists", [])}


def references(summary: Summary) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the condition and the entry of each reference model that has results."""
    for entry in summary["conditions"]:
        for reference in entry.get("references", []):
            if reference["metrics"]:
                yield entry["name"], reference


def standings(summary: Summary) -> dict[str, str]:
    """Return trial_id of a finalist -> `winner`, `tie`, or `behind` the leader."""
    standing = {}
    for entry in summary["conditions"]:
        if entry["winner"] is None:
            continue
        leader = entry["winner"]["trial_id"]
        for finalist in entry.get("finalists", []):
            trial_id = finalist["trial_id"]
            is_tied = trial_id in entry["tied"]
            standing[trial_id] = "tie" if is_tied else "behind"
            if trial_id == leader:
                standing[trial_id] = entry["verdict"]
    return standing


def winner_trials(history: History, summary: Summary) -> set[str]:
    """Return the trials that confirmed a winner, and the search trial of each; a tie has none."""
    trial_ids: set[str] = set()
    for entry in summary["conditions"]:
        if entry["verdict"] != "winner":
            continue
        config = {k: v for k, v in entry["winner"]["config"].items() if k not in SEED_FIELDS}
        condition = Condition(entry["condition"]).name
        for trial in history.of(condition=condition, stage="confirm"):
            if config.items() <= trial.config.model_dump().items():
                trial_ids |= {trial.trial_id} | ({trial.finalist} if trial.finalist else set())
    return trial_ids


def _last_end(history: History) -> int:
    """Return the time of the last end in the record, so that a point sent twice is equal."""
    ends = [trial.ended_seconds for trial in history.trials.values() if trial.ended_seconds]
    return milliseconds(max(ends, default=0.0))


def _metric_word(condition: str) -> str:
    """Return the name of a condition in characters that MLflow allows in the name of a metric.

    Example:
        >>> _metric_word("noise_rate=0.45,train_size=null")
        'noise_rate 0.45 train_size null'
    """
    return _NO_NAME.sub(" ", condition)
