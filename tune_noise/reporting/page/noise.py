"""What the page says of the noise in one condition: figures, limits and the table of the matrix."""

from dataclasses import dataclass

import numpy as np

from tune_noise.reporting.findings.finalists import Finalist
from tune_noise.reporting.findings.noise_estimate import MatrixEstimate, NoiseEstimate
from tune_noise.reporting.findings.summary import ConditionSummary
from tune_noise.reporting.statistics import Estimate
from tune_noise.reporting.wording import NO_VALUE, configuration, number, with_interval

# A table of more classes is not read: the largest cells off the diagonal instead.
MAX_TABLE_CLASSES = 20
NUM_LARGEST = 20
_ACCURACY = "val_accuracy_clean_estimate"
_AVERAGE = {
    "instance": "This noise depends on the image",
    "human": "Labels that people gave depend on the image",
    "given": "Labels as given may depend on the image",
}
KNOWN_MEANING = (
    "The accuracy by the known matrix supposes nothing of the network, only that the noise is "
    "drawn from that matrix; it may come out above 100 % by chance."
)
BOUND_MEANING = (
    "“At most” takes the confident half to be all right and asks how far the other half falls "
    "behind it. Errors that both halves share it does not see: a network that has learnt the noise "
    "may come out near 100 %. It is no measured accuracy."
)


@dataclass(frozen=True)
class MatrixCell:
    """One cell in words, all in percent; empty texts for what is not known."""

    value: str
    interval: str
    truth: str


@dataclass(frozen=True)
class MatrixRow:
    """One row of the table: a class with all its cells, or a single large cell."""

    name: str
    cells: list[MatrixCell]


@dataclass(frozen=True)
class NoiseSection:
    """What the template shows.

    Attributes:
        source: whose predictions, and how they are used.
        facts: name -> figure with its interval.
        sentences: deviations, limits, and what cannot be estimated.
        caption: of the table.
        columns: its headings after the first; empty where there is no table.
        rows: of the table.
    """

    source: str
    facts: dict[str, str]
    sentences: list[str]
    caption: str
    columns: list[str]
    rows: list[MatrixRow]


def noise_section(condition: ConditionSummary) -> NoiseSection | None:
    """What the leader of a condition tells of its noise; None where it tells nothing."""
    found, leader = condition.noise, condition.leader
    if found is None or leader is None or (found.rate is None and found.matrix is None):
        return None
    noise = leader.config.noise
    matrix = found.matrix
    whole = matrix is not None and matrix.num_classes <= MAX_TABLE_CLASSES
    columns, rows = [], []
    if matrix is not None and whole:
        columns, rows = [str(c) for c in range(matrix.num_classes)], _whole_rows(matrix)
    elif matrix is not None:
        columns, rows = ["share"], _largest_rows(matrix)
    return NoiseSection(
        source=_source(condition, leader, found),
        facts=_facts(found),
        sentences=[*_renamed(leader), *_sentences(found, noise)],
        caption=_caption(matrix, whole=whole),
        columns=columns,
        rows=rows,
    )


def _source(condition: ConditionSummary, leader: Finalist, found: NoiseEstimate) -> str:
    epoch = "selected" if condition.config.last_epochs is None else "last"
    seeds = f"{found.num_seeds} fresh seed" + ("" if found.num_seeds == 1 else "s")
    return (
        "Estimated from noisy validation labels alone, with the predictions of "
        f"{configuration(leader.config, condition.config)} at the {epoch} epoch of "
        f"{seeds}: the more confident half of the images predicted to be of a class is taken to be "
        "of that class. What that half gets wrong counts as noise, so the noise comes out rather "
        "too large than too small."
    )


def _renamed(leader: Finalist) -> list[str]:
    if not leader.num_renamed:
        return []
    seeds = f"{leader.num_renamed} of {len(leader.counted)} seeds"
    return [f"In {seeds} the classes look renamed: rows may be those of other classes."]


def _facts(found: NoiseEstimate) -> dict[str, str]:
    facts = {"noise rate, estimated from above": _figure(found.rate)}
    if found.true_rate is not None:
        facts["noise rate, measured on the training labels"] = f"{100 * found.true_rate:.1f} %"
    if found.known_accuracy is not None:
        known = _figure(found.known_accuracy)
        facts["clean-equivalent accuracy, by the known matrix"] = known
    if found.matrix is not None:
        facts["clean-equivalent accuracy, by the estimated matrix"] = _bound(found)
    return facts


def _figure(found: Estimate | None) -> str:
    return NO_VALUE if found is None else with_interval(found, _ACCURACY)


