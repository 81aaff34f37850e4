"""The memorisation curve: what training examples with a wrong label are predicted as."""

from matplotlib.figure import Figure

from tune_noise.reporting.figures.curves import (
    condition_lines,
    has_metric,
    metric_panels,
)
from tune_noise.reporting.findings.summary import ConditionSummary

PANELS = {
    "train_wrong_predicted_true": "true class:\nseen through",
    "train_wrong_predicted_label": "wrong label:\nmemorised",
    "train_wrong_predicted_other": "a third\nclass",
}
CAPTION = (
    "Of the training examples with a wrong label, those that are predicted as their true class, as "
    "their wrong label, and as neither; the three add up to 100 %. Predictions are those of the "
    "training pass, before the update that learns from the example. Lines: mean over the seeds; "
    "shade: one sample standard deviation on either side; marks: the epoch that noisy validation "
    "selects. Measured with the true labels, which the search never saw."
)


def memorisation_figure(condition: ConditionSummary) -> tuple[Figure, str, str] | None:
    """The finalists' memorisation curves.

    Returns:
        Figure, alternative text and caption; None where no truth is known, no label is wrong, or
        an earlier version wrote the record.
    """
    lines = [
        line
        for line in condition_lines(condition)
        if all(has_metric([line], metric) for metric in PANELS)
    ]
    if not lines:
        return None
    figure = metric_panels(lines, PANELS, whole=PANELS)
    told = []
    for line in lines:
        true, label = (100.0 * (line.last_mean(metric) or 0.0) for metric in list(PANELS)[:2])
        told.append(f"{line.label}: {true:.0f} % as their true class, {label:.0f} % as the label")
    alt = (
        f"Memorisation curves of condition {condition.name}: training examples with a wrong label, "
        f"by what they are predicted as. Over the last epochs: {'; '.join(told)}."
    )
    return figure, alt, CAPTION
