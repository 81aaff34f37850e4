"""What the tests of the commands share: their outcome, and a space to spoil."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

SPACE: dict[str, Any] = {
    "noise": "pair_flip",
    "conditions": {"noise_rate": [0.2, 0.45]},
    "search": {
        "method": {"choice": ["standard", "co_teaching"]},
        "lr": {"loguniform": [0.001, 0.01]},
        "tau": {"uniform": [0.3, 0.6], "when": {"method": "co_teaching"}},
    },
    "fixed": {"ramp_epochs": 4},
    "compare": "method",
    "trials": 8,
    "epochs": 12,
    "early_stopping": {"grace_epochs": 4, "reduction_factor": 2},
}


@dataclass(frozen=True)
class Outcome:
    code: int
    out: str
    err: str

    @property
    def problems(self) -> list[str]:
        """The lines below the heading, with single spaces."""
        return [" ".join(line.split()) for line in self.err.splitlines()[1:]]


# `tune-noise ARGUMENTS`, called in an empty folder.
Run = Callable[..., Outcome]


def space(**changes: Any) -> dict[str, Any]:
    """SPACE with keys replaced; None leaves a key out."""
    return {k: v for k, v in (SPACE | changes).items() if v is not None}


def write(raw: Any, path: str = "mine.yaml") -> str:
    Path(path).write_text(raw if isinstance(raw, str) else yaml.safe_dump(raw), encoding="utf-8")
    return path


def refuse(outcome: Outcome, *fragments: str) -> None:
    """One message on stderr with all fragments, exit code 2, nothing on disk but the input."""
    assert outcome.code == 2, outcome
    assert outcome.err.startswith("error: ")
    assert outcome.err.count("error:") == 1
    assert "Traceback" not in outcome.err
    assert outcome.out == ""
    flat = " ".join(outcome.err.split())
    for fragment in fragments:
        assert fragment in flat
    assert not Path("runs").exists()
