"""A reference model as the record tells it."""

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class ReferenceHistory:
    """One reference model of one condition.

    Attributes:
        name: as it is declared.
        settings: setting -> the value that noisy validation chose.
        metrics: seed -> its metrics there, by the names of `metrics.names`. A seed stands for the
            same noisy labels as in the trials of the confirmation.
        without: seed -> the objective without each group of validation labels, by which a verdict
            knows the chance of shared ones (`training.noise_findings`).
        examples: number that it learned.
        available: number that it might have learned: those of a finalist.
        seconds: that its training took.
        problem: why it has no metrics; empty where it has some.
    """

    name: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    metrics: Mapping[Hashable, Mapping[str, float]] = field(default_factory=dict)
    without: Mapping[Hashable, Sequence[float]] = field(default_factory=dict)
    examples: int = 0
    available: int = 0
    seconds: float = 0.0
    problem: str = ""

    def missing(self, seeds: Iterable[int]) -> list[int]:
        """Return the seeds that it is still to be trained on: none where it cannot be trained."""
        return [] if self.problem else [seed for seed in seeds if seed not in self.metrics]

    @classmethod
    def of_event(
        cls, data: Mapping[str, Any], earlier: "ReferenceHistory | None"
    ) -> "ReferenceHistory":
        """Return what an event says, with the seeds of an earlier one of the same model."""
        # JSON has no whole numbers as keys, and no number that is not finite.
        metrics = {
            seed: {name: value for name, value in values.items() if value is not None}
            for seed, values in data["metrics"]
        }
        return cls(
            name=data["name"],
            settings=data["settings"],
            metrics={**(earlier.metrics if earlier else {}), **metrics},
            without={**(earlier.without if earlier else {}), **dict(data.get("without", []))},
            examples=data.get("examples", 0),
            available=data.get("available", 0),
            seconds=data.get("seconds", 0.0) + (earlier.seconds if earlier else 0.0),
            problem=data["problem"],
        )
