"""The shipped kinds of noise. Each is declared, described and drawn in its class alone.

To add one, write its class here and name it in `_KINDS`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from tune_noise.declaration import Field, NoiseDeclaration
from tune_noise.noise.class_map import MAX_LETTERS, USUAL_CLASS_MAPS, normalised, parse_class_map
from tune_noise.noise.corruption import (
    Labels,
    check_labels,
    dilute,
    instance_dependent,
    structured,
)
from tune_noise.noise.kind import Material, Matrix, Noise, NoiseFacts
from tune_noise.noise.structured import (
    dilution_matrix,
    random_order,
    structure_fault,
    structured_matrix,
)
from tune_noise.noise.transition import asymmetric, pair_flip, symmetric
from tune_noise.seeding import generator as seeded

_ROLNICK = "Rolnick et al. 2017, arXiv:1705.10694"
_HAN = "Han et al. 2018, arXiv:1804.06872"
ALPHA = Field(
    name="alpha",
    type=int,
    default=5,
    ge=0,
    le=1000,
    per_replicate=False,
    always_named=True,
    label="alpha: noisy labels per clean example",
    description="noisy labels per clean example (foreign: noisy images), over all classes, "
    "the true one included (Rolnick)",
)
NOISE_RATE = Field(
    name="noise_rate",
    type=float,
    default=0.2,
    ge=0.0,
    lt=1.0,
    always_named=True,
    label="nominal noise rate",
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


@dataclass(frozen=True)
class Symmetric(Noise):
    """Flips labels to each of the other classes alike; see `transition.symmetric`."""

    declaration = NoiseDeclaration(
        name="symmetric",
        summary="becomes, with this probability, one of the other classes; each is equally likely",
        source=_HAN,
        fields=(NOISE_RATE,),
        class_conditional=True,
        # Some code bases draw from all K classes; their rate r is r (K - 1) / K here.
        rate_note="true class excluded",
    )
    noise_rate: float

    def matrix(self, facts: NoiseFacts) -> Matrix:
        return symmetric(facts.num_classes, self.noise_rate)


@dataclass(frozen=True)
class PairFlip(Noise):
    """Flips labels to the next class; see `transition.pair_flip`."""

    declaration = NoiseDeclaration(
        name="pair_flip",
        summary="becomes, with this probability, class i + 1; the last class becomes the first",
        source=_HAN,
        fields=(NOISE_RATE,),
        class_conditional=True,
    )
    noise_rate: float

    def matrix(self, facts: NoiseFacts) -> Matrix:
        return pair_flip(facts.num_classes, self.noise_rate)


@dataclass(frozen=True)
class Asymmetric(Noise):
    """Flips the labels of some classes to a class each; see `transition.asymmetric`."""

    declaration = NoiseDeclaration(
        name="asymmetric",
        summary="becomes the class that the map names; classes that it does not name stay clean",
        source="Patrini et al. 2017, arXiv:1609.03683",
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
        class_conditional=True,
        rate_note="of the flipped classes",
    )
    noise_rate: float
    class_map: str | None

    def problems(self, facts: NoiseFacts) -> Iterator[tuple[str, str]]:
        if self.class_map is None:
            yield (
                "class_map",
                f"{facts.name} has no usual one (only {', '.join(USUAL_CLASS_MAPS)} have): say "
                "which classes are flipped to which, e.g. class_map: 7>1,2>7",
            )
            return
        classes = {c for pair in parse_class_map(self.class_map).items() for c in pair}
        if unknown := sorted(c for c in classes if c >= facts.num_classes):
            yield (
                "class_map",
                f"{self.class_map} names class {', '.join(map(str, unknown))}, and {facts.name} "
                f"has classes 0..{facts.num_classes - 1}",
            )

    def matrix(self, facts: NoiseFacts) -> Matrix:
        class_map = parse_class_map(self.class_map or "")
        return asymmetric(facts.num_classes, self.noise_rate, class_map=class_map)


@dataclass(frozen=True)
class FromFile(Noise):
    """Redraws labels by a transition matrix of the user's own."""

    declaration = NoiseDeclaration(
        name="matrix",
        summary="is redrawn from row i of a CSV file of K rows of K probabilities",
        fields=(
            _path(
                "transition_file",
                "CSV file of K rows: row i has the probabilities of the labels of class i",
            ),
        ),
        class_conditional=True,
    )
    transition_file: str | None

    @property
    def material(self) -> Material | None:
        if self.transition_file is None:
            return None
        return Material(
            key=f"matrix/{self.transition_file}",
            field="transition_file",
            reader="tune_noise.data.transition_file:load_transition_matrix",
            arguments={"path": self.transition_file},
        )

    def problems(self, facts: NoiseFacts) -> Iterator[tuple[str, str]]:
        if self.transition_file is None:
            yield (
                "transition_file",
                "is missing: noise matrix needs a CSV file of K rows of K probabilities, as "
                "numpy.savetxt(path, T, delimiter=',') writes it",
            )

    def matrix(self, facts: NoiseFacts) -> Matrix:
        return np.asarray(facts.extras[f"matrix/{self.transition_file}"])


