"""The kinds of noise by name, and the fields that are theirs alone."""

from typing import Annotated, Literal

from tune_noise.config.class_map import MAX_LETTERS
from tune_noise.config.class_map import ClassMap as Map
from tune_noise.config.conditional import only
from tune_noise.config.frozen import Fraction, OneLine

NoiseName = Literal[
    "dilution",
    "structured",
    "foreign",
    "symmetric",
    "pair_flip",
    "asymmetric",
    "matrix",
    "instance",
    "human",
    "given",
]
HumanLabels = Literal["aggregate", "random1", "random2", "random3", "worse"]
# Labels that are given, not drawn: the same for every noise seed.
GIVEN_LABELS = ("human", "given")
# Noise of which T[i, j] = P(noisy j given clean i) is known, the same for all examples of a class.
CLASS_CONDITIONAL = (
    "dilution",
    "structured",
    "symmetric",
    "pair_flip",
    "asymmetric",
    "matrix",
)

Alpha = Annotated[
    int | None,
    only(
        5,
        when={"noise": ("dilution", "structured", "foreign")},
        ge=0,
        le=1000,
        description="noisy labels per clean example (foreign: noisy images), over all classes, "
        "the true one included (Rolnick)",
    ),
]
Delta = Annotated[
    float | None,
    only(
        0.5,
        when={"noise": ("structured",)},
        ge=0.0,
        le=1.0,
        description="0: wrong labels are equally likely; 1: the likeliest is as frequent as the "
        "true one; at most alpha / K",
    ),
]
ConfusionOrder = Annotated[
    Literal["confusing", "reverse", "random"] | None,
    only(
        "confusing",
        when={"noise": ("structured",)},
        description="which wrong labels are likely: those that a classifier confuses with the "
        "true one, those that it confuses least, or any",
    ),
]
ForeignSource = Annotated[
    OneLine | None,
    only(
        "white",
        when={"noise": ("foreign",)},
        min_length=1,
        max_length=4096,
        description="where noisy images come from: white (noise), a data set's name or a path "
        "that ends in .npz, or own (the data set itself: dilution)",
    ),
]
NoiseRate = Annotated[
    Fraction | None,
    only(
        0.2,
        when={"noise": ("symmetric", "pair_flip", "asymmetric", "instance")},
        description="fraction in [0, 1) of labels that become wrong, the true class excluded; "
        "asymmetric: of the flipped classes' labels; instance: mean over the images",
    ),
]
ClassMap = Annotated[
    Map | None,
    only(
        None,
        when={"noise": ("asymmetric",)},
        max_length=MAX_LETTERS,
        description="flipped classes, e.g. 7>1,2>7; null: the usual ones of digits, mnist, cifar10",
    ),
]
TransitionFile = Annotated[
    OneLine | None,
    only(
        None,
        when={"noise": ("matrix",)},
        min_length=1,
        max_length=4096,
        description="CSV file of K rows: row i has the probabilities of the labels of class i",
    ),
]
WhichHumanLabels = Annotated[
    HumanLabels | None,
    only("worse", when={"noise": ("human",)}, description="which labels of CIFAR-10N"),
]
HumanFile = Annotated[
    OneLine | None,
    only(
        None,
        when={"noise": ("human",)},
        min_length=1,
        max_length=4096,
        description="path of CIFAR-10_human.pt, or of an .npz file with its arrays",
    ),
]
