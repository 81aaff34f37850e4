"""Findings about noise and classes from a trained replicate's predictions, as plain values."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from tune_noise.config import declared
from tune_noise.config.trial import TrialConfig
from tune_noise.data import Dataset
from tune_noise.data.splits import SPLIT_SEED
from tune_noise.metrics.evaluation import validation_metrics
from tune_noise.metrics.unmixing import Estimate, accuracy_bound, most_confident
from tune_noise.models.stack import member_state
from tune_noise.noise import LabelCounts, count_confusion, count_labels, total
from tune_noise.seeding import generator
from tune_noise.training.labelled_data import LabelledData, realised_counts
from tune_noise.training.trial import Trial

# Classes. Of a larger matrix the labels of a validation set show nothing, and it takes gigabytes.
MAX_CLASSES = 1000
# Enough that the error of their jackknife has 19 degrees of freedom.
GROUPS = 20


def noise_findings(trial: Trial, r: int, dataset: Dataset) -> dict[str, Any]:
    """Return what the predictions at the selected epoch of one replicate meet.

    Args:
        trial: whose replicate has ended; its training can go on as if nothing had been asked.
        r: number of the replicate.
        dataset: what it is trained on.

    Returns:
        `networks`: P; `seen`: the validation labels of the more confident half of each predicted
        class, summed over the networks (`LabelCounts.to_plain`); `true`: the training labels by
        true class, where each image has one that is known, else None; `accuracy_bound` and
        `accuracy_bound_se`: see `metrics.unmixing`, means over the networks, None where a network
        has none. Of more than `MAX_CLASSES` classes these are left out.
        `confusion`: `noisy`, the predicted classes by noisy validation label, and `true`, those by
        true test label, None without a test set (`Confusion.to_plain`).
        `objective_without`: the objective without each of some groups of validation inputs, by
        which a verdict knows the chance of shared labels; left out, too, and where each replicate
        draws labels of its own.
    """
    logits, test_logits = _selected_logits(trial, r)
    val = _probabilities(logits)
    test = None if test_logits is None else _probabilities(test_logits)
    findings = _of_noise(trial, r, dataset, val) | {"confusion": _confusions(trial, r, val, test)}
    if trial.data.num_classes <= MAX_CLASSES and not draw_own_labels(trial.configs):
        config, data = trial.configs[r], trial.data
        findings["objective_without"] = objective_without_groups(config, data, r, logits)
    return findings


def draw_own_labels(configs: Sequence[TrialConfig]) -> bool:
    """Return whether several seeds of one configuration have different noisy labels."""
    drawn = declared.noise(configs[0].noise).drawn
    return drawn and len({config.noise_seed for config in configs}) > 1


def _of_noise(trial: Trial, r: int, dataset: Dataset, networks: np.ndarray) -> dict[str, Any]:
    classes = trial.data.num_classes
    if classes > MAX_CLASSES:
        return {"networks": len(networks)}
    labels = trial.data.val_noisy_labels[r].cpu().numpy()
    realised = realised_counts(dataset, trial.configs[r])
    bound = _mean([accuracy_bound(network, labels, classes) for network in networks])
    return {
        "networks": len(networks),
        "seen": total([_seen(network, labels, classes) for network in networks]).to_plain(),
        "true": None if realised is None else realised.to_plain(),
        "accuracy_bound": None if bound is None else bound.value,
        "accuracy_bound_se": None if bound is None else bound.standard_error,
    }


def _confusions(
    trial: Trial, r: int, val: np.ndarray, test: np.ndarray | None
) -> dict[str, dict[str, Any] | None]:
    classes, truth = trial.data.num_classes, trial.data.test_labels
    noisy = trial.data.val_noisy_labels[r].cpu().numpy()
    true = None
    if test is not None and truth is not None:
        true = count_confusion(truth[:, None].cpu().numpy(), test.argmax(axis=2), classes)
    return {
        "noisy": count_confusion(noisy, val.argmax(axis=2), classes).to_plain(),
        "true": None if true is None else true.to_plain(),
    }


def objective_without_groups(
    config: TrialConfig, data: LabelledData, r: int, logits: Tensor
) -> list[float]:
    """Return the objective on the validation inputs without each of `GROUPS` random groups.

    Args:
        config: names the objective.
        data: of a stack.
        r: number of the configuration in it.
        logits: of its networks, float [P, N_val, K].
    """
    inputs = generator(SPLIT_SEED, "groups of labels").permutation(logits.shape[1])
    values = []
    for group in np.array_split(inputs, min(GROUPS, len(inputs))):
        others = np.setdiff1d(inputs, group)
        answers, truth = data.val_answers, data.val_true_labels
        metrics = validation_metrics(
            logits[:, others],
            data.val_noisy_labels[r][others],
            inverse=data.inverses[r],
            answers=None if answers is None else answers.of_items(others),
            true_labels=None if truth is None else truth[others[others < len(truth)]],
        )
        values.append(metrics[config.objective])
    return values


def _selected_logits(trial: Trial, r: int) -> tuple[Tensor, Tensor | None]:
    """Return the logits of a replicate's networks for validation and test, [P, N, K]."""
    current = member_state(trial.judged_network, slice(None))
    trial.judged_network.load_state_dict(trial.best_weights)
    val, test = trial.validation_logits(), trial.test_logits()
    trial.judged_network.load_state_dict(current)
    return val[r], None if test is None else test[r]


def _probabilities(logits: Tensor) -> np.ndarray:
    return np.asarray(torch.softmax(logits.double(), dim=2).cpu().numpy())


def _seen(probabilities: np.ndarray, labels: np.ndarray, num_classes: int) -> LabelCounts:
    chosen, predicted = most_confident(probabilities), probabilities.argmax(axis=1)
    return count_labels(predicted[chosen], labels[chosen], num_classes)


def _mean(estimates: list[Estimate | None]) -> Estimate | None:
    """Return the mean over networks; as they see the same labels, its error is that of one."""
    present = [estimate for estimate in estimates if estimate is not None]
    if len(present) < len(estimates):
        return None
    values, errors = ([getattr(e, name) for e in present] for name in ("value", "standard_error"))
    return Estimate(float(np.mean(values)), float(np.mean(errors)))
