"""The tasks of the conditions of several searches, and in what they differ."""

from collections.abc import Iterable

from tune_noise.history.replay import History
from tune_noise.reporting.findings.summary import ConditionSummary
from tune_noise.verdict.task import TASK_FIELDS, Task, task_of


def task_of_condition(
    history: History, condition: ConditionSummary, factors: Iterable[str]
) -> Task | None:
    """Return the task of a condition; None where no trial tells it yet.

    Args:
        history: the history of its search.
        condition: a condition of that search.
        factors: the factors of all searches that are compared, see `factors_of`.
    """
    config = next((trial.config for trial in condition.search_trials), None)
    if config is None:
        return None
    fingerprint = (history.search.get("dataset") or {}).get("fingerprint")
    return task_of(condition.config, config, fingerprint, factors=factors)


def factors_of(condition: ConditionSummary) -> set[str]:
    """Return the factors that are not noise but make a task of their own, e.g. batch_size."""
    return set(condition.factors) - {*TASK_FIELDS, "noise_seed"}


def data_name(history: History) -> str:
    """Return what the data of a search are called, and the encoder of their inputs, if any."""
    data = history.search.get("dataset") or {}
    name = str(data.get("name", history.config.dataset))
    encoder = data.get("encoder")
    return name if encoder is None else f"{name} by {encoder['name']}"


def differing(tasks: list[Task]) -> list[str]:
    """Return the fields in which tasks differ."""
    names = dict.fromkeys(name for task in tasks for name in task)
    differing = [n for n in names if len({repr(task.get(n)) for task in tasks}) > 1]
    return [name for name in differing if name != "fingerprint" or "data" not in differing]
