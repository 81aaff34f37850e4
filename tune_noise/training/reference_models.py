"""Reference models: simple ones that learn what the finalists learn, by scikit-learn.

Each is a function of scaled inputs, their noisy labels, the number of classes and its settings. It
returns a function from inputs to P(class | input), float64 [N, K].
"""

import itertools
import math
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from tune_noise.config import declared
from tune_noise.config.metric_names import sign
from tune_noise.config.reference_models import REFERENCES
from tune_noise.config.trial import TrialConfig
from tune_noise.data import Dataset
from tune_noise.data.input_views import Inputs
from tune_noise.data.splits import SPLIT_SEED, nested_subset
from tune_noise.declaration import ReferenceDeclaration, import_object
from tune_noise.errors import TuneNoiseError
from tune_noise.metrics.evaluation import test_metrics, validation_metrics
from tune_noise.training.labelled_data import LabelledData, prepare
from tune_noise.training.noise_findings import (
    MAX_CLASSES,
    draw_own_labels,
    objective_without_groups,
)

Floats = NDArray[Any]
Labels = NDArray[np.int64]
Predict = Callable[[Floats], Floats]

# Numbers that are predicted from at once, which bounds the memory.
BLOCK_NUMBERS = 4_000_000
# No class is impossible: its log is a logit.
LEAST_PROBABILITY = 1e-9


class ReferenceFailed(TuneNoiseError):  # noqa: N818 - it names what happened
    """A reference model could not be trained."""


@dataclass(frozen=True)
class Reference:
    """The training of one reference model in one condition.

    Attributes:
        condition: its name.
        name: of the model, as it is declared.
        chooses: the configuration on whose labels the settings are chosen: that of the search.
        confirms: one per fresh seed.
        settings: name and value of each, as chosen before; None where they are to be chosen.
    """

    condition: str
    name: str
    chooses: TrialConfig
    confirms: tuple[TrialConfig, ...]
    settings: tuple[tuple[str, Any], ...] | None = None


def missing_needs(declaration: ReferenceDeclaration, dataset: Dataset) -> str:
    """Return what a reference model needs and a data set does not have; empty: nothing."""
    if dataset.kind not in declaration.takes:
        return f"it takes {' and '.join(declaration.takes)}"
    if declaration.max_width is not None and math.prod(dataset.input_shape) > declaration.max_width:
        return f"it takes inputs of at most {declaration.max_width} numbers"
    if dataset.num_classes > declaration.max_classes:
        return f"it takes at most {declaration.max_classes} classes"
    return ""


def train_reference(
    reference: Reference, dataset: Dataset, *, device: str = "cpu"
) -> dict[str, Any]:
    """Choose the settings of a reference model and train it on each fresh seed, on one core.

    Seeds that share their noisy labels share the training.

    Args:
        reference: what to train.
        dataset: in memory, with the material that its noise needs.
        device: is not used, as scikit-learn computes on the CPU.

    Returns:
        The data of a `reference` event.

    Raises:
        ReferenceFailed: it could not be trained, for whatever reason.
    """
    # Its libraries must be loaded before their threads are limited. Many threads on few numbers
    # wait for each other: where other processes compute, a hundred times longer than one would.
    import sklearn  # noqa: F401
    from threadpoolctl import threadpool_limits

    try:
        with threadpool_limits(1):
            return _train(reference, dataset)
    except Exception as error:  # whatever a library may raise
        raise ReferenceFailed(f"{type(error).__name__}: {error}".splitlines()[0]) from error


def _train(reference: Reference, dataset: Dataset) -> dict[str, Any]:
    started = time.perf_counter()
    if reference.settings is None:
        settings = _best_settings(reference, dataset)
    else:
        settings = dict(reference.settings)
    by_draw: dict[int, _Judged] = {}
    shares_labels = not draw_own_labels(reference.confirms)
    for config in reference.confirms:
        if label_draw(config) not in by_draw:
            data = _Data(reference.name, config, dataset, settings)
            by_draw[label_draw(config)] = data.fit_and_judge(
                settings, is_last=True, shares_labels=shares_labels
            )
    judged = [(config.seed, by_draw[label_draw(config)]) for config in reference.confirms]
    return {
        "settings": settings,
        "metrics": [[seed, one.metrics] for seed, one in judged],
        "without": [[seed, one.without] for seed, one in judged if one.without is not None],
        "examples": data.examples,
        "available": data.available,
        "seconds": round(time.perf_counter() - started, 3),
        "problem": "",
    }


