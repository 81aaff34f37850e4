"""Trials that are trained on demand, epoch by epoch, and kept on disk."""

import hashlib
import json
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from tune_noise.config.trial import TrialConfig
from tune_noise.data import Dataset
from tune_noise.training import Trial


@dataclass
class Run:
    """How far one configuration has been trained.

    Attributes:
        facts: of its data.
        epochs: their metrics.
        cpu_seconds: of each epoch, its evaluation included; the first has the preparation, too.
        status: None where it could go on.
    """

    facts: dict[str, float] = field(default_factory=dict)
    epochs: list[dict[str, float]] = field(default_factory=list)
    cpu_seconds: list[float] = field(default_factory=list)
    status: str | None = None


class TrainedTrials:
    """Configuration -> what its training gave, trained no further than somebody asked.

    Args:
        dataset: of all configurations.
        folder: where it is kept, a file for each configuration.
    """

    def __init__(self, dataset: Dataset, folder: Path) -> None:
        """Nothing is trained yet."""
        self._dataset, self._folder = dataset, folder
        self._runs: dict[str, Run] = {}
        self._trials: dict[str, Trial] = {}
        folder.mkdir(parents=True, exist_ok=True)

    def up_to(self, config: TrialConfig, epoch: int) -> Run:
        """At least so many epochs of a configuration, or all until it diverged."""
        key = self._key(config)
        run = self._runs.setdefault(key, self._read(key))
        while len(run.epochs) < epoch and run.status is None:
            self._train(key, run, config)
        return run

    def leave(self, config: TrialConfig) -> None:
        """Keep what was trained on disk; its networks are dropped."""
        key = self._key(config)
        trained = self._trials.pop(key, None)
        if trained is not None:
            text = json.dumps(asdict(self._runs[key]))
            partial = self._folder / f"{key}.partial"
            partial.write_text(text, encoding="utf-8")
            partial.replace(self._folder / f"{key}.json")

    def _train(self, key: str, run: Run, config: TrialConfig) -> None:
        started = time.process_time()
        trial = self._trials.get(key)
        if trial is None:
            trial = self._trials[key] = Trial([config], self._dataset)
            run.facts = trial.data.facts[0]
        trial.train_epoch()
        seconds = time.process_time() - started
        if trial.epoch > len(run.epochs):  # else it makes up for what an earlier run had trained
            run.cpu_seconds.append(seconds)
            run.epochs = list(trial.progress[0].epochs)
            run.status = trial.progress[0].status

    def _read(self, key: str) -> Run:
        path = self._folder / f"{key}.json"
        return Run(**json.loads(path.read_text("utf-8"))) if path.exists() else Run()

    def _key(self, config: TrialConfig) -> str:
        told: dict[str, Any] = config.model_dump(mode="json")
        told["fingerprint"] = self._dataset.fingerprint
        return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:32]