@dataclass(frozen=True)
class InstanceDependent(Noise):
    """Flips labels as their images suggest; see `corruption.instance_dependent`."""

    declaration = NoiseDeclaration(
        name="instance",
        summary="flips with a rate of its input's own, to classes that the input's values choose",
        source="Xia et al. 2020, arXiv:2006.07836",
        fields=(NOISE_RATE,),
        rate_note="mean over the inputs",
        depends_on_image="This noise depends on the input",
    )
    noise_rate: float

    def draw(
        self, clean_labels: Labels, facts: NoiseFacts, generator: np.random.Generator
    ) -> Labels:
        return instance_dependent(
            clean_labels,
            facts.inputs,
            num_classes=facts.num_classes,
            noise_rate=self.noise_rate,
            generator=generator,
        )


@dataclass(frozen=True)
class Dilution(Noise):
    """Adds uniform labels to each clean one; see `corruption.dilute`."""

    declaration = NoiseDeclaration(
        name="dilution",
        summary="stays, and its image lends alpha further labels, uniform over all K classes",
        source=_ROLNICK,
        fields=(ALPHA,),
        class_conditional=True,
        added_labels="alpha",
    )
    alpha: int

    def matrix(self, facts: NoiseFacts) -> Matrix:
        return dilution_matrix(facts.num_classes, self.alpha)

    def draw(
        self, clean_labels: Labels, facts: NoiseFacts, generator: np.random.Generator
    ) -> Labels:
        return dilute(
            clean_labels, alpha=self.alpha, num_classes=facts.num_classes, generator=generator
        )


