"""The facts that a search was told and those it was not: a guard against hidden oracles."""

from dataclasses import dataclass

from tune_noise.config import declared
from tune_noise.config.search import SearchConfig
from tune_noise.history.replay import History

NO = "no"
USUAL = ("noisy training labels", "labels of the validation split")


@dataclass(frozen=True)
class Fact:
    """One thing that might be known.

    Attributes:
        what: in words.
        told: whether training or search had it: `no`, or `yes` and how.
        measured: whether the report measures it or measures with it, beside the search.
    """

    what: str
    told: str
    measured: str

    @property
    def is_unusual(self) -> bool:
        """Whether a search that claims to know noisy labels alone was told it."""
        return self.told.startswith("yes") and self.what not in USUAL


def knowledge(history: History) -> list[Fact]:
    """Return the noise, the labels of each split, and who knew of them."""
    config = history.config
    matrix_known = _matrix(config)
    return [
        Fact(USUAL[0], _labels(config), "yes"),
        Fact(USUAL[1], _validation(config), "yes"),
        Fact("noise rate", matrix_known or _hinted(config), _rate(history)),
        Fact("noise transition matrix", matrix_known or NO, _estimated(history)),
        Fact("which training labels are wrong", _order(config), _truth(history)),
        Fact("clean labels of the validation split", _oracle(config), _oracle(config)),
        Fact("clean labels of the test set", NO, _test(history)),
    ]


def _possible(config: SearchConfig, field: str) -> list[object]:
    """Return the values that a space lets a field take; empty where it names none."""
    if field in config.conditions:
        return list(config.conditions[field])
    if field in config.search:
        return list(config.search[field].choice or [])
    return [config.fixed[field]] if field in config.fixed else []


def _labels(config: SearchConfig) -> str:
    noises = _possible(config, "noise") or [config.noise]
    origins = {declared.noise(str(noise)).origin: None for noise in noises}
    return f"yes: {' or '.join(origins)}"


def _validation(config: SearchConfig) -> str:
    if config.oracle:
        return f"yes, clean: {config.objective} steers"
    return f"yes, noisy: {config.objective} steers"


def _matrix(config: SearchConfig) -> str:
    for method in map(str, _possible(config, "method")):
        for field, value in declared.method(method).told_matrix.items():
            if value in _possible(config, field):
                return f"yes: the methods that correct by it were given it ({field}: {value})"
    return ""


def _hinted(config: SearchConfig) -> str:
    """Return whether the author of the space fixed the share that a method drops."""
    if "tau" in config.fixed:
        return f"no; but the space fixes tau, the share to drop, at {config.fixed['tau']}"
    return NO


def _order(config: SearchConfig) -> str:
    sorting = {"clean_first", "clean_last"} & set(map(str, _possible(config, "example_order")))
    return "yes: example_order sorts by it" if sorting else NO


def _oracle(config: SearchConfig) -> str:
    return "yes: an oracle" if config.oracle else NO


def _rate(history: History) -> str:
    measured = [t.facts.get("realised_noise_rate") for t in history.trials.values()]
    rates = [rate for rate in measured if rate is not None]
    if not rates:
        return "no: not known; estimated from noisy validation labels"
    low, high = 100.0 * min(rates), 100.0 * max(rates)
    return f"yes: {low:.1f} %" if high - low < 0.05 else f"yes: {low:.1f} to {high:.1f} %"


def _estimated(history: History) -> str:
    is_estimated = any("seen" in (trial.noise or {}) for trial in history.trials.values())
    return "yes: estimated from noisy validation labels" if is_estimated else NO


def _truth(history: History) -> str:
    is_known = _has(history, "train_label_precision")
    return "yes: label precision and recall, memorisation" if is_known else "no: not known"


def _test(history: History) -> str:
    return "yes: test accuracy" if _has(history, "test_accuracy_clean") else "no: not there"


def _has(history: History, metric: str) -> bool:
    # All epochs of a search measure the same; one with thousands of trials has many.
    first = [trial.epochs[0] for trial in history.trials.values() if trial.epochs]
    return any(metric in epoch for epoch in first)
