"""What a search cost: trials, epochs, network-epochs and seconds, per stage and level."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from tune_noise.config.search import SearchConfig
from tune_noise.history.replay import RUNNING, STATUSES, History, TrialHistory
from tune_noise.reporting.wording import level_in_words

# In this order tables name them.
STATES = (*STATUSES, RUNNING)


@dataclass(frozen=True)
class Effort:
    """What one method, or one level of the compared field, took in one stage.

    Attributes:
        stage: `search` or `confirm`.
        level: training method, or level of the compared field, in words.
        statuses: status -> number of trials; `running` where a trial has not ended.
        epochs: epochs trained, over all trials.
        network_epochs: passes of one network through the data: the same, times the networks of a
            trial, and twice where an epoch is two passes. Predictions between epochs (gmm) and
            evaluation are not counted; `seconds` has them.
        seconds: training time; trials that were trained together as a stack count once.
        share: of the network-epochs of its stage, a fraction; NaN where it has none.
    """

    stage: str
    level: str
    statuses: dict[str, int]
    epochs: int
    network_epochs: int
    seconds: float
    share: float

    @property
    def num_trials(self) -> int:
        """Of all statuses."""
        return sum(self.statuses.values())


def efforts(history: History, *, condition: str | None = None) -> list[Effort]:
    """A row per stage and level, search first, levels in the order of the space.

    Args:
        history: the search.
        condition: count its trials alone; None: those of all conditions.
    """
    trials = [t for t in history.trials.values() if condition in (None, t.condition)]
    level_of = _levels(history.config)
    groups: dict[tuple[str, str], list[TrialHistory]] = {}
    for trial in sorted(trials, key=lambda trial: trial.stage != "search"):
        groups.setdefault((trial.stage, level_of(trial)), []).append(trial)
    order = {level: place for place, level in enumerate(_ordered(history.config))}
    keys = sorted(groups, key=lambda key: (key[0] != "search", order.get(key[1], len(order)), key))
    totals = {stage: _network_epochs(t for t in trials if t.stage == stage) for stage, _ in keys}
    return [_effort(*key, groups[key], total=totals[key[0]]) for key in keys]


def _levels(config: SearchConfig) -> Callable[[TrialHistory], str]:
    """How trials are told apart: by the compared field, else by their method."""
    field = config.compare or "method"
    return lambda trial: level_in_words(field, getattr(trial.config, field))


def _ordered(config: SearchConfig) -> list[str]:
    """The levels of the compared field in the order of the space."""
    return [level_in_words(config.compare, level) for level in config.levels if config.compare]


def _network_epochs(trials: Iterable[TrialHistory]) -> int:
    return sum(
        trial.num_epochs * trial.config.num_networks * trial.config.passes_per_epoch
        for trial in trials
    )


def _effort(stage: str, level: str, trials: list[TrialHistory], *, total: int) -> Effort:
    statuses: dict[str, int] = {}
    stacks: dict[str, float] = {}
    for trial in trials:
        statuses[trial.state] = statuses.get(trial.state, 0) + 1
        stacks[trial.stack_id] = max(stacks.get(trial.stack_id, 0.0), trial.seconds)
    own = _network_epochs(trials)
    return Effort(
        stage=stage,
        level=level,
        statuses=statuses,
        epochs=sum(trial.num_epochs for trial in trials),
        network_epochs=own,
        seconds=sum(stacks.values()),
        share=own / total if total else float("nan"),
    )
