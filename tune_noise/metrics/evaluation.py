"""Evaluation: logits of a whole split, and the metrics of one replicate's networks."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tune_noise.data.image_views import Images
from tune_noise.metrics.information import information, is_renamed

# Images evaluated at once: large enough for speed, small enough for a GPU share.
EVALUATION_BATCH = 1000


@torch.no_grad()
def predict_logits(
    network: nn.Module, images: Images, *, members: int, indices: Tensor | None = None
) -> Tensor:
    """Logits of every member for every image, in evaluation mode; the mode is restored.

    Args:
        network: a stack.
        images: of a split.
        members: M.
        indices: int64 [N], the images that are asked for; None: all.

    Returns:
        float [M, N, K] on the network's device.
    """
    was_training = network.training
    network.eval()
    device = next(network.parameters()).device
    if indices is None:
        indices = torch.arange(len(images), device=device)
    parts = []
    for chunk in torch.split(indices, EVALUATION_BATCH):
        batch = images.batch(chunk)
        parts.append(network(batch.expand(members, *batch.shape)))
    network.train(was_training)
    return torch.cat(parts, dim=1)


def validation_metrics(logits: Tensor, noisy_labels: Tensor) -> dict[str, float]:
    """Metrics on noisy validation, each the mean over the networks of one replicate.

    Args:
        logits: float [P, N, K].
        noisy_labels: int64 [N, copies].
    """
    num_classes = logits.shape[2]
    predicted = logits.argmax(dim=2)
    log_probabilities = F.log_softmax(logits.double(), dim=2)
    targets = noisy_labels.expand(len(logits), -1, -1)
    estimates = [
        information(row.cpu().numpy(), noisy_labels.cpu().numpy(), num_classes) for row in predicted
    ]
    renamed = [
        is_renamed(row.cpu().numpy(), noisy_labels.cpu().numpy(), num_classes) for row in predicted
    ]
    agreement = (predicted.unsqueeze(2) == targets).double()
    return {
        "val_information_noisy": _mean([estimate.nats for estimate in estimates]),
        # Both networks see the same labels, so averaging two does not make the error smaller.
        "val_information_noisy_se": _mean([estimate.standard_error for estimate in estimates]),
        "val_accuracy_noisy": float(agreement.mean()),
        "val_loss_noisy": float(-log_probabilities.gather(2, targets).mean()),
        "val_renamed": float(any(renamed)),
    }


def test_metrics(logits: Tensor, clean_labels: Tensor) -> dict[str, float]:
    """Accuracy on the clean test set: mean of the networks, each network, average prediction.

    Args:
        logits: float [P, N, K].
        clean_labels: int64 [N].
    """
    each = (logits.argmax(dim=2) == clean_labels).double().mean(dim=1)
    found = {"test_accuracy_clean": float(each.mean())}
    if len(logits) > 1:
        average = logits.softmax(dim=2).mean(dim=0)
        found["test_accuracy_clean_ensemble"] = float(
            (average.argmax(dim=1) == clean_labels).double().mean()
        )
        for number, accuracy in enumerate(each, 1):
            found[f"test_accuracy_clean_network_{number}"] = float(accuracy)
    return found


def _mean(values: list[float]) -> float:
    return sum(values) / len(values)
