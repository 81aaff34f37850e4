"""The one list of metrics: name, direction, unit, meaning, and whether a search may steer by it.

A name says split, quantity, labels. Metrics of clean labels are diagnostics: a search never sees
them. Where a trial trains several networks, a metric is the mean of their values; `..._ensemble` is
that of their average prediction and `..._network_1`, `..._network_2`, ... are each network's own.
"""

from dataclasses import dataclass
from typing import Literal

from tune_noise.declaration import MAX_NETWORKS

DEFAULT_OBJECTIVE = "val_information_noisy"


@dataclass(frozen=True)
class Metric:
    """One measured quantity.

    Attributes:
        name: as it stands in files, MLflow and the report.
        direction: which way is better; None where neither is.
        searchable: whether a search may name it as its objective.
        unit: "fraction" in [0, 1], "nats" or "flag".
        meaning: one sentence.
        short_name: how figures and sentences call it; empty: by its name.
        oracle: whether a search may name it as its objective where it declares `oracle: true`.
    """

    name: str
    direction: Literal["max", "min"] | None
    searchable: bool
    unit: str
    meaning: str
    short_name: str = ""
    oracle: bool = False

    @property
    def sees_clean_labels(self) -> bool:
        """Whether clean labels are used to measure or estimate it."""
        return "clean" in self.name


_ALL = (
    Metric("train_loss_noisy", "min", False, "nats", "mean cross-entropy on the noisy labels"),
    Metric("train_accuracy_noisy", None, False, "fraction", "agreement with the noisy labels"),
    Metric(
        "val_information_noisy",
        "max",
        True,
        "nats",
        "information that predicted classes carry about the noisy validation labels",
        short_name="information",
    ),
    Metric("val_information_noisy_se", None, False, "nats", "standard error of the information"),
    Metric(
        "val_information_soft_noisy",
        "max",
        True,
        "nats",
        "information that predicted probabilities carry about the noisy validation labels",
        short_name="soft information",
    ),
    Metric("val_information_soft_noisy_se", None, False, "nats", "its error, where it steers"),
    Metric(
        "val_balanced_information_noisy",
        "max",
        True,
        "nats",
        "information about the noisy validation labels with each of their classes weighted equally",
        short_name="balanced information",
    ),
    Metric("val_balanced_information_noisy_se", None, False, "nats", "standard error of it"),
    Metric(
        "val_accuracy_noisy",
        "max",
        True,
        "fraction",
        "agreement with noisy validation labels",
        short_name="noisy validation accuracy",
    ),
    Metric(
        "val_balanced_accuracy_noisy",
        "max",
        True,
        "fraction",
        "agreement with noisy validation labels, the mean over their classes",
        short_name="balanced noisy validation accuracy",
    ),
    Metric(
        "val_loss_noisy",
        "min",
        True,
        "nats",
        "cross-entropy on noisy validation labels",
        short_name="noisy validation loss",
    ),
    Metric(
        "val_renamed",
        None,
        False,
        "flag",
        "1 where the best match of predicted classes and noisy labels is not the identity",
    ),
    Metric(
        "val_noise_rate_estimate",
        None,
        False,
        "fraction",
        "share of wrong labels, estimated from above by the more confident half of predictions",
    ),
    Metric("val_noise_rate_estimate_se", None, False, "fraction", "standard error of it"),
    Metric(
        "val_accuracy_clean_estimate",
        "max",
        False,
        "fraction",
        "clean accuracy, unmixed from noisy labels by the known noise; may leave [0, 1] by chance",
    ),
    Metric("val_accuracy_clean_estimate_se", None, False, "fraction", "standard error of it"),
    Metric(
        "val_accuracy_clean",
        "max",
        False,
        "fraction",
        "accuracy on the true labels of the validation examples, where the oracle is declared",
        short_name="clean validation accuracy",
        oracle=True,
    ),
    Metric(
        "val_loss_clean",
        "min",
        False,
        "nats",
        "cross-entropy on the true labels of the validation examples, where the oracle is declared",
        short_name="clean validation loss",
        oracle=True,
    ),
    Metric("test_accuracy_clean", "max", False, "fraction", "accuracy on the clean test set"),
    Metric(
        "test_accuracy_clean_ensemble",
        "max",
        False,
        "fraction",
        "clean test accuracy of the networks' average prediction",
    ),
    *(
        Metric(
            f"test_accuracy_clean_network_{number}",
            "max",
            False,
            "fraction",
            f"clean test accuracy of network {number} of a trial that trains several",
        )
        for number in range(1, MAX_NETWORKS + 1)
    ),
    Metric(
        "test_balanced_accuracy_clean",
        "max",
        False,
        "fraction",
        "recall on the clean test set, the mean over the classes",
    ),
    Metric("train_label_precision", "max", False, "fraction", "clean share of the kept examples"),
    Metric("train_label_recall", "max", False, "fraction", "kept share of the clean examples"),
    Metric(
        "train_wrong_predicted_true",
        "max",
        False,
        "fraction",
        "of the wrong-labelled training examples, those predicted as their true class",
    ),
    Metric(
        "train_wrong_predicted_label",
        "min",
        False,
        "fraction",
        "of the wrong-labelled training examples, those predicted as their wrong label: memorised",
    ),
    Metric(
        "train_wrong_predicted_other",
        None,
        False,
        "fraction",
        "of the wrong-labelled training examples, those predicted as a third class",
    ),
    Metric("forget_rate", None, False, "fraction", "share of each batch that was dropped"),
    Metric(
        "train_prediction_changes",
        None,
        False,
        "fraction",
        "of label_wave: share of training predictions that changed since the epoch before, the "
        "mean of its last epochs",
    ),
)

METRICS: dict[str, Metric] = {metric.name: metric for metric in _ALL}
SEARCHABLE = tuple(metric.name for metric in _ALL if metric.searchable)
# A space may steer by these where it declares `oracle: true`; everything printed says so.
ORACLE_OBJECTIVES = tuple(metric.name for metric in _ALL if metric.oracle)


def sign(objective: str) -> float:
    """Return +1 where larger is better, else -1; `sign * value` is always maximised.

    Example:
        >>> sign("val_information_noisy"), sign("val_loss_noisy")
        (1.0, -1.0)
    """
    return 1.0 if METRICS[objective].direction == "max" else -1.0