def _bound(found: NoiseEstimate) -> str:
    """The bound in words; one above 100 % bounds nothing."""
    bound = found.accuracy_bound
    if bound is None:
        return "cannot be told"
    shown = _figure(bound)
    if bound.n < found.num_seeds:
        shown += f", from {bound.n} of {found.num_seeds} seeds"
    is_bound = bound.mean < 1.0
    return f"at most {shown}" if is_bound else f"no bound below 100 %: the estimate is {shown}"


def _sentences(found: NoiseEstimate, noise: str) -> list[str]:
    matrix = found.matrix
    if matrix is None:
        return ["The record was written before the estimated matrix was kept."]
    sentences = [_deviation(matrix), _unseen(matrix), _intervals(matrix)]
    sentences.append(KNOWN_MEANING if found.known_accuracy is not None else "")
    sentences.append(_no_bound(matrix) if found.accuracy_bound is None else BOUND_MEANING)
    if noise in _AVERAGE:
        sentences.append(f"{_AVERAGE[noise]}: the matrix is an average over images.")
    elif noise == "foreign" and matrix.truth is None:
        sentences.append(
            "Some labels go with foreign images, which are of no class: a row is that of all "
            "images predicted to be of the class, and no measured matrix stands beside it."
        )
    return [sentence for sentence in sentences if sentence]


def _deviation(matrix: MatrixEstimate) -> str:
    """The cell furthest from the truth, and how many intervals hold it."""
    if matrix.truth is None:
        return ""
    distance = np.abs(matrix.values - matrix.truth)
    known = np.isfinite(distance)
    if not known.any():
        return ""
    i, j = np.unravel_index(np.nanargmax(distance), distance.shape)
    holds = (matrix.low <= matrix.truth) & (matrix.truth <= matrix.high)
    return (
        f"The largest deviation from the measured matrix is {_percent(distance[i, j])} points: of "
        f"class {i}, {_percent(matrix.values[i, j])} % {_ends(matrix, int(i), int(j))} bear label "
        f"{j} by the estimate, {_percent(matrix.truth[i, j])} % as measured. "
        f"{int(holds[known].sum())} of {int(known.sum())} intervals hold the measured share."
    )


def _unseen(matrix: MatrixEstimate) -> str:
    if not matrix.unseen:
        return ""
    if len(matrix.unseen) == 1:
        return f"Class {matrix.unseen[0]} is never predicted: its row cannot be estimated."
    shown = ", ".join(map(str, matrix.unseen[:NUM_LARGEST]))
    more = " and more" if len(matrix.unseen) > NUM_LARGEST else ""
    return f"Classes {shown}{more} are never predicted: their rows cannot be estimated."


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
    images = ", and the labels of one image as one observation" if matrix.copies > 1 else ""
    return (
        f"Intervals are of 95 %, each cell's by itself (Wilson's): {counted}{images}; where seeds "
        "disagree by more than chance, their spread counts. What the confident half gets wrong in "
        "all seeds alike is not in them."
    )


def _caption(matrix: MatrixEstimate | None, *, whole: bool) -> str:
    if matrix is None:
        return ""
    below = "95 % interval below" + ("" if matrix.truth is None else ", then the measured share")
    if whole:
        return f"Share of each noisy label in a true class, in percent; {below}."
    return (
        f"The {NUM_LARGEST} largest of {matrix.num_classes**2 - matrix.num_classes:,} cells off "
        f"the diagonal, in percent; {below}. All cells: transition.csv."
    )


def _whole_rows(matrix: MatrixEstimate) -> list[MatrixRow]:
    classes = range(matrix.num_classes)
    return [MatrixRow(str(i), [_cell(matrix, i, j) for j in classes]) for i in classes]


def _largest_rows(matrix: MatrixEstimate) -> list[MatrixRow]:
    off = np.nan_to_num(matrix.values, nan=-1.0)
    np.fill_diagonal(off, -1.0)
    order = np.argsort(-off, axis=None, kind="stable")[:NUM_LARGEST]
    places = [divmod(int(cell), matrix.num_classes) for cell in order if off.flat[cell] > 0.0]
    return [MatrixRow(f"{i} → {j}", [_cell(matrix, i, j)]) for i, j in places]


def _cell(matrix: MatrixEstimate, i: int, j: int) -> MatrixCell:
    truth = "" if matrix.truth is None else _percent(matrix.truth[i, j])
    if not np.isfinite(matrix.values[i, j]):
        return MatrixCell(NO_VALUE, "", truth)
    return MatrixCell(_percent(matrix.values[i, j]), _ends(matrix, i, j), truth)


def _ends(matrix: MatrixEstimate, i: int, j: int) -> str:
    return f"[{_percent(matrix.low[i, j])}, {_percent(matrix.high[i, j])}]"


def _percent(share: float) -> str:
    return NO_VALUE if not np.isfinite(share) else number(100 * share, 1)
