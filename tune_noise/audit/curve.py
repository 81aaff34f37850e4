"""What it would buy to correct the first suspects: accuracy of the leader, trained on such labels.

Nobody has corrected them yet. So the first labels of the list are replaced by what people have said
of them, and, where nobody has looked, by a draw: whether the label is wrong, as often as the audit
found it among these suspects, and which class is the true one instead, by the networks that did not
learn the example. The leader is cross-fitted on these labels. Its predictions are judged by the
audit, as those of every finalist. No true label of the data takes part.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from scipy.special import expit, logit, stdtrit

from tune_noise.audit.checked import Checked
from tune_noise.audit.estimates import AuditEstimates
from tune_noise.audit.estimator import Estimated
from tune_noise.audit.population import Population
from tune_noise.config.trial import TrialConfig
from tune_noise.data import Dataset
from tune_noise.seeding import generator
from tune_noise.training.cross_fit import gather, make_folds, train_fold
from tune_noise.training.known_noise import noisy_labels

# Numbers of suspects, and how often each is drawn and trained.
FIRST = (25, 50, 100, 200, 400)
DRAWS = 2
_STEPS = 60


def curve_points(population: Population) -> list[int]:
    """Return for how many first suspects a curve is made."""
    return [first for first in FIRST if first < len(population)]


def corrected(
    population: Population,
    checked: Checked,
    precision: Estimated | None,
    *,
    first: int,
    random: np.random.Generator,
) -> np.ndarray:
    """Return the labels of the population with the first suspects corrected, int64 [N].

    Args:
        population: the most suspicious label first.
        checked: what people have said; a checked label is no draw.
        precision: the share of wrong labels among these suspects by the audit; None where none of
            them was checked, and the networks' own suspicion has to do.
        first: how many are corrected.
        random: draws what nobody has checked.
    """
    judged, labels = population.judgements, population.given.copy()
    suspicion = np.clip(judged.suspicion[:first], 1e-6, 1.0 - 1e-6)
    if precision is not None:
        suspicion = _shifted(suspicion, _drawn_share(precision, random))
    classes, chances = judged.classes[:first], judged.chances[:first].astype(np.float64)
    chances = np.where(classes == labels[:first, None], 0.0, chances) + 1e-12
    shares = np.cumsum(chances / chances.sum(axis=1, keepdims=True), axis=1)
    instead = (random.random((first, 1)) < shares).argmax(axis=1)
    is_wrong = random.random(first) < suspicion
    labels[:first] = np.where(is_wrong, classes[np.arange(first), instead], labels[:first])
    said = checked.classes[:, : population.num_classes]
    for row, of_row in zip(checked.rows.tolist(), said, strict=True):
        if row < first and of_row.any():
            labels[row] = int(of_row.argmax())
    return labels


def _drawn_share(precision: Estimated, random: np.random.Generator) -> float:
    """Return a share that the audit holds for possible: normal on the scale of log odds."""
    low, value, high = logit(
        np.clip([precision.low, precision.value, precision.high], 0.005, 0.995)
    )
    return float(expit(random.normal(value, (high - low) / (2 * 1.96))))


def _shifted(chances: np.ndarray, share: float) -> np.ndarray:
    """Return chances whose log odds are moved so that their mean is a share."""
    odds, low, high = logit(chances), -30.0, 30.0
    for _ in range(_STEPS):
        middle = (low + high) / 2.0
        low, high = (middle, high) if expit(odds + middle).mean() < share else (low, middle)
    return np.asarray(expit(odds + low))


def fit_corrected(
    population: Population,
    checked: Checked,
    estimates: AuditEstimates,
    config: TrialConfig,
    dataset: Dataset,
    *,
    folds: int,
    device: str,
    done: Mapping[str, np.ndarray],
) -> Iterator[tuple[str, np.ndarray]]:
    """Cross-fit the leader on corrected labels.

    Args:
        population: of the audit.
        checked: what people have said.
        estimates: from it.
        config: of the networks that judged the population.
        dataset: what they were trained on.
        folds: trainings for each draw.
        device: where to train.
        done: what was trained before, as this yields it.

    Yields:
        `FIRST/DRAW` and the predictions for each label of the population, int64 [N].
    """
    given = noisy_labels(dataset, config)[:, 0]
    # The labels are given now, whatever kind of noise made them; no truth is known to training.
    plain = {k: v for k, v in config.to_plain().items() if k not in config.declared_values("noise")}
    as_given = TrialConfig.model_validate({**plain, "noise": "given"})
    for first in curve_points(population):
        for draw in range(DRAWS):
            name = f"{first}/{draw}"
            if name in done:
                continue
            random = generator(config.seed, "curve", first, draw)
            labels = given.copy()
            labels[population.examples] = corrected(
                population, checked, estimates.precision(first), first=first, random=random
            )
            data = replace(
                dataset, train_labels=labels, true_labels=None, answers=None, annotators=None
            )
            parts = make_folds(as_given, data, count=folds)
            fitted = {fold: train_fold(fold, data, device=device) for fold in parts}
            examples, probabilities = gather(fitted, data)
            predicted = np.full(len(labels), -1, dtype=np.int64)
            predicted[examples] = probabilities.argmax(axis=1)
            yield name, predicted[population.examples]


def curve(
    estimates: AuditEstimates, population: Population, predictions: Mapping[str, np.ndarray]
) -> list[dict[str, Any]]:
    """Return the curve: `first`, `accuracy` and `gain` over the labels as they are, plain values.

    The intervals hold the error of the audit and the spread between draws and trainings, that of a
    further training included.

    Args:
        estimates: from the checked labels.
        population: of the audit.
        predictions: what `fit_corrected` has yielded.
    """
    by_first: dict[int, list[np.ndarray]] = {}
    for name, predicted in predictions.items():
        by_first.setdefault(int(name.partition("/")[0]), []).append(predicted)
    accuracies = {
        first: [estimates.accuracy(predicted) for predicted in of_draws]
        for first, of_draws in sorted(by_first.items())
    }
    squares = [
        float(np.var([accuracy.value for accuracy in of_draws], ddof=1))
        for of_draws in accuracies.values()
        if len(of_draws) > 1
    ]
    spread = math.sqrt(float(np.mean(squares))) if squares else 0.0
    quantile = float(stdtrit(max(1, len(squares) * (DRAWS - 1)), 0.975))
    more = quantile * spread * math.sqrt(1.0 + 1.0 / DRAWS)
    rows = []
    for first, of_draws in accuracies.items():
        differences = (estimates.difference(p, population.predicted) for p in by_first[first])
        gains = [gain for gain in differences if gain is not None]
        rows.append(
            {
                "first": first,
                "accuracy": _mean(of_draws, more, low=0.0, high=1.0).to_json(),
                "gain": _mean(gains, more).to_json() if gains else None,
            }
        )
    return rows


def _mean(
    figures: list[Estimated], more: float, *, low: float = -1.0, high: float = 1.0
) -> Estimated:
    """Return the mean over draws; its interval is widened in squares by what draws scatter."""
    value = float(np.mean([figure.value for figure in figures]))
    below = math.hypot(float(np.mean([f.value - f.low for f in figures])), more)
    above = math.hypot(float(np.mean([f.high - f.value for f in figures])), more)
    return Estimated(value, max(low, value - below), min(high, value + above), figures[0].n)
