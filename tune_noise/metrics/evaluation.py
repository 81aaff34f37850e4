"""Evaluation: logits of a whole split, and the metrics of one replicate's networks."""

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tune_noise.config.metric_names import DEFAULT_OBJECTIVE
from tune_noise.data.input_views import Inputs
from tune_noise.metrics.answers import Answers, answers_information
from tune_noise.metrics.balanced import balanced_accuracy, balanced_information
from tune_noise.metrics.information import Floats, Labels, information, is_renamed
from tune_noise.metrics.soft_information import soft_information, soft_information_error
from tune_noise.metrics.unmixing import clean_accuracy, noise_rate

# Images evaluated at once: large enough for speed, small enough for a GPU share.
EVALUATION_BATCH = 1000
# Labels per class. With fewer, chance makes some renaming match better.
MIN_RENAMED = 5


@torch.no_grad()
def predict_logits(network: nn.Module, images: Inputs, *, indices: Tensor | None = None) -> Tensor:
    """Compute the logits of every member for every image in evaluation mode; restore the mode.

    Args:
        network: a stack.
        images: of a split.
        indices: int64 [N], the images that are asked for, or [R, N] where each of R equal parts of
            the stack is asked for others; None: all.

    Returns:
        float [M, N, K] on the network's device.
    """
    was_training = network.training
    network.eval()
    device = next(network.parameters()).device
    if indices is None:
        indices = torch.arange(len(images), device=device)
    if indices.dim() == 1:
        indices = indices.unsqueeze(0)
    parts = []
    for chunk in torch.split(indices, EVALUATION_BATCH, dim=1):
        parts.append(network(images.batch(chunk)))
    network.train(was_training)
    return torch.cat(parts, dim=1)


def average_folds(logits: Tensor, *, num_folds: int, num_networks: int) -> Tensor:
    """Return logits of the averages of networks that held out one part of the data each.

    Args:
        logits: float [C * F * P, N, K]: of C configurations, F folds and P networks.
        num_folds: F; 1: nothing is averaged.
        num_networks: P.

    Returns:
        float [C, P, N, K], the logarithms of the mean probabilities.
    """
    if num_folds == 1:
        return logits.view(-1, num_networks, *logits.shape[1:])
    by_fold = logits.view(-1, num_folds, num_networks, *logits.shape[1:])
    return by_fold.softmax(dim=4).mean(dim=1).log()


def validation_metrics(
    logits: Tensor,
    noisy_labels: Tensor,
    *,
    objective: str = DEFAULT_OBJECTIVE,
    inverse: Floats | None = None,
    answers: Answers | None = None,
    true_labels: Tensor | None = None,
) -> dict[str, float]:
    """Return the metrics on noisy validation, each the mean over a replicate's networks.

    Args:
        logits: float [P, N, K].
        noisy_labels: int64 [N, copies].
        objective: which metric steers. The standard error of soft information takes longer than all
            else here, so it is given for the objective alone.
        inverse: of T of the noise, [K, K], where it is known and has one (`unmixing.inverse_of`).
        answers: of several annotators, about which the information then is; the noisy labels are
            those of the majority.
        true_labels: int64 [<= N], where the oracle is declared: of the first images. What follows
            them are foreign images, which have no class.
    """
    networks = []
    # One at a time: of thousands of classes these are the largest arrays of a trial.
    for row in logits:
        log_probabilities = F.log_softmax(row.double(), dim=1)
        agreement = row.argmax(dim=1, keepdim=True) == noisy_labels
        metrics = {
            "val_accuracy_noisy": float(agreement.double().mean()),
            "val_loss_noisy": float(-log_probabilities.gather(1, noisy_labels).mean()),
        }
        if true_labels is not None:
            metrics |= _oracle_metrics(log_probabilities[: len(true_labels)], true_labels)
        labels, probabilities = noisy_labels.cpu().numpy(), log_probabilities.exp_().cpu().numpy()
        metrics |= _of_network(probabilities, labels, inverse, answers)
        if objective == "val_information_soft_noisy":
            metrics[f"{objective}_se"] = soft_information_error(probabilities, labels)
        networks.append(metrics)
    # Both networks see the same labels, so averaging two does not make a standard error smaller.
    means = {name: _mean([metrics[name] for metrics in networks]) for name in networks[0]}
    return means | {"val_renamed": float(any(metrics["val_renamed"] for metrics in networks))}