def label_draw(config: TrialConfig) -> int:
    """Return what two seeds share exactly if they have the same noisy labels."""
    is_drawn = declared.noise(config.noise).drawn or config.aggregation == "drawn"
    return config.noise_seed if is_drawn else 0


def _best_settings(reference: Reference, dataset: Dataset) -> dict[str, Any]:
    """Return the settings with the best objective on noisy validation, the first of equals."""
    choices = list(_combinations(REFERENCES[reference.name], dataset))
    if len(choices) == 1:
        return choices[0]
    config, data, scores = reference.chooses, None, []
    for settings in choices:
        if data is None or data.settings.get("scaling") != settings.get("scaling"):
            data = _Data(reference.name, config, dataset, settings)
        metrics = data.fit_and_judge(settings, is_last=False).metrics
        scores.append(sign(config.objective) * metrics[config.objective])
    return choices[int(np.argmax(scores))]


def _combinations(declaration: ReferenceDeclaration, dataset: Dataset) -> Iterator[dict[str, Any]]:
    grid = dict(declaration.settings)
    if dataset.kind == "pictures":
        grid.pop("scaling", None)  # pictures are scaled by channel, whatever it says
    for values in itertools.product(*grid.values()):
        yield dict(zip(grid, values, strict=True))


class _Judged(NamedTuple):
    """What a model reaches on one draw of the labels; `without` as `noise_findings` has it."""

    metrics: dict[str, float]
    without: list[float] | None


class _Data:
    """The data of one reference model on one draw of the labels, with a fit for each fold."""

    def __init__(
        self, name: str, config: TrialConfig, dataset: Dataset, settings: Mapping[str, Any]
    ) -> None:
        self._declaration, self._config, self.settings = REFERENCES[name], config, settings
        if "scaling" in settings:
            config = config.model_copy(update={"scaling": settings["scaling"]})
        self.labelled: LabelledData = prepare(dataset, [config], device=torch.device("cpu"))
        self.available = self.labelled.noisy_labels.shape[1]
        width = _width(self.labelled.train_inputs)
        self.examples = self._declaration.num_learned(self.available, width)

    def fit_and_judge(
        self, settings: Mapping[str, Any], *, is_last: bool, shares_labels: bool = False
    ) -> _Judged:
        """Train on the labels of this draw, and return the metrics of a trial's epoch.

        Test metrics and what shared labels ask for are left out unless it is the last training.
        """
        data, config = self.labelled, self._config
        models = [
            self._fit(input_of, labels.numpy(), settings)
            for input_of, labels in zip(data.input_of, data.noisy_labels, strict=True)
        ]
        # Each input is predicted by the model that did not learn it.
        parts = zip(models, data.val_folds, strict=True)
        predicted = [_predict(model, data.val_inputs, held_out) for model, held_out in parts]
        order = torch.argsort(torch.cat(data.val_folds)).numpy()
        logits = _logits(np.concatenate(predicted)[order])
        metrics = validation_metrics(
            logits,
            data.val_noisy_labels[0],
            objective=config.objective,
            inverse=data.inverses[0],
            answers=data.val_answers,
            true_labels=data.val_true_labels,
        )
        if is_last and data.test_inputs is not None and data.test_labels is not None:
            every = torch.arange(len(data.test_inputs))
            tested = [_predict(model, data.test_inputs, every) for model in models]
            metrics |= test_metrics(_logits(np.mean(tested, axis=0)), data.test_labels)
        if not np.isfinite(list(metrics.values())).all():
            raise ValueError("its predictions are not finite")
        without = None
        if shares_labels and data.num_classes <= MAX_CLASSES:
            without = objective_without_groups(config, data, 0, logits)
        return _Judged(metrics, without)

    def _fit(self, input_of: torch.Tensor, labels: Labels, settings: Mapping[str, Any]) -> Predict:
        every = np.arange(len(labels))
        chosen = nested_subset(labels, every, size=self.examples, seed=SPLIT_SEED)
        inputs = _flat(self.labelled.train_inputs, input_of[chosen])
        values = {name: value for name, value in settings.items() if name != "scaling"}
        fit = import_object(self._declaration.implementation)
        predict: Predict = fit(inputs, labels[chosen], self.labelled.num_classes, **values)
        return predict


def _width(inputs: Inputs) -> int:
    return math.prod(inputs.input_shape)


