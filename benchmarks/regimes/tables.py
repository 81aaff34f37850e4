"""Which method wins where, what the wrong one costs, and whether the objective finds it."""

from collections import Counter
from collections.abc import Callable

import numpy as np

from benchmarks.regimes.conditions import GIVEN, Regime
from benchmarks.regimes.study import Study, interval

# Words -> which conditions they name.
GROUPS: dict[str, Callable[[Regime], bool]] = {
    "all": lambda r: True,
    "labels of people": lambda r: r.noise == GIVEN,
    "symmetric, 20 or 30 %": lambda r: r.noise in ("symmetric 0.2", "symmetric 0.3"),
    "symmetric 50 %": lambda r: r.noise == "symmetric 0.5",
    "pair flips 45 %": lambda r: r.noise == "pair 0.45",
    "structured 40 %": lambda r: r.noise == "structured 0.4",
    "instance 40 %": lambda r: r.noise == "instance 0.4",
    "look-alike 40 %": lambda r: r.noise == "look-alike 0.4",
    "400 examples or fewer": lambda r: r.examples <= 400,
    "2,000 examples": lambda r: r.examples == 2000,
    "classes 10:1": lambda r: r.unequal > 1.0,
}
# Those that the space `own` compares.
OWN = ("standard", "elr", "gce", "co_teaching")


def print_rows(header: list[str], rows: list[list[str]]) -> None:
    for row in (header, ["--"] * len(header), *rows):
        print(f"| {' | '.join(row)} |")
    print(flush=True)


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
        regret = best - chosen[method]
        rows.append(
            [
                f"`{method}`",
                *(str(counts[method]) for counts in (by_possible, by_test, by_objective)),
                interval(regret, every),
                interval(regret, study.data),
                f"{regret.max():.1f}",
                f"{(regret <= 1.0).mean():.0%}",
            ]
        )
    for words, places in (
        ("all, by the objective", np.arange(len(study.pool))),
        ("those of `own`, by the objective", np.concatenate([study.of(m) for m in OWN])),
    ):
        regret = best - study.chosen(places)
        rows.append(
            [
                words,
                *("", "", ""),
                interval(regret, every),
                interval(regret, study.data),
                f"{regret.max():.1f}",
                f"{(regret <= 1.0).mean():.0%}",
            ]
        )
    print(f"## Methods: {len(every)} conditions, {len(np.unique(study.data))} data sets\n")
    print_rows(
        [
            "method",
            *("best setting wins", "chosen setting wins", "objective names it"),
            *("below the best method (points)", "by data set", "worst", "within 1 point"),
        ],
        rows,
    )


def print_groups(study: Study) -> None:
    """Print for groups of conditions what wins there, and what choices cost."""
    accuracy = np.array([study.chosen(study.of(method)) for method in study.methods])
    best = accuracy.max(axis=0)
    by_objective = study.chosen(np.arange(len(study.pool)))
    ceiling = study.accuracies.max(axis=1)
    rows = []
    for words, belongs in GROUPS.items():
        part = np.array([belongs(regime) for regime in study.regimes])
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
