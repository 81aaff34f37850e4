"""A search of trivial trials by the real command, and what its record says of its pace."""

import json
import sqlite3
import sys
from contextlib import closing
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from tune_noise.record import Record

from .watched import Watched, watch

NAME = "trivial"
# One group, sampler and early stopping as the shipped spaces have them; an epoch is one step.
SPACE = {
    "title": "trials that train next to nothing",
    "dataset": "digits",
    "noise": "symmetric",
    "conditions": {"noise_rate": [0.4]},
    "search": {
        "method": {"choice": ["standard", "co_teaching"]},
        "lr": {"loguniform": [0.001, 0.1]},
        "tau": {"uniform": [0.1, 0.6], "when": {"method": "co_teaching"}},
    },
    "fixed": {"model": "perceptron", "train_size": 200, "batch_size": 200, "ramp_epochs": 1},
    "epochs": 3,
    "early_stopping": {"grace_epochs": 1, "reduction_factor": 3},
    "confirm": {"finalists": 1, "seeds": 2},
    "suspects": {"folds": 0},
}
# Actors start meanwhile.
NUM_FIRST = 20


@dataclass(frozen=True)
class Pace:
    """How a search went on.

    Attributes:
        ends: Unix times at which its trials ended, in order.
        trained: seconds that each trained.
        watched: the driver.
        record_bytes: size of its record.
    """

    ends: list[float]
    trained: list[float]
    watched: Watched
    record_bytes: int

    def wall(self, first: float = 0.0, last: float = 1.0) -> float:
        """Seconds of wall time per trial, in a part of the search."""
        ends = self.ends[NUM_FIRST:]
        low, high = int(first * (len(ends) - 1)), int(last * (len(ends) - 1))
        return (ends[high] - ends[low]) / (high - low)

    def cpu(self) -> float:
        """Seconds of the driver's CPU time per trial."""
        looks = self._looks()
        return (looks[-1][1].cpu - looks[0][1].cpu) / (looks[-1][0] - looks[0][0])

    def memory(self) -> float:
        """Bytes of the driver's memory per trial: least squares, without the first tenth."""
        looks = [look for look in self._looks() if look[0] > len(self.ends) / 10]
        xs, ys = [x for x, _ in looks], [look.rss for _, look in looks]
        x_mean, y_mean = sum(xs) / len(xs), sum(ys) / len(ys)
        above = sum((x - x_mean) * (y - y_mean) for x, y in zip(xs, ys, strict=True))
        return above / sum((x - x_mean) ** 2 for x in xs)

    def _looks(self) -> list[tuple[int, object]]:
        """How many trials had ended, and what the driver had taken."""
        found, ended = [], 0
        for look in self.watched.looks:
            while ended < len(self.ends) and self.ends[ended] <= look.seconds:
                ended += 1
            if NUM_FIRST <= ended < len(self.ends):
                found.append((ended, look))
        return found

    def deciles(self) -> list[float]:
        """Seconds of wall time per trial in each tenth of the search."""
        return [self.wall(low / 10, high / 10) for low, high in pairwise(range(11))]


def search(num_trials: int, place: Path, *, python: str = sys.executable) -> Pace:
    """Run one in an empty folder, MLflow included."""
    (place / "space.yaml").write_text(json.dumps(SPACE | {"trials": num_trials}), "utf-8")
    arguments = [python, "-m", "tune_noise.search", "--space", "space.yaml", "--name", NAME]
    watched = watch(arguments, place, f"{place.name}-{num_trials}")
    return pace_of(place, watched)


def pace_of(place: Path, watched: Watched) -> Pace:
    """What the record of a search says."""
    file = place / "runs" / NAME / "record.db"
    with Record(file) as record:
        stages = {row[2]: row[3] for row in record.pick("ask", "stage")}
        ends = {row[2]: row[1] for row in record.pick("end") if stages[row[2]] == "search"}
        trained = {row[2]: row[3] for row in record.pick("epoch", "seconds") if row[2] in ends}
    seconds = [trained.get(trial_id, 0.0) for trial_id in ends]
    return Pace(sorted(ends.values()), seconds, watched, file.stat().st_size)


def delivered(place: Path) -> list[float]:
    """Unix times at which MLflow's runs were made, as far as the store tells."""
    with closing(sqlite3.connect(place / "runs" / "mlflow.db")) as store:
        return [row[0] for row in store.execute("SELECT count(*) FROM runs")]
