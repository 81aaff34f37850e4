"""A search without Ray: a trainer that reports made-up metrics, and the session that it serves."""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tune_noise.config.loader import build_search
from tune_noise.config.search import SearchConfig
from tune_noise.config.trial import TrialConfig
from tune_noise.history.replay import TrialHistory
from tune_noise.record import Event, Record
from tune_noise.tuning.session.finalists import choose_finalists
from tune_noise.tuning.session.session import Session
from tune_noise.tuning.session.stacks import Stack

# Ray and what it imports warn of their own future.
SPACE: dict[str, Any] = {
    "name": "mine",
    "conditions": {"noise_rate": [0.2, 0.45]},
    "search": {
        "method": {"choice": ["standard", "co_teaching"]},
        "lr": {"loguniform": [0.001, 0.1]},
        "tau": {"uniform": [0.1, 0.6], "when": {"method": "co_teaching"}},
        "patience": {"choice": [None, 20, 30]},
    },
    "fixed": {"ramp_epochs": 1},
    "compare": "method",
    "trials": 9,
    "epochs": 9,
    "early_stopping": {"grace_epochs": 1, "reduction_factor": 3},
    "confirm": {"finalists": 3, "seeds": 2},
}

Objective = Callable[[TrialConfig, int], dict[str, float]]


def make_search(**changes: Any) -> SearchConfig:
    raw = {k: v for k, v in (SPACE | changes).items() if v is not None}
    return build_search(raw, source="mine.yaml")


def objective(config: TrialConfig, epoch: int) -> dict[str, float]:
    """Metrics that depend on the configuration and the epoch alone, without a pattern."""
    digest = hashlib.sha256(f"{config.model_dump_json()}/{epoch}".encode()).digest()
    return {"val_information_noisy": int.from_bytes(digest[:4], "big") / 2**32}


@dataclass
class FakeTrainer:
    """Trains stacks one after another as `StackTrainable` does, up to the next rung at a time."""

    session: Session
    objective: Objective = objective
    diverges: Callable[[TrialConfig], bool] = lambda config: False
    trained: list[str] = field(default_factory=list)

    def run(self) -> None:
        while stack := self.session.next_stack():
            self.train(stack)

    def train(self, stack: Stack) -> None:
        self.trained.append(stack.stack_id)
        for report in self.reports(stack):
            if not self.session.report(report):
                return

    def reports(self, stack: Stack) -> Iterator[dict[str, Any]]:
        ends = sorted({*self.session.rung_levels, stack.configs[0].epochs})
        for first, last in zip([0, *ends], ends, strict=False):
            report = {}
            for trial_id, config in zip(stack.trial_ids, stack.configs, strict=True):
                status, reason = None, ""
                epochs = [
                    {"epoch": epoch, "seconds": float(epoch), **self.objective(config, epoch)}
                    for epoch in range(first + 1, last + 1)
                ]
                if last == config.epochs:
                    status = "completed"
                if self.diverges(config):
                    epochs, status, reason = [], "diverged", "loss is not finite in epoch 1"
                report[trial_id] = {
                    "facts": {"realised_noise_rate": 0.2},
                    "epochs": epochs,
                    "status": status,
                    "stop_reason": reason,
                }
            yield report


def fresh_record(path: Path, search: SearchConfig) -> Record:
    record = Record(path)
    config = search.to_plain()
    record.append(Event("search", data={"config": config}))
    return record


def finalists_of(session: Session, condition: str) -> list[TrialHistory]:
    """The finalists that a session would choose now."""
    trials = session.history.of(condition=condition, stage="search")
    return choose_finalists(trials, session.search)
