"""The training methods by name, what each of them costs, and the fields that are theirs alone.

`methods/` holds the methods themselves; this is what the schema and the report know without torch.
"""

from typing import Annotated, Literal

from tune_noise.config.conditional import only
from tune_noise.config.frozen import Fraction
from tune_noise.config.metric_names import MAX_NETWORKS

MAX_EPOCHS = 100_000

# The reports give colours in this order: a new method goes to the end.
MethodName = Literal[
    "standard",
    "co_teaching",
    "small_loss",
    "jocor",
    "elr",
    "gmm",
    "co_teaching_plus",
    "decoupling",
    "forward",
    "gce",
    "sce",
    "bootstrap_hard",
    "bootstrap_soft",
    "label_smoothing",
    "infinite_batch",
    "mixup",
    "standard_ensemble",
    "standard_long",
]
_PAIRS = frozenset({"jocor", "gmm", "co_teaching_plus", "decoupling", "standard_ensemble"})
_PASSES = {"standard_long": 2}
# Methods that drop the share tau of each batch, after a ramp.
_FORGETTING = ("small_loss", "co_teaching", "co_teaching_plus", "jocor")


def networks_of(method: str, *, peers: int | None) -> int:
    """How many networks a method trains side by side.

    Example:
        >>> networks_of("standard", peers=None), networks_of("co_teaching", peers=3)
        (1, 3)
    """
    return peers or (2 if method in _PAIRS else 1)


def passes_of(method: str) -> int:
    """How often a method goes through the training examples in one reported epoch."""
    return _PASSES.get(method, 1)


Peers = Annotated[
    int | None,
    only(
        2,
        when={"method": ("co_teaching",)},
        ge=2,
        le=MAX_NETWORKS,
        description="networks that teach each other",
    ),
]
Tau = Annotated[
    Fraction | None,
    only(
        0.2,
        when={"method": _FORGETTING},
        description="final forget rate: fraction in [0, 1) of each batch that is dropped",
    ),
]
RampEpochs = Annotated[
    int | None,
    only(
        10,
        when={"method": _FORGETTING},
        ge=1,
        le=MAX_EPOCHS,
        description="epochs until the forget rate reaches tau (paper: T_k)",
    ),
]
Exponent = Annotated[
    float | None,
    only(
        1.0,
        when={"method": _FORGETTING},
        gt=0.0,
        le=10.0,
        description="exponent of the epoch in the ramp (paper: c)",
    ),
]
WarmUpEpochs = Annotated[
    int | None,
    only(
        when={"method": ("co_teaching_plus", "gmm", "forward")},
        by={
            "transition": {"known": 0},
            "method": {"co_teaching_plus": 0, "gmm": 10, "forward": 10},
        },
        ge=0,
        le=MAX_EPOCHS,
        description="epochs before the method begins: of cross-entropy, or of plain co-teaching "
        "for co_teaching_plus",
    ),
]
JocorLambda = Annotated[
    Fraction | None,
    only(
        0.9,
        when={"method": ("jocor",)},
        description="weight in [0, 1) of the networks' divergence against their cross-entropies",
    ),
]
ElrLambda = Annotated[
    float | None,
    only(
        3.0,
        when={"method": ("elr",)},
        ge=0.0,
        le=100.0,
        description="weight of the regulariser (paper: lambda)",
    ),
]
ElrBeta = Annotated[
    Fraction | None,
    only(
        0.7,
        when={"method": ("elr",)},
        description="momentum in [0, 1) of an example's remembered prediction (paper: beta)",
    ),
]
GmmThreshold = Annotated[
    Fraction | None,
    only(
        0.5,
        when={"method": ("gmm",)},
        description="least probability in [0, 1) of being clean with which an example is kept",
    ),
]
Transition = Annotated[
    Literal["estimated", "known"] | None,
    only(
        "estimated",
        when={"method": ("forward",)},
        description="the transition matrix: estimated from anchor points after the warm-up, or "
        "known, which is oracle knowledge about synthetic noise",
    ),
]
GceQ = Annotated[
    float | None,
    only(
        0.7,
        when={"method": ("gce",)},
        gt=0.0,
        le=1.0,
        description="exponent of the probability: near 0 cross-entropy, 1 mean absolute error",
    ),
]
SceAlpha = Annotated[
    float | None,
    only(
        0.1,
        when={"method": ("sce",)},
        gt=0.0,
        le=100.0,
        description="weight of the cross-entropy (paper: alpha)",
    ),
]
SceBeta = Annotated[
    float | None,
    only(
        1.0,
        when={"method": ("sce",)},
        ge=0.0,
        le=100.0,
        description="weight of the reverse cross-entropy (paper: beta)",
    ),
]
BootstrapBeta = Annotated[
    float | None,
    only(
        when={"method": ("bootstrap_hard", "bootstrap_soft")},
        by={"method": {"bootstrap_hard": 0.8, "bootstrap_soft": 0.95}},
        ge=0.0,
        le=1.0,
        description="weight in [0, 1] of the noisy label; the network's prediction has the rest",
    ),
]
Smoothing = Annotated[
    Fraction | None,
    only(
        0.1,
        when={"method": ("label_smoothing",)},
        description="share in [0, 1) of a label that is spread evenly over all classes",
    ),
]
HAlpha = Annotated[
    float | None,
    only(
        20.0,
        when={"method": ("infinite_batch",)},
        ge=0.0,
        le=1000.0,
        description="uniform labels per given one, over which the loss takes the expectation",
    ),
]
MixupAlpha = Annotated[
    float | None,
    only(
        1.0,
        when={"method": ("mixup",)},
        gt=0.0,
        le=100.0,
        description="both parameters of the beta distribution of mixing shares (paper: alpha)",
    ),
]
