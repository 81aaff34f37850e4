"""What becomes of wrong labels in training: seen through, learnt by heart, or neither."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

TRUE, LABEL, OTHER = (f"train_wrong_predicted_{end}" for end in ("true", "label", "other"))


@dataclass(frozen=True)
class View:
    """One of the examples that each prediction of an epoch is about.

    Attributes:
        shares: float64 [R, N], of this example in the predicted image; None: all of it.
        labels: int64 [R, N], noisy.
        truth: int64 [R, N], -1 where the image is of no class; None: unknown.
    """

    shares: Tensor | None
    labels: Tensor
    truth: Tensor | None


def shared_agreement(predicted: Tensor, views: Sequence[View]) -> Tensor:
    """Return the share of predictions that are the noisy label.

    Of a mixture, each label counts by its share in it.

    Args:
        predicted: classes, any integer type, [R, P, N].
        views: one, or two of which the shares add up to 1.

    Returns:
        float64 [R], the mean over the networks.
    """
    agreements = [_weighted(predicted == view.labels.unsqueeze(1), view.shares) for view in views]
    return torch.stack(agreements).sum(dim=0).mean(dim=(1, 2))


def memorisation(predicted: Tensor, views: Sequence[View]) -> list[dict[str, float]]:
    """Return the shares of the wrong-labelled examples by what is predicted; they add up to 1.

    A mixture counts for each of its two examples by its share. Where a replicate has no wrong
    label there is nothing to have a share of: its dict is empty.

    Args:
        predicted: classes, any integer type, [R, P, N].
        views: as of `shared_agreement`, with the truth.

    Returns:
        A dict per replicate, each value the mean over its networks: predicted as the true class,
        as the wrong label, as another class. An image of no class has no true one to be seen.

    Example:
        >>> truth, labels = torch.tensor([[0, 0, 0, 1, 1]]), torch.tensor([[1, 1, 0, 2, 2]])
        >>> predicted = torch.tensor([[[0, 1, 2, 0, 2]]])
        >>> memorisation(predicted, [View(None, labels, truth)])[0][LABEL]
        0.5

    Reference:
        Liu et al. 2020, "Early-learning regularization", arXiv:2007.00151, figure 1.
    """
    parts = [_counts(predicted, view) for view in views]
    total, true, label = (torch.stack(part).sum(dim=0) for part in zip(*parts, strict=True))
    # Rounding of shares may leave a trace below 0.
    shares = torch.stack([true, label, (total - true - label).clamp(min=0.0)])
    shares = (shares / total).mean(dim=2)
    return [
        dict(zip((TRUE, LABEL, OTHER), values, strict=True)) if any_wrong else {}
        for values, any_wrong in zip(
            shares.T.tolist(), (total > 0).all(dim=1).tolist(), strict=True
        )
    ]


def _counts(predicted: Tensor, view: View) -> tuple[Tensor, Tensor, Tensor]:
    """Count the wrong-labelled examples and those predicted as true class and as label.

    Each is float64 [R, P].
    """
    assert view.truth is not None
    labels, truth = view.labels.unsqueeze(1), view.truth.unsqueeze(1)
    is_wrong = labels != truth
    flags = (
        is_wrong.expand(predicted.shape),
        is_wrong & (predicted == truth),
        is_wrong & (predicted == labels),
    )
    total, true, label = (_weighted(flag, view.shares).sum(dim=2) for flag in flags)
    return total, true, label


def _weighted(flags: Tensor, shares: Tensor | None) -> Tensor:
    """Return flags as float64 [R, P, N], times the shares."""
    return flags.double() if shares is None else flags.double() * shares.unsqueeze(1)
