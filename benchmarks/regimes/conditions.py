"""Many conditions: data sets, kinds and rates of noise, sizes, and classes of unequal size."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace

import numpy as np

from benchmarks.criteria.population import Problem
from benchmarks.criteria.problems import GIVEN, draw, read
from tune_noise.seeding import generator

# Sizes of the largest and the smallest class where they are unequal.
UNEQUAL = 10.0
# Kind and rate of made-up noise, examples, and how unequal the classes are.
MADE_UP = (
    ("symmetric 0.2", 1000, 1.0),
    ("symmetric 0.5", 1000, 1.0),
    ("pair 0.45", 1000, 1.0),
    ("structured 0.4", 1000, 1.0),
    ("instance 0.4", 1000, 1.0),
    ("look-alike 0.4", 1000, 1.0),
    ("symmetric 0.3", 400, 1.0),
    ("symmetric 0.3", 1000, UNEQUAL),
    ("symmetric 0.5", 2000, 1.0),
)
GIVEN_SIZES = (400, 1000, 2000)
NUM_TANGLED = 2000


@dataclass(frozen=True)
class Regime:
    """One condition of the study.

    Attributes:
        data: the name of the data set.
        noise: `given`, or a kind and a rate.
        examples: how many are drawn, validation included.
        unequal: size of the largest class over that of the smallest, as drawn.
    """

    data: str
    noise: str
    examples: int
    unequal: float = 1.0

    def __str__(self) -> str:
        return " ".join(str(value) for value in asdict(self).values())


def source(path: str) -> Problem:
    """Read a data set: a path as a search takes it, `digits`, `cancer` or `tangled`."""
    if path == "cancer":
        from sklearn.datasets import load_breast_cancer

        return _split("cancer", *load_breast_cancer(return_X_y=True), test=169)
    if path == "tangled":
        from sklearn.datasets import make_classification

        inputs, labels = make_classification(
            n_samples=NUM_TANGLED,
            n_features=20,
            n_informative=10,
            n_classes=5,
            n_clusters_per_class=3,
            class_sep=2.0,
            random_state=0,
        )
        return _split("tangled", inputs, labels, test=NUM_TANGLED // 2)
    return read(path)


def _split(name: str, inputs: np.ndarray, labels: np.ndarray, *, test: int) -> Problem:
    order = generator(0, name).permutation(len(labels))
    inputs, labels = inputs[order].astype(np.float32), labels[order].astype(np.int64)
    train = labels[test:]
    return Problem(
        name, inputs[test:], train, train, inputs[:test], labels[:test], int(labels.max()) + 1
    )


def regimes(problem: Problem, *, is_made_up: bool) -> Iterator[Regime]:
    """Yield the conditions of a data set: of its own labels, or of made-up noise.

    A condition of more examples than there are has all of them, and is left out where it would be
    the same as another one. Of two classes nothing tells which is which from 45 % wrong labels on,
    and structured noise is symmetric.
    """
    number, seen = len(problem.labels), set()
    rows = MADE_UP if is_made_up else [(GIVEN, size, 1.0) for size in GIVEN_SIZES]
    for noise, examples, unequal in rows:
        regime = Regime(problem.name, noise, min(examples, number), unequal)
        if problem.num_classes == 2 and noise in ("symmetric 0.5", "pair 0.45", "structured 0.4"):
            continue
        if regime not in seen and (examples <= number or examples == 1000):
            seen.add(regime)
            yield regime


def drawn(problem: Problem, regime: Regime, seed: int) -> Problem:
    """Draw the examples of a condition, and their noisy labels."""
    if regime.unequal > 1.0:
        kept = _unequal_rows(problem.truth, regime, generator(seed, "unequal", str(regime)))
        fields = ("inputs", "labels", "truth")
        problem = replace(problem, **{name: getattr(problem, name)[kept] for name in fields})
    return draw(problem, regime.noise, examples=regime.examples, seed=seed)


def _unequal_rows(truth: np.ndarray, regime: Regime, random: np.random.Generator) -> np.ndarray:
    """Return rows whose classes fall evenly in size, as many of them as there are at most."""
    classes, sizes = np.unique(truth, return_counts=True)
    shares = regime.unequal ** -np.linspace(0.0, 1.0, len(classes))
    # The largest class as large as the data allow, and no more examples than are asked for.
    scale = min((sizes / shares).min(), regime.examples / shares.sum())
    parts = [
        random.permutation(np.flatnonzero(truth == c))[: max(2, round(scale * share))]
        for c, share in zip(classes, shares, strict=True)
    ]
    return np.sort(np.concatenate(parts))