@dataclass(frozen=True)
class Structured(Noise):
    """Adds labels of which some are likelier; see `corruption.structured`."""

    declaration = NoiseDeclaration(
        name="structured",
        summary="stays, and its image lends alpha further labels, some likelier than others",
        source=_ROLNICK,
        fields=(
            ALPHA,
            Field(
                name="delta",
                type=float,
                default=0.5,
                ge=0.0,
                le=1.0,
                per_replicate=False,
                label="delta: excess of the likeliest wrong label",
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
        class_conditional=True,
        added_labels="alpha",
    )
    alpha: int
    delta: float
    confusion_order: str

    @property
    def material(self) -> Material | None:
        if self.confusion_order == "random":
            return None
        return Material(
            key="order/confusing",
            field="confusion_order",
            reader="tune_noise.data.confusion:load_confusion_order",
        )

    def problems(self, facts: NoiseFacts) -> Iterator[tuple[str, str]]:
        fault = structure_fault(facts.num_classes, alpha=self.alpha, delta=self.delta)
        if fault is not None:
            yield "delta", fault

    def matrix(self, facts: NoiseFacts) -> Matrix:
        return structured_matrix(self.alpha, delta=self.delta, order=self._order(facts))

    def draw(
        self, clean_labels: Labels, facts: NoiseFacts, generator: np.random.Generator
    ) -> Labels:
        return structured(
            clean_labels,
            alpha=self.alpha,
            delta=self.delta,
            order=self._order(facts),
            generator=generator,
        )

    def _order(self, facts: NoiseFacts) -> Labels:
        if self.confusion_order == "random":
            return random_order(facts.num_classes, seeded(facts.seed, "confusion order"))
        order: Labels = facts.extras["order/confusing"]
        return order[:, ::-1] if self.confusion_order == "reverse" else order


@dataclass(frozen=True)
class Foreign(Noise):
    """Adds images that show none of the classes; its labels are those of dilution."""

    declaration = NoiseDeclaration(
        name="foreign",
        summary="stays, and alpha foreign images with uniform labels join its image",
        source=_ROLNICK,
        fields=(
            ALPHA,
            replace(
                _path(
                    "foreign_source",
                    "where noisy images come from: white (noise), a data set's name or a path "
                    "that ends in .npz, or own (the data set itself: dilution)",
                    default="white",
                ),
                always_named=True,
            ),
        ),
        added_labels="alpha",
        adds_images=True,
    )
    alpha: int
    foreign_source: str

    @property
    def material(self) -> Material | None:
        if self.foreign_source == "own":
            return None
        return Material(
            key=f"images/{self.foreign_source}",
            field="foreign_source",
            reader="tune_noise.data.foreign_images:load_foreign_images",
            arguments={"source": self.foreign_source, "alpha": self.alpha},
            size=self.alpha,
        )

    def problems(self, facts: NoiseFacts) -> Iterator[tuple[str, str]]:
        if self.foreign_source != "own" and facts.inputs.dtype != np.uint8:
            yield (
                "foreign_source",
                f"{self.foreign_source} is pictures, and the inputs of {facts.name} are features: "
                "write own, which is dilution",
            )
        if self.foreign_source in (facts.dataset, facts.name):
            yield (
                "foreign_source",
                f"{self.foreign_source} is the data set itself, whose images have a class: write "
                "own, which is dilution, or name another one",
            )

    def matrix(self, facts: NoiseFacts) -> Matrix | None:
        if self.foreign_source == "own":
            return dilution_matrix(facts.num_classes, self.alpha)
        return None  # foreign images have no class

    def draw(
        self, clean_labels: Labels, facts: NoiseFacts, generator: np.random.Generator
    ) -> Labels:
        return dilute(
            clean_labels, alpha=self.alpha, num_classes=facts.num_classes, generator=generator
        )


@dataclass(frozen=True)
class Human(Noise):
    """Takes the labels that people gave to the images of CIFAR-10 or CIFAR-100."""

    declaration = NoiseDeclaration(
        name="human",
        summary="is replaced by the label that people gave to the image (CIFAR-10N, CIFAR-100N)",
        source="Wei et al. 2022, arXiv:2110.12088",
        fields=(
            Field(
                name="human_labels",
                type=Literal["aggregate", "random1", "random2", "random3", "worse", "noisy"],
                default="worse",
                per_replicate=False,
                always_named=True,
                description="which labels of CIFAR-10N; noisy: those of CIFAR-100N",
            ),
            _path(
                "human_file",
                "path of CIFAR-10_human.pt or CIFAR-100_human.pt, or of an .npz file with its "
                "arrays",
            ),
        ),
        drawn=False,
        origin="labels that people gave",
        depends_on_image="Labels that people gave depend on the input",
    )
    human_labels: str
    human_file: str | None

    @property
    def material(self) -> Material | None:
        if self.human_file is None:
            return None
        return Material(
            key=f"labels/{self.human_labels}/{self.human_file}",
            field="human_file",
            reader="tune_noise.data.human_labels:load_human_labels",
            arguments={"path": self.human_file, "which": self.human_labels},
        )

    def problems(self, facts: NoiseFacts) -> Iterator[tuple[str, str]]:
        if self.human_file is None:
            yield (
                "human_file",
                "is missing: noise human needs the file CIFAR-10_human.pt of CIFAR-10N or "
                "CIFAR-100_human.pt of CIFAR-100N (see noisylabels.com), or an .npz file with its "
                "arrays",
            )

    def draw(
        self, clean_labels: Labels, facts: NoiseFacts, generator: np.random.Generator
    ) -> Labels:
        labels = facts.extras[f"labels/{self.human_labels}/{self.human_file}"]
        check_labels(clean_labels, facts.num_classes)
        check_labels(labels, facts.num_classes)
        if len(labels) != len(clean_labels):
            raise ValueError(
                f"there must be a label for each of {len(clean_labels)} examples: {len(labels)}"
            )
        return labels.astype(np.int64)[:, None]


@dataclass(frozen=True)
class Given(Noise):
    """Uses the labels of the data set as they come, noisy or not."""

    declaration = NoiseDeclaration(
        name="given",
        summary="stays as it came; the truth is unknown unless the file names true_labels",
        drawn=False,
        takes_given_labels=True,
        phrase="the labels as given",
        origin="as they were given",
        depends_on_image="Labels as given may depend on the input",
    )

    def draw(
        self, clean_labels: Labels, facts: NoiseFacts, generator: np.random.Generator
    ) -> Labels:
        check_labels(clean_labels, facts.num_classes)
        return clean_labels.astype(np.int64)[:, None]


_KINDS: tuple[type[Noise], ...] = (
    Dilution,
    Structured,
    Foreign,
    Symmetric,
    PairFlip,
    Asymmetric,
    FromFile,
    InstanceDependent,
    Human,
    Given,
)
NOISES: Mapping[str, NoiseDeclaration] = {
    kind.declaration.name: replace(
        kind.declaration, implementation=f"{kind.__module__}:{kind.__qualname__}"
    )
    for kind in _KINDS
}
