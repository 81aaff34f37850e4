"""The two flat tables of a search: a row per trial and a row per epoch."""

from typing import Any, get_args

import pandas as pd

from tune_noise.config.metric_names import METRICS
from tune_noise.config.trial import trial_fields
from tune_noise.history.replay import EpochMetrics, History, TrialHistory

RUNNING = "running"
NOT_METRICS = ("epoch", "seconds")
# Beside the selected epoch, these are also given as the mean of the last epochs.
LAST_MEAN_METRICS = (
    "val_information_noisy",
    "val_accuracy_noisy",
    "test_accuracy_clean",
    "test_accuracy_clean_ensemble",
    "train_label_precision",
    "train_label_recall",
)
# The best epoch on the test set: an oracle, which no one without clean labels can have.
ORACLE_METRIC = "test_accuracy_clean"
# `epochs` of a trial is how many it trained; how many it was given is `max_epochs`.
CONFIG_COLUMNS = {name: name for name in trial_fields()} | {"epochs": "max_epochs"}
ID_COLUMNS = ("trial_id", "stage", "condition", "finalist")
OUTCOME_COLUMNS = (
    "status",
    "stop_reason",
    "epochs",
    "selected_epoch",
    "realised_noise_rate",
    "seconds",
)


def trial_metrics(trial: TrialHistory) -> dict[str, float]:
    """Every figure of one trial; what was not measured is absent.

    Returns:
        `name`: at the selected epoch; `name_last`: at the last epoch; `name_last_mean`: mean of
        the last epochs; `test_accuracy_clean_best`: at the best epoch on the test set (an oracle).
    """
    selected = _only_metrics(trial.selected or {})
    last = _only_metrics(trial.epochs[-1]) if trial.epochs else {}
    means = {name: trial.last_mean(name) for name in LAST_MEAN_METRICS}
    tested = [epoch[ORACLE_METRIC] for epoch in trial.epochs if ORACLE_METRIC in epoch]
    return (
        selected
        | {f"{name}_last": value for name, value in last.items()}
        | {f"{name}_last_mean": value for name, value in means.items() if value is not None}
        | ({f"{ORACLE_METRIC}_best": max(tested)} if tested else {})
    )


def trials_table(history: History) -> pd.DataFrame:
    """A row per trial, confirmation included, in the order of asking.

    Returns:
        The columns of `ID_COLUMNS`, the fields of TrialConfig, those of `OUTCOME_COLUMNS`, then
        the metrics that some trial has. Accuracies are fractions, times are seconds.
    """
    metrics = {trial.trial_id: trial_metrics(trial) for trial in history.trials.values()}
    columns = [*ID_COLUMNS, *CONFIG_COLUMNS.values(), *OUTCOME_COLUMNS]
    columns += _in_order({name for found in metrics.values() for name in found})
    rows = [_trial_row(trial) | metrics[trial.trial_id] for trial in history.trials.values()]
    integers = [CONFIG_COLUMNS[name] for name in trial_fields() if _is_integer(name)]
    table = pd.DataFrame(rows, columns=columns)
    return table.astype(dict.fromkeys([*integers, "epochs", "selected_epoch"], "Int64"))


def epochs_table(history: History) -> pd.DataFrame:
    """A row per finished epoch: `trial_id`, `epoch` (from 1), `seconds`, every metric."""
    names = {name for trial in history.trials.values() for epoch in trial.epochs for name in epoch}
    columns = ["trial_id", *NOT_METRICS, *_in_order(names - set(NOT_METRICS))]
    rows = [
        {"trial_id": trial.trial_id} | epoch
        for trial in history.trials.values()
        for epoch in trial.epochs
    ]
    return pd.DataFrame(rows, columns=columns).astype({"epoch": "Int64"})


def _trial_row(trial: TrialHistory) -> dict[str, Any]:
    config = trial.config.model_dump()
    selected = trial.selected
    return {
        "trial_id": trial.trial_id,
        "stage": trial.stage,
        "condition": trial.condition,
        "finalist": trial.finalist,
        **{column: config[name] for name, column in CONFIG_COLUMNS.items()},
        "status": trial.status or RUNNING,
        "stop_reason": trial.stop_reason,
        "epochs": trial.num_epochs,
        "selected_epoch": None if selected is None else selected["epoch"],
        "realised_noise_rate": trial.facts.get("realised_noise_rate"),
        "seconds": trial.epochs[-1].get("seconds") if trial.epochs else None,
    }


def _only_metrics(epoch: EpochMetrics) -> dict[str, float]:
    return {name: value for name, value in epoch.items() if name not in NOT_METRICS}


def _in_order(names: set[str]) -> list[str]:
    """As `METRICS` lists them, each followed by its suffixed forms; unknown ones last."""
    known = list(METRICS)

    def key(name: str) -> tuple[int, int, str]:
        bases = [base for base in known if name == base or name.startswith(f"{base}_")]
        base = max(bases, key=len, default="")
        return (known.index(base) if base else len(known), len(name) - len(base), name)

    return sorted(names, key=key)


def _is_integer(name: str) -> bool:
    annotation = trial_fields()[name].annotation
    return annotation is int or int in get_args(annotation)
