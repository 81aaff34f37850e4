"""TrialConfig: one configuration, trained once."""

from functools import cache
from typing import Any, Literal, Self

from pydantic import Field, StrictBool, ValidationInfo, field_validator, model_validator

from tune_noise.config import method_fields as methods
from tune_noise.config import noise_fields as noises
from tune_noise.config.class_map import USUAL_CLASS_MAPS
from tune_noise.config.conditional import condition_of, either, field_default, only
from tune_noise.config.frozen import Fraction, Frozen, OneLine
from tune_noise.config.method_fields import MAX_EPOCHS, MethodName, networks_of, passes_of
from tune_noise.config.metric_names import DEFAULT_OBJECTIVE, METRICS, ORACLE_OBJECTIVES, SEARCHABLE
from tune_noise.config.model_name import Model
from tune_noise.config.noise_fields import CLASS_CONDITIONAL, NoiseName
from tune_noise.errors import suggestion

# null is a value of these, not the absence of one.
NULLABLE_FIELDS = ("patience", "train_size")
PATIENCE_NEEDS_BEST = (
    "waits for a better best epoch, and last_epochs selects by the last ones: leave one of them out"
)
OptimizerName = Literal["sgd", "adam", "adadelta"]


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
    alpha: noises.Alpha = None
    delta: noises.Delta = None
    confusion_order: noises.ConfusionOrder = None
    foreign_source: noises.ForeignSource = None
    noise_rate: noises.NoiseRate = None
    class_map: noises.ClassMap = None
    transition_file: noises.TransitionFile = None
    human_labels: noises.WhichHumanLabels = None
    human_file: noises.HumanFile = None
    noise_seed: int = Field(0, ge=0, lt=2**63, description="fixes which labels are wrong")

    model: Model = Field("mlp1", description="the network; package.module:factory for your own")
    dropout: Fraction | None = only(
        0.25,
        when={"model": ("conv9",)},
        description="probability in [0, 1) that a channel is dropped in training; the co-teaching "
        "paper says 0.25, its code effectively ran with 0",
    )
    method: MethodName = Field("standard", description="the training method")
    peers: methods.Peers = None
    tau: methods.Tau = None
    ramp_epochs: methods.RampEpochs = None
    exponent: methods.Exponent = None
    transition: methods.Transition = None
    warm_up_epochs: methods.WarmUpEpochs = None
    jocor_lambda: methods.JocorLambda = None
    elr_lambda: methods.ElrLambda = None
    elr_beta: methods.ElrBeta = None
    gmm_threshold: methods.GmmThreshold = None
    gce_q: methods.GceQ = None
    sce_alpha: methods.SceAlpha = None
    sce_beta: methods.SceBeta = None
    bootstrap_beta: methods.BootstrapBeta = None
    smoothing: methods.Smoothing = None
    h_alpha: methods.HAlpha = None
    mixup_alpha: methods.MixupAlpha = None

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
    augmentation: Literal["none", "standard"] = Field(
        "none",
        description="standard: a random crop of the image padded with black by an eighth, and a "
        "random mirror image, per example and epoch; mirroring turns some digits into others",
    )
    precision: Literal["float32", "bfloat16"] = Field(
        "float32",
        description="of the products and convolutions of a training step; weights, losses and "
        "updates are float32, and so is every evaluation",
    )
    example_order: Literal["shuffled", "clean_first", "clean_last"] = Field(
        "shuffled", description="order within an epoch; the clean_ ones need known true labels"
    )
    oracle: StrictBool = Field(
        False,
        description="whether the objective is one of clean labels: an upper bound, no fair search",
    )
    objective: str = Field(
        DEFAULT_OBJECTIVE,
        validate_default=True,
        description="the validation metric to select by; noisy, unless the oracle is declared",
    )
    last_epochs: int | None = Field(
        None,
        ge=1,
        le=MAX_EPOCHS,
        description="a trial's score is the mean of the objective over so many last epochs, and "
        "its weights are the last; null: its best epoch",
    )
    seed: int = Field(
        0, ge=0, lt=2**63, description="training seed: initialisation and example order"
    )

    @field_validator("objective")
    @classmethod
    def _objective_sees_no_clean_label(cls, name: str, info: ValidationInfo) -> str:
        if info.data.get("oracle"):
            if name in ORACLE_OBJECTIVES:
                return name
            raise ValueError(
                f"{name!r} is no objective of an oracle, which `oracle: true` declares: use "
                f"{' or '.join(ORACLE_OBJECTIVES)}, or take oracle out"
            )
        if name in SEARCHABLE:
            return name
        if name in ORACLE_OBJECTIVES:
            raise ValueError(
                f"{name!r} is measured with clean labels and may not steer a search, unless "
                f"`oracle: true` declares it; use {', '.join(SEARCHABLE)}"
            )
        if name in METRICS and "clean" in name:
            raise ValueError(
                f"{name!r} is measured with clean labels and may not steer a search; "
                f"use {', '.join(SEARCHABLE)}"
            )
        if name in METRICS:
            raise ValueError(f"{name!r} may not steer a search; use {', '.join(SEARCHABLE)}")
        raise ValueError(f"{name!r} is not a metric: {suggestion(name, SEARCHABLE)}")

    @model_validator(mode="after")
    def _patience_is_for_a_best_epoch(self) -> Self:
        if self.patience is not None and self.last_epochs is not None:
            raise ValueError(f"patience {PATIENCE_NEEDS_BEST}")
        return self

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


@cache
def when(name: str) -> dict[str, list[str]]:
    """The condition under which a field applies: deciding field -> its values; empty: always."""
    return condition_of(TrialConfig.model_fields[name])


def noise_parameters() -> tuple[str, ...]:
    """The fields that say how a noise is drawn: those that apply beside some noise only."""
    return tuple(name for name in TrialConfig.model_fields if set(when(name)) == {"noise"})


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
