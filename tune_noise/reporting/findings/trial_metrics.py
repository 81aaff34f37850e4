"""Every figure of one trial, as `trials.csv` and the means over seeds have them."""

from tune_noise.config.selected_epoch import EpochMetrics
from tune_noise.history.replay import TrialHistory

# The status of a trial that has not ended.
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


def trial_metrics(trial: TrialHistory) -> dict[str, float]:
    """Return every figure of one trial; what was not measured is absent.

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


def _only_metrics(epoch: EpochMetrics) -> dict[str, float]:
    return {name: value for name, value in epoch.items() if name not in NOT_METRICS}
