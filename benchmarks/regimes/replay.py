"""What a start from other conditions saves: searches replayed on the pool, offline.

A cold search tries the pool in random order. A warm one first tries what did best in other data
sets, and goes on at random. Of each condition all conditions of the same data set are left out.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from benchmarks.regimes.study import Study, interval
from benchmarks.regimes.tables import OWN, print_rows
from tune_noise.config.search import EMBEDDING_COLUMNS

ORDERS = 100
TRIALS = (5, 10, 20)
# Of a warm search, the trials that the start proposes; or those of each method.
STARTS = (4, 8)
STARTS_OF_METHOD = (1, 2)
NEIGHBOURS = 8
# What two conditions are compared by; each is standardised over the conditions.
COMPARED = ("examples", "dimensions", "classes", "imbalance", "disagreement")


def features(study: Study) -> np.ndarray:
    """Return what a search knows of its condition before it trains anything, standardised."""
    raw = np.array([[facts[name] for name in COMPARED] for facts in study.facts])
    logs = np.where(np.array(COMPARED) == "disagreement", raw, np.log(np.maximum(raw, 1e-9)))
    return np.asarray((logs - logs.mean(axis=0)) / np.maximum(logs.std(axis=0), 1e-9))


def worth(study: Study, places: np.ndarray, by: str) -> np.ndarray:
    """Return how good each configuration is in each condition, [R, len(places)].

    Args:
        study: what was trained.
        places: of the configurations that count.
        by: `test` for points below the best by true labels, `rank` for ranks of the objective.
    """
    if by == "test":
        accuracies = study.accuracies[:, places]
        # Far below is as bad as further below.
        return np.maximum(accuracies - accuracies.max(axis=1, keepdims=True), -20.0)
    ranks = study.scores[:, places].argsort(axis=1).argsort(axis=1)
    return ranks / len(places)


def start_for(gains: np.ndarray, number: int) -> list[int]:
    """Choose configurations whose best is good in all conditions: one after the other.

    Args:
        gains: of each condition and configuration, larger is better.
        number: how many to choose.
    """
    chosen: list[int] = []
    covered = np.full(len(gains), -np.inf)
    for _ in range(number):
        # All alike at first: -inf would hide the differences.
        totals = np.maximum(covered[:, None], gains).mean(axis=0)
        totals[chosen] = -np.inf
        chosen.append(int(totals.argmax()))
        covered = np.maximum(covered, gains[:, chosen[-1]])
    return chosen


def starts(study: Study, places: np.ndarray, way: str, number: int) -> list[list[int]]:
    """Return for each condition which of the places a start proposes, without its data set."""
    by, near = way.split()
    gains, known = worth(study, places, by), features(study)
    is_wide = np.array([facts["dimensions"] >= EMBEDDING_COLUMNS for facts in study.facts])
    proposals = []
    for r, data in enumerate(study.data):
        others = np.flatnonzero(study.data != data)
        if near == "nearest":
            distance = ((known[others] - known[r]) ** 2).sum(axis=1)
            others = others[distance.argsort(kind="stable")[:NEIGHBOURS]]
        elif near == "alike":
            others = others[is_wide[others] == is_wide[r]]
        proposals.append(start_for(gains[others], number))
    return proposals


def starts_of_methods(
    study: Study, methods: Sequence[str], way: str, number: int
) -> list[list[int]]:
    """Return for each condition places in the pool: so many of each method, in turns."""
    of_methods = []
    for method in methods:
        places = study.of(method)
        of_methods.append([places[row] for row in starts(study, places, way, number)])
    # [methods, R, number] to [R, number, methods]: the best of each method come first.
    turns = np.array(of_methods).transpose(1, 2, 0)
    return [[int(place) for place in row] for row in turns.reshape(len(study.regimes), -1)]


def start_of_kind(study: Study, is_wide: bool, number: int) -> list[dict[str, Any]]:
    """Return so many configurations of each own method for tables, or for embeddings.

    They are those of the space `own`: what it fixes is left out.
    """
    part = np.array([f["dimensions"] >= EMBEDDING_COLUMNS for f in study.facts]) == is_wide
    rows = []
    for method in OWN:
        places = study.of(method)
        rows += [
            study.pool[places[i]] for i in start_for(worth(study, places, "test")[part], number)
        ]
    return [{k: v for k, v in row.items() if k != "ramp_epochs"} for row in rows]


# By true labels or ranks of the objective; in all other data sets, in the nearest conditions, or in
# those that are tables, or embeddings, too.
WAYS = tuple(
    f"{by} {near}" for by in ("test", "rank") for near in ("everywhere", "nearest", "alike")
)


def print_replay(study: Study) -> None:
    """Print what each way to start saves, for the methods of the space `own` and for all."""
    for words, places in (
        ("the methods of the space `own`", np.sort(np.concatenate([study.of(m) for m in OWN]))),
        ("all methods", np.arange(len(study.pool))),
    ):
        cold = _replayed(study, places, None)
        print(f"## Start: {words}, a pool of {len(places)}\n")
        rows = [_row("cold", study, cold, cold)]
        methods = list(dict.fromkeys(study.pool[place]["method"] for place in places))
        for way in WAYS:
            for number in STARTS:
                warm = _replayed(study, places, starts(study, places, way, number))
                rows.append(_row(f"{number}: {way}", study, warm, cold))
            for number in STARTS_OF_METHOD:
                first = starts_of_methods(study, methods, way, number)
                # From places in the pool to those among the places that count.
                proposals = [list(np.searchsorted(places, row)) for row in first]
                warm = _replayed(study, places, proposals)
                rows.append(_row(f"{number} of each method: {way}", study, warm, cold))
        print_rows(
            [
                "start",
                *(f"regret after {n} (points)" for n in TRIALS),
                *(f"less than cold after {n}" for n in TRIALS),
                f"trials to a cold search's best of {TRIALS[-1]}",
                "share of a cold search's",
            ],
            rows,
        )


# Regrets after TRIALS, [R, 3], and the trials until the score of a cold search, [R].
Replayed = tuple[np.ndarray, np.ndarray]


def _replayed(study: Study, places: np.ndarray, proposals: list[list[int]] | None) -> Replayed:
    rng = np.random.default_rng(0)
    orders = np.array([rng.permutation(len(places)) for _ in range(ORDERS)])
    scores, accuracies = study.scores[:, places], study.accuracies[:, places]
    regrets, needed = [], []
    for r in range(len(study.regimes)):
        tried = orders
        if proposals is not None:
            first = np.array(proposals[r])
            rest = [order[~np.isin(order, first)] for order in orders]
            tried = np.concatenate([np.tile(first, (ORDERS, 1)), np.array(rest)], axis=1)
        leader = scores[r][tried]
        running = np.maximum.accumulate(leader, axis=1)
        goal = np.median(np.maximum.accumulate(scores[r][orders], axis=1)[:, TRIALS[-1] - 1])
        reached = running >= goal
        needed.append((reached.argmax(axis=1) + 1).mean())
        chosen = [tried[np.arange(ORDERS), leader[:, :n].argmax(axis=1)] for n in TRIALS]
        regrets.append([accuracies[r].max() - accuracies[r][c].mean() for c in chosen])
    return np.array(regrets), np.array(needed)


def _row(words: str, study: Study, warm: Replayed, cold: Replayed) -> list[str]:
    groups = study.data
    return [
        words,
        *(
            f"{np.mean([warm[0][groups == g, i].mean() for g in np.unique(groups)]):.1f}"
            for i in range(len(TRIALS))
        ),
        *(interval((cold[0] - warm[0])[:, i], groups) for i in range(len(TRIALS))),
        interval(warm[1], groups),
        f"{np.mean([(warm[1] / cold[1])[groups == g].mean() for g in np.unique(groups)]):.2f}",
    ]
