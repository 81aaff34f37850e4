"""Which method wins where, what the wrong one costs, and whether the objective finds it."""

from collections import Counter
from collections.abc import Callable

import numpy as np

from benchmarks.regimes.conditions import GIVEN, Regime
from benchmarks.regimes.study import Study, interval
from tune_noise.config.search import EMBEDDING_COLUMNS

Facts = dict[str, float]
# Words -> which conditions they name.
GROUPS: dict[str, Callable[[Regime, Facts], bool]] = {
    "all": lambda r, f: True,
    "labels of people": lambda r, f: r.noise == GIVEN,
    "symmetric, 20 or 30 %": lambda r, f: r.noise in ("symmetric 0.2", "symmetric 0.3"),
    "symmetric 50 %": lambda r, f: r.noise == "symmetric 0.5",
    "pair flips 45 %": lambda r, f: r.noise == "pair 0.45",
    "structured 40 %": lambda r, f: r.noise == "structured 0.4",
    "instance 40 %": lambda r, f: r.noise == "instance 0.4",
    "look-alike 40 %": lambda r, f: r.noise == "look-alike 0.4",
    "up to 25 % wrong": lambda r, f: f["noise_rate"] <= 0.25,
    "25 to 40 % wrong": lambda r, f: 0.25 < f["noise_rate"] <= 0.4,
    "more than 40 % wrong": lambda r, f: f["noise_rate"] > 0.4,
    "400 examples or fewer": lambda r, f: f["examples"] <= 400,
    "401 to 1,000 examples": lambda r, f: 400 < f["examples"] <= 1000,
    "2,000 examples": lambda r, f: f["examples"] > 1000,
    "classes 10:1": lambda r, f: r.unequal > 1.0,
    "tables": lambda r, f: f["dimensions"] < EMBEDDING_COLUMNS,
    "embeddings": lambda r, f: f["dimensions"] >= EMBEDDING_COLUMNS,
}
# Those that the space `own` compares.
OWN = ("standard", "elr", "gce", "co_teaching")


def print_rows(header: list[str], rows: list[list[str]]) -> None:
    for row in (header, ["--"] * len(header), *rows):
        print(f"| {' | '.join(row)} |")
    print(flush=True)


def _costs(regret: np.ndarray, study: Study) -> list[str]:
    """Return the cells on the points lost in each condition."""
    return [
        interval(regret, np.arange(len(study.regimes))),
        interval(regret, study.data),
        f"{regret.max():.1f}",
        f"{(regret <= 1.0).mean():.0%}",
    ]


def print_methods(study: Study) -> None:
    """Print how often each method wins, and what it costs to use it always.

    A method's accuracy in a condition is that of its configuration of the best noisy objective.
    """
    every = np.arange(len(study.regimes))
    chosen = {method: study.chosen(study.of(method)) for method in study.methods}
    accuracy = np.array(list(chosen.values()))
    best = accuracy.max(axis=0)
    by_test = Counter(study.methods[i] for i in accuracy.argmax(axis=0))
    top = np.array([study.scores[:, study.of(method)].max(axis=1) for method in study.methods])
    by_objective = Counter(study.methods[i] for i in top.argmax(axis=0))
    possible = np.array(
        [study.accuracies[:, study.of(method)].max(axis=1) for method in study.methods]
    )
    by_possible = Counter(study.methods[i] for i in possible.argmax(axis=0))
    rows = []
    for method in sorted(study.methods, key=lambda m: (best - chosen[m]).mean()):
        wins = (str(counts[method]) for counts in (by_possible, by_test, by_objective))
        rows.append([f"`{method}`", *wins, *_costs(best - chosen[method], study)])
    own = np.concatenate([study.of(method) for method in OWN])
    named = _cheapest_elsewhere(study, best - accuracy)
    for words, test in (
        ("by the objective, of all", study.chosen(np.arange(len(study.pool)))),
        ("by the objective, of `own`", study.chosen(own)),
        ("the cheapest elsewhere", accuracy[named, every]),
    ):
        rows.append([words, "", "", "", *_costs(best - test, study)])
    print(f"## Methods: {len(every)} conditions, {len(np.unique(study.data))} data sets\n")
    print_rows(
        [
            "method",
            *("best setting wins", "chosen setting wins", "objective names it"),
            *("below the best method (points)", "by data set", "worst", "within 1 point"),
        ],
        rows,
    )
    agreed = int((top.argmax(axis=0) == accuracy.argmax(axis=0)).sum())
    print(f"The objective names the best method in {agreed} of {len(every)} conditions.")
    always = accuracy[named, every]
    for words, test in (("all", np.arange(len(study.pool))), ("`own`", own)):
        gain = study.chosen(test) - always
        print(
            f"Chosen by the objective of {words}, against the method that is cheapest elsewhere: "
            f"{interval(gain, every)}; by data set {interval(gain, study.data)}."
        )
    print()


def _cheapest_elsewhere(study: Study, regrets: np.ndarray) -> np.ndarray:
    """Return for each condition the place of the method that costs least in other data sets."""
    return np.array([regrets[:, study.data != data].mean(axis=1).argmin() for data in study.data])


def print_groups(study: Study) -> None:
    """Print for groups of conditions what wins there, and what choices cost."""
    accuracy = np.array([study.chosen(study.of(method)) for method in study.methods])
    best = accuracy.max(axis=0)
    by_objective = study.chosen(np.arange(len(study.pool)))
    ceiling = study.accuracies.max(axis=1)
    rows = []
    for words, belongs in GROUPS.items():
        part = np.array([*map(belongs, study.regimes, study.facts)])
        if not part.any():
            continue
        groups = np.arange(part.sum())
        wins = Counter(study.methods[i] for i in accuracy[:, part].argmax(axis=0))
        regrets = (best - accuracy)[:, part].mean(axis=1)
        order = regrets.argsort()
        cheap = int(order[0])
        rows.append(
            [
                words,
                str(part.sum()),
                ", ".join(f"`{method}` {n}" for method, n in wins.most_common(3)),
                f"`{study.methods[cheap]}` {interval((best - accuracy[cheap])[part], groups)}",
                ", ".join(f"`{study.methods[i]}` {regrets[i]:.1f}" for i in order[1:3]),
                interval((best - accuracy[study.methods.index("standard")])[part], groups),
                interval((best - by_objective)[part], groups),
                interval((ceiling - by_objective)[part], groups),
            ]
        )
    print("## Groups of conditions\n")
    print_rows(
        [
            *("conditions", "n", "wins most often", "cheapest to use always", "next"),
            *("`standard` always", "by the objective", "the objective, below the best setting"),
        ],
        rows,
    )
