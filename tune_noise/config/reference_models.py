"""The reference models, each declared once; nothing here imports scikit-learn.

Each is trained on the same noisy labels as the finalists and shown beside them: a network that is
no better than one of these is not worth its trouble.
"""

from collections.abc import Mapping

from tune_noise.declaration import ReferenceDeclaration

_SCALING = ("standard", "unit")
_DECLARATIONS = (
    ReferenceDeclaration(
        name="majority",
        words="the majority class",
        summary="the most frequent noisy label, whatever the input",
        max_examples=100_000,
        seconds_per_million=0.01,
        implementation="tune_noise.training.reference_models:fit_majority",
    ),
    ReferenceDeclaration(
        name="nearest_mean",
        words="the nearest class mean",
        summary="the class whose mean input is nearest",
        # The width decides how sure it is, and does not change the class.
        settings={"scaling": _SCALING, "width": (1.0, 10.0, 100.0)},
        max_examples=100_000,
        seconds_per_million=0.05,
        implementation="tune_noise.training.reference_models:fit_nearest_mean",
    ),
    ReferenceDeclaration(
        name="knn",
        words="k nearest neighbours",
        summary="the votes of the k nearest training inputs",
        settings={"scaling": _SCALING, "k": (5, 25, 100)},
        max_examples=10_000,
        seconds_per_million=0.25,
        implementation="tune_noise.training.reference_models:fit_knn",
    ),
    ReferenceDeclaration(
        name="logistic",
        words="logistic regression",
        summary="linear in the inputs, by at most 100 steps of L-BFGS; C is the weight of the "
        "loss beside the penalty",
        settings={"scaling": _SCALING, "C": (1e-5, 1e-3, 1e-1)},
        max_examples=10_000,
        max_classes=100,
        seconds_per_million=0.03,
        by_class=True,
        implementation="tune_noise.training.reference_models:fit_logistic",
    ),
    ReferenceDeclaration(
        name="boosting",
        words="gradient boosting",
        summary="trees by histograms, which stop when a tenth of the training examples says so",
        settings={"leaves": (4, 16)},
        takes=("features",),
        max_examples=10_000,
        max_width=300,
        max_classes=20,
        seconds_per_million=0.2,
        by_class=True,
        implementation="tune_noise.training.reference_models:fit_boosting",
    ),
)
REFERENCES: Mapping[str, ReferenceDeclaration] = {one.name: one for one in _DECLARATIONS}
