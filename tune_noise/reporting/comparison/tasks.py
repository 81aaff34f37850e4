"""Which conditions of different searches are the same task, so that they may be compared."""

from typing import Any

from tune_noise.config.declared import noise_parameters
from tune_noise.config.trial import TrialConfig
from tune_noise.history.replay import History
from tune_noise.reporting.findings.summary import ConditionSummary

# What decides which labels are learnt and how a trial is scored; the rest is how it is learnt.
_DATA_FIELDS = ("val_fraction", "train_size")
_SCORE_FIELDS = ("objective", "oracle", "last_epochs")
TASK_FIELDS = ("noise", *noise_parameters(), *_DATA_FIELDS, *_SCORE_FIELDS)
SEARCHED = "searched"
# Field -> value, or SEARCHED.
Task = dict[str, Any]


def task_of(history: History, condition: ConditionSummary) -> Task | None:
    """Return what a condition asks of a configuration; None where no trial tells yet.

    Args:
        history: the history of its search.
        condition: a condition of that search.
    """
    config = next((trial.config for trial in condition.search_trials), None)
    if config is None:
        return None
    search = condition.config
    data = history.search.get("dataset") or {}
    task: Task = {"data": data.get("name", search.dataset), "fingerprint": data.get("fingerprint")}
    task |= {field: _value(field, config, condition) for field in TASK_FIELDS}
    # Labels are drawn anew for each fresh seed, unless the space says which they are.
    is_fixed = "noise_seed" in search.fixed or "noise_seed" in search.conditions
    task["noise_seed"] = config.noise_seed if is_fixed else "fresh"
    return task


def factors_of(condition: ConditionSummary) -> set[str]:
    """Return the factors that are not noise but make a task of their own, e.g. batch_size."""
    return set(condition.factors) - {*TASK_FIELDS, "noise_seed"}


def with_factors(task: Task, condition: ConditionSummary, factors: set[str]) -> Task:
    """Return the task with the factors of all searches that are compared.

    A search that leaves such a factor to its sampler does not ask the same as one that sets it.
    """
    config = condition.search_trials[0].config
    return task | {name: _value(name, config, condition) for name in sorted(factors)}


def key_of(task: Task) -> str:
    """Return a key that two conditions share exactly if they may be compared."""
    # Data are the same by their content, whatever they are called.
    return repr({name: value for name, value in task.items() if name != "data"})


def differing(tasks: list[Task]) -> list[str]:
    """Return the fields in which tasks differ."""
    names = dict.fromkeys(name for task in tasks for name in task)
    differing = [n for n in names if len({repr(task.get(n)) for task in tasks}) > 1]
    return [name for name in differing if name != "fingerprint" or "data" not in differing]


def _value(field: str, config: TrialConfig, condition: ConditionSummary) -> Any:
    return SEARCHED if field in condition.config.search else getattr(config, field)
