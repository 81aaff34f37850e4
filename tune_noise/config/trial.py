"""TrialConfig: one configuration, trained once."""

from typing import Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from tune_noise.config import method_fields as its
from tune_noise.config.class_map import MAX_LETTERS, USUAL_CLASS_MAPS, ClassMap
from tune_noise.config.conditional import condition_of, either, field_default, only
from tune_noise.config.frozen import Fraction, Frozen, OneLine
from tune_noise.config.method_fields import MAX_EPOCHS, MethodName, networks_of, passes_of
from tune_noise.errors import suggestion
from tune_noise.metrics.names import DEFAULT_OBJECTIVE, METRICS, SEARCHABLE

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
# null is a value of these, not the absence of one.
NULLABLE_FIELDS = ("patience", "train_size")
HumanLabels = Literal["aggregate", "random1", "random2", "random3", "worse"]
ModelName = Literal["perceptron", "mlp1", "mlp2", "mlp4", "conv4", "conv9_small"]
OptimizerName = Literal["sgd", "adam", "adadelta"]
# Noise of which T[i, j] = P(noisy j given clean i) is known, the same for all examples of a class.
CLASS_CONDITIONAL = (
    "dilution",
    "structured",
    "symmetric",
    "pair_flip",
    "asymmetric",
    "matrix",
)


