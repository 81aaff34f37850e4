"""What a search cost: trials, epochs, network-epochs and seconds, per stage and method."""

from dataclasses import dataclass

from tune_noise.history import History, TrialHistory


@dataclass(frozen=True)
class Effort:
    """What one method took in one stage.

    Attributes:
        stage: `search` or `confirm`.
        method: training method.
        statuses: status -> number of trials; `running` where a trial has not ended.
        epochs: epochs trained, over all trials.
        network_epochs: passes of one network through the data: the same, times the networks of a
            trial, and twice where an epoch is two passes. Predictions between epochs (gmm) and
            evaluation are not counted; `seconds` has them.
        seconds: training time; trials that were trained together as a stack count once.
    """

    stage: str
    method: str
    statuses: dict[str, int]
    epochs: int
    network_epochs: int
    seconds: float


def efforts(history: History) -> list[Effort]:
    """A row per stage and method, search first."""
    groups: dict[tuple[str, str], list[TrialHistory]] = {}
    for trial in history.trials.values():
        groups.setdefault((trial.stage, trial.config.method), []).append(trial)
    keys = sorted(groups, key=lambda key: (key[0] != "search", key[1]))
    return [_effort(stage, method, groups[stage, method]) for stage, method in keys]


def _effort(stage: str, method: str, trials: list[TrialHistory]) -> Effort:
    statuses: dict[str, int] = {}
    stacks: dict[str, float] = {}
    for trial in trials:
        status = trial.status or "running"
        statuses[status] = statuses.get(status, 0) + 1
        seconds = trial.epochs[-1].get("seconds", 0.0) if trial.epochs else 0.0
        stacks[trial.stack_id] = max(stacks.get(trial.stack_id, 0.0), seconds)
    epochs = sum(trial.num_epochs for trial in trials)
    network_epochs = sum(
        trial.num_epochs * trial.config.num_networks * trial.config.passes_per_epoch
        for trial in trials
    )
    return Effort(
        stage=stage,
        method=method,
        statuses=statuses,
        epochs=epochs,
        network_epochs=network_epochs,
        seconds=sum(stacks.values()),
    )
