"""The cost of a search: trials, epochs, network-epochs and seconds, per stage and level."""

from collections import Counter
from dataclasses import dataclass

from tune_noise.config.configurations import budgets
from tune_noise.history.replay import RUNNING, STATUSES, History, TrialHistory
from tune_noise.reporting.wording import level_in_words

# In this order tables name them.
STATES = (*STATUSES, RUNNING)


@dataclass(frozen=True)
class Effort:
    """The cost of one method, or of one level of the compared field, in one stage.

    Attributes:
        stage: `search` or `confirm`.
        level: training method, or level of the compared field, in words.
        statuses: status -> number of trials; `running` where a trial has not ended.
        epochs: epochs trained, over all trials.
        network_epochs: passes of one network through the data: the same, times the networks of a
            trial, its passes in an epoch, and what one of them costs beside one of standard
            training: the further views and predictions of a method are counted, rounded to whole
            passes for each trial. Evaluation is not counted; `seconds` has it.
        seconds: training time; trials that were trained together as a stack count once.
        budget: the network-epochs that it was given for the search, with such a budget.
        share: of the network-epochs of its stage, a fraction; NaN where it has none.
    """

    stage: str
    level: str
    statuses: dict[str, int]
    epochs: int
    network_epochs: int
    seconds: float
    share: float
    budget: float | None = None

    @property
    def num_trials(self) -> int:
        """The number of trials of all statuses."""
        return sum(self.statuses.values())


def efforts(history: History, *, condition: str | None = None) -> list[Effort]:
    """Return a row per stage and level, search first, levels in the order of the space.

    Args:
        history: the search.
        condition: count its trials alone; None: those of all conditions.
    """
    field = history.config.compare or "method"
    groups: dict[tuple[str, str], list[TrialHistory]] = {}
    totals: Counter[str] = Counter()
    for trial in history.trials.values():
        if condition in (None, trial.condition):
            level = level_in_words(field, getattr(trial.config, field))
            groups.setdefault((trial.stage, level), []).append(trial)
            totals[trial.stage] += _network_epochs(trial)
    levels = [level_in_words(field, level) for level in history.config.levels]
    order = {level: place for place, level in enumerate(levels)}
    keys = sorted(groups, key=lambda key: (key[0] != "search", order.get(key[1], len(order)), key))
    given = _budgets(history, condition)
    return [
        _effort(
            *key,
            groups[key],
            total=totals[key[0]],
            budget=given.get(key[1]) if key[0] == "search" else None,
        )
        for key in keys
    ]


def _budgets(history: History, condition: str | None) -> dict[str, float]:
    """Return level in words -> its network-epochs; empty where the budget is one of trials."""
    config = history.config
    given: dict[str, float] = {}
    for one in config.all_conditions if config.budget == "network_epochs" else ():
        if condition in (None, one.name) and config.compare:
            for level, budget in budgets(config, one).items():
                words = level_in_words(config.compare or "method", level)
                given[words] = given.get(words, 0.0) + budget
    return given


def _network_epochs(trial: TrialHistory) -> int:
    return round(trial.num_epochs * trial.config.epoch_cost)


def _effort(
    stage: str, level: str, trials: list[TrialHistory], *, total: int, budget: float | None
) -> Effort:
    stacks: dict[str, float] = {}
    for trial in trials:
        stacks[trial.stack_id] = max(stacks.get(trial.stack_id, 0.0), trial.seconds)
    network_epochs = sum(map(_network_epochs, trials))
    return Effort(
        stage=stage,
        level=level,
        statuses=dict(Counter(trial.state for trial in trials)),
        epochs=sum(trial.num_epochs for trial in trials),
        network_epochs=network_epochs,
        seconds=sum(stacks.values()),
        share=network_epochs / total if total else float("nan"),
        budget=budget,
    )
