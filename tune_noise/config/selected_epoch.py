"""Which epoch of a trial counts: the one definition, for its training and for its record."""

from itertools import pairwise
from operator import itemgetter

from tune_noise.config.metric_names import METRICS, sign
from tune_noise.config.trial import TrialConfig

EpochMetrics = dict[str, float]


def selected_epoch(config: TrialConfig, epochs: list[EpochMetrics]) -> EpochMetrics | None:
    """Return the epoch with the best objective, the earliest of equals; None before there is one.

    With `last_epochs` it is the mean of the last epochs so far, under the number of the last. A
    method that chooses the epoch itself has the first minimum of its own metric. Once the networks
    of a method have started afresh, only epochs from there count.
    """
    name = config.objective
    measured = [epoch for epoch in epochs if epoch.get(name) is not None]
    measured = [e for e in measured if e["epoch"] > config.restarts_after] or measured
    if not measured:
        return None
    if config.last_epochs is not None:
        return mean_of_epochs(measured[-config.last_epochs :])
    if metric := config.method_declaration.selects_by:
        return first_minimum(measured, metric)
    best = max if sign(name) > 0.0 else min
    return best(measured, key=itemgetter(name))


def first_minimum(epochs: list[EpochMetrics], name: str) -> EpochMetrics:
    """Return the first epoch after which a metric rises; the last one while it never has.

    Example:
        >>> values = [None, 0.3, 0.2, 0.25, 0.1]
        >>> rows = [{"epoch": n, **({"x": x} if x else {})} for n, x in enumerate(values, 1)]
        >>> first_minimum(rows, "x")
        {'epoch': 3, 'x': 0.2}
    """
    measured = [epoch for epoch in epochs if name in epoch]
    rises = (before for before, after in pairwise(measured) if after[name] > before[name])
    return next(rises, epochs[-1])


def mean_of_epochs(epochs: list[EpochMetrics]) -> EpochMetrics:
    """Return the mean of every metric that all epochs have; number and time are those of the last.

    Example:
        >>> mean_of_epochs([{"epoch": 1, "forget_rate": 0.25}, {"epoch": 2, "forget_rate": 0.75}])
        {'epoch': 2, 'forget_rate': 0.5}
    """
    shared = [name for name in epochs[-1] if all(name in epoch for epoch in epochs)]
    means = {name: sum(epoch[name] for epoch in epochs) / len(epochs) for name in shared}
    # A flag is that of most epochs.
    flags = [name for name in shared if name in METRICS and METRICS[name].unit == "flag"]
    last = {name: epochs[-1][name] for name in ("epoch", "seconds") if name in epochs[-1]}
    return means | {name: float(means[name] > 0.5) for name in flags} | last
