"""What becomes of each class: recall with its interval, and what is predicted instead."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tune_noise.noise import Confusion
from tune_noise.reporting.figures.palette import ACCENT, FAINT, PAPER, SECOND, legend_above
from tune_noise.reporting.figures.transition import share_panel, short_name
from tune_noise.reporting.findings.classes import MAX_SHOWN, ClassRecalls, LabelKind
from tune_noise.reporting.findings.summary import ConditionSummary
from tune_noise.reporting.statistics import Floats

LABELS: dict[LabelKind, str] = {
    "true": "true labels of the test set",
    "noisy": "noisy validation labels",
}
_COLOURS: dict[LabelKind, str] = {"true": SECOND, "noisy": ACCENT}
_TITLES: dict[LabelKind, str] = {"true": "true labels", "noisy": "noisy labels"}
_ROW_INCHES, _PANEL_INCHES = 0.22, 2.9
CAPTION = (
    "Left: share of the images of each class that are predicted to be of it, with its 95 % "
    "interval, the lowest first. Agreement with noisy labels is lower by as much as these are "
    "wrong."
)
CAPTION_MATRIX = (
    " Right: rows are the labels, columns the predicted classes; shares of a row in percent."
)
CAPTION_ALL = " Right: all classes in the order of their recall."


def classes_figure(condition: ConditionSummary) -> tuple[Figure, str, str] | None:
    """Draw the leader's recall of each class; of many classes, of those with the lowest.

    Returns:
        Figure, alternative text and caption; None where nothing is known of the classes.
    """
    recalls = condition.recalls
    if not recalls:
        return None
    first = next(iter(recalls.values()))
    is_whole = first.confusion.num_classes <= MAX_SHOWN
    panels = len(recalls) if is_whole else 1
    rows = min(len(first.classes), MAX_SHOWN)
    figure = Figure(
        figsize=(_PANEL_INCHES * (1 + panels), max(_PANEL_INCHES, _ROW_INCHES * rows) + 1.3),
        layout="constrained",
    )
    axes = figure.subplots(1, 1 + panels)
    _recalls(axes[0], recalls, [recall.name for recall in first.classes[:rows]])
    if is_whole:
        for ax, (kind, of_kind) in zip(axes[1:], recalls.items(), strict=True):
            _matrix(ax, of_kind.confusion, kind, condition.class_names)
        for ax in axes[2:]:
            ax.tick_params(labelleft=False)
    else:
        _all_classes(axes[1], recalls)
    legend_above(figure, axes[0])
    return figure, _alt(first), CAPTION + (CAPTION_MATRIX if is_whole else CAPTION_ALL)


def _recalls(ax: Axes, recalls: dict[LabelKind, ClassRecalls], names: list[str]) -> None:
    places = {name: place for place, name in enumerate(names)}
    # Beside each other, so that one interval does not hide another.
    for shift, (kind, of_kind) in zip((-0.14, 0.14), recalls.items(), strict=False):
        shown = [recall for recall in of_kind.classes if recall.name in places]
        shares = np.array([[c.recall, c.low, c.high] for c in shown]).reshape(-1, 3).T * 100
        ax.errorbar(
            shares[0],
            [places[recall.name] + shift for recall in shown],
            xerr=np.maximum([shares[0] - shares[1], shares[2] - shares[0]], 0.0),
            fmt="o" if kind == "true" else "s",
            color=_COLOURS[kind],
            markersize=4,
            linewidth=1.2,
            markerfacecolor=_COLOURS[kind] if kind == "true" else PAPER,
            label=LABELS[kind],
        )
    ax.set_yticks(range(len(names)), [short_name(name) for name in names])
    ax.set_ylim(len(names) - 0.5, -0.5)
    ax.set_xlim(-3, 103)
    ax.set_xlabel("recall in %")
    ax.set_ylabel("class")


def _matrix(
    ax: Axes, confusion: Confusion, kind: LabelKind, class_names: Sequence[str] | None
) -> None:
    shares = np.zeros((confusion.num_classes, confusion.num_classes))
    shares[confusion.rows, confusion.columns] = confusion.counts
    images = confusion.images[:, None]
    shares = np.where(images > 0, shares / np.maximum(images, 1e-9), np.nan)
    share_panel(ax, shares, title=_TITLES[kind], class_names=class_names)
    ax.set_xlabel("predicted")


def _all_classes(ax: Axes, recalls: dict[LabelKind, ClassRecalls]) -> None:
    for kind, of_kind in recalls.items():
        shares = _sorted(of_kind)
        ax.plot(np.arange(1, len(shares) + 1), shares, color=_COLOURS[kind], label=LABELS[kind])
    ax.axvline(MAX_SHOWN, color=FAINT, linewidth=1.0, linestyle=":")
    ax.set_ylim(-3, 103)
    ax.set_xlabel("classes, the lowest first")
    ax.set_ylabel("recall in %")


def _sorted(recalls: ClassRecalls) -> Floats:
    return np.array([100 * recall.recall for recall in recalls.classes])


def _alt(recalls: ClassRecalls) -> str:
    shares, lowest = _sorted(recalls), recalls.classes[0]
    return (
        f"Recall of {len(shares):,} classes, from {shares[0]:.0f} percent for {lowest.name} to "
        f"{shares[-1]:.0f} percent. The numbers stand in the table below and in classes.csv."
    )
