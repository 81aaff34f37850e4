"""Synthetic searches: events as the driver would write them, replayed into a History."""

import math
from typing import Any

from tune_noise.config.search import Condition, SearchConfig
from tune_noise.history.replay import History
from tune_noise.record import Event

FRESH_SEEDS = (101, 102, 103, 104, 105)
RESOLUTION = "all: 126 validation images cannot tell apart what differs by less than 5 points"
Values = dict[str, float]


class Builder:
    """Collects events; `history` replays them."""

    def __init__(self, **space: Any) -> None:
        given = {"name": "demo", "title": "Which method survives?", "noise": "pair_flip"} | space
        self.config = SearchConfig.model_validate({"epochs": 6, "trials": 4} | given)
        payload = {"config": self.config.model_dump(mode="json", by_alias=True)}
        extra = {"versions": {"torch": "2.13.0"}, "commit": "0123abc"}
        extra["resolution"] = [RESOLUTION]
        self.events = [Event("search", data=payload | extra)]
        self.count = 0

    @property
    def condition(self) -> Condition:
        return self.config.all_conditions[0]

    def add(
        self,
        *epochs: Values,
        condition: Condition | None = None,
        status: str | None = "completed",
        finalist: str | None = None,
        seed: int = 0,
        stop_reason: str = "",
        **values: Any,
    ) -> str:
        """One trial with these epochs; returns its trial_id."""
        condition = condition or self.condition
        self.count += 1
        trial_id, time = f"t{self.count:04d}", 1_700_000_000.0 + self.count
        stage = "search" if finalist is None else "confirm"
        config = self.config.trial_config(condition, values, seed=seed, noise_seed=seed)
        asked = {"stack_id": finalist or trial_id, "stage": stage, "condition": condition.name}
        asked |= {"config": config.model_dump(mode="json"), "finalist": finalist}
        self.events.append(Event("ask", trial_id, asked, time))
        self.events.append(Event("start", trial_id, {"realised_noise_rate": 0.25}, time))
        for number, metrics in enumerate(epochs, start=1):
            data = {"epoch": number, "seconds": 0.5 * number} | metrics
            self.events.append(Event("epoch", trial_id, data, time + number))
        if status is not None:
            ended = {"status": status, "stop_reason": stop_reason}
            self.events.append(Event("end", trial_id, ended, time + 60.0))
        return trial_id

    def add_finalist(
        self, objectives: list[float | None], *, condition: Condition | None = None, **values: Any
    ) -> str:
        """A search trial and one confirmation per objective; None is a seed that diverged."""
        best = max((o for o in objectives if o is not None), default=0.0)
        finalist = self.add(epoch(best), condition=condition, **values)
        for seed, objective in zip(FRESH_SEEDS, objectives, strict=False):
            shown = [] if objective is None else [epoch(objective)]
            status = "diverged" if objective is None else "completed"
            given = {"condition": condition, "finalist": finalist, "seed": seed}
            self.add(*shown, status=status, **given, **values)
        return finalist

    def add_reference(
        self, name: str, objectives: list[float], *, problem: str = "", **settings: Any
    ) -> None:
        """A reference model with these objectives on the fresh seeds; none: it has failed."""
        seeds = zip(FRESH_SEEDS, map(epoch, objectives), strict=False)
        data = {"condition": self.condition.name, "name": name, "settings": settings}
        data |= {"metrics": [[seed, metrics] for seed, metrics in seeds], "problem": problem}
        data |= {"examples": 880, "available": 1257, "seconds": 0.4}
        self.events.append(Event("reference", data=data))

    def history(self, *, finished: bool = True) -> History:
        end = [Event("finish")] if finished else []
        return History.replay([*self.events, *end])


def epoch(objective: float, **metrics: float) -> Values:
    """One epoch's metrics; the test accuracy follows the objective, which tests rely on."""
    return {
        "val_information_noisy": objective,
        "val_information_noisy_se": 0.02,
        "val_accuracy_noisy": 0.5,
        "val_loss_noisy": 2.0 - objective,
        "val_renamed": 0.0,
        "test_accuracy_clean": min(1.0, objective / 2.0),
        "train_label_precision": 0.75,
        "train_label_recall": 0.9,
    } | metrics


def curve(best: float, *, epochs: int, seed: int, precision: float | None) -> list[Values]:
    """A plausible learning curve that rises to `best`."""
    found = []
    for t in range(epochs):
        rise = 1.0 - math.exp(-4.0 * (t + 1) / epochs)
        value = best * rise + 0.01 * math.sin(7.0 * seed + 3.0 * t)
        labels = {} if precision is None else {"train_label_precision": precision * rise + 0.1}
        found.append(epoch(value) | {"train_label_recall": 1.0 - 0.1 * rise} | labels)
    return found
