"""The trials that an actor trains together, as they are sent to it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from tune_noise.config.trial import TrialConfig
from tune_noise.history.replay import Stage, TrialHistory
from tune_noise.record import Event


@dataclass(frozen=True)
class Stack:
    """Trials trained as one stack: one in the search, one per fresh seed in the confirmation.

    Attributes:
        stack_id: unique in the search; safe as a file name.
        stage: of all its trials.
        condition: name of their condition.
        trial_ids: one per configuration.
        configs: alike but for what replicates may differ in.
    """

    stack_id: str
    stage: Stage
    condition: str
    trial_ids: tuple[str, ...]
    configs: tuple[TrialConfig, ...]

    def asks(self, *, finalist: str | None) -> list[Event]:
        """Return one `ask` event per trial; `finalist` is the search trial that is confirmed."""
        shared = {"stack_id": self.stack_id, "stage": self.stage, "condition": self.condition}
        return [
            Event(
                "ask",
                trial_id,
                {
                    **shared,
                    "finalist": finalist,
                    "config": config.to_plain(),
                },
            )
            for trial_id, config in zip(self.trial_ids, self.configs, strict=True)
        ]

    def to_json(self) -> str:
        """Return one string: Ray Tune flattens, copies and prints nested configurations."""
        configs = [config.model_dump(mode="json") for config in self.configs]
        return json.dumps({**vars(self), "configs": configs})

    @classmethod
    def from_json(cls, text: str) -> "Stack":
        """Return the stack of `to_json`."""
        values = json.loads(text)
        configs = tuple(TrialConfig.model_validate(config) for config in values["configs"])
        return cls(**{**values, "trial_ids": tuple(values["trial_ids"]), "configs": configs})


def confirm_stack(name: str, trial: TrialHistory, seeds: Mapping[int, dict[str, int]]) -> Stack:
    """Return a stack that trains a finalist on fresh seeds.

    Args:
        name: of the finalist in its search, which begins the names of its stacks and trials.
        trial: the search trial that is confirmed.
        seeds: number of the seed, from 1 -> the seed fields.
    """
    first = min(seeds)
    return Stack(
        name if first == 1 else f"{name}-from{first}",
        "confirm",
        trial.condition,
        tuple(f"{name}-s{number}" for number in seeds),
        tuple(trial.config.model_copy(update=seed) for seed in seeds.values()),
    )


def stack_of(trials: list[TrialHistory]) -> Stack:
    """Return the stack of trials that the record says were asked for together."""
    first = trials[0]
    return Stack(
        first.stack_id,
        first.stage,
        first.condition,
        tuple(trial.trial_id for trial in trials),
        tuple(trial.config for trial in trials),
    )