def _flat(inputs: Inputs, indices: torch.Tensor) -> Floats:
    """Return scaled inputs as rows, float32 [N, numbers]."""
    rows: Floats = inputs.batch(indices).flatten(1).numpy()
    return rows


def _predict(predict: Predict, inputs: Inputs, indices: torch.Tensor) -> Floats:
    """Return P(class | input) of some inputs, float64 [N, K]."""
    blocks = torch.split(indices, max(1, BLOCK_NUMBERS // _width(inputs)))
    return np.concatenate([predict(_flat(inputs, block)) for block in blocks])


def _logits(probabilities: Floats) -> torch.Tensor:
    """Return the log probabilities as those of one network, float64 [1, N, K]."""
    return torch.from_numpy(np.log(np.maximum(probabilities, LEAST_PROBABILITY)))[None]


def _shares(labels: Labels, num_classes: int) -> Floats:
    return np.bincount(labels, minlength=num_classes) / len(labels)


def _of_classes(classes: Labels, num_classes: int, predict: Predict) -> Predict:
    """Return a prediction of all classes; one that no label names is given no probability."""

    def predict_all(inputs: Floats) -> Floats:
        probabilities = np.zeros((len(inputs), num_classes))
        probabilities[:, classes] = predict(inputs)
        return probabilities

    return predict_all


def fit_majority(inputs: Floats, labels: Labels, num_classes: int) -> Predict:
    """The shares of the noisy labels."""
    shares = _shares(labels, num_classes)
    return lambda rows: np.tile(shares, (len(rows), 1))


def fit_nearest_mean(inputs: Floats, labels: Labels, num_classes: int, *, width: float) -> Predict:
    """Round densities about the means: normal ones, as wide as the classes or so many times."""
    classes, numbers = np.unique(labels, return_inverse=True)
    counts = np.bincount(numbers)
    means = np.zeros((len(classes), inputs.shape[1]))
    np.add.at(means, numbers, inputs)
    means /= counts[:, None]
    squares = np.square(means).sum(axis=1)
    within = np.einsum("ij,ij->", inputs, inputs, dtype=np.float64) - counts @ squares
    variance = width * max(within / inputs.size, 1e-6)
    offsets = squares / 2.0

    def predict(rows: Floats) -> Floats:
        scores = (rows @ means.T - offsets) / variance
        densities = np.exp(scores - scores.max(axis=1, keepdims=True))
        return np.asarray(densities / densities.sum(axis=1, keepdims=True))

    return _of_classes(classes, num_classes, predict)


def fit_knn(inputs: Floats, labels: Labels, num_classes: int, *, k: int) -> Predict:
    """The votes of the k nearest inputs, and one more, by the shares of all labels."""
    from sklearn.neighbors import NearestNeighbors

    k = min(k, len(labels))
    nearest = NearestNeighbors(n_neighbors=k, algorithm="brute").fit(inputs)
    shares = _shares(labels, num_classes)

    def predict(rows: Floats) -> Floats:
        voters = labels[nearest.kneighbors(rows, return_distance=False)]
        votes = np.tile(shares, (len(rows), 1))
        np.add.at(votes, (np.arange(len(rows))[:, None], voters), 1.0)
        return votes / (k + 1)

    return predict


def fit_logistic(inputs: Floats, labels: Labels, num_classes: int, *, C: float) -> Predict:  # noqa: N803
    """Multinomial logistic regression; where the steps do not suffice, as far as they come."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model = LogisticRegression(C=C, max_iter=100).fit(inputs, labels)
    return _of_classes(model.classes_, num_classes, model.predict_proba)


def fit_boosting(inputs: Floats, labels: Labels, num_classes: int, *, leaves: int) -> Predict:
    """Gradient boosting of trees with so many leaves."""
    from sklearn.ensemble import HistGradientBoostingClassifier

    # A tenth with every class in proportion has to tell when to stop.
    counts = np.bincount(labels)
    stops = counts[counts > 0].min() > 1 and len(labels) >= 10 * np.count_nonzero(counts)
    model = HistGradientBoostingClassifier(
        max_iter=100 if stops else 20,
        max_leaf_nodes=leaves,
        early_stopping=bool(stops),
        n_iter_no_change=5,
        random_state=SPLIT_SEED,
    ).fit(inputs, labels)
    return _of_classes(model.classes_, num_classes, model.predict_proba)
