"""How far a replicate of a stack has come."""

import math
from dataclasses import dataclass, field


@dataclass
class Progress:
    """How far one replicate has come.

    Attributes:
        best_score: best objective so far, larger is better; with `last_epochs` the mean of those.
        best_epoch: its epoch, from 1; with `last_epochs` the last; 0 before the first.
        status: None while it trains; `completed` or `diverged` at its end.
        stop_reason: why it ended before its last epoch; empty where it did not.
        epochs: what it reported, in order.
    """

    best_score: float = -math.inf
    best_epoch: int = 0
    status: str | None = None
    stop_reason: str = ""
    epochs: list[dict[str, float]] = field(default_factory=list)