class TrialConfig(Frozen):
    """One configuration trained once: flat, frozen, validated; all defaults of the project.

    A field that does not apply (tau beside `method: standard`) is None, and setting it is an error.
    """

    dataset: OneLine = Field(
        "digits", max_length=4096, description="a data set's name, or a path that ends in .npz"
    )
    val_fraction: float = Field(
        0.1, gt=0.0, le=0.5, description="share of the training set held out as noisy validation"
    )
    train_size: int | None = Field(
        None,
        ge=2,
        le=10**9,
        description="images to train on, each class in proportion, without those of validation; "
        "null: all. A larger size holds all of a smaller one",
    )

    noise: NoiseName = Field(
        "symmetric", description="how labels become wrong; given: they are used as they come"
    )
    alpha: int | None = only(
        5,
        when={"noise": ("dilution", "structured", "foreign")},
        ge=0,
        le=1000,
        description="noisy labels per clean example (foreign: noisy images), over all classes, "
        "the true one included (Rolnick)",
    )
    delta: float | None = only(
        0.5,
        when={"noise": ("structured",)},
        ge=0.0,
        le=1.0,
        description="0: wrong labels are equally likely; 1: the likeliest is as frequent as the "
        "true one; at most alpha / K",
    )
    confusion_order: Literal["confusing", "reverse", "random"] | None = only(
        "confusing",
        when={"noise": ("structured",)},
        description="which wrong labels are likely: those that a classifier confuses with the "
        "true one, those that it confuses least, or any",
    )
    foreign_source: OneLine | None = only(
        "white",
        when={"noise": ("foreign",)},
        min_length=1,
        max_length=4096,
        description="where noisy images come from: white (noise), a data set's name or a path "
        "that ends in .npz, or own (the data set itself: dilution)",
    )
    noise_rate: Fraction | None = only(
        0.2,
        when={"noise": ("symmetric", "pair_flip", "asymmetric", "instance")},
        description="fraction in [0, 1) of labels that become wrong, the true class excluded; "
        "asymmetric: of the flipped classes' labels; instance: mean over the images",
    )
    class_map: ClassMap | None = only(
        None,
        when={"noise": ("asymmetric",)},
        max_length=MAX_LETTERS,
        description="flipped classes, e.g. 7>1,2>7; null: the usual ones of digits, mnist, cifar10",
    )
    transition_file: OneLine | None = only(
        None,
        when={"noise": ("matrix",)},
        min_length=1,
        max_length=4096,
        description="CSV file of K rows: row i has the probabilities of the labels of class i",
    )
    human_labels: HumanLabels | None = only(
        "worse", when={"noise": ("human",)}, description="which labels of CIFAR-10N"
    )
    human_file: OneLine | None = only(
        None,
        when={"noise": ("human",)},
        min_length=1,
        max_length=4096,
        description="path of CIFAR-10_human.pt, or of an .npz file with its arrays",
    )
    noise_seed: int = Field(0, ge=0, lt=2**63, description="fixes which labels are wrong")

    model: ModelName = Field("mlp1", description="the network")
    method: MethodName = Field("standard", description="the training method")
    peers: its.Peers = None
    tau: its.Tau = None
    ramp_epochs: its.RampEpochs = None
    exponent: its.Exponent = None
    transition: its.Transition = None
    warm_up_epochs: its.WarmUpEpochs = None
    jocor_lambda: its.JocorLambda = None
    elr_lambda: its.ElrLambda = None
    elr_beta: its.ElrBeta = None
    gmm_threshold: its.GmmThreshold = None
    gce_q: its.GceQ = None
    sce_alpha: its.SceAlpha = None
    sce_beta: its.SceBeta = None
    bootstrap_beta: its.BootstrapBeta = None
    smoothing: its.Smoothing = None
    h_alpha: its.HAlpha = None
    mixup_alpha: its.MixupAlpha = None

    optimizer: OptimizerName = Field("adam", description="the optimizer")
    lr: float = Field(1e-3, gt=0.0, le=10.0, description="learning rate")
    momentum: Fraction | None = only(
        0.9, when={"optimizer": ("sgd",)}, description="momentum of SGD, a fraction in [0, 1)"
    )
    lr_schedule: Literal["constant", "linear"] = Field(
        "constant", description="linear: decays to 0 over the epochs after lr_decay_start"
    )
    lr_decay_start: Fraction | None = only(
        0.4,
        when={"lr_schedule": ("linear",)},
        description="fraction of the epochs after which the learning rate starts to fall",
    )
    batch_size: int = Field(
        128, ge=4, le=65536, description="largest batch; an epoch is cut into equal batches"
    )
    epochs: int = Field(30, ge=1, le=MAX_EPOCHS, description="passes over the training examples")
    patience: int | None = Field(
        None,
        ge=1,
        le=MAX_EPOCHS,
        description="stop after this many epochs without a better objective; null: never",
    )
    example_order: Literal["shuffled", "clean_first", "clean_last"] = Field(
        "shuffled", description="order within an epoch; the clean_ ones need known true labels"
    )
    objective: str = Field(
        DEFAULT_OBJECTIVE, description="the noisy validation metric to select by"
    )
    seed: int = Field(
        0, ge=0, lt=2**63, description="training seed: initialisation and example order"
    )

    @field_validator("objective")
    @classmethod
    def _objective_sees_no_clean_label(cls, name: str) -> str:
        if name in SEARCHABLE:
            return name
        if name in METRICS and "clean" in name:
            raise ValueError(
                f"{name!r} is measured with clean labels and may not steer a search; "
                f"use {', '.join(SEARCHABLE)}"
            )
        if name in METRICS:
            raise ValueError(f"{name!r} may not steer a search; use {', '.join(SEARCHABLE)}")
        raise ValueError(f"{name!r} is not a metric: {suggestion(name, SEARCHABLE)}")

    @model_validator(mode="before")
    @classmethod
    def _only_what_applies(cls, values: Any) -> Any:
        """Give fields that apply their default; refuse values of fields that do not."""
        if not isinstance(values, dict):
            return values
        filled = dict(values)
        for name, info in cls.model_fields.items():
            if not when(name):
                continue
            if applies(name, filled):
                if filled.get(name) is None:
                    filled[name] = field_default(info, filled)
            elif filled.get(name) is not None:
                raise ValueError(
                    f"{name} has no effect here: it applies only to {describe_when(name)}"
                )
        if applies("class_map", filled) and filled.get("class_map") is None:
            dataset = filled.get("dataset", cls.model_fields["dataset"].default)
            filled["class_map"] = USUAL_CLASS_MAPS.get(str(dataset))
        return filled

    @model_validator(mode="after")
    def _the_method_can_do_its_work(self) -> Self:
        if self.warm_up_epochs is not None and self.warm_up_epochs >= self.epochs:
            raise ValueError(
                f"warm_up_epochs ({self.warm_up_epochs}) must be below epochs ({self.epochs}), or "
                f"{self.method} never begins: lower it, or raise epochs"
            )
        if self.transition == "known" and self.noise not in CLASS_CONDITIONAL:
            raise ValueError(
                f"transition known needs noise {either(CLASS_CONDITIONAL)}, of which the "
                f"matrix is known; noise is {self.noise}: use estimated"
            )
        return self

    @property
    def num_networks(self) -> int:
        """How many networks this configuration trains side by side."""
        return networks_of(self.method, peers=self.peers)

    @property
    def passes_per_epoch(self) -> int:
        """How often one epoch goes through the training examples."""
        return passes_of(self.method)


def when(name: str) -> dict[str, list[str]]:
    """The condition under which a field applies: deciding field -> its values; empty: always."""
    return condition_of(TrialConfig.model_fields[name])


def applies(name: str, values: dict[str, Any]) -> bool:
    """Whether a field means something beside the other values of a (partial) configuration."""
    for decider, allowed in when(name).items():
        value = values.get(decider)
        if value is None:
            value = field_default(TrialConfig.model_fields[decider], values)
        if value not in allowed:
            return False
    return True


def describe_when(name: str) -> str:
    """`method co_teaching` for tau: the condition of a field in words."""
    return ", ".join(f"{field} {either(values)}" for field, values in when(name).items())
