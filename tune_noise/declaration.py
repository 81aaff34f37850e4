"""How a method, a kind of noise or a network is declared: once, with all that others ask about it.

The schema of a trial, its help and completion, the tables of the documentation, the rules of
stacking and the contract tests are derived from these declarations. A class of one's own carries
one as its attribute `declaration` and is then treated like a shipped one.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

MAX_EPOCHS = 100_000
# Networks that one trial trains side by side.
MAX_NETWORKS = 8


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
        told_matrix: field -> the value beside which the method is told the true noise transition
            matrix. That is oracle knowledge, which only synthetic noise has.
    """

    networks: int | str = 1
    passes: int = 1
    told_matrix: Mapping[str, str] = field(default_factory=dict)

    def num_networks(self, values: Mapping[str, Any]) -> int:
        """Return how many networks a trial with these values trains.

        Example:
            >>> MethodDeclaration(networks="peers").num_networks({"peers": 3})
            3
        """
        return int(values[self.networks]) if isinstance(self.networks, str) else self.networks

    def is_told_matrix(self, values: Mapping[str, Any]) -> bool:
        """Return whether a trial with these values is told the true transition matrix."""
        return any(values.get(name) == value for name, value in self.told_matrix.items())


@dataclass(frozen=True, kw_only=True)
class NoiseDeclaration(Declaration):
    """A kind of noise.

    Attributes:
        class_conditional: whether T[i, j] = P(noisy j given clean i) is known, the same for all
            examples of a class.
        drawn: whether labels are drawn, so that a noise seed matters; False where they are given.
    """

    class_conditional: bool = False
    drawn: bool = True


@dataclass(frozen=True, kw_only=True)
class NetworkDeclaration(Declaration):
    """A network: a function of members, image shape, number of classes and its fields' values.

    Attributes:
        min_image_size: the smallest height and width that it takes, in pixels.
    """

    min_image_size: int = 1
