"""What is sent to a Ray actor: the trials that it trains together."""

import json
from dataclasses import dataclass

from tune_noise.config.trial import TrialConfig
from tune_noise.history import Stage


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

    def to_json(self) -> str:
        """One string: Ray Tune flattens, copies and prints nested configurations."""
        configs = [config.model_dump(mode="json") for config in self.configs]
        return json.dumps({**vars(self), "configs": configs})

    @classmethod
    def from_json(cls, text: str) -> "Stack":
        """The inverse of `to_json`."""
        values = json.loads(text)
        configs = tuple(TrialConfig.model_validate(config) for config in values["configs"])
        return cls(**{**values, "trial_ids": tuple(values["trial_ids"]), "configs": configs})