def _of_network(
    probabilities: Floats, noisy_labels: Labels, inverse: Floats | None, answers: Answers | None
) -> dict[str, float]:
    """Return the metrics that follow from one network's predictions and the noisy labels."""
    predicted, num_classes = probabilities.argmax(axis=1), probabilities.shape[1]
    if answers is None:
        hard = information(predicted, noisy_labels, num_classes)
    else:
        hard = answers_information(predicted, answers)
    balanced = balanced_information(predicted, noisy_labels, num_classes)
    rate = noise_rate(probabilities, noisy_labels, num_classes)
    metrics = {
        "val_information_noisy": hard.nats,
        "val_information_noisy_se": hard.standard_error,
        "val_information_soft_noisy": soft_information(probabilities, noisy_labels),
        "val_balanced_information_noisy": balanced.nats,
        "val_balanced_information_noisy_se": balanced.standard_error,
        "val_balanced_accuracy_noisy": balanced_accuracy(predicted, noisy_labels),
        "val_renamed": float(_is_renamed(predicted, noisy_labels, num_classes)),
        "val_noise_rate_estimate": rate.value,
        "val_noise_rate_estimate_se": rate.standard_error,
    }
    if inverse is not None:
        accuracy = clean_accuracy(predicted, noisy_labels, inverse)
        metrics["val_accuracy_clean_estimate"] = accuracy.value
        metrics["val_accuracy_clean_estimate_se"] = accuracy.standard_error
    return metrics


def _is_renamed(predicted: Labels, noisy_labels: Labels, num_classes: int) -> bool:
    """Return whether classes are renamed, as far as there are labels enough to tell."""
    if noisy_labels.size < MIN_RENAMED * num_classes:
        return False
    # Classes that are rare among others are as easily mistaken by chance.
    frequent = np.bincount(noisy_labels.ravel(), minlength=num_classes) >= MIN_RENAMED
    told = frequent[predicted] & frequent[noisy_labels].all(axis=1)
    return is_renamed(predicted[told], noisy_labels[told], num_classes)


def _oracle_metrics(log_probabilities: Tensor, true_labels: Tensor) -> dict[str, float]:
    """Return one network's metrics on the true labels of the validation inputs.

    Args:
        log_probabilities: float64 [N, K].
        true_labels: int64 [N].
    """
    agreement = log_probabilities.argmax(dim=1) == true_labels
    return {
        "val_accuracy_clean": float(agreement.double().mean()),
        "val_loss_clean": float(F.nll_loss(log_probabilities, true_labels)),
    }


def test_metrics(logits: Tensor, clean_labels: Tensor) -> dict[str, float]:
    """Return clean test accuracies: the networks' mean, plain and balanced, each and ensemble's.

    Args:
        logits: float [P, N, K].
        clean_labels: int64 [N].
    """
    predicted = logits.argmax(dim=2)
    accuracies = (predicted == clean_labels).double().mean(dim=1)
    classes = clean_labels[:, None].cpu().numpy()
    balanced = [balanced_accuracy(row, classes) for row in predicted.cpu().numpy()]
    metrics = {
        "test_accuracy_clean": float(accuracies.mean()),
        "test_balanced_accuracy_clean": _mean(balanced),
    }
    if len(logits) > 1:
        average = logits.softmax(dim=2).mean(dim=0)
        metrics["test_accuracy_clean_ensemble"] = float(
            (average.argmax(dim=1) == clean_labels).double().mean()
        )
        for number, accuracy in enumerate(accuracies, 1):
            metrics[f"test_accuracy_clean_network_{number}"] = float(accuracy)
    return metrics


def _mean(values: list[float]) -> float:
    return sum(values) / len(values)
