"""How a method, a kind of noise or a network is declared: once, with all that others ask about it.

The schema of a trial, its help and completion, the tables of the documentation, the rules of
stacking and the contract tests are derived from these declarations. A class of one's own carries
one as its attribute `declaration` and is then treated like a shipped one.
"""

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from tune_noise.errors import suggestion

MAX_EPOCHS = 100_000
# In the training inputs of a reference model, in memory as float32.
MAX_REFERENCE_NUMBERS = 50_000_000
# Networks that one trial trains side by side.
MAX_NETWORKS = 8


class DeclarationError(ValueError):
    """A name leads to nothing that can be used here; the message says why and what to do."""


@dataclass(frozen=True, kw_only=True)
class Field:
    """A hyper-parameter that a method, a kind of noise or a network declares.

    Attributes:
        name: as it is written in a space; one word of letters, digits and underscores.
        type: float, int, str, or a `Literal` of words.
        default: the value where nobody set one; None where there is none.
        description: one line, with unit and range.
        ge: least value. A float with ge 0 and lt 1 is a fraction.
        gt: exclusive lower limit.
        le: greatest value.
        lt: exclusive upper limit.
        min_length: least number of letters of a text.
        max_length: greatest number of letters of a text.
        check: takes a value and returns it, perhaps normalised, or raises ValueError.
        default_by: deciding field -> its value -> the default beside that value.
        per_replicate: whether the replicates of one stack may differ in it.
        below: a field whose value must be greater than this one's.
        begins: where the field is a number of epochs before the method does its own work, a word
            for them, e.g. `warm-up`; no trial is judged before they are over.
        label: its name on the axis of a figure; only a field of a noise that is a number has one.
        always_named: whether the name of a registered model says its value even at the default.
    """

    name: str
    type: Any
    default: Any = None
    description: str
    ge: float | None = None
    gt: float | None = None
    le: float | None = None
    lt: float | None = None
    min_length: int | None = None
    max_length: int | None = None
    check: Callable[[Any], Any] | None = None
    default_by: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    per_replicate: bool = True
    below: str | None = None
    begins: str = ""
    label: str = ""
    always_named: bool = False

    def with_default(
        self, default: Any, *, by: Mapping[str, Mapping[str, Any]] | None = None
    ) -> "Field":
        """Return the same field with another default, for another method that shares it."""
        return replace(self, default=default, default_by=by or {})

    @property
    def limits(self) -> dict[str, float | int]:
        """The limits that are set, by pydantic's names."""
        names = ("ge", "gt", "le", "lt", "min_length", "max_length")
        return {name: getattr(self, name) for name in names if getattr(self, name) is not None}


@dataclass(frozen=True, kw_only=True)
class Declaration:
    """What every declaration says.

    Attributes:
        name: as it is written in a space; of a class of one's own it is the path.
        summary: what it does, in one sentence.
        source: the paper, or another reference.
        fields: its hyper-parameters, in the order of the documentation.
        implementation: `package.module:name` of the class or function, which is loaded when a trial
            starts; of one's own it is the path itself.
    """

    name: str = ""
    summary: str = ""
    source: str = ""
    fields: tuple[Field, ...] = ()
    implementation: str = ""


@dataclass(frozen=True, kw_only=True)
class MethodDeclaration(Declaration):
    """A training method: a class that is called with the training facts and its fields' values.

    Attributes:
        networks: how many networks it trains side by side, or the name of the field that says so.
        passes: how often it goes through the training examples in one reported epoch.
        cost: of one pass of one network, where one of standard training is 1: there each example is
            one forward and one backward pass, and a forward pass alone is a third of them.
        needs_answers: whether it learns from the answers of several annotators, and is refused
            where each example has one label.
        told_matrix: field -> the value beside which the method is told the true noise transition
            matrix. That is oracle knowledge, which only synthetic noise has.
        learns_cross_entropy: whether it learns by the cross-entropy of the noisy labels, of all
            examples or of those it keeps; then `logit_adjustment` and `class_weights` apply.
        restarts_after: the field that says after how many epochs its networks start afresh, which
            `start_epoch` precedes; empty: never. Only epochs after it are selected.
        selects_by: a metric that it reports (`ReportsMetrics`), whose first minimum over the epochs
            ends the training and is the selected epoch; empty: the objective selects.
    """

    networks: int | str = 1
    passes: int = 1
    cost: float = 1.0
    needs_answers: bool = False
    told_matrix: Mapping[str, str] = field(default_factory=dict)
    learns_cross_entropy: bool = False
    restarts_after: str = ""
    selects_by: str = ""

    def num_networks(self, values: Mapping[str, Any]) -> int:
        """Return how many networks a trial with these values trains.

        Example:
            >>> MethodDeclaration(networks="peers").num_networks({"peers": 3})
            3
        """
        return int(values[self.networks]) if isinstance(self.networks, str) else self.networks

    def epoch_cost(self, members: int) -> float:
        """Return the network-epochs of one epoch of some networks."""
        return members * self.passes * self.cost

    def is_told_matrix(self, values: Mapping[str, Any]) -> bool:
        """Return whether a trial with these values is told the true transition matrix."""
        return any(values.get(name) == value for name, value in self.told_matrix.items())


