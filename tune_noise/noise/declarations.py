"""The shipped kinds of noise, each declared once."""

from collections.abc import Mapping
from typing import Literal

from tune_noise.declaration import Field, NoiseDeclaration
from tune_noise.noise.class_map import MAX_LETTERS, USUAL_CLASS_MAPS, normalised

ALPHA = Field(
    name="alpha",
    type=int,
    default=5,
    ge=0,
    le=1000,
    per_replicate=False,
    description="noisy labels per clean example (foreign: noisy images), over all classes, "
    "the true one included (Rolnick)",
)
NOISE_RATE = Field(
    name="noise_rate",
    type=float,
    default=0.2,
    ge=0.0,
    lt=1.0,
    description="fraction in [0, 1) of labels that become wrong, the true class excluded; "
    "asymmetric: of the flipped classes' labels; instance: mean over the images",
)


def _path(name: str, description: str, default: str | None = None) -> Field:
    return Field(
        name=name,
        type=str,
        default=default,
        min_length=1,
        max_length=4096,
        per_replicate=False,
        description=description,
    )


_DECLARATIONS = (
    NoiseDeclaration(name="dilution", fields=(ALPHA,), class_conditional=True),
    NoiseDeclaration(
        name="structured",
        class_conditional=True,
        fields=(
            ALPHA,
            Field(
                name="delta",
                type=float,
                default=0.5,
                ge=0.0,
                le=1.0,
                per_replicate=False,
                description="0: wrong labels are equally likely; 1: the likeliest is as frequent "
                "as the true one; at most alpha / K",
            ),
            Field(
                name="confusion_order",
                type=Literal["confusing", "reverse", "random"],
                default="confusing",
                per_replicate=False,
                description="which wrong labels are likely: those that a classifier confuses with "
                "the true one, those that it confuses least, or any",
            ),
        ),
    ),
    NoiseDeclaration(
        name="foreign",
        fields=(
            ALPHA,
            _path(
                "foreign_source",
                "where noisy images come from: white (noise), a data set's name or a path "
                "that ends in .npz, or own (the data set itself: dilution)",
                default="white",
            ),
        ),
    ),
    NoiseDeclaration(name="symmetric", fields=(NOISE_RATE,), class_conditional=True),
    NoiseDeclaration(name="pair_flip", fields=(NOISE_RATE,), class_conditional=True),
    NoiseDeclaration(
        name="asymmetric",
        class_conditional=True,
        fields=(
            NOISE_RATE,
            Field(
                name="class_map",
                type=str,
                default_by={"dataset": USUAL_CLASS_MAPS},
                max_length=MAX_LETTERS,
                check=normalised,
                per_replicate=False,
                description="flipped classes, e.g. 7>1,2>7; null: the usual ones of digits, mnist, "
                "cifar10",
            ),
        ),
    ),
    NoiseDeclaration(
        name="matrix",
        class_conditional=True,
        fields=(
            _path(
                "transition_file",
                "CSV file of K rows: row i has the probabilities of the labels of class i",
            ),
        ),
    ),
    NoiseDeclaration(name="instance", fields=(NOISE_RATE,)),
    NoiseDeclaration(
        name="human",
        drawn=False,
        fields=(
            Field(
                name="human_labels",
                type=Literal["aggregate", "random1", "random2", "random3", "worse"],
                default="worse",
                per_replicate=False,
                description="which labels of CIFAR-10N",
            ),
            _path("human_file", "path of CIFAR-10_human.pt, or of an .npz file with its arrays"),
        ),
    ),
    NoiseDeclaration(name="given", drawn=False),
)
NOISES: Mapping[str, NoiseDeclaration] = {
    declaration.name: declaration for declaration in _DECLARATIONS
}
