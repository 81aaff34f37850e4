"""A search of trivial trials by the real command, and Ray Tune alone with trials of nothing."""

import json
import sys
from dataclasses import dataclass
from pathlib import Path

from tune_noise.record import Record
from tune_noise.system.cores import usable_cores

from .watched import Look, Watched, watch

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
# One trial per core at a time.
SLOTS = usable_cores()
# Actors start meanwhile.
NUM_FIRST = 20
FIRST_HUNDREDS = (100, 400)


@dataclass(frozen=True)
class Pace:
    """How trials went on.

    Attributes:
        ends: Unix times at which they ended, in order.
        watched: the driver.
        trained: seconds that each trained.
        record_bytes: size of the record.
    """

    ends: list[float]
    watched: Watched
    trained: list[float]
    record_bytes: int = 0

    def wall(self, first: int = NUM_FIRST, last: int | None = None) -> float:
        """Seconds of wall time per trial, from one end to another."""
        last = len(self.ends) - 1 if last is None else last
        return (self.ends[last] - self.ends[first]) / (last - first)

    def tenths(self) -> list[float]:
        """Seconds of wall time per trial in each tenth of the search, but for the first."""
        step = len(self.ends) // 10
        return [self.wall(tenth * step, (tenth + 1) * step - 1) for tenth in range(1, 10)]

    def growth(self) -> float:
        """Wall time of a trial in the last tenth against that in the first hundreds."""
        return self.tenths()[-1] / self.wall(*FIRST_HUNDREDS)

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

    def beside_training(self) -> float:
        """Seconds of wall time per trial but for training, which the slots share."""
        return self.wall() - sum(self.trained) / len(self.trained) / SLOTS

    def _looks(self) -> list[tuple[int, Look]]:
        """How many trials had ended, and what the driver had taken."""
        found, ended = [], 0
        for look in self.watched.looks:
            while ended < len(self.ends) and self.ends[ended] <= look.seconds:
                ended += 1
            if NUM_FIRST <= ended < len(self.ends):
                found.append((ended, look))
        return found


def search(num_trials: int, place: Path) -> Pace:
    """Run one in an empty folder, as a user would, MLflow included."""
    (place / "space.yaml").write_text(json.dumps(SPACE | {"trials": num_trials}), "utf-8")
    arguments = ["-m", "tune_noise.search", "--space", "space.yaml", "--name", NAME]
    return pace_of(place, watch([sys.executable, *arguments], place))


def pace_of(place: Path, watched: Watched) -> Pace:
    """How a search of `NAME` in a folder went on."""
    file = place / "runs" / NAME / "record.db"
    with Record(file) as record:
        stages = {row[2]: row[3] for row in record.pick("ask", "stage")}
        ends = {row[2]: row[1] for row in record.pick("end") if stages[row[2]] == "search"}
        trained = {row[2]: row[3] for row in record.pick("epoch", "seconds") if row[2] in ends}
    seconds = [trained.get(trial_id, 0.0) for trial_id in ends]
    # What a reader kept from its place is still in the log.
    num_bytes = sum(path.stat().st_size for path in file.parent.glob(f"{file.name}*"))
    return Pace(sorted(ends.values()), watched, seconds, num_bytes)


def stock(num_trials: int, place: Path) -> Pace:
    """Stock Ray Tune, with as many trials that report once and do nothing."""
    watched = watch(
        [sys.executable, str(Path(__file__).parent / "stock.py"), str(num_trials)], place
    )
    lines = [line.split() for line in watched.text.splitlines()]
    ends = [float(words[0]) for words in lines if words[1:] == ["end"]]
    if len(ends) != num_trials:
        raise RuntimeError(f"{len(ends)} of {num_trials} trials ended: {watched.text[-2000:]}")
    return Pace(ends, watched, [0.0] * num_trials)
