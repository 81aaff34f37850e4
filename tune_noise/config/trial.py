"""TrialConfig: one configuration, trained once."""

from functools import cache, partial
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self, get_args

from pydantic import (
    AfterValidator,
    Field,
    ModelWrapValidatorHandler,
    SerializerFunctionWrapHandler,
    StrictBool,
    ValidationInfo,
    create_model,
    field_validator,
    model_serializer,
    model_validator,
)
from pydantic.fields import FieldInfo

from tune_noise.config import declared
from tune_noise.config.conditional import condition_of, either, field_default, only
from tune_noise.config.frozen import Fraction, Frozen, OneLine
from tune_noise.config.metric_names import DEFAULT_OBJECTIVE, METRICS, ORACLE_OBJECTIVES, SEARCHABLE
from tune_noise.declaration import MAX_EPOCHS, MethodDeclaration
from tune_noise.errors import suggestion
from tune_noise.methods.declarations import METHODS

# null is a value of these, not the absence of one.
NULLABLE_FIELDS = ("patience", "train_size", "val_folds")
PATIENCE_NEEDS_BEST = (
    "waits for a better best epoch, and last_epochs selects by the last ones: leave one of them out"
)
# Where it makes sense to make up for classes that are labelled seldom, unless the order of the
# examples does so.
RARE_CLASSES: dict[str, tuple[str | None, ...]] = {
    "method": tuple(name for name, one in METHODS.items() if one.learns_cross_entropy),
    "class_balance": ("as_labelled",),
}
OptimizerName = Literal["sgd", "adam", "adadelta"]


MethodName = Annotated[str, AfterValidator(partial(declared.check_name, "method"))]
NoiseName = Annotated[str, AfterValidator(partial(declared.check_name, "noise"))]
ModelName = Annotated[str, AfterValidator(partial(declared.check_name, "model"))]

if TYPE_CHECKING:

    class _Declared(Frozen):
        """The fields of the shipped methods, kinds of noise and networks."""
else:
    _Declared = create_model("_Declared", __base__=Frozen, **declared.declared_fields())


