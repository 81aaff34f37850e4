"""The searches that are killed: real ones on `digits`, small enough to run a hundred times."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

NAME = "killed"

_SHORT: dict[str, Any] = {
    "noise": "pair_flip",
    "conditions": {"noise_rate": [0.2, 0.45]},
    "search": {
        "method": {"choice": ["standard", "co_teaching"]},
        "lr": {"loguniform": [0.001, 0.01]},
        "tau": {"uniform": [0.1, 0.6], "when": {"method": "co_teaching"}},
    },
    "fixed": {"model": "mlp2", "ramp_epochs": 2, "batch_size": 16},
    "compare": "method",
    "trials": 6,
    "epochs": 8,
    "early_stopping": {"grace_epochs": 2, "reduction_factor": 2},
    "confirm": {"seeds": 2},
}
# Proposals of the random sampler do not depend on results, so this search can be compared with an
# uninterrupted one although its trials run side by side.
_LONG: dict[str, Any] = {
    "noise": "pair_flip",
    "conditions": {"noise_rate": [0.45]},
    "search": {"lr": {"loguniform": [0.001, 0.01]}},
    "sampler": "random",
    "fixed": {"model": "conv4", "batch_size": 64},
    "trials": 2,
    "epochs": 200,
    "early_stopping": None,
    "confirm": {"finalists": 1, "seeds": 1},
}
_SLOW: dict[str, Any] = _LONG | {
    "noise": "dilution",
    "conditions": {"alpha": [160]},
    "fixed": {"model": "conv4", "batch_size": 128},
    "epochs": 2,
}
_SPREAD: dict[str, Any] = _SHORT | {
    "fixed": {"model": "conv4", "ramp_epochs": 2, "batch_size": 32},
    "conditions": {"noise_rate": [0.45]},
    "epochs": 48,
    "early_stopping": {"grace_epochs": 16, "reduction_factor": 2},
    "confirm": {"seeds": 1},
}


@dataclass(frozen=True, eq=False)
class Search:
    """A search to be killed.

    Attributes:
        name: for tables.
        about: what it is for, in words.
        space: content of its space file.
        max_concurrent: trials at once.
        is_repeatable: an interrupted run gives the very results of an uninterrupted one.
    """

    name: str
    about: str
    space: dict[str, Any]
    max_concurrent: int
    is_repeatable: bool

    def write(self, folder: Path) -> None:
        """Write the space file that `arguments` names."""
        (folder / f"{NAME}.yaml").write_text(yaml.safe_dump(self.space), encoding="utf-8")

    @property
    def arguments(self) -> list[str]:
        """Of the command, to begin and to resume alike, as a cluster repeats it."""
        concurrent = str(self.max_concurrent)
        return ["--space", f"{NAME}.yaml", "--max-concurrent", concurrent, "--resume"]


SERIAL = Search("serial", "3 s, one trial at a time", _SHORT, 1, True)
PARALLEL = Search("parallel", "2 s, two trials at once", _SHORT, 2, False)
LONG = Search("long", "trials of 12 s, epochs of 0.06 s", _LONG, 2, True)
SLOW = Search("slow", "trials of two epochs of 6 s", _SLOW, 2, True)
# One trial per node, long enough that checkpoints matter.
SPREAD = Search("spread", "trials of 1 to 7 s on three nodes", _SPREAD, 3, False)

# Of a hundred killed searches, how many are which.
SHARES = {SERIAL: 42, PARALLEL: 42, LONG: 10, SLOW: 6}


def deal(number: int) -> list[Search]:
    """So many searches, in the proportions of `SHARES`, well mixed; the same every time."""
    dealt: list[Search] = []
    given = dict.fromkeys(SHARES, 0)
    for turn in range(1, number + 1):
        behind = max(SHARES, key=lambda s: SHARES[s] * turn / 100 - given[s])
        given[behind] += 1
        dealt.append(behind)
    return dealt
