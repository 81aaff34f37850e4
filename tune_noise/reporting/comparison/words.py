"""A comparison of searches in words, the same on the page and in the terminal."""

from collections.abc import Iterator

from tune_noise.config.declared import noise_fields
from tune_noise.config.words import plain_value
from tune_noise.history.replay import DECISIVE_PACKAGES
from tune_noise.history.time_left import clock
from tune_noise.reporting.comparison.compare import Against, Entry, SearchComparison, TaskComparison
from tune_noise.reporting.statistics import Estimate
from tune_noise.reporting.wording import (
    condition_in_words,
    difference,
    interval_name,
    objective_name,
    unit,
    with_interval,
)
from tune_noise.verdict.task import SEARCHED, TASK_FIELDS
from tune_noise.verdict.two_samples import Difference

# The fields that a title names anyway.
_TITLED = ("data", "fingerprint", "noise", "noise_rate", "alpha", "delta")

# The fields that are named anyway, are the same for all, or are drawn.
_NO_CONFIGURATION = (*TASK_FIELDS, "dataset", "method", "model", "seed", "noise_seed")


def title(task: TaskComparison, differing: list[str]) -> str:
    """Return `mnist: pair_flip noise_rate 0.45`, and what else tells it from the other tasks."""
    condition = task.entries[0].condition
    words = f"{task.task['data']}: {condition_in_words(condition.factors, condition.config)}"
    more = {f: task.task.get(f) for f in differing if f not in _TITLED and f" {f} " not in words}
    # Nothing needs to be said of a parameter that the noise does not have.
    absent = {f for f, value in more.items() if value is None and f in noise_fields()}
    added = [f"{f} {plain_value(value)}" for f, value in more.items() if f not in absent]
    return ", ".join([words, *added])


def leader_in_words(entry: Entry, task: TaskComparison) -> list[str]:
    """Return method, network, and whatever tells the leaders of a task apart."""
    if entry.leader is None:
        is_confirmed = entry.condition.best_without_information is not None
        return ["nothing was learned" if is_confirmed else "no leader is confirmed"]
    leaders = [rival.leader.config for rival in task.entries if rival.leader is not None]
    configs = [config.model_dump() for config in leaders]
    config = entry.leader.config.model_dump()
    names = [n for n in config if n not in _NO_CONFIGURATION]
    differing = [n for n in names if len({repr(other[n]) for other in configs}) > 1]
    values = [f"{n} {plain_value(config[n])}" for n in differing if config[n] is not None]
    return [entry.leader.config.method, entry.leader.config.model, *values]


def overview(comparison: SearchComparison) -> str:
    """Say whether everything may be compared, and if not, why."""
    if len(comparison.tasks) < 2:
        return "All conditions ask the same, so their figures may be compared."
    values = (_values(field, comparison) for field in comparison.differing)
    return (
        f"There are {len(comparison.tasks)} different tasks, and figures of different tasks may "
        f"not be compared: they differ in {'; '.join(values)}."
    )


def _values(field: str, comparison: SearchComparison) -> str:
    values = dict.fromkeys(
        "left to the sampler" if task.task.get(field) == SEARCHED else plain_value(task.task[field])
        for task in comparison.tasks
    )
    return f"{field} ({', '.join(values)})"


def sentence(task: TaskComparison) -> str:
    """Return the answer of one task."""
    best = task.entries[0]
    if best.leader is None:
        return "No leader is confirmed yet, so there is nothing to compare."
    name = f"{best.label} ({', '.join(leader_in_words(best, task))})"
    figure = _figure(best.estimate(task.objective), task.objective)
    if task.verdict is None:
        return f"{name} has {figure}, and no other confirmed leader to be compared with."
    rivals = "; ".join(_against(against, task.objective) for against in task.against)
    if task.verdict == "winner":
        return f"{name} is ahead with {figure}: {rivals}."
    return f"{name} leads with {figure}, but is not ahead of all: {rivals}."


def _figure(estimate: Estimate | None, objective: str) -> str:
    if estimate is None:
        return ""
    return f"{objective_name(objective)} {with_interval(estimate, objective)}"


def _against(against: Against, objective: str) -> str:
    mean, ends = difference(as_estimate(against.objective, against.level), objective)
    figure = f"{mean} {unit(objective)} {ends}".strip()
    how = manner(against.objective, against.level)
    verb = "ahead of" if against.is_separated else "not separated from"
    return f"{verb} {against.entry.label} by {figure} ({how})"


def as_estimate(difference: Difference, level: float) -> Estimate:
    """Return a difference with the interval of its level; one seed gives no interval."""
    return Estimate(difference.n[0], difference.mean, None, difference.interval(level))


def manner(difference: Difference, level: float) -> str:
    """Return how a difference was judged: `95 % interval, paired, n = 5 seeds`."""
    if difference.error is None:
        return "one seed, too few for an interval"
    first, second = difference.n
    seeds = f"paired, n = {first} shared seeds"
    if not difference.is_paired:
        seeds = f"Welch, n = {first} and {second} seeds"
    shared = " on the same labels" if difference.label_error > 0.0 else ""
    return f"{interval_name(level)}, {seeds}{shared}"


def notes(comparison: SearchComparison) -> Iterator[str]:
    """Yield what a reader should know before believing it."""
    yield (
        "Each search is represented by its leader, the best of its finalists on these very seeds: "
        "its mean is a little too good, the more so the more finalists there were."
    )
    yield (
        "Seeds that two searches share draw the same noise, initialisation and order, so leaders "
        "are compared in pairs on them; else as independent samples, by Welch's method. All "
        "trials of a task are judged on the same validation examples; where their labels are "
        "given, the interval holds the chance of these labels, too."
    )
    for field in DECISIVE_PACKAGES:
        versions = {str(s["versions"].get(field)) for s in comparison.searches.values()}
        if len(versions) > 1:
            yield f"The searches ran with different versions of {field}: {_listed(versions)}."
    unfinished = [
        label for label, search in comparison.searches.items() if search["finished"] is None
    ]
    if unfinished:
        yield f"Not finished, so this may change: {_listed(unfinished)}."
    for entry in comparison.untold:
        yield f"{entry.name} has not begun: it cannot be compared."


def _listed(words: set[str] | list[str]) -> str:
    return ", ".join(sorted(words))


def cost_in_words(entry: Entry) -> tuple[str, str]:
    """Return `12 trials`, and `1,080 network-epochs, 18:16`."""
    cost = entry.cost
    spent = f"{cost.network_epochs:,} network-epochs, {clock(cost.seconds)}"
    return f"{cost.trials:,} trials", spent
