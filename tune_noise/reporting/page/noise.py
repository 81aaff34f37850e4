"""The noise in one condition on the page: figures, limits and the table of the matrix."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from tune_noise.config import declared
from tune_noise.config.words import class_name, configuration
from tune_noise.reporting.cells import Cell, cell
from tune_noise.reporting.checked_by_hand import accuracy_of_leader, share_in_words
from tune_noise.reporting.findings.finalists import Finalist
from tune_noise.reporting.findings.noise_estimate import MatrixEstimate, NoiseEstimate
from tune_noise.reporting.findings.summary import ConditionSummary
from tune_noise.reporting.statistics import Estimate
from tune_noise.reporting.wording import NO_VALUE, number, with_interval

# Nobody reads a table of more classes: it shows the largest cells off the diagonal instead.
MAX_TABLE_CLASSES = 20
NUM_LARGEST = 20
_ACCURACY = "val_accuracy_clean_estimate"
KNOWN_MEANING = (
    "The accuracy by the known matrix assumes nothing about the network, only that the noise is "
    "drawn from that matrix; it may come out above 100 % by chance."
)
BOUND_MEANING = (
    "“At most” takes the confident half to be all right and asks how far the other half falls "
    "behind it. It does not see errors that both halves share, so a network that has learnt the "
    "noise may come out near 100 %. It is not a measured accuracy: a hundred labels checked by "
    "hand give one (tune-noise audit)."
)


# Row of the table -> its cells: all of a class, or a single large one.
MatrixRows = dict[str, list[Cell]]


@dataclass(frozen=True)
class NoiseSection:
    """The content of the section.

    Attributes:
        source: whose predictions, and how they are used.
        facts: name -> figure with its interval.
        sentences: deviations, limits, and what cannot be estimated.
        caption: of the table.
        columns: its headings after the first; empty where there is no table.
        rows: heading of each row -> its cells, in percent.
    """

    source: str
    facts: dict[str, str]
    sentences: list[str]
    caption: str
    columns: list[str]
    rows: MatrixRows


def noise_section(condition: ConditionSummary) -> NoiseSection | None:
    """Return what the leader of a condition tells of its noise; None where it tells nothing."""
    estimate, leader = condition.noise, condition.leader
    matrix = None if estimate is None else estimate.matrix
    if estimate is None or leader is None or matrix is None:
        return None
    is_whole = matrix.num_classes <= MAX_TABLE_CLASSES
    name = partial(class_name, names=condition.class_names)
    return NoiseSection(
        source=_source(condition, leader, estimate),
        facts=_facts(estimate, condition.audit),
        sentences=[*_renamed(leader), *_sentences(estimate, matrix, condition, leader)],
        caption=_caption(matrix, is_whole=is_whole),
        columns=list(map(name, range(matrix.num_classes))) if is_whole else ["share"],
        rows=_whole_rows(matrix, name) if is_whole else _largest_rows(matrix, name),
    )


def _source(condition: ConditionSummary, leader: Finalist, estimate: NoiseEstimate) -> str:
    epoch = "selected" if condition.config.last_epochs is None else "last"
    seeds = f"{estimate.num_seeds} fresh seed" + ("" if estimate.num_seeds == 1 else "s")
    return (
        "Estimated from noisy validation labels alone, with the predictions of "
        f"{configuration(leader.config, condition.config)} at the {epoch} epoch of "
        f"{seeds}: the more confident half of the inputs predicted to be of a class is taken to be "
        "of that class. What that half gets wrong counts as noise, so the noise comes out rather "
        "too large than too small."
    )


def _renamed(leader: Finalist) -> list[str]:
    if not leader.num_renamed:
        return []
    seeds = f"{leader.num_renamed} of {len(leader.counted)} seeds"
    return [f"In {seeds} the classes look renamed: rows may be those of other classes."]


def _facts(estimate: NoiseEstimate, audit: dict[str, Any] | None) -> dict[str, str]:
    if audit is not None and "noise_rate" in audit:
        # What people have checked is no bound.
        return {
            "noise rate, checked by hand": share_in_words(audit["noise_rate"]),
            "noise rate, estimated from above": _figure(estimate.rate),
            "accuracy, checked by hand": share_in_words(accuracy_of_leader(audit)),
        }
    facts = {"noise rate, estimated from above": _figure(estimate.rate)}
    if estimate.true_rate is not None:
        facts["noise rate, measured on the training labels"] = f"{100 * estimate.true_rate:.1f} %"
    if estimate.known_accuracy is not None:
        accuracy = _figure(estimate.known_accuracy)
        facts["clean-equivalent accuracy, by the known matrix"] = accuracy
    return facts | {"clean-equivalent accuracy, by the estimated matrix": _bound(estimate)}


def _figure(estimate: Estimate | None) -> str:
    return NO_VALUE if estimate is None else with_interval(estimate, _ACCURACY)


def _bound(estimate: NoiseEstimate) -> str:
    """Return the bound in words; one above 100 % bounds nothing."""
    bound = estimate.accuracy_bound
    if bound is None:
        return "cannot be told"
    figure = _figure(bound)
    if bound.n < estimate.num_seeds:
        figure += f", from {bound.n} of {estimate.num_seeds} seeds"
    is_bound = bound.mean < 1.0
    return f"at most {figure}" if is_bound else f"no bound below 100 %: the estimate is {figure}"


def _sentences(
    estimate: NoiseEstimate, matrix: MatrixEstimate, condition: ConditionSummary, leader: Finalist
) -> list[str]:
    name = partial(class_name, names=condition.class_names)
    sentences = [_deviation(matrix, name), _unseen(matrix, name), _intervals(matrix)]
    sentences.append(KNOWN_MEANING if estimate.known_accuracy is not None else "")
    sentences.append(_no_bound(matrix) if estimate.accuracy_bound is None else BOUND_MEANING)
    declaration = declared.noise(leader.config.noise)
    if declaration.depends_on_image:
        sentences.append(f"{declaration.depends_on_image}: the matrix is an average over inputs.")
    elif declaration.adds_images and matrix.truth is None:
        sentences.append(
            "Some labels go with foreign images, which are of no class: a row is that of all "
            "inputs predicted to be of the class, and no measured matrix stands beside it."
        )
    return [sentence for sentence in sentences if sentence]


def _deviation(matrix: MatrixEstimate, name: Callable[[int], str]) -> str:
    """Name the cell furthest from the truth, and count the intervals that hold it."""
    if matrix.truth is None:
        return ""
    distance = np.abs(matrix.values - matrix.truth)
    is_known = np.isfinite(distance)
    if not is_known.any():
        return ""
    i, j = np.unravel_index(np.nanargmax(distance), distance.shape)
    holds = (matrix.low <= matrix.truth) & (matrix.truth <= matrix.high)
    return (
        f"The largest deviation from the measured matrix is {_percent(distance[i, j])} points: of "
        f"class {name(int(i))}, {with_interval(_share(matrix, int(i), int(j)), _ACCURACY)} bear "
        f"label {name(int(j))} by the estimate, {_percent(matrix.truth[i, j])} % as measured. "
        f"{int(holds[is_known].sum())} of {int(is_known.sum())} intervals hold the measured share."
    )


def _unseen(matrix: MatrixEstimate, name: Callable[[int], str]) -> str:
    if not matrix.unseen:
        return ""
    if len(matrix.unseen) == 1:
        return f"Class {name(matrix.unseen[0])} is never predicted: its row cannot be estimated."
    listed = ", ".join(map(name, matrix.unseen[:NUM_LARGEST]))
    more = " and more" if len(matrix.unseen) > NUM_LARGEST else ""
    return f"Classes {listed}{more} are never predicted: their rows cannot be estimated."


def _no_bound(matrix: MatrixEstimate) -> str:
    reason = (
        "a class is never predicted"
        if matrix.unseen
        else "in half of the seeds or more some class has too few predictions to invert the matrix"
    )
    return f"No clean-equivalent accuracy by the estimated matrix: {reason}."


def _intervals(matrix: MatrixEstimate) -> str:
    counted = (
        "the labels are the same for all seeds, which count as one validation set"
        if matrix.share_labels
        else "each seed draws its own labels, and those of all seeds are counted together"
    )
    several = ", and the labels of one input as one observation" if matrix.copies > 1 else ""
    return (
        f"Intervals are of 95 %, each cell's by itself (Wilson's): {counted}{several}; where seeds "
        "disagree by more than chance, their spread counts. What the confident half gets wrong in "
        "all seeds alike is not in them."
    )


def _caption(matrix: MatrixEstimate, *, is_whole: bool) -> str:
    below = "95 % interval below" + ("" if matrix.truth is None else ", then the measured share")
    if is_whole:
        return f"Share of each noisy label in a true class, in percent; {below}."
    return (
        f"The {NUM_LARGEST} largest of {matrix.num_classes**2 - matrix.num_classes:,} cells off "
        f"the diagonal, in percent; {below}. All cells: transition.csv."
    )


def _whole_rows(matrix: MatrixEstimate, name: Callable[[int], str]) -> MatrixRows:
    classes = range(matrix.num_classes)
    return {name(i): [_cell(matrix, i, j) for j in classes] for i in classes}


def _largest_rows(matrix: MatrixEstimate, name: Callable[[int], str]) -> MatrixRows:
    off = np.nan_to_num(matrix.values, nan=-1.0)
    np.fill_diagonal(off, -1.0)
    order = np.argsort(-off, axis=None, kind="stable")[:NUM_LARGEST]
    places = [divmod(int(cell), matrix.num_classes) for cell in order if off.flat[cell] > 0.0]
    return {f"{name(i)} → {name(j)}": [_cell(matrix, i, j)] for i, j in places}


def _cell(matrix: MatrixEstimate, i: int, j: int) -> Cell:
    """Return the share with its interval and, where it is known, the measured share below."""
    truth = "" if matrix.truth is None else _percent(matrix.truth[i, j])
    if not np.isfinite(matrix.values[i, j]):
        return Cell(NO_VALUE, (truth,) if truth else ())
    return cell(_share(matrix, i, j), _ACCURACY, truth)


def _share(matrix: MatrixEstimate, i: int, j: int) -> Estimate:
    return Estimate(1, matrix.values[i, j], None, (matrix.low[i, j], matrix.high[i, j]))


def _percent(share: float) -> str:
    return NO_VALUE if not np.isfinite(share) else number(100 * share, 1)