class TrialConfig(_Declared):
    """One configuration trained once: flat, frozen, validated; all defaults of the project.

    A field that does not apply (tau beside `method: standard`) is None, and setting it is an error.
    The fields of methods, kinds of noise and networks come from their declarations. Where a mapping
    names a user's own, `TrialConfig.model_validate` returns a subclass with its fields, too.
    """

    dataset: OneLine = Field(
        "digits",
        max_length=4096,
        description="a data set's name, or a path that ends in .npz; of one's own data, their path",
    )
    val_fraction: float | None = only(
        0.1,
        when={"val_folds": (None,)},
        gt=0.0,
        le=0.5,
        description="share of the training set held out as noisy validation",
    )
    val_folds: int | None = Field(
        None,
        ge=2,
        le=20,
        description="in place of val_fraction: so many networks, each of which holds out another "
        "part, are trained side by side, and all labels validate; the model is their average",
    )
    train_size: int | None = Field(
        None,
        ge=2,
        le=10**9,
        description="examples to train on, each class in proportion, without those of validation; "
        "null: all. A larger size holds all of a smaller one",
    )

    noise: NoiseName = Field(
        "symmetric",
        description="how labels become wrong; given: they are used as they come; "
        "package.module:Class for your own",
    )
    noise_seed: int = Field(0, ge=0, lt=2**63, description="fixes which labels are wrong")
    aggregation: Literal["majority", "dawid_skene", "crowdlab", "drawn"] | None = only(
        when={"noise": ("given",)},
        description="how the answers of several annotators become training labels; drawn: one "
        "answer of each example at random; null: majority. Validation judges by all answers",
    )

    model: ModelName = Field("mlp1", description="the network; package.module:factory for your own")
    method: MethodName = Field(
        "standard", description="the training method; package.module:Class for your own"
    )

    optimizer: OptimizerName = Field("adam", description="the optimizer")
    lr: float = Field(1e-3, gt=0.0, le=10.0, description="learning rate")
    momentum: Fraction | None = only(
        0.9, when={"optimizer": ("sgd",)}, description="momentum of SGD, a fraction in [0, 1)"
    )
    lr_schedule: Literal["constant", "linear", "cosine"] = Field(
        "constant",
        description="linear, cosine: falls to 0 over the epochs after lr_decay_start, on a line or "
        "on half a wave",
    )
    lr_decay_start: Fraction | None = only(
        0.4,
        when={"lr_schedule": ("linear", "cosine")},
        by={"lr_schedule": {"cosine": 0.0}},
        description="fraction of the epochs after which the learning rate starts to fall",
    )
    lr_warm_up: Fraction = Field(
        0.0,
        description="fraction of the epochs over which the learning rate rises to lr, in equal "
        "steps; it falls after them",
    )
    weight_decay: float = Field(
        0.0,
        ge=0.0,
        le=10.0,
        description="pull of all weights towards 0; adam: decoupled, as in AdamW",
    )
    weight_average: Fraction = Field(
        0.0,
        description="decay in [0, 1), per step, of a moving average of the weights, which is then "
        "what is evaluated and kept; 0: the weights themselves; 0.999 is usual",
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
    scaling: Literal["standard", "unit", "none"] = Field(
        "standard",
        description="of inputs; standard: mean 0 and standard deviation 1 of each feature of the "
        "training examples, or of each channel of pictures; unit: vectors of one length, the mean "
        "square of whose values is 1; none: as they are",
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
    class_balance: Literal["as_labelled", "equal"] = Field(
        "as_labelled",
        description="equal: an epoch has as many examples of each label, those of rare ones "
        "repeated, so that no class is favoured because wrong labels name it more often",
    )
    class_weights: Literal["none", "balanced"] | None = only(
        "none",
        when=RARE_CLASSES,
        description="balanced: an example of a label that is seldom given counts as much more",
    )
    logit_adjustment: float | None = only(
        0.0,
        when=RARE_CLASSES,
        ge=0.0,
        le=10.0,
        description="multiple of the logarithms of the labels' shares that is added to the logits "
        "in training, so that rare classes are not predicted too seldom (paper: tau; usually 1)",
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
        if name in METRICS and METRICS[name].sees_clean_labels:
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
        filled = {"dataset": trial_fields()["dataset"].default} | values
        for name, info in trial_fields().items():
            if not when(name):
                continue
            if applies(name, filled):
                if filled.get(name) is None:
                    filled[name] = field_default(info, filled)
            elif filled.get(name) is not None:
                raise ValueError(
                    f"{name} has no effect here: it applies only to {describe_when(name)}"
                )
        return filled

    def __new__(cls, **values: Any) -> Self:
        """Make a trial of the class that has the fields of a user's own, too."""
        _load_own(values)
        return super().__new__(cls if cls is not TrialConfig else trial_class())  # type: ignore[return-value]

    @model_validator(mode="wrap")
    @classmethod
    def _with_fields_of_ones_own(
        cls, values: Any, handler: ModelWrapValidatorHandler[Self], info: ValidationInfo
    ) -> Any:
        if isinstance(values, dict):
            _load_own(values)
            if cls is TrialConfig and trial_class() is not TrialConfig:
                return trial_class().model_validate(values, context=info.context)
        return handler(values)

    @model_validator(mode="after")
    def _the_method_can_do_its_work(self) -> Self:
        for field in self.method_declaration.fields:
            value, limit = getattr(self, field.name), getattr(self, field.below or "", None)
            if limit is not None and value is not None and value >= limit:
                raise ValueError(
                    f"{field.name} ({value}) must be below {field.below} ({limit}), or "
                    f"{self.method} never begins: lower it, or raise {field.below}"
                )
        if self.is_told_matrix and not declared.noise(self.noise).class_conditional:
            [(name, value)] = self.method_declaration.told_matrix.items()
            raise ValueError(f"{name} {unknown_matrix(name, value, self.noise)}")
        return self

    @property
    def method_declaration(self) -> MethodDeclaration:
        """The declaration of the training method."""
        return declared.method(self.method)

    @property
    def labels_per_image(self) -> int:
        """The number of labels of each training image."""
        return declared.noise(self.noise).labels_per_image(self.declared_values("noise"))

    @property
    def num_networks(self) -> int:
        """The number of networks that this configuration trains side by side."""
        return self.method_declaration.num_networks(self.declared_values("method"))

    @property
    def num_folds(self) -> int:
        """The number of times that the networks are trained, each without another part; 1: once."""
        return self.val_folds or 1

    @property
    def num_members(self) -> int:
        """The number of networks of the model: those of all folds."""
        return self.num_folds * self.num_networks

    @property
    def val_share(self) -> float:
        """The share of the training set that validates, a fraction; 1: each example once."""
        return 1.0 if self.val_fraction is None else self.val_fraction

    @property
    def train_share(self) -> float:
        """The share of the training set that each network is trained on."""
        return 1.0 - (self.val_fraction or 1.0 / self.num_folds)

    @property
    def passes_per_epoch(self) -> int:
        """The number of times that one epoch goes through the training examples."""
        return self.method_declaration.passes

    @property
    def epoch_cost(self) -> float:
        """The network-epochs of one epoch: the passes of standard training that cost as much."""
        return self.method_declaration.epoch_cost(self.num_members)

    @property
    def restarts_after(self) -> int:
        """The number of epochs after which the networks start afresh; 0 where they never do."""
        field = self.method_declaration.restarts_after
        return getattr(self, field) if field else 0

    @property
    def is_told_matrix(self) -> bool:
        """True if the method is told the true noise transition matrix: oracle knowledge."""
        return self.method_declaration.is_told_matrix(self.declared_values("method"))

    def declared_values(self, field: str) -> dict[str, Any]:
        """Return the values of the fields that the noise, model or method of this trial declares.

        Args:
            field: `noise`, `model` or `method`.
        """
        declaration = declared.declaration_of(field, getattr(self, field))
        return {one.name: getattr(self, one.name) for one in declaration.fields}


def _load_own(values: dict[str, Any]) -> None:
    """Load the declarations of what a trial names that is not shipped.

    A network is imported only for fields of its own: otherwise a search tries it before it starts.
    """
    for field in declared.SHIPPED:
        name = values.get(field)
        if not isinstance(name, str) or not declared.is_own(field, name):
            continue
        if field != "model" or any(key not in trial_fields() for key in values):
            declared.declaration_of(field, name)


class _WithOwnFields(TrialConfig):
    """A trial with fields of a user's own; those that do not apply to it are not written."""

    @model_serializer(mode="wrap")
    def _leave_out_idle_fields(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        shipped = TrialConfig.model_fields
        return {k: v for k, v in handler(self).items() if k in shipped or v is not None}


# The fields of every trial, whatever it names.
PLAIN_FIELDS = frozenset(TrialConfig.model_fields) - frozenset(declared.declared_fields())


@cache
def trial_class() -> type[TrialConfig]:
    """Return TrialConfig with the fields of all declarations that this process has loaded."""
    if not declared.loaded_names():
        return TrialConfig
    fields: Any = declared.declared_fields()
    extended: type[TrialConfig] = create_model("TrialConfig", __base__=_WithOwnFields, **fields)
    return extended


@cache
def trial_fields() -> dict[str, FieldInfo]:
    """Return name -> field of a trial; what a noise declares stands after `noise`, and so on."""
    fields = trial_class().model_fields
    order: list[str] = []
    for name in fields:
        if name in PLAIN_FIELDS:
            family = name if name in declared.SHIPPED else None
            order += [name, *(declared.fields_of(family) if family else ())]
    return {name: fields[name] for name in order}


@cache
def when(name: str) -> dict[str, list[str | None]]:
    """Return when a field applies: deciding field -> its values; empty: always."""
    return condition_of(trial_fields()[name])


def applies(name: str, values: dict[str, Any]) -> bool:
    """Return whether a field applies beside the other values of a (partial) configuration."""
    for decider, allowed in when(name).items():
        value = values.get(decider)
        if value is None:
            value = field_default(trial_fields()[decider], values)
        if value not in allowed:
            return False
    return True


def unknown_matrix(name: str, value: str, noise: str) -> str:
    """Return why a method cannot be told the matrix of a noise, and what to use instead.

    Args:
        name: the field that asks for the matrix.
        value: of the field.
        noise: a kind of noise whose matrix is not known.
    """
    kinds = get_args(trial_fields()[name].annotation)
    words = [word for kind in kinds for word in get_args(kind) if word != value]
    return (
        f"{value} needs noise {either(declared.class_conditional_noises())}, of which the matrix "
        f"is known; noise is {noise}: use {either(words) if words else 'another value'}"
    )


def describe_when(name: str) -> str:
    """Return the condition of a field in words: `method co_teaching` for tau."""
    return ", ".join(f"{field} {either(values)}" for field, values in when(name).items())


def _forget() -> None:
    """Derive again what follows from the declarations: a further one was loaded."""
    for derived in (trial_class, trial_fields, when):
        derived.cache_clear()


declared.extend(PLAIN_FIELDS, when_loaded=_forget)