@dataclass(frozen=True, kw_only=True)
class NoiseDeclaration(Declaration):
    """A kind of noise: a class that derives from `tune_noise.noise.Noise`.

    Its summary says what happens to a label of class i.

    Attributes:
        class_conditional: whether T[i, j] = P(noisy j given clean i) is known, the same for all
            examples of a class.
        drawn: whether labels are drawn, so that a noise seed matters.
        takes_given_labels: whether the data set's own labels are the noisy ones. The truth is then
            unknown, unless the data set names it.
        added_labels: the field that says how many labels an image lends beside its own; empty:
            each image has one label.
        adds_images: whether the added labels go with images that show none of the classes.
        rate_note: what a noise rate counts; empty where it is plain.
        phrase: how a sentence names it; by default its name.
        origin: where the noisy labels come from.
        depends_on_image: a sentence, without its end, that says so; empty where it does not.
    """

    class_conditional: bool = False
    drawn: bool = True
    takes_given_labels: bool = False
    added_labels: str = ""
    adds_images: bool = False
    rate_note: str = ""
    phrase: str = ""
    origin: str = "drawn from the clean ones"
    depends_on_image: str = ""

    def labels_per_image(self, values: Mapping[str, Any]) -> int:
        """Return how many labels an image has under a noise with these values.

        Example:
            >>> NoiseDeclaration(added_labels="alpha").labels_per_image({"alpha": 5})
            6
        """
        return 1 + (int(values[self.added_labels] or 0) if self.added_labels else 0)


@dataclass(frozen=True, kw_only=True)
class NetworkDeclaration(Declaration):
    """A network: a function of image shape, number of classes and its fields' values.

    A shipped one takes the number of members first.

    Attributes:
        inputs: the kinds of inputs that it takes: `pictures` (float [C, H, W]), `features`
            (float [D]).
        min_image_size: the smallest height and width that it takes, in pixels.
        added_on_cpu: the time that one more member adds to a stack on one core, as a share of the
            time of one alone. Measured on digits and MNIST with batches of 32 and 128: 0.1 to 0.7
            for a perceptron, 0.2 to 0.8 with hidden layers, 0.7 to 1.0 with convolutions.
    """

    inputs: tuple[str, ...] = ("pictures",)
    min_image_size: int = 1
    added_on_cpu: float = 1.0


@dataclass(frozen=True, kw_only=True)
class EncoderDeclaration(Declaration):
    """An encoder: a class that is made with its fields' values; see `data.encoders.protocol`.

    Attributes:
        takes: the kind of raw inputs: `table`, `texts` or `photos`.
        gives: the kind of inputs that it makes: `features` or `pictures`.
        is_fitted: whether it learns from the training part.
        package: the library whose version is part of what was encoded; empty: none.
        extra: the optional extra of this package that installs the library; empty: none is needed.
        revision: raised when the same raw inputs give other inputs than before.
    """

    takes: str = "table"
    gives: str = "features"
    is_fitted: bool = False
    package: str = ""
    extra: str = ""
    revision: int = 1


@dataclass(frozen=True, kw_only=True)
class ReferenceDeclaration(Declaration):
    """A reference model: a function that fits it, see `training.reference_models`.

    Attributes:
        words: its name in sentences.
        settings: setting -> the values that are tried; noisy validation chooses among all
            combinations.
        takes: the kinds of inputs that it takes; pictures are flattened.
        max_examples: it learns a stratified part of more examples than that.
        max_width: it takes inputs of at most so many numbers; None for any.
        max_classes: it takes at most so many classes.
        seconds_per_million: what one fit and its predictions take on one core, about, for each
            million numbers in its training inputs, times the number of classes where `by_class`.
        by_class: see there.
    """

    words: str
    settings: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    takes: tuple[str, ...] = ("pictures", "features")
    max_examples: int
    max_width: int | None = None
    max_classes: int = 10_000
    seconds_per_million: float
    by_class: bool = False

    def num_learned(self, examples: int, width: int) -> int:
        """Return how many of some examples it learns, whose inputs have so many numbers each."""
        return min(examples, self.max_examples, max(1, MAX_REFERENCE_NUMBERS // width))


def import_object(path: str) -> Any:
    """Return what `package.module:name` names; importing runs the module's code.

    Raises:
        DeclarationError: there is no such module or name.
    """
    module_name, _, name = path.partition(":")
    try:
        module = importlib.import_module(module_name)
    except (Exception, SystemExit) as error:  # whatever the user's code may raise
        text = " ".join(str(error).split())[:300]
        raise DeclarationError(
            f"{path!r}: {module_name} cannot be imported ({type(error).__name__}: {text}): install "
            "it, or put its folder into PYTHONPATH, on every machine of the cluster"
        ) from error
    if not hasattr(module, name):
        names_there = [key for key, value in vars(module).items() if callable(value)]
        raise DeclarationError(
            f"{path!r}: {module_name} has no {name!r}: {suggestion(name, names_there)}"
        )
    return getattr(module, name)
